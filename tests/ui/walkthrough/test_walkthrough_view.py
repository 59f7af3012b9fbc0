"""The walkthrough as HTML: the numbers shown are those of the steps, and every word of the user's is escaped."""

import json
import math
import re
from html import unescape
from xml.etree import ElementTree

import pytest

from rpbert.analyzer import Analyzer
from rpbert.explain.walkthrough import STEPS, Walkthrough, walk
from rpbert.ui.samples import SAMPLES
from rpbert.ui.walkthrough.diagram import tweet_lines
from rpbert.ui.walkthrough.view import walkthrough_panel
from rpbert.ui.workbench import ScreenState, Workbench

TWEET = "Elon Musk <b>lands</b> in Florida"
ROCKET = SAMPLES / "rocket_falcon9.jpg"


@pytest.fixture(scope="module")
def bench(analyzer: Analyzer) -> Workbench:
    return Workbench([analyzer])


@pytest.fixture(scope="module")
def shown(bench: Workbench) -> ScreenState:
    return bench.analyse(TWEET, ROCKET)


@pytest.fixture(scope="module")
def steps(analyzer: Analyzer, shown: ScreenState) -> Walkthrough:
    return walk(analyzer, shown.prepared)


@pytest.fixture(scope="module")
def drawn(bench: Workbench, shown: ScreenState, steps: Walkthrough) -> str:
    return walkthrough_panel(steps, shown, bench.attention(shown), bench.scans(shown))


def table(html: str, caption: str) -> list[list[str]]:
    """The rows of the table whose caption begins so, as plain text, without its head."""
    body = re.search(rf"<caption>{caption}.*?<tbody>(.*?)</tbody>", html, re.DOTALL)
    assert body is not None, caption
    rows = re.findall(r"<tr>(.*?)</tr>", body[1])
    return [
        [unescape(re.sub(r"<.*?>", "", cell)) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row)] for row in rows
    ]


def test_all_steps_stand_in_order_with_their_code(drawn: str) -> None:
    places = [drawn.index(f"<h3>{number}. {step.title}</h3>") for number, step in enumerate(STEPS, start=1)]
    assert places == sorted(places)
    assert all(f"<code>{step.code}</code>" in drawn for step in STEPS)


def test_markup_in_a_tweet_stays_text(drawn: str) -> None:
    assert "<b>" not in drawn
    words = [row[0] for row in table(drawn, "The words and their pieces")]
    assert "".join(words) == TWEET.replace(" ", "")


def test_every_emission_stands_under_its_label_and_the_best_is_marked(drawn: str, steps: Walkthrough) -> None:
    rows = table(drawn, "Emissions")
    assert len(rows) == len(steps.emissions)
    for cells, scores, label in zip(rows, steps.emissions, steps.crf.best.labels, strict=True):
        marked = [number for number, cell in enumerate(cells[1:-1]) if cell.endswith("←")]
        assert marked == [scores.index(max(scores))]
        assert [float(cell.removesuffix(" ←")) for cell in cells[1:-1]] == pytest.approx(scores, abs=0.051)
        assert cells[-1] == label


def test_transitions_and_emissions_add_up_to_the_score(drawn: str, steps: Walkthrough) -> None:
    transitions = table(drawn, "Scores of the steps")
    assert len(transitions) == len(steps.emissions) + 1
    best, second = table(drawn, "The two best paths")
    assert sum(float(row[-1]) for row in transitions) == pytest.approx(float(best[2]), abs=0.006 * len(transitions))
    for row in (best, second):
        assert float(row[1]) + float(row[2]) == pytest.approx(float(row[3]), abs=0.016)
        assert float(row[5]) == pytest.approx(math.exp(float(row[4])), abs=0.002)
    assert float(best[3]) >= float(second[3])


def test_paths_differ_where_it_is_said(drawn: str, steps: Walkthrough) -> None:
    rows = table(drawn, "Where the two differ")
    assert len(rows) == len(steps.crf.differs) > 0
    assert all(best != second for _, best, second in rows)


