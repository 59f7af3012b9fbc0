"""What was asked before is remembered, by content; what differs is asked anew."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from rpbert.analyzer import Analyzer
from rpbert.explain.targets import name_target, relation_targets
from rpbert.ui import workbench
from rpbert.ui.samples import SAMPLES
from rpbert.ui.turns import StoppedError
from rpbert.ui.workbench import EXPLAINED_CHARACTERS, EXPLAINED_NAMES, Workbench, standard_targets

TWEET = "Eileen Collins visits Houston #NASA"
ASTRONAUT = SAMPLES / "astronaut_eileen_collins.jpg"


@pytest.fixture(scope="module")
def bench(analyzer: Analyzer) -> Workbench:
    return Workbench([analyzer])


@pytest.fixture(autouse=True)
def few_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts in a tenth of the time: what they say is tested elsewhere."""
    monkeypatch.setattr("rpbert.explain.faithfulness.RANDOM_ORDERS", 4)


def test_the_same_content_is_the_same_key(bench: Workbench, tmp_path: Path) -> None:
    first = bench.analyse(TWEET, ASTRONAUT)
    copy = tmp_path / "other name.jpg"
    copy.write_bytes(ASTRONAUT.read_bytes())
    again = bench.analyse(TWEET, copy)
    assert again.key == first.key
    assert again.analysis is first.analysis
    others = [
        bench.analyse(TWEET + "!", ASTRONAUT),
        bench.analyse(TWEET, None),
        bench.analyse(TWEET, Image.new("RGB", (50, 50))),
        bench.analyse(TWEET, ASTRONAUT, "hard"),
        bench.analyse(TWEET, ASTRONAUT, 1.0),
    ]
    assert len({first.key, *(other.key for other in others)}) == 6


def test_an_animation_keeps_its_warning(bench: Workbench, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (50, 50), colour) for colour in ("red", "blue")]
    still, animated = tmp_path / "still.gif", tmp_path / "animated.gif"
    frames[0].save(still)
    frames[0].save(animated, save_all=True, append_images=frames[1:])
    assert bench.analyse(TWEET, still).analysis.warnings == ()
    assert "animated" in bench.analyse(TWEET, animated).analysis.warnings[0]


def test_a_map_is_made_once(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = bench.analyse(TWEET, ASTRONAUT)
    names = [name_target(entity) for entity in shown.analysis.entities]
    maps = bench.explanations(shown, "grad_cam")
    assert [explanation.target for explanation in maps] == [*relation_targets(shown.analysis), *names]
    verdict = bench.verdict(shown, maps[0])
    monkeypatch.setattr(workbench, "explain", None)
    monkeypatch.setattr(workbench, "PerturbationCurves", None)
    assert bench.explanation(shown, names[0], "grad_cam") == maps[len(relation_targets(shown.analysis))]
    assert bench.verdict(shown, maps[0]) is verdict


def test_why_not_has_a_map_and_a_verdict_of_its_own(bench: Workbench) -> None:
    shown = bench.analyse(TWEET, ASTRONAUT)
    entity = shown.analysis.entities[0]
    other = name_target(entity, "MISC" if entity.type != "MISC" else "ORG")
    explanation = bench.explanation(shown, other, "grad_cam")
    assert explanation.target == other
    assert explanation.grid != bench.explanation(shown, name_target(entity), "grad_cam").grid
    verdict = bench.verdict(shown, explanation)
    assert 0 <= verdict.beaten <= verdict.orders == 4


def test_what_the_first_orders_leave_open_is_judged_by_all(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rpbert.explain.faithfulness.FIRST_ORDERS", 2)
    monkeypatch.setattr("rpbert.explain.faithfulness.HOPELESS", 0.0)  # whatever does not beat both is open
    shown = bench.analyse("Jordan was amazing", SAMPLES / "cat_chelsea.jpg")
    maps = bench.explanations(shown, "grad_cam")[: len(relation_targets(shown.analysis))]
    backwards = [replace(one, grid=tuple(tuple(-value for value in row) for row in one.grid)) for one in maps]
    verdicts = [bench.verdict(shown, one) for one in (*maps, *backwards)]
    assert {verdict.orders for verdict in verdicts} == {2, 4}
    assert all(verdict.decided for verdict in verdicts)


def test_scans_and_attention_are_of_every_name(bench: Workbench) -> None:
    shown = bench.analyse(TWEET, ASTRONAUT)
    assert [scan.entity for scan in bench.scans(shown)] == list(shown.analysis.entities)
    assert [attention.span.text for attention in bench.attention(shown)] == [e.text for e in shown.analysis.entities]
    nameless = bench.analyse("good morning", ASTRONAUT)
    assert bench.scans(nameless) == [] == bench.attention(nameless)


def test_a_long_tweet_is_read_but_not_explained_unasked(bench: Workbench) -> None:
    text = f"{TWEET} " * 20
    assert len(text) <= 2000
    assert not bench.analyse(text, ASTRONAUT).explained_unasked
    assert bench.analyse(text[:EXPLAINED_CHARACTERS], ASTRONAUT).explained_unasked
    assert not bench.analyse(TWEET, None).explained_unasked


def test_at_most_so_many_names_are_explained_unasked(bench: Workbench) -> None:
    names = bench.analyse("Barack Obama met Angela Merkel in Paris. " * 20, ASTRONAUT).analysis
    assert len(names.entities) > EXPLAINED_NAMES
    assert sum(target.span is not None for target in standard_targets(names)) == EXPLAINED_NAMES


def test_maps_that_were_stopped_can_be_made_later(bench: Workbench) -> None:
    shown, stopped = bench.analyse("Angela Merkel in Berlin", ASTRONAUT), threading.Event()
    stopped.set()
    with pytest.raises(StoppedError):
        bench.explanations(shown, "occlusion", stopped=stopped)
    assert bench.explanations(shown, "grad_cam")


def test_two_who_judge_by_the_same_curves_do_not_wait_for_each_other(bench: Workbench) -> None:
    shown = bench.analyse(TWEET, ASTRONAUT)
    names = bench.explanations(shown, "grad_cam")[len(relation_targets(shown.analysis)) :]
    bench.verdict(shown, names[0])  # the curves are there now
    found: list[object] = []
    judges = [
        threading.Thread(target=lambda one=one: found.append(bench.verdict(shown, one)), daemon=True)
        for one in bench.explanations(shown, "gradient_x_input")[len(relation_targets(shown.analysis)) :]
    ]
    for judge in judges:
        judge.start()
    for judge in judges:
        judge.join(timeout=120)
    assert len(found) == len(judges) > 1
