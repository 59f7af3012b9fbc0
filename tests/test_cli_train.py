"""`python -m rpbert train`: options reach `train`, and a mistake is one sentence on stderr and exit code 2."""

from pathlib import Path
from typing import Any

import pytest
from corpus import write_corpus

from rpbert.cli import main
from rpbert.shipped import RECIPES
from rpbert.training import epochs
from rpbert.training import loop as training
from rpbert.training.recipe import read_recipe

TOY = {
    '["tweetpairs/train.jsonl"]': '["pairs.jsonl"]',
    '["flickr8k/train.tsv"]': '["captions.tsv"]',
    '["twitter2015/train.txt", "twitter2017/train.txt"]': '["train.txt"]',
    '"tweetpairs/dev.jsonl"': '"dev.jsonl"',
    '["twitter2015/valid.txt", "twitter2017/valid.txt"]': '["valid.txt"]',
    '"sentence-transformers/all-mpnet-base-v2"': '""',
    '["tweebank_ner/train.bio"]': "[]",
    '["wnut17/train.conll"]': "[]",
    '["tweets_unlabelled/tweeteval.txt", "tweets_unlabelled/broad_twitter_corpus.txt"]': "[]",
    '["tweetpairs/scene_text.jsonl"]': '["scenes.jsonl"]',
}


def complaint(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What a `train` that must fail prints."""
    assert main(["train", *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("rpbert: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


def toy_recipe(folder: Path) -> Path:
    """The shipped recipe, but for the files it names."""
    text = (RECIPES / "mini.toml").read_text(encoding="utf-8")
    for old, new in TOY.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    path = folder / "toy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_missing_data_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing"
    output = tmp_path / "output"
    assert str(missing) in complaint(capsys, "--data", str(missing), "--output", str(output))
    assert not output.exists()


def test_missing_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = str(tmp_path / "none.toml")
    assert recipe in complaint(capsys, "--recipe", recipe, "--data", str(tmp_path), "--output", str(tmp_path / "out"))


def test_missing_text_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, weights = write_corpus(tmp_path / "data"), str(tmp_path / "no-bert")
    error = complaint(
        capsys,
        *("--recipe", str(toy_recipe(tmp_path))),
        *("--data", str(data)),
        *("--output", str(tmp_path / "output")),
        *("--text-weights", weights),
    )
    assert weights in error


def test_bad_line_in_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_corpus(tmp_path / "data")
    (data / "train.txt").write_text("Oslo\tB-CITY\n", encoding="utf-8")
    error = complaint(
        capsys,
        *("--recipe", str(toy_recipe(tmp_path))),
        *("--data", str(data)),
        *("--output", str(tmp_path / "output")),
    )
    assert "train.txt, line 1" in error


def test_unfinished_run_in_the_output_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / epochs.STATE).mkdir()
    assert "--resume" in complaint(capsys, "--data", str(tmp_path), "--output", str(tmp_path))


def test_an_option_that_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["train", "--data", "somewhere"])
    assert stop.value.code == 2
    assert "--output" in capsys.readouterr().err


@pytest.mark.parametrize("resume", [False, True])
def test_options_reach_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resume: bool) -> None:
    calls: list[Any] = []

    def train(*arguments: Any) -> None:
        calls.append(arguments)

    monkeypatch.setattr(training, "train", train)
    recipe = toy_recipe(tmp_path)
    options = [
        "--recipe",
        str(recipe),
        "--data",
        "data",
        "--output",
        "runs/one",
        *(["--resume"] if resume else ["--start", "runs/zero"]),
    ]
    weights = ["--text-weights", "bert", "--vision-weights", "cnn", "--teacher-weights", "mpnet"]
    assert main(["train", *options, *weights]) == 0
    assert calls == [
        (
            read_recipe(recipe),
            Path("data"),
            Path("runs/one"),
            "bert",
            "cnn",
            "mpnet",
            resume,
            None if resume else Path("runs/zero"),
        )
    ]


def test_defaults_are_the_shipped_recipe_and_the_presets_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    def train(*arguments: Any) -> None:
        calls.append(arguments)

    monkeypatch.setattr(training, "train", train)
    assert main(["train", "--data", "data", "--output", "out"]) == 0
    assert calls == [(read_recipe(RECIPES / "mini.toml"), Path("data"), Path("out"), None, None, None, False, None)]
