"""Tables of figures: each says what figures.json says, and that is of the checkpoint that ships."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks import figures as script
from benchmarks.figure_tables import ROWS, TABLES, benchmark_table, full, headline, training
from benchmarks.figures import COMMANDS, FIGURES, collect, command_of, pages, read_figures, rendered, stale
from rpbert.model.checkpoint import checkpoint_identity
from rpbert.shipped import DEFAULT_CHECKPOINT

PAIRS = {"path": "/somewhere/tweetpairs/dev.jsonl", "gate": "soft", "pictures": True}


def known(**evaluations: dict[str, Any]) -> dict[str, Any]:
    return {"checkpoint": "abc", "evaluations": evaluations, "benchmarks": {}}


def cells(table: str) -> list[list[str]]:
    """The cells of a Markdown table, without its head."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


@pytest.mark.checkpoint
def test_the_figures_are_those_of_the_checkpoint_that_ships() -> None:
    told = json.loads(FIGURES.read_text(encoding="utf-8"))
    identity = checkpoint_identity(DEFAULT_CHECKPOINT)
    results = [told, *told["evaluations"].values(), *told["benchmarks"].values()]
    assert {result.get("checkpoint", identity) for result in results} == {identity}


@pytest.mark.checkpoint
def test_no_table_is_stale() -> None:
    assert [page.name for page in stale()] == [], "please run: python benchmarks/figures.py write"


def test_the_pages_have_their_tables() -> None:
    assert {page.name for page in pages()} >= {"README.md", "results.md", "training.md"}
    assert len([page for page in pages() if page.name == "README.md"]) == 2, "README and model card"


def test_every_row_is_measured_by_a_command() -> None:
    assert {row.command for row in ROWS} == set(COMMANDS)


def test_every_figure_has_its_command_beside_it() -> None:
    result = {"ner": {"strict": {"f1": 0.6191}}, "relation": {"image_adds": {"auc": 0.8, "accuracy": 0.75, "f1": 0.7}}}
    assert cells(full(known(**{"tweetpairs/dev.jsonl": result}), {})) == [
        ["TweetPairs dev", "strict F1, soft gate", "0.619", "`rpbert evaluate DATA/tweetpairs/dev.jsonl`"],
        [
            "TweetPairs dev",
            "`image_adds`: AUC, accuracy, F1",
            "0.800, 0.750, 0.700",
            "`rpbert evaluate DATA/tweetpairs/dev.jsonl`",
        ],
    ]


def test_a_difference_is_shown_with_its_interval() -> None:
    gap = {"difference": 0.0132, "low": -0.0141, "high": 0.0399}
    told = known(**{"tweetpairs/dev.jsonl": {"picture": {"own_minus_without": gap}}})
    (row,) = cells(headline(told, {}))
    assert row[-1] == "+0.013 [-0.014, +0.040]"


def test_a_figure_that_the_data_do_not_allow_is_left_out() -> None:
    told = known(**{"tweetpairs/dev.jsonl": {"relation": {"swapped_auc": None}}})
    assert cells(full(told, {})) == []


def test_training_is_told_epoch_by_epoch() -> None:
    epoch = {"dev": {"pairs strict F1": 0.5, "mean": 0.5}, "seconds": {"train": 100, "dev": 20}, "memory_mb": 2048}
    history = {"epochs": [{**epoch, "loss": {"ner": 1.0}}], "teacher": {"pairs strict F1": 0.7}}
    rows = [["teacher, words alone", "0.700", "", "", ""], ["epoch 1", "0.500", "0.500", "2", "2.0"]]
    assert cells(training(known(), history)) == rows
    later = {"epochs": [{**epoch, "loss": {}}], "before": history}
    assert cells(training(known(), later)) == [*rows, ["new tower and picture map", "0.500", "0.500", "2", "2.0"]]


def test_which_picture_belongs_is_told_with_its_counts() -> None:
    rows = {"a tweet (cat, dogs, coins)": {"fitting": 0.91, "theme": 0.5, "unrelated": 0.11}}
    result = {"highest_for_fitting": 1, "unrelated_under_half": 1, "rows": rows}
    told = TABLES["belongs"]({**known(), "benchmarks": {"belongs": result}}, {})
    sentence, table = told.split("\n\n")
    assert "fitting picture in 1 of 1 tweets" in sentence
    assert cells(table) == [["a tweet (cat, dogs, coins)", "0.910", "0.500", "0.110"]]


