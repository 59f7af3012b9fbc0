"""What the page shows of an analysis: plain functions from results to HTML, by way of the templates."""

from dataclasses import dataclass
from typing import Any

from rpbert.analysis import Analysis, Entity, PairRelation
from rpbert.explain.what_if import MINIMUM_CHANGE
from rpbert.ui import templating
from rpbert.ui.keys import name_key
from rpbert.ui.templating import render, signed
from rpbert.ui.words import GLOSSARY, TYPE_COLOURS, TYPE_NAMES
from rpbert.ui.workbench import ScreenState

# What a person would say, by whether the picture adds and whether it shows the text (Vempala, Preotiuc-Pietro 2019).
FOUR_WAYS = {
    (True, True): "The picture shows what the tweet says and probably adds something.",
    (True, False): "The picture does not show what the tweet says, but probably adds something.",
    (False, True): "The picture shows what the tweet says and probably adds nothing.",
    (False, False): "The picture probably neither shows what the tweet says nor adds anything.",
}
CLOSE_CALL = 0.1  # a probability no further than this from one half decides nothing


@dataclass(frozen=True)
class NameLine:
    """One name, as one line says it."""

    key: str
    text: str
    type: str
    confidence: float
    effect: str | None  # what the picture did to it; None without a picture
    changed: bool  # whether the picture changed the reading itself: another type, or a name that was none


def name_lines(analysis: Analysis, alone: Analysis, closed: bool = False) -> list[NameLine]:
    """Every name of an analysis, against the same words without the picture."""
    before = {(entity.start, entity.end): entity.type for entity in alone.entities}
    lines = []
    for number, entity in enumerate(analysis.entities):
        was = before.get((entity.start, entity.end))
        effect, changed = (None, False) if analysis.relation is None else _effect(entity, was, closed)
        lines.append(NameLine(name_key(number), entity.text, entity.type, entity.confidence, effect, changed))
    return lines


def _effect(entity: Entity, was: str | None, closed: bool) -> tuple[str, bool]:
    """What the picture did to a name that was of type `was` without it."""
    if closed:
        return "picture kept out", False
    if was is None:
        return "no name without it", True
    if was != entity.type:
        return f"was {was}", True
    change = entity.confidence - entity.confidence_without_picture
    return ("no change" if abs(change) < MINIMUM_CHANGE else signed(change)), False


def lost_names(analysis: Analysis, alone: Analysis) -> list[Entity]:
    """Names that the words alone give, and that are none with the picture: no name there touches them."""
    if analysis.relation is None:
        return []
    found = analysis.entities
    return [one for one in alone.entities if all(one.end <= other.start or other.end <= one.start for other in found)]


def pieces_of(analysis: Analysis) -> list[tuple[str, int | None]]:
    """The tweet exactly as pasted, cut into pieces of (text, number of the name or None)."""
    pieces: list[tuple[str, int | None]] = []
    position = 0
    for number, entity in enumerate(analysis.entities):
        pieces += [(analysis.text[position : entity.start], None), (entity.text, number)]
        position = entity.end
    pieces.append((analysis.text[position:], None))
    return [piece for piece in pieces if piece[0]]


def names_panel(state: ScreenState, chosen: str) -> str:
    """The marked tweet and a line a name; `chosen`: the key of what is explained."""
    return _names(state.analysis, name_lines(state.analysis, state.alone, state.closed), chosen, state.alone)


def words_panel(analysis: Analysis) -> str:
    """The same by the words alone, while somebody types."""
    return _names(analysis, name_lines(analysis, analysis), "", None)


def _names(analysis: Analysis, lines: list[NameLine], chosen: str, alone: Analysis | None) -> str:
    return render(
        "analyse/names.html",
        analysis=analysis,
        pieces=pieces_of(analysis),
        lines=lines,
        lost=[] if alone is None else lost_names(analysis, alone),
        count=count_sentence(analysis),
        handles=[word.text for word in analysis.words if word.text.startswith("@") and len(word.text) > 1][:1],
        colours=TYPE_COLOURS,
        type_names=TYPE_NAMES,
        whole=alone is not None,
        chosen=chosen,
    )


def count_sentence(analysis: Analysis) -> str:
    """How many names there are."""
    count = len(analysis.entities)
    return {0: "No names found.", 1: "One name found."}.get(count, f"{count} names found.")


def mistake(message: str) -> str:
    """A tweet or picture that cannot be read, as HTML."""
    return templating.mistake("Not analysed.", message)


def notice(message: str) -> str:
    """What a user should know, and need do nothing about."""
    return render("notice.html", note=message)


def relation_panel(state: ScreenState) -> str:
    """Whether the picture belongs, what it does, and the gate."""
    analysis = state.analysis
    return render(
        "analyse/relation.html",
        relation=analysis.relation,
        headline="" if analysis.relation is None else headline(analysis.relation),
        rows=[] if analysis.relation is None else relation_rows(analysis.relation),
        gate=analysis.gate,
        setting="fixed by you" if isinstance(analysis.gate_setting, float) else analysis.gate_setting,
        told=gate_sentence(analysis),
    )


def relation_rows(relation: PairRelation) -> list[dict[str, Any]]:
    """The probabilities that pass 1 gives, each with its name and its meaning."""
    named = {} if relation.belongs is None else {"belongs": ("It belongs to the tweet", relation.belongs)}
    named["adds"] = ("It adds to the words", relation.image_adds)
    named["shows"] = ("It shows what the words say", relation.text_represented)
    return [
        {"key": key, "name": name, "value": value, "meaning": GLOSSARY[key]} for key, (name, value) in named.items()
    ]


def headline(relation: PairRelation) -> str:
    """Whether the picture belongs to the tweet, then how the two relate, and whether it was a close call."""
    if relation.belongs is not None and relation.belongs <= 0.5:
        sentence = "The picture does not seem to belong to this tweet."
        deciding = [relation.belongs]
    else:
        sentence = FOUR_WAYS[relation.image_adds > 0.5, relation.text_represented > 0.5]
        deciding = [relation.image_adds, relation.text_represented]
        if relation.belongs is not None:
            sentence = f"The picture seems to belong to this tweet. {sentence.replace('The picture', 'It')}"
            deciding.append(relation.belongs)
    if min(abs(value - 0.5) for value in deciding) < CLOSE_CALL:
        sentence += " (A close call: one of the probabilities is near one half.)"
    return sentence


def gate_sentence(analysis: Analysis) -> str:
    """What the gate's setting does with the picture."""
    setting = analysis.gate_setting
    if setting == "soft":
        return "the picture is let in with the probability that it adds."
    if setting == "hard":
        opened = "above 0.5, so it is let in whole" if analysis.gate else "not above 0.5, so it is kept out"
        return f"the probability that the picture adds is {opened}."
    if setting == "open":
        return "the picture is let in whole, whatever the relation."
    if setting == "closed":
        return "the picture is kept out; the names are found from the text alone."
    return "the picture is let in with this factor."


def footer(analysis: Analysis, trained: bool, **seconds: float) -> str:
    """Times and checkpoint; `trained` says whether the checkpoint has a training record."""
    parts = {"reading tweet and picture": analysis.seconds["reading"], "model": analysis.seconds["model"], **seconds}
    times = ", ".join(f"{name} {value:.2f} s" for name, value in parts.items())
    return render("footer.html", times=times, checkpoint=analysis.checkpoint, trained=trained)
