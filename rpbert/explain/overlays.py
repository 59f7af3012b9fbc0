"""A signed 7 x 7 map drawn over the picture it explains, and the same in words.

The picture becomes grey and keeps to the middle tones; over it a light amber raises the target and a dark violet lowers
it: a pair that colour-blind eyes and a greyscale print tell apart. No effect is transparent. Pure Pillow and NumPy: no
pyplot state, so that parallel requests cannot mix.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rpbert.model.configuration import GRID

CellRows = Sequence[Sequence[float]]
LineWorth = tuple[Sequence[tuple[float, float]], float]  # four corners in shares of width and height, and the worth

RAISES = (255, 200, 0)
LOWERS = (50, 0, 140)
MAX_SIDE = 900  # pixels of the overlay's longer side
MAX_OPACITY = 0.85
MIDDLE, CONTRAST = 128, 0.45  # of the grey picture below: no white that hides amber, no black that hides violet
MARK_FROM = 0.4  # cells at least this strong, as a share of the scale, carry a sign
MARGIN = 64  # pixels of the strip below a drawing, for its title and its colour bar
ROWS = ("top", "upper", "upper", "middle", "lower", "lower", "bottom")
COLUMNS = ("far left", "left", "left", "centre", "right", "right", "far right")


def draw_overlay(
    picture: Image.Image, grid: CellRows, scale: float, signs: bool = False, lines: Sequence[LineWorth] = ()
) -> Image.Image:
    """The map over an RGB picture, at the picture's own aspect; `lines`: of words in it, drawn as boxes.

    The CNN saw the picture squashed to a square, so stretching the map to width x height puts every cell where it was
    seen. `scale` is the absolute value drawn at full opacity; a scale of 0 leaves the picture as it is.
    """
    shown = picture.copy()
    shown.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    if scale <= 0:
        return shown
    values = np.clip(np.array(grid, dtype=np.float32) / scale, -1, 1)  # (7, 7)
    cells = Image.fromarray(values).resize(shown.size, Image.Resampling.NEAREST)
    field = np.asarray(cells)[..., None]  # (H, W, 1)
    grey = np.asarray(shown, dtype=np.float32).mean(axis=2, keepdims=True)
    base = MIDDLE + CONTRAST * (grey - MIDDLE)
    opacity = MAX_OPACITY * np.abs(field)
    colour = np.where(field > 0, np.array(RAISES, np.float32), np.array(LOWERS, np.float32))
    overlay = Image.fromarray(((1 - opacity) * base + opacity * colour).round().astype(np.uint8))
    if np.any(values):
        _draw_borders(overlay)
    for quad, worth in lines:
        _draw_line(overlay, quad, max(-1.0, min(1.0, worth / scale)))
    if signs:
        _draw_signs(overlay, values)
    return overlay


def _draw_borders(overlay: Image.Image) -> None:
    """A thin line between cells, so that one sees how coarse the map is."""
    draw = ImageDraw.Draw(overlay)
    for line in range(1, GRID):
        x, y = round(line * overlay.width / GRID), round(line * overlay.height / GRID)
        draw.line((x, 0, x, overlay.height), fill=(200, 200, 200))
        draw.line((0, y, overlay.width, y), fill=(200, 200, 200))


def _draw_line(overlay: Image.Image, quad: Sequence[tuple[float, float]], share: float) -> None:
    """A line of words as a box, as strong as its share of the scale; what has no place is not drawn."""
    if not quad:
        return
    corners = [(x * overlay.width, y * overlay.height) for x, y in quad]
    layer = overlay.copy()
    ImageDraw.Draw(layer).polygon(corners, fill=RAISES if share > 0 else LOWERS)
    overlay.paste(Image.blend(overlay, layer, MAX_OPACITY * abs(share)))
    ImageDraw.Draw(overlay).polygon(corners, outline="white", width=2)


def _draw_signs(overlay: Image.Image, values: np.ndarray) -> None:
    """White signs with a black rim, drawn as lines: not every font has a minus."""
    draw = ImageDraw.Draw(overlay)
    width, height = overlay.width / GRID, overlay.height / GRID
    arm = 0.14 * min(width, height)
    thick = max(2, round(0.35 * arm))
    for row, column in np.argwhere(np.abs(values) >= MARK_FROM).tolist():
        x, y = (column + 0.5) * width, (row + 0.5) * height
        strokes = [(x - arm, y, x + arm, y)]
        if values[row, column] > 0:
            strokes.append((x, y - arm, x, y + arm))
        for colour, rim in (("black", 2), ("white", 0)):
            for left, top, right, bottom in strokes:
                box = (left - rim, top - thick / 2 - rim, right + rim, bottom + thick / 2 + rim)
                if left == right:
                    box = (left - thick / 2 - rim, top - rim, right + thick / 2 + rim, bottom + rim)
                draw.rectangle(box, fill=colour)


def draw_map(
    picture: Image.Image, grid: CellRows, scale: float, title: str, unit: str, lines: Sequence[LineWorth] = ()
) -> Image.Image:
    """As `draw_overlay`, with what it is a map of and a colour bar with numbers in a white strip below."""
    overlay = draw_overlay(picture, grid, scale, lines=lines)
    whole = Image.new("RGB", (max(overlay.width, 420), overlay.height + MARGIN), "white")
    whole.paste(overlay, ((whole.width - overlay.width) // 2, 0))
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(15)
    draw.text((10, overlay.height + 8), _fitting(draw, font, title, whole.width - 20), fill="black", font=font)
    low, high = f"-{scale:.2g}", f"+{scale:.2g} {unit}"
    top, left, width = overlay.height + 36, 70, 180
    draw.text((10, top - 2), low, fill="black", font=font)
    for x in range(width):
        share = 2 * x / (width - 1) - 1
        colour = [
            round((1 - MAX_OPACITY * abs(share)) * MIDDLE + MAX_OPACITY * abs(share) * end)
            for end in (RAISES if share > 0 else LOWERS)
        ]
        draw.line((left + x, top, left + x, top + 14), fill=tuple(colour))
    draw.text((left + width + 8, top - 2), high, fill="black", font=font)
    return whole


def _fitting(draw: ImageDraw.ImageDraw, font: Any, text: str, room: int) -> str:
    """The text, shortened until it fits into so many pixels."""
    fitting = text
    while fitting and draw.textlength(fitting, font=font) > room:
        fitting = fitting[:-2].rstrip() + "…" if len(fitting) > 2 else ""
    return fitting


def place_of(cell: int) -> str:
    """Where a cell 0..48 is, in words."""
    row, column = divmod(cell, GRID)
    return f"{ROWS[row]}, {COLUMNS[column]}"


def describe_grid(grid: CellRows, effect: bool = True) -> str:
    """The strongest cell in words: where it is, its share of the whole map, and with `effect` what its sign does."""
    values = np.array(grid)
    total = np.abs(values).sum()
    cell = int(np.abs(values).argmax())
    strongest = values.flat[cell]
    share = f"{100 * abs(strongest) / total:.0f} % of the whole map"
    if effect:
        share = f"{'raises' if strongest > 0 else 'lowers'}; {share}"
    return f"Strongest cell: {place_of(cell)} ({share})."
