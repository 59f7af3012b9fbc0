"""Maps follow an analysis; what is newer ends what is older, and what is older changes nothing any more."""

from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from rpbert.analyzer import Analyzer
from rpbert.ui import keys
from rpbert.ui.analyse.explaining import Explaining
from rpbert.ui.samples import SAMPLES
from rpbert.ui.turns import StoppedError
from rpbert.ui.workbench import ScreenState, Workbench

ASTRONAUT = SAMPLES / "astronaut_eileen_collins.jpg"
OUTPUTS = SimpleNamespace(maps="maps", cards="cards", details="details", footer="footer", ask="ask")


@pytest.fixture
def explaining(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> Explaining:
    monkeypatch.setattr("rpbert.explain.faithfulness.RANDOM_ORDERS", 4)
    return Explaining(Workbench([analyzer]), OUTPUTS)  # type: ignore[arg-type]


def explain(explaining: Explaining, state: ScreenState) -> Any:
    return explaining.explain(state, "name:0", keys.AS_FOUND, "occlusion", "total")


def test_the_maps_come_first_and_the_verdict_last(explaining: Explaining) -> None:
    state = explaining.bench.analyse("Angela Merkel in Berlin", ASTRONAUT)
    steps = list(explain(explaining, state))
    assert ["maps" in step for step in steps] == [True, True, False]
    assert "Better than" in steps[-1]["details"]


@pytest.mark.parametrize("drawn", [1, 2], ids=["after its maps", "before its verdict"])
def test_an_older_explanation_that_ends_draws_nothing(explaining: Explaining, drawn: int) -> None:
    """At a generator's end the page gets its last values once more: so the last ones must change nothing."""
    older = explain(explaining, explaining.bench.analyse("Angela Merkel in Berlin", ASTRONAUT))
    assert all("maps" in next(older) for _ in range(drawn))
    newer = explain(explaining, explaining.bench.analyse("Angela Merkel in Paris", ASTRONAUT))
    assert "maps" in next(newer)
    assert list(older) == [gr.skip()]


def test_one_that_is_stopped_before_its_first_map_draws_nothing(
    explaining: Explaining, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A generator that gave nothing at all would set the page's maps to None."""
    state = explaining.bench.analyse("Angela Merkel in Berlin", ASTRONAUT)

    def stopped(*_: object) -> None:
        raise StoppedError

    monkeypatch.setattr(explaining.bench, "explanations", stopped)
    assert list(explain(explaining, state)) == [gr.skip()]


def test_a_tweet_without_a_picture_ends_the_maps_before_it(explaining: Explaining) -> None:
    older = explain(explaining, explaining.bench.analyse("Angela Merkel in Berlin", ASTRONAUT))
    next(older)
    list(explain(explaining, explaining.bench.analyse("Berlin", None)))
    assert list(older) == [gr.skip()]
