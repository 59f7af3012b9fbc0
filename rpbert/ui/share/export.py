"""What is on the screen as files: JSON for programs (assets/analysis.schema.json), one HTML page for people.

The page (templates/share/page.html) opens without a network and without scripts; <bdi> keeps words of another writing
direction from turning round what stands beside them.
"""

import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rpbert.analysis import Analysis
from rpbert.explain.faithfulness import Verdict
from rpbert.explain.methods import METHOD_NAMES, Explanation
from rpbert.explain.overlays import draw_overlay
from rpbert.model.configuration import GRID, REGIONS
from rpbert.ui.analyse import card, maps, view
from rpbert.ui.templating import jpeg_data, render, static_text
from rpbert.ui.words import TYPE_COLOURS, type_name
from rpbert.ui.workbench import ScreenState

SCHEMA = "rpbert-analysis/1"
SEED = 0  # of `faithfulness.Curves` and `explain.shapley`
PACKAGES = ("rpbert", "torch", "transformers", "captum", "gradio")

# A map, and the verdict on it where one was given.
Exported = tuple[Explanation, Verdict | None]


def analysis_json(analysis: Analysis, judged: Sequence[Exported]) -> dict[str, Any]:
    """The analysis and its maps as plain values, by assets/analysis.schema.json.

    Args:
        judged: maps of one method and one route; empty without a picture.
    """
    method, route = _method_and_route(judged)
    return {
        "schema": SCHEMA,
        "checkpoint": analysis.checkpoint,
        "versions": versions(),
        "method": method,
        "route": route,
        "seed": SEED,
        "analysis": analysis.to_json(),
        "explanations": [_explanation_json(*pair) for pair in judged],
    }


def versions() -> dict[str, str]:
    """Of Python and the packages that decide the numbers; a package that is not installed as one is left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # rpbert itself runs from its folder, too
            continue
    return found


def _method_and_route(judged: Sequence[Exported]) -> tuple[str, str] | tuple[None, None]:
    """What all maps have in common; None, None when there is no map."""
    used = {(explanation.method, explanation.route) for explanation, _ in judged}
    assert len(used) <= 1, "the maps of one export have one scale, so they come from one method and route"
    return used.pop() if used else (None, None)


def _explanation_json(explanation: Explanation, verdict: Verdict | None) -> dict[str, Any]:
    return {
        "target": explanation.target.describe(),
        "unit": explanation.target.unit,
        "method": explanation.method,
        "route": explanation.route,
        "grid": [list(row) for row in explanation.grid],
        "words": None if explanation.words is None else list(explanation.words),
        "delta": explanation.delta,
        "verdict": None if verdict is None else {**asdict(verdict), "sentence": verdict.sentence()},
    }


def analysis_html(state: ScreenState, judged: Sequence[Exported]) -> str:
    """The analysis, its picture and its maps as one self-contained HTML page.

    Args:
        judged: maps of one method and one route, drawn on one scale for all names and one for the relations: give the
            maps of all names, also to have the scale that the page has.
    """
    analysis = state.analysis
    page = render(
        "share/page.html",
        title=f"RpBERT: names in “{' '.join(analysis.text.split())[:60]}”",
        style=static_text("export.css"),
        analysis=analysis,
        pieces=view.pieces_of(analysis),
        colours=TYPE_COLOURS,
        type_name=type_name,
        lines=view.name_lines(analysis, state.alone, state.closed),
        picture=None if state.picture is None else jpeg_data(state.picture, 360),
        headline="" if analysis.relation is None else view.headline(analysis.relation),
        rows=[] if analysis.relation is None else view.relation_rows(analysis.relation),
        gate_sentence=view.gate_sentence(analysis),
        note=maps.CLOSED if state.closed else "",
        maps=[_map(state, *pair, [explanation for explanation, _ in judged]) for pair in judged],
        facts=_provenance(analysis, judged),
    )
    return page.encode("utf-8", "replace").decode()  # half an emoji in the tweet could not be written to a file


def _map(
    state: ScreenState, explanation: Explanation, verdict: Verdict | None, all_maps: Sequence[Explanation]
) -> dict[str, Any]:
    """Heading, overlay, caption with method and unit, words, verdict."""
    assert state.picture is not None
    scale, values = maps.scale_of(explanation, all_maps), maps.drawn_values(explanation)
    title = explanation.target.describe()
    words = None
    if explanation.words is not None:
        words = list(zip((word.text for word in state.analysis.words), explanation.words, strict=False))
    return {
        "title": title[0].upper() + title[1:],
        "image": jpeg_data(
            draw_overlay(state.picture, rows_of(values[:REGIONS]), scale, lines=maps.line_worths(state, values)), 360
        ),
        "alt": f"Map of: {title}. {maps.map_sentence(state, explanation)}",
        "sentence": maps.map_sentence(state, explanation),
        "facts": card.map_facts(state, explanation),
        "scale": f"{scale:.3f} ({maps.unit_of(explanation)})",
        "unit": explanation.target.unit,
        "words": words,
        "verdict": None if verdict is None else card.verdict_parts(explanation, verdict),
    }


def rows_of(values: Sequence[float]) -> list[list[float]]:
    """49 values as 7 rows of 7."""
    return [list(values[start : start + GRID]) for start in range(0, len(values), GRID)]


def _provenance(analysis: Analysis, judged: Sequence[Exported]) -> dict[str, str]:
    """What somebody needs to get the same numbers again."""
    method, route = _method_and_route(judged)
    return {
        "Checkpoint": analysis.checkpoint,
        "Gate": f"{analysis.gate_setting}; the factor on the picture was {analysis.gate:.2f} (0 to 1)",
        "Method of the maps": "none" if method is None else METHOD_NAMES[method],
        "Way the picture acts": "none" if route is None else card.ROUTE_NAMES[route],
        "Seed of all random orders": str(SEED),
        "Versions": ", ".join(f"{package} {number}" for package, number in versions().items()),
        "Date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }
