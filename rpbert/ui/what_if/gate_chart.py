"""Every name's confidence against the gate, drawn as SVG: a dash pattern, a number and a label for each line."""

import html
import itertools
from collections.abc import Sequence

from rpbert.analyzer import Analysis
from rpbert.explain.what_if import GATES, Flip, GateScan
from rpbert.ui.analyse.view import COLOURS

WIDTH, HEIGHT = 680, 370  # user units of the SVG, 1 pixel at its natural size
LEFT, RIGHT, TOP, BOTTOM = 58, 460, 30, 318  # of the plot
DASHES = ("none", "9 4", "2 4", "12 4 2 4", "5 5", "16 4", "2 8", "9 3 2 3 2 3")
LINE_HEIGHT = 17
LABEL_LETTERS = 20
HALO = 'stroke="#fff" stroke-width="4" paint-order="stroke"'  # a label stays readable on top of lines


def gate_chart(scans: Sequence[GateScan], analysis: Analysis) -> str:
    """The SVG element; black on white in both themes. What it says stands in the scans' sentences too."""
    names = f"{len(scans)} name{'s' if len(scans) > 1 else ''}"
    label = f"Line chart: probability (0 to 1) of {names} against the gate (0 to 1). Described in the list below."
    heights = spread([_y(scan.confidences[-1]) for scan in scans])
    lines = "".join(
        _line(number, scan, height) for number, (scan, height) in enumerate(zip(scans, heights, strict=True))
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" font-size="13" fill="#111">'
        f"{_axes()}{_present(analysis)}{lines}</svg>"
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


def _x(gate: float) -> float:
    return LEFT + gate * (RIGHT - LEFT)


def _y(probability: float) -> float:
    return BOTTOM - probability * (BOTTOM - TOP)


def _axes() -> str:
    """Frame, ticks at quarters, and the titles with their units."""
    parts = [f'<rect x="{LEFT}" y="{TOP}" width="{RIGHT - LEFT}" height="{BOTTOM - TOP}" fill="none" stroke="#555"/>']
    for value in (0, 0.25, 0.5, 0.75, 1):
        x, y = _x(value), _y(value)
        parts.append(f'<line x1="{LEFT}" x2="{RIGHT}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{value:g}</text>')
        parts.append(f'<text x="{x}" y="{BOTTOM + 18}" text-anchor="middle">{value:g}</text>')
    middle = (TOP + BOTTOM) / 2
    parts.append(f'<text x="{(LEFT + RIGHT) / 2}" y="{BOTTOM + 40}" text-anchor="middle">gate (0 to 1)</text>')
    turned = f'transform="rotate(-90 16 {middle})"'
    parts.append(f'<text x="16" y="{middle}" text-anchor="middle" {turned}>probability (0 to 1)</text>')
    return "".join(parts)


def _present(analysis: Analysis) -> str:
    """A thin line where the gate of the analysis stands."""
    x = _x(analysis.gate)
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{BOTTOM}" stroke="#555" stroke-dasharray="1 3"/>'
        f'<text x="{x:.1f}" y="{TOP - 10}" text-anchor="middle">as analysed: {analysis.gate:.2f}</text>'
    )


def _line(number: int, scan: GateScan, height: float) -> str:
    """One name: its line, the label at the end of it, its flip points."""
    colour = COLOURS[scan.entity.type]
    points = " ".join(f"{_x(gate):.1f},{_y(p):.1f}" for gate, p in zip(GATES, scan.confidences, strict=True))
    text = scan.entity.text if len(scan.entity.text) <= LABEL_LETTERS else scan.entity.text[: LABEL_LETTERS - 1] + "…"
    end = _y(scan.confidences[-1])
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5" '
        f'stroke-dasharray="{DASHES[number % len(DASHES)]}"/>'
        f'<line x1="{RIGHT}" x2="{RIGHT + 16}" y1="{end:.1f}" y2="{height:.1f}" stroke="{colour}"/>'
        f'<text x="{RIGHT + 20}" y="{height + 4:.1f}">{number + 1}. {html.escape(text)} · {scan.entity.type}</text>'
        + "".join(_flip(scan, flip, colour) for flip in scan.flips)
    )


def _flip(scan: GateScan, flip: Flip, colour: str) -> str:
    """A dot on the line where the reading changes, labelled with the new one."""
    x, y = _x(flip.gate), _y(scan.confidences[GATES.index(flip.gate)])
    above = y - 10 if y > TOP + 24 else y + 20
    anchor = "start" if flip.gate < 0.2 else "end" if flip.gate > 0.8 else "middle"
    reading = f"to {flip.after or 'not a name'} at {flip.gate:.2f}"
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}" stroke="#fff"/>'
        f'<text x="{x:.1f}" y="{above:.1f}" text-anchor="{anchor}" {HALO}>{reading}</text>'
    )
