"""The words in a picture: found by a text reader, and what a tweet shares with them.

More than half of the pictures of tweets have words in them (posters, memes, screenshots, signs), which regions of a
CNN cannot read. The reader is `rapidocr` (PP-OCRv6 detector and recogniser, Apache-2.0), whose models lie in its
package, so it works offline. What it reads is untrusted input, like the tweet.
"""

import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor, tensor

from rpbert.errors import UserError
from rpbert.model.texts import is_url

SIDE = 640  # pixels of the longest side that is read: 0.4 s a picture on one core
SLENDER = 4  # a side is at most so many times the other
LEAST_SCORE = 0.7  # of the recogniser (0..1): below it stand logos read as single letters
LEAST_LETTERS = 3  # of a word that can be shared: "at" or "of" in both says nothing
GLUED_LETTERS = 5  # of a word that may be found inside another, as "Prix" in "#GrandPrix" may not
COUNTS = 6  # numbers of `line_counts`
_FUNCTION_WORDS = """
the and for you are was with this that have has had not but his her our your all can will out from they them she who
what when how why where just now get got one more about its were been than then there here did
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())

Point = tuple[float, float]


@dataclass(frozen=True)
class SceneLine:
    """A line of words in a picture."""

    text: str
    score: float  # of the recogniser, 0..1
    area: float  # share of the picture, 0..1
    quad: tuple[Point, ...] = ()  # its four corners in shares of width and height; empty where it is not known


class SceneTextReader:
    """Reads the words in pictures. Raises `UserError` where the package `rapidocr` is missing or does not start."""

    def __init__(self) -> None:
        try:
            from rapidocr import RapidOCR  # noqa: PLC0415 - it takes a second to import, and may be absent

            self._engine: Any = RapidOCR(
                params={
                    "Global.use_cls": False,
                    "Global.log_level": "error",
                    "Global.text_score": LEAST_SCORE,
                    "EngineConfig.onnxruntime.intra_op_num_threads": 1,  # torch has the other cores
                    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                }
            )
        except Exception as error:  # a broken install can raise anything, and the page must go on without it
            raise UserError(
                "The reader of words in pictures cannot start. Please install it: pip install rapidocr onnxruntime"
            ) from error
        self._lock = threading.Lock()

    def read(self, image: Image.Image) -> tuple[SceneLine, ...]:
        """The lines in an RGB picture in reading order; those without a letter or digit are left out.

        Raises `UserError` when the reader fails.
        """
        small = image.copy()
        small.thumbnail((SIDE, SIDE))
        pixels = np.asarray(_widened(small))[:, :, ::-1]  # BGR, as OpenCV has it
        try:
            with self._lock:
                found = self._engine(pixels)
        except Exception as error:
            raise UserError("The words in the picture could not be read.") from error
        if found.boxes is None:
            return ()
        lines = [
            SceneLine(text, float(score), *_place(box, small.size))
            for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True)
        ]
        return tuple(line for line in lines if line.score >= LEAST_SCORE and plain(line.text))


def _widened(image: Image.Image) -> Image.Image:
    """The picture with black below or beside it where it is slender.

    The detector enlarges the shorter side to 736 pixels, whatever becomes of the longer one: a banner of 640 x 1 would
    take all the memory of a computer.
    """
    least = max(image.size) // SLENDER
    canvas = Image.new("RGB", (max(image.width, least), max(image.height, least)))
    canvas.paste(image)
    return canvas


def _place(box: np.ndarray, size: tuple[int, int]) -> tuple[float, tuple[Point, ...]]:
    """Area and corners of a box (4, 2) in pixels, as shares of the picture."""
    corners = (box / np.array(size)).clip(0, 1)
    x, y = corners[:, 0], corners[:, 1]
    area = abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2  # shoelace formula
    return area, tuple((float(a), float(b)) for a, b in corners)


def plain(word: str) -> str:
    """Only letters and digits, without accents and capitals: "#GrandPrix" -> "grandprix"."""
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(character for character in decomposed if character.isalnum())


def shared_words(words: Sequence[str], line: str) -> list[int]:
    """Which words of a tweet (indices) stand in a line of its picture.

    A longer word may also be glued: "GrandPrix" stands in "GRAND PRIX", and of "#MonacoGrandPrix" a part in "MONACO".
    """
    there = {plain(word) for word in line.split()}
    glued = plain(line)
    long = [word for word in there if len(word) >= GLUED_LETTERS and word not in FUNCTION_WORDS]
    shared = []
    for index, word in enumerate(words):
        own = plain(word)
        if len(own) < LEAST_LETTERS or own in FUNCTION_WORDS or is_url(word):
            continue
        inside = len(own) >= GLUED_LETTERS and (own in glued or any(part in own for part in long))
        if own in there or inside:
            shared.append(index)
    return shared


def line_counts(line: SceneLine, words: Sequence[str], shared: Sequence[int]) -> Tensor:
    """What tells whether a line goes with a tweet, in numbers around 1 (`COUNTS`,).

    One for the line, its letters, its area, its words, the words shared with the tweet, and their letters.
    """
    letters = sum(len(plain(words[index])) for index in shared)
    return tensor(
        [1.0, len(plain(line.text)) / 20, 5 * line.area, len(line.text.split()) / 5, len(shared), letters / 10]
    )
