"""The words in a picture: what the reader finds in pictures drawn here, and what a tweet shares with them."""

import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from posters import poster

from rpbert.errors import UserError
from rpbert.model.scene_text import (
    COUNTS,
    LEAST_SCORE,
    SIDE,
    SLENDER,
    SceneLine,
    SceneTextReader,
    line_counts,
    plain,
    shared_words,
)

# ---- the reader ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reader() -> SceneTextReader:
    return SceneTextReader()


def test_a_poster_is_read_line_by_line(reader: SceneTextReader) -> None:
    above, below = reader.read(poster("GRAND PRIX", "MONACO 2016"))
    assert plain(above.text) == "grandprix"
    assert plain(below.text) == "monaco2016"
    for line, (top, bottom) in ((above, (0, 0.5)), (below, (0.5, 1))):
        assert LEAST_SCORE <= line.score <= 1
        assert len(line.quad) == 4
        x, y = [corner[0] for corner in line.quad], [corner[1] for corner in line.quad]
        assert 0.1 < min(x) < 0.4  # in the middle, in shares of the width
        assert 0.6 < max(x) < 0.9
        assert top < min(y) < max(y) < bottom
        # An upright box: its area is width times height, up to the slant of its sides.
        assert line.area == pytest.approx((max(x) - min(x)) * (max(y) - min(y)), rel=0.1)


def test_shares_do_not_depend_on_the_size_of_the_picture(reader: SceneTextReader) -> None:
    (large,) = reader.read(poster("MONACO", size=(2 * SIDE, SIDE), letters=200))
    (small,) = reader.read(poster("MONACO", size=(SIDE, SIDE // 2), letters=100))
    assert large.text == small.text == "MONACO"
    assert large.area == pytest.approx(small.area, rel=0.1)


def test_an_empty_picture_has_no_words(reader: SceneTextReader) -> None:
    assert reader.read(Image.new("RGB", (320, 240), "white")) == ()


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (1, 900), (2000, 2), (5000, 40), (40, 5000), (640, 200)], ids=str)
def test_what_is_read_is_never_slender(size: tuple[int, int]) -> None:
    """The detector enlarges the shorter side to 736 pixels: a line of 640 x 1 took 16 GB."""
    sizes: list[tuple[int, ...]] = []

    def engine(pixels: np.ndarray) -> SimpleNamespace:
        sizes.append(pixels.shape)
        return SimpleNamespace(boxes=None)

    assert reader_that_finds(engine).read(Image.new("RGB", size, "white")) == ()
    ((height, width, _),) = sizes
    assert max(height, width) <= SIDE
    assert max(height, width) < (SLENDER + 1) * min(height, width)
    if max(size) <= SLENDER * min(size):  # any other picture is read as it is
        assert (width, height) == size


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (9, 200)], ids=str)
def test_odd_shapes_are_no_reason_to_fail(reader: SceneTextReader, size: tuple[int, int]) -> None:
    assert reader.read(Image.new("RGB", size, "white")) == ()


def test_a_banner_is_read_in_its_place(reader: SceneTextReader) -> None:
    (found,) = reader.read(poster("MONACO", size=(640, 64), letters=50))
    assert found.text == "MONACO"
    y = [corner[1] for corner in found.quad]
    assert min(y) < 0.4  # in shares of the banner, not of the black below it
    assert max(y) > 0.6


def test_the_picture_itself_stays_as_it_is(reader: SceneTextReader) -> None:
    picture = poster("MONACO", size=(1000, 700))
    before = picture.tobytes()
    reader.read(picture)
    assert picture.size == (1000, 700)
    assert picture.tobytes() == before


def test_what_is_read_is_text_whatever_it_looks_like(reader: SceneTextReader) -> None:
    lines = reader.read(poster("<b>BOLD</b>", letters=90))
    assert "BOLD" in "".join(line.text for line in lines)
    assert "<" in "".join(line.text for line in lines)  # nothing is stripped or escaped here: who shows it does that


