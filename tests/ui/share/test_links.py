"""A permanent link brings back what it was made of, and no link that somebody wrote can break the page."""

from urllib.parse import parse_qsl

import pytest

from rpbert.explain.methods import METHODS
from rpbert.model.texts import MAX_CHARACTERS
from rpbert.ui.samples import load_samples
from rpbert.ui.share.links import TABS, Place, from_query, link_note, to_query

DEFAULT = Place("Paris")
TEXTS = [
    "a&b=c#d?e%20f+g;h",
    "two\nlines\r\nand\ta tab ",
    "emoji 🚀👩🏽‍🚀 and flags 🇪🇸",
    "زار محمد صلاح القاهرة",
    "\u202eright to left override",
    "&text=other&gate=closed",
    '<script>alert("x")</script>',
    "%",
    "x" * (MAX_CHARACTERS + 1),
]


def through(place: Place) -> Place | None:
    """As a browser sends it and the server decodes it."""
    return from_query(dict(parse_qsl(to_query(place), keep_blank_values=True)))


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_comes_back_as_it_was(text: str) -> None:
    place = Place(text, "coffee", 0.35, "compare", 3, "occlusion")
    assert through(place) == place
    assert through(Place(text)) == Place(text)


@pytest.mark.parametrize("gate", ["soft", "hard", "open", "closed", 0.0, 0.35, 1 / 3, 1.0, 0, 1])
def test_every_gate_comes_back(gate: str | float) -> None:
    assert through(Place("Paris", gate=gate)) == Place("Paris", gate=gate)


def test_every_tab_method_and_example_picture_comes_back() -> None:
    pictured = [sample.id for sample in load_samples() if sample.picture]
    places = [Place("Paris", tab=tab) for tab in TABS]
    places += [Place("Paris", method=method) for method in METHODS]
    places += [Place("Paris", sample=sample) for sample in pictured]
    places.append(Place("Paris", uploaded=True))
    assert [through(place) for place in places] == places
    assert pictured


def test_the_query_is_short_and_plain() -> None:
    assert to_query(DEFAULT) == "text=Paris"
    full = Place("In Paris", "coffee", 0.35, "about", 0, "shapley")
    assert to_query(full) == "text=In+Paris&picture=coffee&gate=0.35&tab=about&name=0&method=shapley"


@pytest.mark.parametrize("params", [{}, {"text": ""}, {"text": " \n"}, {"picture": "coffee", "gate": "open"}])
def test_without_text_there_is_no_place(params: dict[str, str]) -> None:
    assert from_query(params) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("picture", "../../secret"),
        ("picture", "no-picture"),  # an example, but without a picture
        ("gate", "ajar"),
        ("gate", "1.5"),
        ("gate", "nan"),
        ("gate", ""),
        ("tab", "settings"),
        ("name", "-1"),
        ("name", "1.5"),
        ("name", "²"),
        ("name", "9" * 5000),
        ("name", ""),
        ("method", "guess"),
        ("unknown", "x"),
    ],
)
def test_what_is_broken_falls_back_to_the_default(key: str, value: str) -> None:
    assert from_query({"text": "Paris", key: value}) == DEFAULT


def test_half_an_emoji_makes_a_link_all_the_same() -> None:
    assert through(Place("Paris \ud83d!")) == Place("Paris ?!")


def test_the_note_says_that_an_upload_is_left_out() -> None:
    assert "not the picture you uploaded" in link_note(True)
    assert "uploaded" not in link_note(False)
