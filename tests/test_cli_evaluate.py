"""`python -m rpbert evaluate` on the toy corpus: the file's kind decides what is measured."""

import json
from pathlib import Path
from typing import Any

import pytest
from corpus import COLOURS, seeing, write_corpus
from PIL import Image
from transformers import PreTrainedTokenizerBase

from rpbert.cli import main
from rpbert.data import scene_lines
from rpbert.model.checkpoint import checkpoint_identity, save_checkpoint
from rpbert.model.modeling import RpBert
from rpbert.model.scene_text import SceneLine

CAPTIONS = 2 * len(COLOURS) + 1  # of which the last does not match


@pytest.fixture(scope="module")
def checkpoint(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(seeing(tiny_model), tokenizer, folder)
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


def evaluated(path: Path, checkpoint: Path, folder: Path, *options: str) -> dict[str, Any]:
    """The figures that the command writes."""
    file = folder / "figures.json"
    assert main(["evaluate", str(path), "--checkpoint", str(checkpoint), "--json", str(file), *options]) == 0
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def test_captions(checkpoint: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = corpus / "captions.tsv"
    result = evaluated(path, checkpoint, tmp_path)
    assert set(result) == {"path", "checkpoint", "captions", "relation"}
    assert result["captions"] == CAPTIONS
    matched, by = result["relation"]["matched"], result["relation"]["matched_auc_by"]
    assert (matched["n"], matched["positive"]) == (CAPTIONS, CAPTIONS - 1)
    assert matched["auc"] == by["belongs"]
    assert set(by) == {"belongs", "similarity", "gate", "image_adds", "text_represented"}
    # Of 16 matched captions a whole number, ties half, has a higher score than the one that is not.
    assert all((32 * value) == pytest.approx(round(32 * value)) for value in by.values())
    table = capsys.readouterr().out
    assert f"{path}: {CAPTIONS} captions, checkpoint {checkpoint_identity(checkpoint)}" in table
    assert f"matched versus not, AUC: {matched['auc']:.4f} ({CAPTIONS - 1} of {CAPTIONS} matched)" in table
    assert f"  by belongs           {by['belongs']:.4f}" in table


def test_captions_with_pictures_elsewhere_and_a_limit(checkpoint: Path, corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "some.tsv"
    path.write_text((corpus / "captions.tsv").read_text(encoding="utf-8"), encoding="utf-8")
    result = evaluated(path, checkpoint, tmp_path, "--images", str(corpus / "images"), "--limit", "3")
    assert result["relation"]["matched"] == {"auc": None, "n": 3, "positive": 3}


def test_pairs(
    checkpoint: Path,
    corpus: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[Image.Image] = []

    class PerturbedModel:
        def read(self, image: Image.Image) -> tuple[SceneLine, ...]:
            read.append(image)
            return (SceneLine("Ana", 0.9, 0.1),)

    monkeypatch.setattr(scene_lines, "SceneTextReader", PerturbedModel)
    result = evaluated(corpus / "dev.jsonl", checkpoint, tmp_path, "--cache", str(tmp_path))
    assert len(read) == len(COLOURS)  # the words in the pictures are read, and kept for the next time
    table = capsys.readouterr().out
    assert evaluated(corpus / "dev.jsonl", checkpoint, tmp_path, "--cache", str(tmp_path)) == result
    assert len(read) == len(COLOURS)
    recall = result["picture"]["slices"]["own"]
    assert {"names that stand in the picture, recall"} <= set(recall)  # every name begins with Ana
    assert "names that do not, recall" not in recall
    assert set(result["relation"]) >= {"swapped_auc_by", "gate_swapped_auc_where_adds", "belongs"}
    assert 0 <= result["ner"]["ece"] <= 1
    assert f"confidence of the names found, calibration error: {result['ner']['ece']:.4f}" in table
    for task in ("image_adds", "text_represented"):
        (line,) = (line for line in table.splitlines() if line.startswith(f"  {task} ") and "by" not in line)
        row = result["relation"][task]
        figures = [f"{row[name]:.4f}" for name in ("auc", "accuracy", "f1", "ece")]
        assert line.split() == [task, *figures, str(row["n"]), str(row["positive"])]


def test_tweets(checkpoint: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = evaluated(corpus / "valid.txt", checkpoint, tmp_path)
    assert result["tweets"] == 2
    assert "relation" not in result
    assert "2 tweets, text only" in capsys.readouterr().out


def test_a_caption_file_with_a_bad_line(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.tsv"
    path.write_text("red.bmp\ta red wall\tperhaps\n", encoding="utf-8")
    assert main(["evaluate", str(path), "--images", str(corpus / "images")]) == 2
    assert "bad.tsv, line 1" in capsys.readouterr().err