def test_a_benchmark_is_told_row_by_row() -> None:
    rows = {
        "Slavic": {"as written": 1.0, "small letters": 0.96},
        "one step": {"as written": 102, "small letters": 81.6},
    }
    assert cells(benchmark_table({"rows": rows})) == [["Slavic", "1.000", "0.960"], ["one step", "102", "82"]]
    assert benchmark_table(None) == "Not measured yet."


@pytest.mark.parametrize(
    ("result", "command"),
    [
        (PAIRS, "tweetpairs/dev.jsonl"),
        ({**PAIRS, "gate": "closed"}, "tweetpairs/dev.jsonl --gate closed"),
        ({**PAIRS, "gate": 0.5}, "tweetpairs/dev.jsonl --gate 0.5"),
        ({"path": "twitter2015/valid.txt", "gate": "soft", "pictures": False}, "twitter2015/valid.txt"),
        ({"path": "flickr8k/dev.tsv", "captions": 10}, "flickr8k/dev.tsv"),
    ],
)
def test_the_command_that_made_a_result(result: dict[str, Any], command: str) -> None:
    assert command_of(result) == command


@pytest.mark.checkpoint
def test_results_are_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "FIGURES", tmp_path / "figures.json")
    monkeypatch.setattr(script, "example_output", lambda: ["PER   Eileen Collins"])
    identity = checkpoint_identity(DEFAULT_CHECKPOINT)
    benchmarks = {"speed": {"checkpoint": "replaced"}, "ablation": {"rows": {}}}
    before = {"checkpoint": "replaced", "evaluations": {"flickr8k/dev.tsv": {}}, "benchmarks": benchmarks}
    (tmp_path / "figures.json").write_text(json.dumps(before), encoding="utf-8")
    results = {
        "one": {**PAIRS, "checkpoint": identity},
        "two": {**PAIRS, "gate": "closed", "checkpoint": identity},
        "three": {"benchmark": "speed", "rows": {}, "checkpoint": identity},
        "other": {**PAIRS, "checkpoint": "another"},
    }
    for name, result in results.items():
        (tmp_path / name).write_text(json.dumps(result), encoding="utf-8")
    collect([tmp_path / "one"])
    assert list(read_figures()["evaluations"]) == ["tweetpairs/dev.jsonl"], "figures of other weights are forgotten"
    assert list(read_figures()["benchmarks"]) == ["ablation"], "which trains models of its own"
    assert read_figures()["example"]["output"] == ["PER   Eileen Collins"]
    collect([tmp_path / "two", tmp_path / "three"])
    told = read_figures()
    assert list(told["evaluations"]) == ["tweetpairs/dev.jsonl", "tweetpairs/dev.jsonl --gate closed"]
    assert {result["path"] for result in told["evaluations"].values()} == {"tweetpairs/dev.jsonl"}
    assert list(told["benchmarks"]) == ["ablation", "speed"]
    with pytest.raises(SystemExit, match="of checkpoint another"):
        collect([tmp_path / "other"])
    assert read_figures() == told, "and nothing is taken in"


def test_only_what_stands_in_a_block_is_rewritten() -> None:
    page = "a\n<!-- figures:speed -->\nold\n<!-- /figures -->\nb\n<!-- figures:full -->\n<!-- /figures -->\nc"
    found = rendered(page, known(), {})
    assert "old" not in found
    assert re.sub(r"-->\n.*?<!-- /", "--><!-- /", found, flags=re.DOTALL) == re.sub(
        r"-->\n.*?<!-- /", "--><!-- /", page, flags=re.DOTALL
    )
    assert rendered(found, known(), {}) == found


def test_every_block_has_a_table() -> None:
    benchmarks = {"ablation", "load", "name_origins", "speed"}
    for page in pages():
        names = re.findall(r"<!-- figures:(\w+) -->", page.read_text(encoding="utf-8"))
        assert set(names) <= {*TABLES, *benchmarks}
