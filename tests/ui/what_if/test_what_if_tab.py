"""The What-if tab: cells and pixels, two readings in one table, the chart, and readings by the real checkpoint."""

import itertools
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import gradio as gr
import numpy as np
import pytest
from made_up import a_map, analysis, entity, flat
from PIL import Image

from rpbert.analysis import Analysis
from rpbert.analyzer import Analyzer
from rpbert.explain.methods import DEFAULT_METHOD
from rpbert.explain.targets import ADDS, name_target
from rpbert.explain.what_if import GATES, GateScan
from rpbert.model.scene_text import SceneLine
from rpbert.ui.common import FIXED
from rpbert.ui.difference import BEFORE_AND_AFTER, difference_table
from rpbert.ui.samples import SAMPLES, load_samples
from rpbert.ui.what_if import view
from rpbert.ui.what_if.events import WhatIf
from rpbert.ui.what_if.gate_chart import BOTTOM, LEFT, LINE_HEIGHT, RIGHT, TOP, gate_chart, spread
from rpbert.ui.what_if.layout import draw_what_if
from rpbert.ui.workbench import ScreenState, Workbench

ASTRONAUT = SAMPLES / "astronaut_eileen_collins.jpg"
TWEET = "Eileen Collins visits Houston #NASA"


@pytest.fixture(scope="module")
def bench(analyzer: Analyzer) -> Workbench:
    return Workbench([analyzer])


@pytest.fixture(scope="module")
def tab(bench: Workbench) -> WhatIf:
    with gr.Blocks():
        return WhatIf(bench, gr.State(), *draw_what_if())


@pytest.fixture(scope="module")
def shown(bench: Workbench) -> ScreenState:
    return bench.analyse(TWEET, ASTRONAUT)


def values(
    tab: WhatIf,
    shown: ScreenState,
    text: str = TWEET,
    picture: str = view.AS_ANALYSED,
    other: Path | None = None,
    gate: str = "soft",
    fixed: float = 0.5,
    hidden: list[int] | None = None,
    scene: str | None = None,
) -> dict[Any, Any]:
    """What the controls hold."""
    words = view.scene_words(shown.prepared.scene) if scene is None else scene
    controls = [text, picture, None if other is None else str(other), gate, fixed, hidden or [], words]
    return {tab.state: shown, **dict(zip(vars(tab.controls).values(), controls, strict=True))}


def read(tab: WhatIf, shown: ScreenState, **changed: Any) -> dict[str, Any]:
    """The results by their names; what stays as it is has none."""
    results = tab.read(values(tab, shown, **changed))
    return {name: results[part] for name, part in vars(tab.results).items() if part in results}


