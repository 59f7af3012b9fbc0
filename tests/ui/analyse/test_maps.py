"""The maps as data for the page: scales, sentences in plain probability, empty states."""

import dataclasses
import json
from html import unescape

import pytest
from made_up import a_map, analysis, entity, flat, on_screen

from rpbert.explain.methods import Explanation
from rpbert.explain.targets import ADDS, SHOWS, contrast_target, name_target
from rpbert.ui.analyse import maps

BOB, PARIS = entity("Bob", "PER"), entity("Paris", "LOC")
STATE = on_screen(analysis(BOB, PARIS))


def valued(explanation: Explanation, value: float) -> Explanation:
    return dataclasses.replace(explanation, value=value)


def test_names_share_a_scale_and_the_relations_have_theirs() -> None:
    all_maps = [a_map(ADDS, flat(2)), a_map(SHOWS, flat(-3)), a_map(name_target(BOB), flat(0.1))]
    weak = a_map(name_target(PARIS), flat(0.001))
    assert maps.scale_of(weak, [*all_maps, weak]) == 0.1
    assert maps.scale_of(all_maps[0], all_maps) == 3
    assert maps.scale_of(a_map(name_target(PARIS, "ORG"), flat(0.5)), all_maps) == 0.5


def test_noise_cannot_fill_the_scale() -> None:
    weak = a_map(name_target(PARIS), flat(0.001))
    assert maps.scale_of(weak, [weak]) == maps.LEAST_SCALE


def test_what_is_drawn_is_the_fall_of_the_probability() -> None:
    even = valued(a_map(ADDS, flat(1.0)), 0.0)  # from 0.5 to 1 / (1 + e)
    assert maps.drawn_values(even) == pytest.approx([0.5 - 0.2689] * 49, abs=1e-4)
    assert maps.unit_of(even) == "probability"
    assert "Hiding the strongest cell (top, far left): 0.50 → 0.27." in maps.map_sentence(STATE, even)
    contrast = valued(a_map(contrast_target(BOB), flat(1.0)), 0.0)
    assert maps.drawn_values(contrast) == [1.0] * 49
    assert "nats" in maps.map_sentence(STATE, contrast)


def test_next_to_nothing_is_called_so() -> None:
    assert "no single one matters" in maps.map_sentence(STATE, valued(a_map(ADDS, flat(0.008)), 0.0))
    assert maps.map_sentence(STATE, valued(a_map(ADDS, flat(0.0)), 0.0)) == maps.ZERO


def test_the_browser_gets_every_cell_and_no_markup() -> None:
    hostile = dataclasses.replace(BOB, text="</div><script>alert(1)</script>")
    explained = [("name:0", valued(a_map(name_target(hostile), flat(0.5)), -0.1))]
    panel = maps.maps_panel(STATE, explained)
    assert "<script" not in panel
    data = json.loads(unescape(panel.split('data-maps="')[1].split('"')[0]))
    assert data["analysis"] == STATE.key
    assert len(data["maps"]["name:0"]["cells"]) == len(data["maps"]["name:0"]["hidden"]) == 49
    assert "<script>" in data["maps"]["name:0"]["title"]


def test_empty_states_are_sentences() -> None:
    assert maps.empty_sentence(on_screen(analysis(BOB), picture=False), relation=True) == maps.NO_PICTURE
    for setting in ("closed", "hard"):
        shut = on_screen(analysis(BOB, gate=0.0, setting=setting))
        assert maps.empty_sentence(shut, relation=False) == maps.CLOSED
        assert maps.empty_sentence(shut, relation=True) is None  # pass 1 still sees the picture
    assert maps.empty_sentence(STATE, relation=False) is None
