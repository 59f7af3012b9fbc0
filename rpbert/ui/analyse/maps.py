"""The maps of a tweet as data for the page: one scale for all names, one for both relations, numbers for every cell.

The browser draws them over the picture, so that pointing at a name shows its map at once.
"""

from collections.abc import Sequence
from typing import Any

from rpbert.explain.effects import largest_change, matters, probabilities_hidden, probability_now
from rpbert.explain.methods import METHOD_NAMES, Explanation
from rpbert.explain.overlays import LineWorth, place_of
from rpbert.model.configuration import REGIONS
from rpbert.ui.templating import render
from rpbert.ui.workbench import ScreenState

# Full colour is never less than this, so that noise cannot look like evidence: in probability, and in nats.
LEAST_SCALE = 0.05

NO_PICTURE = "No picture was given, so there is nowhere to look."
CLOSED = "The gate is closed: the picture cannot reach the names, so there is no map for them."
ZERO = "The picture has no effect here: the map is zero everywhere."


def drawn_values(explanation: Explanation) -> list[float]:
    """What is drawn in the 49 cells, then the lines: by how much hiding each lowers the probability; else nats."""
    now, hidden = probability_now(explanation), probabilities_hidden(explanation)
    if now is None or hidden is None:
        return explanation.features
    return [now - after for after in hidden]


def line_worths(state: ScreenState, values: Sequence[float]) -> list[LineWorth]:
    """Where each line of words is in the picture, and its value; nothing of a method that has none."""
    return [(line.quad, value) for line, value in zip(state.prepared.scene, values[REGIONS:], strict=False)]


def unit_of(explanation: Explanation) -> str:
    """The unit of `drawn_values`."""
    return "nats" if probabilities_hidden(explanation) is None else "probability"


def scale_of(explanation: Explanation, others: Sequence[Explanation]) -> float:
    """The absolute value at full colour: one for all names, one for both relations, so that weak maps look weak."""
    alike = [one for one in others if (one.target.span is None) == (explanation.target.span is None)]
    alike = [one for one in alike if unit_of(one) == unit_of(explanation)]
    return max(LEAST_SCALE, *(abs(value) for one in [explanation, *alike] for value in drawn_values(one)))


def map_sentence(state: ScreenState, explanation: Explanation) -> str:
    """What the map says, first in plain probability."""
    if explanation.strength == 0:
        return ZERO
    values = drawn_values(explanation)
    cell = max(range(len(values)), key=lambda number: abs(values[number]))
    now, hidden = probability_now(explanation), probabilities_hidden(explanation)
    if now is None or hidden is None:
        method, unit = METHOD_NAMES[explanation.method], explanation.target.unit
        return f"{method}: {_feature(state, cell)} is worth {values[cell]:+.3f} nats of {unit}."
    if not matters(explanation):
        change = largest_change(explanation) or 0.0
        parts = "cell or line of words" if state.prepared.scene else "cell"
        return f"Hiding any one {parts} changes it by at most {max(0.001, change):.3f}: no single one matters here."
    return f"Hiding {_feature(state, cell)}: {now:.2f} → {hidden[cell]:.2f}."


def _feature(state: ScreenState, number: int) -> str:
    """A cell, or a line of words in the picture, in words."""
    if number < REGIONS:
        return f"the strongest cell ({place_of(number)})"
    return f"the words “{state.prepared.scene[number - REGIONS].text}”"


def map_data(state: ScreenState, key: str, explanation: Explanation, scale: float) -> dict[str, Any]:
    """One map for the browser."""
    now, hidden = probability_now(explanation), probabilities_hidden(explanation)
    title = explanation.target.describe()
    return {
        "key": key,
        "title": title[0].upper() + title[1:] + ("" if now is None else f": {now:.2f}"),
        "sentence": map_sentence(state, explanation),
        "unit": unit_of(explanation),
        "now": now,
        "cells": [round(value, 5) for value in drawn_values(explanation)],
        "hidden": None if hidden is None else [round(value, 4) for value in hidden],
        "scale": scale,
        "matters": matters(explanation),
    }


def maps_panel(state: ScreenState, explained: Sequence[tuple[str, Explanation]], pending: bool = False) -> str:
    """All maps that are there, by their keys, in an element that only the script reads."""
    all_maps = [explanation for _, explanation in explained]
    maps = {key: map_data(state, key, explanation, scale_of(explanation, all_maps)) for key, explanation in explained}
    return render("analyse/maps.html", data={"analysis": state.key, "maps": maps, "pending": pending})


def empty_sentence(state: ScreenState, relation: bool) -> str | None:
    """Why there is no map of a relation or a name, if so."""
    if state.picture is None:
        return NO_PICTURE
    return CLOSED if not relation and state.closed else None
