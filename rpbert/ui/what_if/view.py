"""What the What-if tab shows: cells that can be hidden, two readings side by side, names against the gate.

Plain functions from results to pictures, HTML and SVG, without gradio.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from PIL import Image, ImageDraw, ImageFont

from rpbert.analysis import Analysis
from rpbert.explain.methods import Explanation
from rpbert.explain.what_if import GateScan
from rpbert.model.configuration import GRID, REGIONS
from rpbert.model.scene_text import SceneLine
from rpbert.ui.analyse.view import name_lines, pieces_of
from rpbert.ui.difference import BEFORE_AND_AFTER, setting_of
from rpbert.ui.templating import render
from rpbert.ui.what_if.gate_chart import gate_chart
from rpbert.ui.words import TYPE_COLOURS

AS_ANALYSED, WITHOUT, BLANK, OTHER = "same", "without", "blank", "other"
PICTURES = {
    AS_ANALYSED: "its picture, as analysed",
    WITHOUT: "without the picture",
    BLANK: "a blank picture",
    OTHER: "another picture",
}

CELLS = tuple(f"{'ABCDEFG'[cell % GRID]}{cell // GRID + 1}" for cell in range(REGIONS))  # A1 is the upper left
STRONGEST = 7  # cells that one button hides
ADDED_AREA = 0.1  # share of the picture that a line takes which was added by hand
COVER = (128, 128, 128)


def cell_at(x: float, y: float, size: tuple[int, int]) -> int:
    """The cell 0..48 at pixel (x, y) of a picture of `size` (width, height); its far edges belong to the last cells."""
    column, row = (min(int(GRID * place / length), GRID - 1) for place, length in zip((x, y), size, strict=True))
    return GRID * row + column


def grid_picture(picture: Image.Image, hidden: Collection[int]) -> Image.Image:
    """The picture cut into its 49 named cells, the hidden ones grey and crossed out."""
    drawn = picture.copy()
    draw = ImageDraw.Draw(drawn)
    font = ImageFont.load_default(max(10, min(drawn.size) // (4 * GRID)))
    for cell, name in enumerate(CELLS):
        left, top, right, bottom = _box(cell, drawn.size)
        if cell in hidden:
            draw.rectangle((left, top, right, bottom), fill=COVER)
            draw.line((left, top, right, bottom), fill="black", width=2)
            draw.line((left, bottom, right, top), fill="black", width=2)
        draw.rectangle((left, top, right, bottom), outline="white")
        draw.text((left + 4, top + 3), name, fill="white", font=font, stroke_width=2, stroke_fill="black")
    return drawn


def _box(cell: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom pixel of a cell, all inside it."""
    row, column = divmod(cell, GRID)
    (left, right), (top, bottom) = (
        (-(-place * length // GRID), -(-(place + 1) * length // GRID) - 1)  # rounded up: the first pixel of `cell_at`
        for place, length in zip((column, row), size, strict=True)
    )
    return left, top, max(left, right), max(top, bottom)


def strongest_cells(explanation: Explanation) -> list[int]:
    """The cells that raise the target of a map most, at most `STRONGEST`; those that lower it are none of them."""
    cells = explanation.cells
    order = sorted(range(REGIONS), key=lambda cell: cells[cell], reverse=True)
    return sorted(cell for cell in order[:STRONGEST] if cells[cell] > 0)


def cell_names(hidden: Collection[int]) -> str:
    """For a sentence: A1, B1 …, row by row."""
    return ", ".join(CELLS[cell] for cell in sorted(hidden))


def scene_words(scene: Sequence[SceneLine]) -> str:
    """The words in a picture as a text to edit, a line each."""
    return "\n".join(" ".join(line.text.split()) for line in scene)


def changed_scene(scene: Sequence[SceneLine], written: str) -> list[SceneLine] | None:
    """The lines of an edited text; None where nothing was changed.

    A line that stays keeps its place and size; an edited one gets those of the line it replaces, a new one a tenth of
    the picture and no place.
    """
    lines = [line.strip() for line in written.splitlines() if line.strip()]
    if lines == scene_words(scene).splitlines():
        return None
    known = {line.text: line for line in scene}
    same_count = len(lines) == len(scene)
    changed = []
    for number, text in enumerate(lines):
        old = known.get(text) or (scene[number] if same_count else None)
        changed.append(SceneLine(text, 1.0, ADDED_AREA) if old is None else replace(old, text=text))
    return changed


def changes(before: Analysis, after: Analysis, picture: str, hidden: Collection[int], scene: bool = False) -> str:
    """What was changed, which screen readers announce, with the warnings of the new reading."""
    parts = []
    if before.text != after.text:
        parts.append("the words")
    if picture != AS_ANALYSED:
        parts.append(f"the picture ({PICTURES[picture]})")
    if scene:
        parts.append("the words in the picture")
    if before.gate_setting != after.gate_setting:
        parts.append(f"the gate ({setting_of(after)}, was {setting_of(before)})")
    if hidden and after.relation is not None:
        parts.append(f"{len(hidden)} of {REGIONS} cells hidden ({cell_names(hidden)})")
    told = f"Changed: {', '.join(parts)}." if parts else "Nothing is changed yet, so both readings are the same."
    if hidden and after.relation is None:
        told += " The hidden cells have no part in it: there is no picture."
    return render("what_if/changes.html", told=told, warnings=after.warnings)


def tweets(before: Analysis, after: Analysis) -> str:
    """The tweet with its names, as analysed and as changed."""
    panels = [
        render(
            "tweet.html",
            heading=heading,
            pieces=pieces_of(analysis),
            lines=name_lines(analysis, analysis),
            colours=TYPE_COLOURS,
            warnings=(),
        )
        for heading, analysis in ((BEFORE_AND_AFTER.old, before), (BEFORE_AND_AFTER.new, after))
    ]
    return render("what_if/tweets.html", panels=panels)


def gate_section(scans: Sequence[GateScan], analysis: Analysis) -> str:
    """The chart of all names against the gate and its text equivalent, or a sentence why there is none."""
    empty = ""
    if analysis.relation is None:
        empty = "No picture was given, so the gate has nothing to let in and there is no chart."
    elif not scans:
        empty = "No names were found in this tweet, so there is nothing to draw."
    chart = "" if empty else gate_chart(scans, analysis)
    return render("what_if/gate.html", empty=empty, chart=chart, scans=scans)
