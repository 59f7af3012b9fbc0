"""What the What-if tab shows: cells that can be hidden, two readings side by side, names against the gate.

Plain functions from results to pictures, HTML and SVG, without gradio; every word of the user's is escaped.
"""

import html
from collections.abc import Collection, Sequence

from PIL import Image, ImageDraw, ImageFont

from rpbert.analyzer import Analysis, PairRelation
from rpbert.explain.methods import Explanation
from rpbert.explain.what_if import MINIMUM_CHANGE, GateScan, NameChange, differences
from rpbert.model.configuration import GRID, REGIONS
from rpbert.ui.analyse.card import TYPE_NAMES
from rpbert.ui.what_if.gate_chart import gate_chart

SAME, WITHOUT, BLANK, OTHER = "same", "without", "blank", "other"
PICTURES = {
    SAME: "its picture, as analysed",
    WITHOUT: "without the picture",
    BLANK: "a blank picture",
    OTHER: "another picture",
}
QUESTIONS = """<ul>
<li><strong>Without the picture</strong> asks: how is the tweet read if it never had a picture? Nothing of a picture is
left for the model to attend to.</li>
<li><strong>A blank picture</strong> asks: does what is to be seen matter, or only that there is a picture? Plain grey
is read and related to the tweet like any other picture.</li>
<li><strong>Another picture</strong> asks: how is the tweet read if its picture shows something else?</li>
<li><strong>A gate of 0</strong> is none of these: the content of the cells is gone, but the cells are still there and
take a share of the attention. <strong>Closed</strong> takes the cells away too.</li>
</ul>"""

CELLS = tuple(f"{'ABCDEFG'[cell % GRID]}{cell // GRID + 1}" for cell in range(REGIONS))  # A1 is the upper left
STRONGEST = 7  # cells that one button hides
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


def changes(before: Analysis, after: Analysis, picture: str, hidden: Collection[int]) -> str:
    """What was changed, as HTML that screen readers announce, with the warnings of the new reading."""
    parts = []
    if before.text != after.text:
        parts.append("the words")
    if picture != SAME:
        parts.append(f"the picture ({PICTURES[picture]})")
    if before.gate_setting != after.gate_setting:
        parts.append(f"the gate ({_setting(after)}, was {_setting(before)})")
    if hidden and after.relation is not None:
        parts.append(f"{len(hidden)} of {REGIONS} cells hidden ({cell_names(hidden)})")
    told = f"Changed: {', '.join(parts)}." if parts else "Nothing is changed yet, so both readings are the same."
    if hidden and after.relation is None:
        told += " The hidden cells have no part in it: there is no picture."
    warnings = "".join(f'<p class="notice">{html.escape(warning)}</p>' for warning in after.warnings)
    return f'<p role="status"><strong>{told}</strong></p>{warnings}'


def comparison_table(before: Analysis, after: Analysis) -> str:
    """Both readings side by side as an HTML table: what became of every name, the relation, the gate."""
    rows = [_name_row(difference) for difference in differences(before, after)]
    rows = rows or [("No names in either reading", "–", "–", "same")]
    rows += [_relation_row(name, key, before, after) for key, name in _RELATIONS.items()]
    rows.append(("Gate (factor from 0 to 1)", _gate(before), _gate(after), _moved(before.gate, after.gate)))
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th><td>{old}</td><td>{new}</td>'
        f"<td>{result if result.startswith('same') else f'<strong>{result}</strong>'}</td></tr>"
        for name, old, new, result in rows
    )
    head = "".join(f'<th scope="col">{title}</th>' for title in ("What", "As analysed", "Changed", "What became of it"))
    caption = "Names with type and confidence, then relation and gate. Confidences are probabilities from 0 to 1."
    return f'<table class="what-if"><caption>{caption}</caption><thead><tr>{head}</tr></thead>{body}</table>'


_RELATIONS = {"image_adds": "P(the picture adds)", "text_represented": "P(the picture shows the text)"}


def _name_row(difference: NameChange) -> tuple[str, str, str, str]:
    before, after = difference.confidence_before, difference.confidence_after
    old, new = _typed(difference.type_before, before), _typed(difference.type_after, after)
    result: str = difference.kind
    if difference.kind == "same" and before is not None and after is not None:
        moved = _moved(before, after)
        result = "same" if moved == "same" else f"same type, {moved}"
    return difference.text, old, new, result


def _typed(kind: str | None, confidence: float | None) -> str:
    return "not a name" if kind is None else f"{kind} ({TYPE_NAMES[kind]}), {confidence:.2f}"


def _relation_row(name: str, key: str, before: Analysis, after: Analysis) -> tuple[str, str, str, str]:
    old, new = before.relation, after.relation
    result = "same" if old is None and new is None else "no picture to compare"
    if old is not None and new is not None:
        result = _moved(getattr(old, key), getattr(new, key))
    return name, _probability(old, key), _probability(new, key), result


def _probability(relation: PairRelation | None, key: str) -> str:
    return "no picture" if relation is None else f"{getattr(relation, key):.2f}"


def _gate(analysis: Analysis) -> str:
    return "no picture" if analysis.relation is None else f"{analysis.gate:.2f} ({_setting(analysis)})"


def _setting(analysis: Analysis) -> str:
    setting = analysis.gate_setting
    return setting if isinstance(setting, str) else f"fixed at {setting:.2f}"


def _moved(before: float, after: float) -> str:
    change = after - before
    if abs(change) < MINIMUM_CHANGE:
        return "same"
    return f"{'rises' if change > 0 else 'falls'} by {abs(change):.2f}"


def gate_section(scans: Sequence[GateScan], analysis: Analysis) -> str:
    """The chart of all names against the gate and its text equivalent as HTML, or a sentence why there is none."""
    if analysis.relation is None:
        return '<p class="empty">No picture was given, so the gate has nothing to let in and there is no chart.</p>'
    if not scans:
        return '<p class="empty">No names were found in this tweet, so there is nothing to draw.</p>'
    items = "".join(
        f"<li><strong>{number}. {html.escape(scan.entity.text)}</strong>: {scan.sentence()}</li>"
        for number, scan in enumerate(scans, start=1)
    )
    box = '<div class="chart" tabindex="0" role="group" aria-label="Chart; scroll sideways on a narrow screen">'
    return f'{box}{gate_chart(scans, analysis)}</div><ul class="scans">{items}</ul>'