def rows(table: str) -> list[list[str]]:
    """The cells of the table's body."""
    found = re.findall(r"<tr[^>]*><th scope=\"row\">.*?</tr>", table)
    return [[re.sub("<.*?>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in found]


def expected_table(before: Analysis, after: Analysis) -> str:
    return difference_table(before, after, BEFORE_AND_AFTER)


def test_cells_are_named_like_a_map() -> None:
    assert (view.CELLS[0], view.CELLS[6], view.CELLS[7], view.CELLS[48]) == ("A1", "G1", "A2", "G7")
    assert len(set(view.CELLS)) == 49
    assert view.cell_names([48, 0]) == "A1, G7"


def test_a_pixel_lies_in_its_cell() -> None:
    assert view.cell_at(0, 0, (700, 350)) == 0
    assert view.cell_at(99.9, 49.9, (700, 350)) == 0
    assert view.cell_at(100, 49.9, (700, 350)) == 1
    assert view.cell_at(99.9, 50, (700, 350)) == 7
    assert view.cell_at(700, 350, (700, 350)) == 48  # a click on the very edge


@pytest.mark.parametrize("size", [(700, 350), (223, 91), (13, 900)])
def test_the_cell_that_is_clicked_is_the_cell_that_turns_grey(size: tuple[int, int]) -> None:
    red = Image.new("RGB", size, (255, 0, 0))
    pixels = {cell: np.asarray(view.grid_picture(red, [cell])) for cell in (0, 9, 24, 48)}
    for x in range(0, size[0], 5):
        for y in range(0, size[1], 5):
            for cell, drawn in pixels.items():
                if view.cell_at(x, y, size) != cell:
                    assert tuple(drawn[y, x]) != view.COVER
    covered = {cell: (drawn == view.COVER).all(axis=2) for cell, drawn in pixels.items() if size == (700, 350)}
    for cell, grey in covered.items():
        y, x = np.argwhere(grey).mean(axis=0)
        assert view.cell_at(x, y, size) == cell


def test_drawing_the_grid_leaves_the_picture_alone() -> None:
    red = Image.new("RGB", (70, 70), (255, 0, 0))
    view.grid_picture(red, [0])
    assert red.getcolors() == [(4900, (255, 0, 0))]


def test_strongest_cells_raise() -> None:
    values = [0.0] * 49
    values[3], values[40], values[7] = 0.5, 0.1, -9.0  # the strongest of all lowers
    grid = tuple(tuple(values[7 * row : 7 * row + 7]) for row in range(7))
    assert view.strongest_cells(a_map(ADDS, grid)) == [3, 40]
    assert view.strongest_cells(a_map(ADDS, flat(-1.0))) == []
    assert len(view.strongest_cells(a_map(ADDS, flat(1.0)))) == view.STRONGEST


def test_the_table_says_in_words_what_became_of_each_name() -> None:
    bob, anna = entity("Bob", "PER"), entity("Anna", "PER")
    before = analysis(bob, replace(anna, confidence=0.6))
    after = analysis(replace(bob, confidence=0.5), replace(anna, type="ORG"), entity("Paris", "LOC"), gate=0.2)
    named = {row[0]: row[1:] for row in rows(difference_table(before, after, BEFORE_AND_AFTER))}
    assert named["Bob"] == ["PER (person), 0.900", "PER (person), 0.500", "▼ same type, probability −0.400"]
    assert named["Anna"] == ["PER (person), 0.600", "ORG (organisation), 0.900", "≠ relabelled PER → ORG"]
    assert named["Paris"] == ["not a name", "LOC (place), 0.900", "▸ appeared"]
    assert named["P(adds)"] == ["0.700", "0.700", "= same"]
    assert named["Gate (factor on the picture)"] == ["0.700 (soft)", "0.200 (soft)", "▼ −0.500"]
    assert ["Paris", "LOC (place), 0.900", "not a name", "◂ lost"] in rows(
        difference_table(after, before, BEFORE_AND_AFTER)
    )


def test_the_table_without_names_or_picture() -> None:
    alone = replace(analysis(gate=0.0), relation=None)
    table = rows(difference_table(analysis(), alone, BEFORE_AND_AFTER))
    assert table[0] == ["No names on either side", "–", "–", "= same"]
    assert ["P(adds)", "0.700", "no picture", "◂ lost"] in table


def test_user_text_is_escaped() -> None:
    evil = replace(entity("Bob", "PER"), text="<img src=x>")
    result = analysis(evil, warnings=("<script>",))
    scan = GateScan(evil, (0.5,) * len(GATES), ("PER",) * len(GATES))
    for made in (
        view.tweets(result, result),
        difference_table(result, result, BEFORE_AND_AFTER),
        view.gate_section([scan], result),
        view.changes(result, result, view.AS_ANALYSED, []),
    ):
        assert "<img" not in made
        assert "<script" not in made
        assert "&lt;" in made


def test_changes_are_all_named() -> None:
    before = analysis()
    assert "Nothing is changed yet" in view.changes(before, before, view.AS_ANALYSED, [])
    after = replace(analysis(setting="closed", gate=0.0), text="other words")
    told = view.changes(before, after, view.BLANK, [8, 0])
    for part in ("the words", "a blank picture", "the gate (closed, was soft)", "2 of 49 cells hidden (A1, B2)"):
        assert part in told
    assert "no part" in view.changes(before, replace(after, relation=None), view.WITHOUT, [8])


def test_labels_keep_their_order_and_their_distance() -> None:
    heights = [300.0, 299.0, 100.0, 318.0, 317.0]
    placed = spread(heights)
    order = sorted(range(5), key=lambda number: heights[number])
    gaps = [placed[below] - placed[above] for above, below in itertools.pairwise(order)]
    assert min(gaps) >= LINE_HEIGHT - 1e-9
    assert placed[2] == 100.0
    assert max(placed) <= BOTTOM
    many = spread([float(BOTTOM)] * 60)
    assert min(many) >= TOP - 1e-6
    assert max(many) <= BOTTOM


def test_the_chart_draws_every_name_and_its_flip_points() -> None:
    bob, paris = entity("Bob", "PER"), entity("Paris", "LOC")
    falling = tuple(1 - gate for gate in GATES)
    scans = [
        GateScan(bob, falling, ("PER",) * 10 + (None,) * 11),  # flips at gate 0.5, where its probability is 0.5
        GateScan(paris, (0.25,) * 21, ("LOC",) * 21),
    ]
    svg = ElementTree.fromstring(gate_chart(scans, analysis(bob, paris)))
    assert svg.get("role") == "img"
    assert "2 names" in svg.get("aria-label", "")
    first, second = svg.iter("polyline")
    assert first.get("stroke-dasharray") != second.get("stroke-dasharray")
    assert first.get("points", "").split()[0] == f"{LEFT:.1f},{TOP:.1f}"
    assert first.get("points", "").split()[-1] == f"{RIGHT:.1f},{BOTTOM:.1f}"
    (dot,) = svg.iter("circle")
    assert dot.get("cx") == f"{(LEFT + RIGHT) / 2:.1f}"
    assert dot.get("cy") == f"{(TOP + BOTTOM) / 2:.1f}"
    texts = [text.text for text in svg.iter("text")]
    for text in ("gate (0 to 1)", "probability (0 to 1)", "1. Bob · PER", "2. Paris · LOC", "to not a name at 0.50"):
        assert text in texts


def test_no_chart_is_told_in_a_sentence() -> None:
    assert "No picture was given" in view.gate_section([], replace(analysis(), relation=None))
    assert "No names were found" in view.gate_section([], analysis())


def test_nothing_changed_reads_the_same(tab: WhatIf, shown: ScreenState) -> None:
    results = read(tab, shown)
    assert "Nothing is changed yet" in results["changes"]
    assert {row[3] for row in rows(results["table"])} == {"= same"}


def test_edited_words_keep_the_regions_of_the_whole_picture(tab: WhatIf, bench: Workbench, shown: ScreenState) -> None:
    text = "Barack Obama visits Houston #NASA"
    results = read(tab, shown, text=text)
    assert results["table"] == expected_table(shown.analysis, bench.analyse(text, ASTRONAUT).analysis)


def test_the_three_other_pictures_are_three_readings(tab: WhatIf, bench: Workbench, shown: ScreenState) -> None:
    coffee = SAMPLES / "coffee.jpg"
    without = read(tab, shown, picture=view.WITHOUT)
    other = read(tab, shown, picture=view.OTHER, other=coffee)
    blank = read(tab, shown, picture=view.BLANK)
    assert without["table"] == expected_table(shown.analysis, bench.analyse(TWEET, None).analysis)
    assert without["grid"]["visible"] is False
    assert other["table"] == expected_table(shown.analysis, bench.analyse(TWEET, coffee).analysis)
    assert len({without["table"], other["table"], blank["table"]}) == 3


def test_changes_combine(tab: WhatIf, analyzer: Analyzer, shown: ScreenState) -> None:
    text, coffee = "Houston, we have coffee", SAMPLES / "coffee.jpg"
    results = read(tab, shown, text=text, picture=view.OTHER, other=coffee, gate=FIXED, fixed=0.25, hidden=[3, 4])
    expected = analyzer.predict(analyzer.prepare(text, coffee), 0.25, [3, 4])
    assert results["table"] == expected_table(shown.analysis, expected)
    assert "A1 to G7. Hidden cells: D1, E1" in results["grid"]["alt_text"]


def test_hidden_cells_are_read_as_hidden_and_have_no_part_without_a_picture(
    tab: WhatIf, analyzer: Analyzer, shown: ScreenState
) -> None:
    every = list(range(49))
    hidden = read(tab, shown, hidden=every)
    assert hidden["table"] == expected_table(shown.analysis, analyzer.predict(shown.prepared, "soft", every))
    assert (
        read(tab, shown, picture=view.WITHOUT, hidden=every)["table"] == read(tab, shown, picture=view.WITHOUT)["table"]
    )


@pytest.mark.parametrize(
    ("change", "told"), [({"text": " "}, "no text"), ({"picture": view.OTHER}, "no other picture")]
)
def test_a_mistake_changes_the_message_alone(
    tab: WhatIf, shown: ScreenState, change: dict[str, str], told: str
) -> None:
    results = read(tab, shown, **change)
    assert list(results) == ["message"]
    assert told in results["message"]["value"]


def test_a_click_hides_its_cell_and_a_second_one_shows_it(tab: WhatIf, shown: ScreenState) -> None:
    assert shown.picture is not None
    width, height = shown.picture.size
    event = SimpleNamespace(index=[width * 3.5 / 7, height * 1.5 / 7])  # the middle of D2
    clicked = tab.toggle(values(tab, shown, hidden=[0]), event)  # type: ignore[arg-type]
    assert clicked[tab.controls.cells] == [0, 10]
    assert "2 of 49 cells hidden (A1, D2)" in clicked[tab.results.changes]
    again = tab.toggle(values(tab, shown, hidden=[0, 10]), event)  # type: ignore[arg-type]
    assert again[tab.controls.cells] == [0]


def test_hides_the_strongest_cells_of_the_map_of_the_chosen_name(
    tab: WhatIf, bench: Workbench, shown: ScreenState
) -> None:
    expected = view.strongest_cells(bench.explanation(shown, name_target(shown.analysis.entities[0]), DEFAULT_METHOD))
    results = tab.hide({**values(tab, shown), tab.others.target: "name:0"})
    assert results[tab.controls.cells] == expected
    assert results[tab.controls.picture] == view.AS_ANALYSED
    assert view.cell_names(expected) in results[tab.results.changes]


def test_no_map_no_cells_to_hide(tab: WhatIf, bench: Workbench) -> None:
    closed = bench.analyse(TWEET, ASTRONAUT, "closed")
    results = tab.hide({**values(tab, closed), tab.others.target: "name:0"})
    assert list(results) == [tab.results.message]
    assert "gate is closed" in results[tab.results.message]["value"]


def test_opening_fills_once_and_keeps_what_was_changed(tab: WhatIf, bench: Workbench, shown: ScreenState) -> None:
    assert tab.open(shown, shown.key) == gr.skip()
    fixed = bench.analyse(TWEET, ASTRONAUT, 0.4)
    filled = tab.open(fixed, shown.key)
    assert filled[tab.seen] == fixed.key
    assert (filled[tab.controls.gate], filled[tab.controls.fixed]["value"]) == (FIXED, 0.4)
    assert filled[tab.controls.fixed]["visible"]  # only where it counts
    assert not tab.fill(shown)[tab.controls.fixed]["visible"]
    assert "Nothing is changed yet" in filled[tab.results.changes]


def test_every_example_can_be_opened(tab: WhatIf, bench: Workbench) -> None:
    for sample in load_samples():
        example = bench.analyse(sample.text, sample.picture)
        assert "Nothing is changed yet" in tab.open(example, "")[tab.results.changes]
        assert tab.chart(example)


LINES = (SceneLine("GRAND", 0.9, 0.2, ((0, 0), (1, 0), (1, 1), (0, 1))), SceneLine("PRIX", 0.9, 0.1, ()))


def test_words_in_the_picture_are_edited_hidden_and_added() -> None:
    assert view.scene_words(LINES) == "GRAND\nPRIX"
    assert view.changed_scene(LINES, "GRAND\n\n  PRIX ") is None
    assert view.changed_scene(LINES, "PRIX") == [LINES[1]]
    assert view.changed_scene(LINES, "") == []
    edited = view.changed_scene(LINES, "PARIS\nPRIX")
    assert edited == [replace(LINES[0], text="PARIS"), LINES[1]]
    added = view.changed_scene(LINES, "GRAND\nPRIX\nPARIS")
    assert added is not None
    assert added[:2] == list(LINES)
    assert (added[2].text, added[2].quad) == ("PARIS", ())


def test_a_poster_that_says_something_else_is_read_as_such(tab: WhatIf, analyzer: Analyzer, shown: ScreenState) -> None:
    results = read(tab, shown, scene="HOUSTON TEXAS")
    words = [SceneLine("HOUSTON TEXAS", 1.0, view.ADDED_AREA)]
    expected = analyzer.predict(analyzer.changed(shown.prepared, TWEET, words))
    assert results["table"] == expected_table(shown.analysis, expected)
    assert "the words in the picture" in results["changes"]
    other = read(tab, shown, picture=view.OTHER, other=SAMPLES / "coffee.jpg", scene="HOUSTON TEXAS")
    assert "the words in the picture" not in other["changes"]  # another picture has its own