class Found:
    """Stands in for the engine: gives lines that were written down."""

    def __init__(self, *lines: tuple[str, float]) -> None:
        box = [[0, 0], [10, 0], [10, 5], [0, 5]]
        self.lines = lines
        self.boxes = [box for _ in lines]

    def __call__(self, _pixels: np.ndarray) -> SimpleNamespace:
        texts, scores = zip(*self.lines, strict=True)
        return SimpleNamespace(boxes=np.array(self.boxes, dtype=float), txts=texts, scores=scores)


def reader_that_finds(engine: object) -> SceneTextReader:
    made = SceneTextReader.__new__(SceneTextReader)
    made._engine = engine
    made._lock = threading.Lock()
    return made


def test_unsure_lines_and_lines_without_letters_are_left_out() -> None:
    engine = Found(("GOAL", 0.9), ("maybe", 0.69), ("- * -", 0.99), ("7", 0.7))
    found = reader_that_finds(engine).read(Image.new("RGB", (20, 10)))
    assert [line.text for line in found] == ["GOAL", "7"]
    assert found[0].area == pytest.approx(0.25)
    assert found[0].quad == ((0, 0), (0.5, 0), (0.5, 0.5), (0, 0.5))


def test_a_reader_that_fails_says_so() -> None:
    def failing(_pixels: object) -> None:
        raise RuntimeError("onnx")

    with pytest.raises(UserError, match="words in the picture could not be read"):
        reader_that_finds(failing).read(Image.new("RGB", (20, 10)))


def test_a_missing_package_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)  # as if it were not installed
    with pytest.raises(UserError, match="pip install rapidocr"):
        SceneTextReader()


# ---- words in common ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "expected"),
    [("#GrandPrix", "grandprix"), ("Zürich", "zurich"), ("Cafe\u0301", "cafe"), ("@nasa", "nasa"),
     ("Straße", "strasse"), ("don\u2019t", "dont"), ("...", ""), ("\u0141\u00f3d\u017a", "łodz"), ("2-1", "21")],
)  # fmt: skip
def test_plain(word: str, expected: str) -> None:
    assert plain(word) == expected


@pytest.mark.parametrize(
    ("word", "line", "shared"),
    [
        ("Monaco", "MONACO 2016", True),
        ("Monaco", "Monte Carlo", False),
        ("GrandPrix", "GRAND PRIX", True),  # as a hashtag without its sign
        ("#GrandPrix", "the GRAND PRIX!", True),
        ("@nasa", "NASA", True),
        ("NASA", "@nasa", True),
        ("MonacoGrandPrix", "MONACO", True),  # a part of a hashtag
        ("Zürich", "ZURICH", True),
        ("Zurich", "Zürich", True),
        ("Prix", "GRANDPRIX", False),  # too short to be found inside another
        ("GrandPrix", "PRIX", False),
        ("at", "at home", False),
        ("the", "THE END", False),  # function words say nothing
        ("about", "about", False),
        ("https://t.co/Monaco", "MONACO", False),
        ("www.monaco.com", "MONACO", False),
        ("...", "...", False),
        ("2016", "in 2016", True),
        ("UK", "UK", False),  # fewer letters than three
        ("Goal", "", False),
    ],
)
def test_shared_words(word: str, line: str, shared: bool) -> None:
    assert shared_words(["x", word, "y"], line) == ([1] if shared else [])


def test_long_function_words_are_not_looked_for_inside_others() -> None:
    assert shared_words(["withoutabout"], "about") == []
    assert shared_words(["aboutness"], "their about") == []


def test_every_word_that_stands_there_is_found() -> None:
    assert shared_words(["Meet", "Obama", "in", "Paris", "Obama"], "OBAMA @ paris") == [1, 3, 4]


def test_line_counts_by_hand() -> None:
    words = ["go", "Monaco", "Prix"]
    line = SceneLine("Monaco Grand-Prix 16", 0.9, 0.04)
    # One line; 17 letters and digits; 4 % of the picture; three words; two shared with 6 + 4 letters.
    expected = [1.0, 17 / 20, 0.2, 3 / 5, 2.0, 1.0]
    assert line_counts(line, words, [1, 2]).tolist() == pytest.approx(expected)
    assert len(expected) == COUNTS
    assert line_counts(line, words, []).tolist() == pytest.approx([*expected[:4], 0, 0])
