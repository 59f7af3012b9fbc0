"""The paper's data as they are published: relation CSV, CoNLL with pictures, and a run on both by paper.toml."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from corpus import COLOURS, draw, seeing, write_base_weights
from transformers import PreTrainedTokenizerBase

from rpbert.analyzer import Analyzer
from rpbert.cli import main
from rpbert.data.readers import Example
from rpbert.data.relation_csv import read_relation_csv
from rpbert.errors import UserError
from rpbert.model.configuration import RpBertConfig
from rpbert.model.modeling import RpBert
from rpbert.shipped import RECIPES
from rpbert.training import loop as training
from rpbert.training.recipe import Dev, Recipe, read_recipe
from rpbert.training.sets import file_of, pictures_of, read_sets

HEADER = '"tweet_id","user_id","tweet","text_is_represented","image_adds","image_adds_text_repr"\n'
PAPER = read_recipe(RECIPES / "paper.toml")


def row(number: int, tweet: str, represented: int | str = 0, adds: int | str = 1) -> str:
    return f'"{number}","7","{tweet}","{represented}","{adds}","0"\n'


def relation_csv(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "data.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(header + "".join(rows), encoding="utf-8")
    return path


def tweet_picture(folder: Path, number: int) -> Path:
    return draw(folder / "images" / f"T{number}.jpg", (230, 20, 20))


# ---- the CSV ------------------------------------------------------------------------------------------------------


def test_a_row_is_a_tweet_with_both_labels_and_its_picture(tmp_path: Path) -> None:
    picture = tweet_picture(tmp_path, 69)
    path = relation_csv(tmp_path, row(69, 'my \\"done\\" face, https://t.co/a1 https://t.co/SzK1', 1, 0))
    words = ("my", '"', "done", '"', "face", ",", "https://t.co/a1")  # the last address is the picture's own
    assert read_relation_csv(path) == [Example("69", words, None, picture, image_adds=0, text_represented=1)]


def test_pictures_from_another_folder(tmp_path: Path) -> None:
    picture = tweet_picture(tmp_path / "elsewhere", 1)
    (example,) = read_relation_csv(relation_csv(tmp_path, row(1, "hi")), picture.parent)
    assert example.picture == picture


def test_a_tweet_whose_picture_is_gone_is_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tweet_picture(tmp_path, 2)
    path = relation_csv(tmp_path, row(1, "one"), row(2, "two"), row(3, "three"))
    assert [example.id for example in read_relation_csv(path)] == ["2"]
    assert "2 of 3 tweets" in capsys.readouterr().err


def test_no_picture_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"T<tweet_id>\.jpg"):
        read_relation_csv(relation_csv(tmp_path, row(1, "one")))


def test_parts_are_four_fifths_and_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(1, 11):
        tweet_picture(tmp_path, number)
    path = relation_csv(tmp_path, *(row(number, "hi") for number in range(1, 11)))

    def ids(name: str) -> list[int]:
        return [int(example.id) for example in read_relation_csv(tmp_path / name)]

    assert ids("data.csv#train") == [1, 2, 3, 4, 5, 6, 7, 8]
    assert ids("data.csv#test") == [9, 10]
    assert ids("data.csv") == list(range(1, 11))
    assert 4471 * 4 // 5 == 3576  # the authors' border
    tweet_picture(tmp_path, 1).unlink()  # a missing picture moves no tweet from one part to the other
    assert ids("data.csv#test") == [9, 10]
    assert capsys.readouterr().err == ""
    with pytest.raises(UserError, match="#dev"):
        read_relation_csv(path.with_name("data.csv#dev"))


@pytest.mark.parametrize(
    ("rows", "header", "problem"),
    [
        ([row(1, "hi"), row(2, "ho", 2)], HEADER, "line 3: text_is_represented"),
        ([row(1, "hi"), row(2, "ho", 0, "")], HEADER, "line 3: image_adds"),
        ([row(1, "hi"), row(2, " ")], HEADER, "line 3: the tweet"),
        ([row(1, "hi"), '"2","7"\n'], HEADER, "line 3"),
        (["1,0,1\n"], "tweet_id,text_is_represented,image_adds\n", "no column 'tweet'"),  # textimage.csv
    ],
)
def test_bad_rows_are_named(tmp_path: Path, rows: list[str], header: str, problem: str) -> None:
    tweet_picture(tmp_path, 1)
    with pytest.raises(UserError, match=problem):
        read_relation_csv(relation_csv(tmp_path, *rows, header=header))


def test_a_csv_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        read_relation_csv(tmp_path / "data.csv#train")


# ---- the folders --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`relationship` and `twitter2017` in small; the development file is called valid.txt."""
    folder = tmp_path_factory.mktemp("paper")
    relationship, twitter = folder / "relationship", folder / "twitter2017"
    for number in range(1, 31):
        tweet_picture(relationship, number)
    rows = [row(number, f"hi from {number}", number % 2, number // 2 % 2) for number in range(1, 31)]
    relation_csv(relationship, *rows)
    for name in ("train", "valid", "test"):
        text = []
        for colour, rgb in COLOURS.items():
            draw(twitter / "images" / f"17_{name}_{colour}.jpg", rgb)
            text.append(f"IMGID:17_{name}_{colour}\nAna\tB-PER\nlikes\tO\n{colour}\tO\n\n")
        (twitter / f"{name}.txt").write_text("".join(text), encoding="utf-8")
    return folder


def test_the_other_name_of_a_development_file(data: Path) -> None:
    valid = data / "twitter2017" / "valid.txt"
    assert file_of(data, "twitter2017/dev.txt") == file_of(data, "twitter2017/valid.txt") == valid
    assert file_of(data, "twitter2017/none.txt") == data / "twitter2017" / "none.txt"
    assert file_of(data, "relationship/data.csv#test") == data / "relationship" / "data.csv"


def test_the_sets_of_the_paper(data: Path) -> None:
    sets = read_sets(PAPER, data)
    assert (len(sets["pairs"]), len(sets["dev_pairs"])) == (24, 6)
    assert all(example.picture is not None for example in sets["tweets"])
    assert len(set(pictures_of(sets))) == 30 + 2 * len(COLOURS)  # of the tweets too, but for test.txt


def test_a_picture_of_a_tweet_that_is_missing_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "relationship").symlink_to(data / "relationship")
    (tmp_path / "twitter2017").mkdir()
    (tmp_path / "twitter2017" / "train.txt").write_text("IMGID:1\nAna\tB-PER\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"line 1: there is no picture '1\.jpg'"):
        read_sets(PAPER, tmp_path)


def test_names_must_be_compared_somewhere(data: Path) -> None:
    with pytest.raises(UserError, match="dev tweets"):
        read_sets(replace(PAPER, dev=Dev(PAPER.dev.pairs, [])), data)


# ---- a run --------------------------------------------------------------------------------------------------------

Run = Callable[[Path, Recipe], dict[str, Any]]


@pytest.fixture
def run(
    tiny_config: RpBertConfig,
    tiny_model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """`train` on the folders above; only the sizes of the preset are those of the tiny model."""
    text, vision = write_base_weights(tmp_path, seeing(tiny_model), tokenizer)
    config = copy.deepcopy(tiny_config)
    config.matching = config.belongs = config.scene_text = False
    monkeypatch.setattr(training, "preset_config", lambda name: copy.deepcopy(config))

    def train(output: Path, chosen: Recipe) -> dict[str, Any]:
        return training.train(chosen, data, output, text, vision)

    return train


def test_an_epoch_by_the_papers_recipe(run: Run, data: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    chosen = replace(PAPER, multitask=replace(PAPER.multitask, epochs=1))
    record = run(output, chosen)
    figures = {"twitter2017/dev.txt strict F1", "image_adds AUC", "text_represented AUC", "swapped AUC", "mean"}
    assert set(record["epochs"][0]["dev"]) == figures
    assert set(record["data_sha256"]) == {*chosen.pairs, *chosen.tweets, chosen.dev.pairs, *chosen.dev.tweets}
    analyzer = Analyzer.from_pretrained(output)
    assert analyzer.model.config.character_size == 50
    assert analyzer.analyze("Ana likes red", data / "relationship" / "images" / "T1.jpg").relation is not None
    figures_file = output / "test.json"
    path = str(data / "relationship" / "data.csv#test")
    assert main(["evaluate", path, "--checkpoint", str(output), "--json", str(figures_file)]) == 0
    result = json.loads(figures_file.read_text())
    assert result["tweets"] == 6
    assert result["relation"]["image_adds"]["n"] == 6


def test_a_run_with_static_vectors(run: Run, data: Path, tmp_path: Path) -> None:
    (data / "vectors.txt").write_text("ana 1 0\nred 0 1\nunseen 1 1\n", encoding="utf-8")
    features = replace(PAPER.features, characters=0, static_vectors="vectors.txt")
    run(tmp_path / "run", replace(PAPER, multitask=replace(PAPER.multitask, epochs=1), features=features))
    model = Analyzer.from_pretrained(tmp_path / "run").model
    (vectors,) = model.word_features(None, model.word_features.inputs([["Ana", "red", "blue"]])["static_ids"])
    assert vectors.tolist() == [[[1, 0], [0, 1], [0, 0]]]  # as in the file: training leaves them alone
    assert Analyzer.from_pretrained(tmp_path / "run").analyze("Ana likes red").gate == 0
