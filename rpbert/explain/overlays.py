"""A signed 7 x 7 map drawn over the picture it explains, and the same in words.

Orange with "+" raises the target, violet with "-" lowers it (a pair that colour-blind eyes tell apart); no effect is
transparent. Pure Pillow and NumPy: no pyplot state, so that parallel requests cannot mix.
"""

import numpy as np
from PIL import Image, ImageDraw

from rpbert.model.configuration import GRID

Grid = tuple[tuple[float, ...], ...]

RAISES = np.array([230, 97, 0], dtype=np.float32)
LOWERS = np.array([126, 87, 194], dtype=np.float32)
MAX_SIDE = 900  # pixels of the overlay's longer side
MAX_OPACITY = 0.75
MARK_FROM = 0.4  # cells at least this strong, as a share of the scale, carry a sign
ROWS = ("top", "upper", "upper", "middle", "lower", "lower", "bottom")
COLUMNS = ("far left", "left", "left", "centre", "right", "right", "far right")


def draw_overlay(picture: Image.Image, grid: Grid, scale: float) -> Image.Image:
    """The map over an RGB picture, at the picture's own aspect.

    The CNN saw the picture squashed to a square, so stretching the map to width x height puts every cell where it was
    seen. `scale` is the absolute value drawn at full opacity; a scale of 0 leaves the picture as it is.
    """
    shown = picture.copy()
    shown.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    if scale <= 0:
        return shown
    values = np.array(grid, dtype=np.float32) / scale  # (7, 7), -1..1
    smooth = Image.fromarray(values).resize(shown.size, Image.Resampling.BILINEAR)
    field = np.clip(np.asarray(smooth), -1, 1)[..., None]  # (H, W, 1)
    base = np.asarray(shown, dtype=np.float32)
    grey = base.mean(axis=2, keepdims=True)
    base = 0.45 * base + 0.55 * grey  # muted, so that only the map is colourful
    opacity = MAX_OPACITY * np.abs(field)
    mixed = (1 - opacity) * base + opacity * np.where(field > 0, RAISES, LOWERS)
    overlay = Image.fromarray(mixed.round().astype(np.uint8))
    _draw_signs(overlay, values)
    return overlay


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


def describe_grid(grid: Grid, effect: bool = True) -> str:
    """The strongest cell in words: where it is, its share of the whole map, and with `effect` what its sign does."""
    values = np.array(grid)
    total = np.abs(values).sum()
    row, column = np.unravel_index(np.abs(values).argmax(), values.shape)
    share = f"{100 * abs(values[row, column]) / total:.0f} % of the whole map"
    if effect:
        share = f"{'raises' if values[row, column] > 0 else 'lowers'}; {share}"
    return f"Strongest cell: {ROWS[row]}, {COLUMNS[column]} ({share})."
