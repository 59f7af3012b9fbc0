"""The drawn map: aspect, sign by colour and by mark, transparency, words."""

import numpy as np
import pytest
from PIL import Image

from rpbert.explain.methods import Grid
from rpbert.explain.overlays import LOWERS, MARGIN, MAX_SIDE, RAISES, describe_grid, draw_map, draw_overlay

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


def test_raising_is_amber_and_lowering_violet_where_the_cell_is() -> None:
    # Off the cell's centre, where the sign stands: cell (1, 5) covers x 500-600 and y 50-100.
    place = (515, 90)
    red, _, blue = draw_overlay(GREY, grid_with(1, 5, 1.0), 1.0).getpixel(place)
    assert red > 128 > blue
    red, _, blue = draw_overlay(GREY, grid_with(1, 5, -1.0), 1.0).getpixel(place)
    assert blue > 128 > red
    assert draw_overlay(GREY, grid_with(1, 5, 1.0), 1.0).getpixel((50, 320)) == (128, 128, 128)


def test_sign_is_drawn_too() -> None:
    """A plus has an upright stroke above the centre, a minus has none; a weak cell carries no sign."""
    above, centre, white = (550, 71), (550, 75), (255, 255, 255)
    assert draw_overlay(GREY, grid_with(1, 5, 1.0), 1.0, signs=True).getpixel(above) == white
    assert draw_overlay(GREY, grid_with(1, 5, -1.0), 1.0, signs=True).getpixel(above) != white
    assert draw_overlay(GREY, grid_with(1, 5, -1.0), 1.0, signs=True).getpixel(centre) == white
    assert draw_overlay(GREY, grid_with(1, 5, 0.2), 1.0, signs=True).getpixel(centre) != white
    assert draw_overlay(GREY, grid_with(1, 5, 1.0), 1.0).getpixel(centre) != white  # on demand only


def luminance(colour: tuple[int, ...]) -> float:
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


@pytest.mark.parametrize("shade", [0, 60, 128, 200, 255])
def test_the_two_colours_are_told_apart_in_greyscale_on_any_picture(shade: int) -> None:
    """Black night or white snow: amber is lighter and violet darker than the picture, as a grey print shows it."""
    picture = Image.new("RGB", (700, 350), (shade,) * 3)
    plain, up, down = (
        luminance(draw_overlay(picture, grid_with(1, 5, value), 1.0).getpixel(place))
        for value, place in ((1.0, (50, 320)), (1.0, (515, 90)), (-1.0, (515, 90)))
    )
    assert up > plain > down
    assert up - down > 80
    assert luminance(RAISES) - luminance(LOWERS) > 100


def test_cells_have_borders() -> None:
    drawn = draw_overlay(GREY, grid_with(1, 5, 1.0), 1.0)
    assert drawn.getpixel((100, 30)) != drawn.getpixel((50, 30))


def test_a_line_of_words_is_a_box_with_its_worth() -> None:
    quad = ((0.5, 0.5), (0.9, 0.5), (0.9, 0.8), (0.5, 0.8))
    inside = (420, 230)  # not on a border of cells
    plain = draw_overlay(GREY, grid_with(0, 0, 1.0), 1.0).getpixel(inside)
    up = draw_overlay(GREY, grid_with(0, 0, 1.0), 1.0, lines=[(quad, 1.0)]).getpixel(inside)
    down = draw_overlay(GREY, grid_with(0, 0, 1.0), 1.0, lines=[(quad, -1.0)]).getpixel(inside)
    assert luminance(up) > luminance(plain) > luminance(down)
    assert draw_overlay(GREY, grid_with(0, 0, 1.0), 1.0, lines=[((), 1.0)]).getpixel(inside) == plain


def test_a_saved_map_has_its_title_and_its_scale_below() -> None:
    bare, titled = (draw_map(GREY, grid_with(1, 5, 1.0), 0.5, title, "probability") for title in ("", "“Paris” is LOC"))
    assert titled.size == (700, 350 + MARGIN)
    strip = (0, 350, 700, 350 + MARGIN)
    assert np.asarray(titled.crop(strip)).tolist() != np.asarray(bare.crop(strip)).tolist()
    assert np.asarray(titled.crop((0, 0, 700, 350))).tolist() == np.asarray(bare.crop((0, 0, 700, 350))).tolist()
    draw_map(GREY, grid_with(1, 5, 1.0), 0.5, "x" * 500, "probability")  # a long name is shortened


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
