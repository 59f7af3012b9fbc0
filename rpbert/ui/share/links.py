"""A permanent link: what is on the page as a query string, which alone brings it back, also after a restart.

Whatever was computed is left out: it follows from the text, the picture and the gate. A link is written by anyone, so
reading one never fails; what is unknown or broken in it falls back to the default.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from rpbert.errors import UserError
from rpbert.explain.methods import DEFAULT_METHOD, METHODS
from rpbert.model.gates import Gate, parse_gate
from rpbert.model.texts import MAX_CHARACTERS
from rpbert.ui.samples import load_samples

TABS = ("analyse", "what-if", "compare", "how-it-works", "errors", "about")
DEFAULT_GATE = "soft"
OWN = "own"  # stands in a link for an uploaded picture


@dataclass(frozen=True)
class Place:
    """Where somebody is on the page."""

    text: str  # the tweet as pasted
    sample: str | None = None  # id of the example whose picture it is; an uploaded picture cannot be in a link
    gate: Gate = DEFAULT_GATE
    tab: str = TABS[0]
    entity: int | None = None  # number of the chosen name, from 0; None is the relation
    method: str = DEFAULT_METHOD  # a key of explain.METHODS
    uploaded: bool = False  # the picture was the user's own, which a link cannot carry


def to_query(place: Place) -> str:
    """The query string, without "?"; what is as the page opens anyway is left out."""
    values = {
        "text": place.text,
        "picture": OWN if place.uploaded else place.sample,
        "gate": None if place.gate == DEFAULT_GATE else place.gate,
        "tab": None if place.tab == TABS[0] else place.tab,
        "name": place.entity,
        "method": None if place.method == DEFAULT_METHOD else place.method,
    }
    # Half an emoji has no UTF-8: it becomes "?" instead of an error.
    return urlencode({key: value for key, value in values.items() if value is not None}, errors="replace")


def from_query(params: Mapping[str, str]) -> Place | None:
    """The place of a decoded query string; None when there is no text in it.

    Too long a text is kept: the analyzer says what is wrong with it. There may be fewer names than `entity` says, as
    another checkpoint may find fewer.
    """
    text = params.get("text", "")
    if not text.strip():
        return None
    pictured = [sample.id for sample in load_samples() if sample.picture is not None]
    return Place(
        text=text,
        sample=params["picture"] if params.get("picture") in pictured else None,
        gate=_gate(params.get("gate", DEFAULT_GATE)),
        tab=tab_of(params),
        entity=_number(params.get("name", "")),
        method=params["method"] if params.get("method") in METHODS else DEFAULT_METHOD,
        uploaded=params.get("picture") == OWN,
    )


def tab_of(params: Mapping[str, str]) -> str:
    """The tab that a query string asks for, also one without a tweet; the first one by default."""
    return params["tab"] if params.get("tab") in TABS else TABS[0]


def _gate(written: str) -> Gate:
    try:
        return parse_gate(written)
    except UserError:
        return DEFAULT_GATE


def _number(written: str) -> int | None:
    """A number of a name: no tweet has more names than characters, so four digits are enough."""
    short = written.isascii() and written.isdigit() and len(written) <= len(str(MAX_CHARACTERS))
    return int(written) if short else None


def link_note(has_upload: bool) -> str:
    """For beside the link: what it brings back, and what it does not."""
    if has_upload:
        return (
            "The link holds the tweet's text and your choices, but not the picture you uploaded: pictures are not "
            "stored. Whoever opens it is told so, and has to add the picture again."
        )
    return "The link holds the tweet's text and your choices: whoever opens it sees the same analysis."


PICTURE_LOST = (
    "The link could not carry its picture, because nothing you enter is stored. The tweet was read without one; please "
    "add the picture again."
)
