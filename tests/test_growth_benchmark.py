"""The benchmark of how cost grows: what it varies, what it waits for, and the plot that ships."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import growth
from benchmarks.figure_tables import TABLES
from benchmarks.figures import read_figures
from benchmarks.growth_plot import described, draw
from rpbert.analyzer import Analyzer
from rpbert.model.texts import split_words, to_pieces
from rpbert.shipped import ASSETS

SECONDS = 0.02  # of the made-up app for one answer
TABLES_OF_A_RUN = {
    "word pieces": {"8": {"reading, ms": 60, "map, ms": 900}, "16": {"reading, ms": 70, "map, ms": 1200}},
    "names": {"1": {"map, ms": 1000}, "8": {"map, ms": 1500}},
    "users at once": {
        users: {f"{kind}, {name}, s": 0.25 for kind in ("reading", "map") for name in ("median", "slowest")}
        for users in ("1", "16")
    },
    "pairs in a run": {"10": {"run, s": 4.5, "peak memory, MB": 1400}, "20": {"run, s": 9.0, "peak memory, MB": 1410}},
}


class OneAtATime:
    """An app that answers its users in the order in which they ask."""

    def __init__(self) -> None:
        self.turns = ThreadPoolExecutor(max_workers=1)

    def new_client(self) -> "OneAtATime":
        return self

    def analyze(self, text: str, picture: Path | None) -> Any:
        return {"entities": [], "relation": None}

    def explain(self, text: str, picture: Path | None) -> Any:
        return {"targets": []}

    def predict(self, text: str, picture: Any, gate: str, api_name: str) -> Any:
        self.turns.submit(time.sleep, SECONDS).result()
        return self.analyze(text, None) if api_name == "/analyze" else self.explain(text, None)


def described_in(path: Path) -> str | None:
    """The description that an SVG file carries."""
    return ElementTree.parse(path).findtext(".//{http://purl.org/dc/elements/1.1/}description")


@pytest.mark.parametrize("pieces", [8, 100, 200])
def test_a_tweet_is_cut_to_its_word_pieces(analyzer: Analyzer, pieces: int) -> None:
    text = growth.cut_to(analyzer, "Eileen Collins visits Houston", pieces)
    read = to_pieces(analyzer.tokenizer, [word.text for word in split_words(text)], 512).input_ids
    assert pieces - 5 < len(read) - 2 <= pieces  # a word has several pieces, and is not cut


def test_sizes_are_varied_one_at_a_time(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def explain(analyzer: Analyzer, prepared: Any, targets: Any, method: str) -> None:
        asked.append((prepared.text, len(targets)))

    monkeypatch.setattr(growth, "explain", explain)
    monkeypatch.setattr(growth, "MAPS", 1)
    monkeypatch.setattr(growth, "READINGS", 1)
    monkeypatch.setattr(growth, "PIECES", (8, 16))
    by_pieces = growth.by_pieces(analyzer)
    assert [(len(text), targets) for text, targets in asked] == sorted((len(text), 2) for text, _ in asked)
    assert [int(pieces) for pieces in by_pieces] == [8, 16]
    assert all(row["reading, ms"] > 0 for row in by_pieces.values())
    asked.clear()
    growth.by_names(analyzer)
    assert [targets for _, targets in asked] == list(growth.NAMES)
    assert len({text for text, _ in asked}) == 1


def test_every_pair_of_a_run_has_its_own_picture(tmp_path: Path) -> None:
    data = growth.error_set(60, tmp_path)
    first, again = data.examples[0], data.examples[53]
    assert first.text == again.text, "the set has 53 tweets"
    assert len({example.picture for example in data.examples}) == len(data.examples) == 60
    assert first.picture.read_bytes() == again.picture.read_bytes()


def test_a_run_reads_every_pair(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "PAIRS", (1, 2))
    one, two = growth.by_pairs(analyzer).values()
    assert one["run, s"] > 0
    assert two["peak memory, MB"] >= one["peak memory, MB"] > 100


def test_more_users_wait_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "USERS", (1, 8))
    monkeypatch.setattr(growth, "SECONDS", 40 * SECONDS)
    one, eight = growth.by_users(OneAtATime()).values()  # type: ignore[arg-type]
    assert eight["reading, median, s"] > 3 * one["reading, median, s"] >= 3 * SECONDS
    assert eight["map, median, s"] > 3 * one["map, median, s"] > 0
    assert eight["reading, slowest, s"] >= eight["reading, median, s"]


def test_the_same_figures_make_the_same_plot(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        draw(TABLES_OF_A_RUN, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert "names, 8: map, ms 1500." in described_in(tmp_path / "one.svg")


def test_every_size_has_a_row() -> None:
    figures = {"benchmarks": {"growth": {"tables": TABLES_OF_A_RUN}}}
    tables = TABLES["growth"](figures, {}).split("\n\n")
    assert tables[1].splitlines() == ["| names | map, ms |", "| --- | --- |", "| 1 | 1000 |", "| 8 | 1500 |"]
    assert len(tables) == len(TABLES_OF_A_RUN)


@pytest.mark.checkpoint
def test_the_plot_that_ships_shows_the_figures_of_the_table() -> None:
    plot = ASSETS / "growth.svg"
    assert described_in(plot) == described(read_figures()["benchmarks"]["growth"]["tables"]), (
        "please run: python benchmarks/growth.py --json growth.json --plot assets/growth.svg, and collect growth.json"
    )
    assert plot.stat().st_size < 100_000