def test_the_gate_multiplies_every_region(drawn: str, steps: Walkthrough) -> None:
    assert steps.gate is not None
    assert f"the factor {steps.gate.value:.3f}" in drawn
    before, after = (
        [float(cell) for row in table(drawn, caption) for cell in row[1:]]
        for caption in ("Before the gate", "After the gate")
    )
    assert len(before) == len(after) == 49
    assert after == pytest.approx([steps.gate.value * length for length in before], abs=0.11)


def test_a_path_is_not_called_a_confidence(drawn: str, steps: Walkthrough) -> None:
    assert "It is not the confidence of a name" in drawn.striptags()
    assert ("at temperature 1." in drawn) is (steps.crf.temperature != 1)


def test_closed_gate_and_missing_picture_are_told(analyzer: Analyzer, bench: Workbench) -> None:
    closed = bench.analyse(TWEET, ROCKET, "closed")
    assert "cannot look at the picture at all" in walkthrough_panel(
        walk(analyzer, closed.prepared, "closed"), closed, [], []
    )
    zero = bench.analyse(TWEET, ROCKET, 0.0)
    assert (
        "that is not a closed gate" in walkthrough_panel(walk(analyzer, zero.prepared, 0.0), zero, [], []).striptags()
    )
    alone = bench.analyse(TWEET, None)
    html = walkthrough_panel(walk(analyzer, alone.prepared), alone, [], [])
    assert html.count("No picture was given") == 4
    assert "one pass only" in html
    assert table(html, "Emissions")


def test_one_word_has_no_step_between_words(analyzer: Analyzer, bench: Workbench) -> None:
    one = bench.analyse("Paris", None)
    rows = table(walkthrough_panel(walk(analyzer, one.prepared), one, [], []), "Scores of the steps")
    assert [row[0] for row in rows] == ["Beginning", "End"]


def test_the_diagram_has_a_part_for_every_step_and_this_tweets_numbers(
    drawn: str, steps: Walkthrough, shown: ScreenState
) -> None:
    svg = drawn[drawn.index("<svg class") : drawn.index("</svg>") + 6]
    ElementTree.fromstring(svg)  # well-formed
    parts = [int(number) for number in re.findall(r'<g class="part" data-step="(\d+)"', svg)]
    assert sorted(parts) == list(range(1, len(STEPS) + 1))
    assert steps.gate is not None
    assert f'<tspan class="gate-value">{steps.gate.value:.2f}</tspan>' in svg
    for entity in shown.analysis.entities:
        assert f"{entity.type} {entity.confidence:.2f}" in svg


def test_without_a_picture_its_parts_are_left_out(analyzer: Analyzer, bench: Workbench) -> None:
    alone = bench.analyse(TWEET, None)
    html = walkthrough_panel(walk(analyzer, alone.prepared), alone, [], [])
    parts = [int(number) for number in re.findall(r'<g class="part" data-step="(\d+)"', html)]
    assert parts == [1, 4, 6, 7, 8, 9]
    assert 'class="valve"' not in html


def test_the_valve_knows_every_name_at_every_gate(drawn: str, bench: Workbench, shown: ScreenState) -> None:
    scans = json.loads(unescape(drawn.split('data-scans="')[1].split('"', maxsplit=1)[0]))
    expected = bench.scans(shown)
    assert [scan["text"] for scan in scans] == [scan.entity.text for scan in expected]
    for found, scan in zip(scans, expected, strict=True):
        assert tuple(found["best"]) == scan.best
        assert found["confidences"] == pytest.approx(scan.confidences, abs=0.001)


@pytest.mark.parametrize("text", ["word", "a " * 200, "x" * 500, "one two three " * 20])
def test_the_tweet_fits_into_its_box(text: str) -> None:
    lines = tweet_lines(text)
    assert 1 <= len(lines) <= 3
    assert all(len(line) <= 24 for line in lines)
