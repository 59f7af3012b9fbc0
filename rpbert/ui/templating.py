"""Jinja2 templates, the only way in which results become HTML: what a user wrote is escaped without further thought."""

import base64
import io
import json
import re
import time
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from PIL import Image

from rpbert.ui.words import EXPLAINED, GLOSSARY


def _json(value: Any) -> str:
    """For a data attribute; half an emoji, which has no UTF-8, is written as its escape."""
    return json.dumps(value, ensure_ascii=True)


def signed(value: float, decimals: int = 2) -> str:
    """With a sign that lines up with the plus, and no negative zero."""
    text = f"{value:+.{decimals}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("+-")


def _term(word: str, written: str | None = None) -> Markup:
    """A word of the glossary with its explanation."""
    return Markup('<span class="term" tabindex="0" data-tip="{}">{}</span>').format(GLOSSARY[word], written or word)


_WORDS = re.compile(rf"\b({'|'.join(map(re.escape, EXPLAINED))})\b", re.IGNORECASE)


def _terms(text: str) -> Markup:
    """A sentence in which the first of each word that needs it carries its explanation."""
    told: set[str] = set()
    pieces = []
    for number, piece in enumerate(_WORDS.split(text)):
        word = EXPLAINED.get(piece.lower()) if number % 2 else None  # every second piece is such a word
        pieces.append(escape(piece) if word is None or word in told else _term(word, piece))
        told.add(word or "")
    return Markup().join(pieces)


def jpeg_data(picture: Image.Image, side: int = 720) -> str:
    """A picture as a data URI, so that it never lies on the server's disk; `side`: of the longer side, in pixels."""
    small, file = picture.copy(), io.BytesIO()
    small.thumbnail((side, side))
    small.save(file, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


_ENVIRONMENT = Environment(
    loader=PackageLoader("rpbert.ui"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_FILTERS: dict[str, Callable[..., str]] = {
    "probability": lambda value: f"{value:.2f}",
    "signed": signed,
    "json": _json,
    "terms": _terms,
}
_ENVIRONMENT.filters |= _FILTERS
_ENVIRONMENT.globals |= {"term": _term, "jpeg_data": jpeg_data}


def render(template: str, **values: Any) -> Markup:
    """A template of rpbert/ui/templates, filled; inside another template it is not escaped once more."""
    return Markup(_ENVIRONMENT.get_template(template).render(**values))


def mistake(what: str, message: str) -> Markup:
    """A user's mistake, as HTML that screen readers announce and the script brings into sight.

    Its time tells the script of the same mistake made once more. On the tab Analyse, the script adds whose result still
    stands below.
    """
    return render("mistake.html", what=what, message=message, told=time.monotonic_ns())


def static_text(name: str) -> str:
    """A file of rpbert/ui/static."""
    return (files("rpbert.ui") / "static" / name).read_text(encoding="utf-8")
