"""Every name's confidence against the gate, drawn as SVG: a dash pattern, a number and a label for each line."""

import itertools
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from rpbert.analysis import Analysis
from rpbert.explain.what_if import GATES, Flip, GateScan
from rpbert.ui.templating import render
from rpbert.ui.words import NOT_A_NAME, TYPE_COLOURS

WIDTH, HEIGHT = 520, 340  # user units of the SVG, narrow enough to be read on a phone
LEFT, RIGHT, TOP, BOTTOM = 62, 330, 32, 286  # of the plot
DASHES = ("none", "9 4", "2 4", "12 4 2 4", "5 5", "16 4", "2 8", "9 3 2 3 2 3")
LINE_HEIGHT = 19
LABEL_LETTERS = 13


def gate_chart(scans: Sequence[GateScan], analysis: Analysis) -> Markup:
    """The SVG element; black on white in both themes. What it says stands in the scans' sentences too."""
    heights = spread([_y(scan.confidences[-1]) for scan in scans])
    middle = (TOP + BOTTOM) / 2
    return render(
        "what_if/chart.svg",
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=RIGHT,
        top=TOP,
        bottom=BOTTOM,
        middle=middle,
        centre=(LEFT + RIGHT) / 2,
        ticks=[(value, _x(value), _y(value)) for value in (0, 0.25, 0.5, 0.75, 1)],
        present=analysis.gate,
        present_x=_x(analysis.gate),
        lines=[_line(number, scan, heights[number]) for number, scan in enumerate(scans)],
    )


def spread(heights: Sequence[float]) -> list[float]:
    """Heights of the labels: near those of the lines' ends, in their order, but so far apart that none is covered."""
    gap = min(LINE_HEIGHT, (BOTTOM - TOP) / max(1, len(heights) - 1))
    order = sorted(range(len(heights)), key=lambda number: heights[number])
    placed = list(heights)
    for above, below in itertools.pairwise(order):  # downwards
        placed[below] = max(placed[below], placed[above] + gap)
    limit = float(BOTTOM)
    for number in reversed(order):  # what was pushed out at the bottom goes up again
        placed[number] = min(placed[number], limit)
        limit = placed[number] - gap
    return placed


def _line(number: int, scan: GateScan, height: float) -> dict[str, Any]:
    """One name: its line, the label at the end of it, its flip points."""
    text = scan.entity.text if len(scan.entity.text) <= LABEL_LETTERS else scan.entity.text[: LABEL_LETTERS - 1] + "…"
    return {
        "colour": TYPE_COLOURS[scan.entity.type],
        "points": " ".join(f"{_x(gate):.1f},{_y(p):.1f}" for gate, p in zip(GATES, scan.confidences, strict=True)),
        "dashes": DASHES[number % len(DASHES)],
        "end": _y(scan.confidences[-1]),
        "height": height,
        "label": f"{number + 1}. {text} · {scan.entity.type}",
        "flips": [_flip(scan, flip) for flip in scan.flips],
    }


def _flip(scan: GateScan, flip: Flip) -> dict[str, Any]:
    """A dot on the line where the reading changes, labelled with the new one."""
    y = _y(scan.confidences[GATES.index(flip.gate)])
    return {
        "x": _x(flip.gate),
        "y": y,
        "above": y - 10 if y > TOP + 24 else y + 20,
        "anchor": "start" if flip.gate < 0.2 else "end" if flip.gate > 0.8 else "middle",
        "reading": f"to {flip.after or NOT_A_NAME} at {flip.gate:.2f}",
    }


def _x(gate: float) -> float:
    return LEFT + gate * (RIGHT - LEFT)


def _y(probability: float) -> float:
    return BOTTOM - probability * (BOTTOM - TOP)
