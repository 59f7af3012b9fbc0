"""The drawn map: aspect, sign by colour and by mark, transparency, words."""

import numpy as np
import pytest
from PIL import Image

from rpbert.explain.overlays import MAX_SIDE, Grid, describe_grid, draw_overlay

ZERO: Grid = tuple((0.0,) * 7 for _ in range(7))
GREY = Image.new("RGB", (700, 350), (128, 128, 128))


def grid_with(row: int, column: int, value: float) -> Grid:
    return tuple(tuple(value if (r, c) == (row, column) else 0.0 for c in range(7)) for r in range(7))


def test_keeps_the_aspect_of_the_picture() -> None:
    drawn = draw_overlay(Image.new("RGB", (3000, 1000)), grid_with(0, 0, 1.0), 1.0)
    assert drawn.size == (MAX_SIDE, MAX_SIDE // 3)


def test_no_effect_is_transparent() -> None:
    assert np.array_equal(np.asarray(draw_overlay(GREY, ZERO, 1.0)), np.asarray(GREY))
    assert np.array_equal(np.asarray(draw_overlay(GREY, ZERO, 0.0)), np.asarray(GREY))


def test_raising_is_orange_and_lowering_violet_where_the_cell_is() -> None:
    # Off the cell's centre, where the sign stands: cell (1, 5) covers x 500-600 and y 50-100.
    place = (515, 90)
    red, _, blue = draw_overlay(GREY, grid_with(1, 5, 1.0), 1.0).getpixel(place)
    assert red > 128 > blue
    red, _, blue = draw_overlay(GREY, grid_with(1, 5, -1.0), 1.0).getpixel(place)
    assert blue > 128 > red
    assert draw_overlay(GREY, grid_with(1, 5, 1.0), 1.0).getpixel((50, 300)) == (128, 128, 128)


def test_sign_is_drawn_too() -> None:
    """A plus has an upright stroke above the centre, a minus has none; a weak cell carries no sign."""
    above = (550, 71)
    assert draw_overlay(GREY, grid_with(1, 5, 1.0), 1.0).getpixel(above) == (255, 255, 255)
    assert draw_overlay(GREY, grid_with(1, 5, -1.0), 1.0).getpixel(above) != (255, 255, 255)
    assert draw_overlay(GREY, grid_with(1, 5, -1.0), 1.0).getpixel((550, 75)) == (255, 255, 255)
    assert draw_overlay(GREY, grid_with(1, 5, 0.2), 1.0).getpixel((550, 75)) != (255, 255, 255)


def test_weaker_on_a_shared_scale_is_paler() -> None:
    strong = draw_overlay(GREY, grid_with(3, 3, 1.0), 1.0).getpixel((315, 190))
    weak = draw_overlay(GREY, grid_with(3, 3, 0.3), 1.0).getpixel((315, 190))
    assert strong[0] > weak[0] > 128


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        (grid_with(0, 0, 2.0), "top, far left (raises; 100 %"),
        (grid_with(6, 3, -2.0), "bottom, centre (lowers; 100 %"),
    ],
)
def test_describes_the_strongest_cell(grid: Grid, told: str) -> None:
    assert told in describe_grid(grid)
