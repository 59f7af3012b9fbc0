"""What the page shows of an analysis: plain functions from results to component values, without gradio."""

import html
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from rpbert.analyzer import Analysis, Analyzer, Entity, PairRelation
from rpbert.configuration import ENTITY_TYPES
from rpbert.explain import METHOD_NAMES, Explanation, explain
from rpbert.gates import Gate
from rpbert.processing import open_picture
from rpbert.targets import targets_of
from rpbert.ui.overlays import MAX_SIDE, describe_grid, draw_overlay

TYPE_NAMES = {"PER": "person", "LOC": "place", "ORG": "organisation", "MISC": "other name"}
assert tuple(TYPE_NAMES) == ENTITY_TYPES

# Chosen for 4.5:1 contrast in either theme; the type is always written beside the colour.
COLOURS = {"PER": "#1f6fb2", "LOC": "#197a43", "ORG": "#a3461a", "MISC": "#7b4aa8"}

TABLE_HEADERS = ["Name", "Type", "Confidence", "… without the picture", "Next best reading"]
NO_PICTURE = "No picture was given, so there is nowhere to look. Add one and analyse again."
CLOSED = "The gate is closed: the picture cannot reach the names, so there is no map for them."
FAINT = 0.005  # nats: a map whose strongest cell is weaker moves a probability by less than about 0.5 %


@dataclass(frozen=True)
class Shown:
    """An analysis on the screen, with what its maps need."""

    analysis: Analysis
    picture: Image.Image | None  # scaled to the overlay's size
    maps: tuple[Explanation, ...]  # the relation's, then each entity's; empty without a picture
    map_seconds: float


def run(analyzer: Analyzer, text: str, picture: str | Path | None, gate: Gate) -> Shown:
    """Analyse and explain. Raises `UserError` as `Analyzer.analyze` does."""
    opened = None if picture is None else open_picture(picture)
    prepared = analyzer.prepare(text, opened)
    analysis = analyzer.predict(prepared, gate)
    if opened is None:
        return Shown(analysis, None, (), 0.0)
    began = time.perf_counter()
    maps = explain(analyzer, prepared, targets_of(analysis), gate=analysis.gate_setting)
    seconds = time.perf_counter() - began
    opened.thumbnail((MAX_SIDE, MAX_SIDE))
    return Shown(analysis, opened, tuple(maps), seconds)


def highlighted(analysis: Analysis) -> list[tuple[str, str | None]]:
    """The tweet exactly as pasted, cut into pieces of (text, type or None)."""
    pieces: list[tuple[str, str | None]] = []
    position = 0
    for entity in analysis.entities:
        pieces += [(analysis.text[position : entity.start], None), (entity.text, entity.type)]
        position = entity.end
    pieces.append((analysis.text[position:], None))
    return [piece for piece in pieces if piece[0]]


def entity_at(analysis: Analysis, piece: int) -> int | None:
    """The number of the entity that the piece `piece` of `highlighted` shows, None for plain text."""
    labels = [label for _, label in highlighted(analysis)]
    return sum(label is not None for label in labels[:piece]) if labels[piece] is not None else None


def table(analysis: Analysis) -> list[list[str]]:
    """One row per name, in the columns of `TABLE_HEADERS`; probabilities with two decimals."""
    return [
        [
            entity.text,
            f"{entity.type} ({TYPE_NAMES[entity.type]})",
            f"{entity.confidence:.2f}",
            _without_picture(analysis, entity),
            f"{entity.runner_up.type or 'not a name'} ({entity.runner_up.probability:.2f})",
        ]
        for entity in analysis.entities
    ]


def _without_picture(analysis: Analysis, entity: Entity) -> str:
    return "no picture" if analysis.relation is None else f"{entity.confidence_without_picture:.2f}"


def summary(analysis: Analysis) -> str:
    """Sentences above the result, as HTML; every word of the user's is escaped."""
    count = len(analysis.entities)
    sentence = {0: "No names found in this tweet.", 1: "One name found."}.get(count, f"{count} names found.")
    if count:
        sentence += " Choose one to see where in the picture the model looked for it."
    parts = [f"<p>{sentence}</p>"]
    parts += [f'<p class="notice">{html.escape(warning)}</p>' for warning in analysis.warnings]
    return "".join(parts)


def mistake(message: str) -> str:
    """A user's mistake, as HTML that screen readers announce."""
    return f'<div class="mistake" role="alert"><strong>Not analysed.</strong> {html.escape(message)}</div>'


def relation_panel(analysis: Analysis) -> str:
    """Both relation probabilities and the gate, each with its meaning, as HTML."""
    if analysis.relation is None:
        return '<p class="empty">No picture was given: the tweet was read alone, with the gate closed.</p>'
    relation: PairRelation = analysis.relation
    rows = [
        (
            "image_adds",
            "The picture adds to the tweet",
            relation.image_adds,
            "Probability that the picture says something the words do not. It is not the probability that "
            "picture and tweet match.",
        ),
        (
            "text_represented",
            "The picture shows what the tweet says",
            relation.text_represented,
            "Probability that what the words say can be seen in the picture.",
        ),
    ]
    meters = "".join(_meter(*row) for row in rows)
    return f'{meters}<p class="gate"><strong>Gate {analysis.gate:.2f}</strong> {_gate_sentence(analysis)}</p>'


def _meter(key: str, name: str, value: float, meaning: str) -> str:
    return (
        f'<div class="probability" id="{key}"><div class="line"><span>{name}</span><strong>{value:.2f}</strong></div>'
        f'<div class="bar"><div style="width:{100 * value:.0f}%"></div></div><p>{meaning}</p></div>'
    )


def _gate_sentence(analysis: Analysis) -> str:
    setting = analysis.gate_setting
    if setting == "soft":
        return "(soft): the picture is let in with the probability that it adds."
    if setting == "hard":
        opened = "above 0.5, so it is let in whole" if analysis.gate else "not above 0.5, so it is kept out"
        return f"(hard): the probability that the picture adds is {opened}."
    if setting == "open":
        return "(open): the picture is let in whole, whatever the relation."
    if setting == "closed":
        return "(closed): the picture is kept out; the names are found from the text alone."
    return "(fixed by you): the picture is let in with this factor."


def target_choices(analysis: Analysis) -> list[tuple[str, int]]:
    """What can be explained: the relation is 0, entity k is k + 1."""
    names = [(f"{entity.text} · {entity.type}", number) for number, entity in enumerate(analysis.entities, start=1)]
    return [("Relation: the picture adds", 0), *names]


def heatmap(shown: Shown, choice: int) -> tuple[Image.Image | None, str]:
    """The overlay for a choice of `target_choices`, or None, and its caption as HTML."""
    if shown.picture is None:
        return None, f'<p class="empty">{NO_PICTURE}</p>'
    explanation = shown.maps[choice]
    span = explanation.target.span
    if span is not None and shown.analysis.gate == 0 and shown.analysis.gate_setting in ("closed", "hard"):
        return shown.picture, f'<p class="empty">{CLOSED}</p>'
    # One scale for all names, so that a weak map looks weak; the relation is another unit and has its own.
    scale = max(other.strength for other in shown.maps if (other.target.span is None) == (span is None))
    if explanation.strength == 0:
        return shown.picture, '<p class="empty">The picture has no effect here: the map is zero everywhere.</p>'
    return draw_overlay(shown.picture, explanation.grid, scale), _caption(explanation, scale)


def map_text(shown: Shown, choice: int) -> str:
    """The heatmap for those who do not see it, as plain text; empty without one."""
    if shown.picture is None:
        return ""
    explanation = shown.maps[choice]
    strongest = describe_grid(explanation.grid) if explanation.strength else "No cell has an effect."
    return f"Heatmap of {explanation.target.describe()}. {strongest}"


def _caption(explanation: Explanation, scale: float) -> str:
    target, unit = html.escape(explanation.target.describe()), explanation.target.unit
    shared = "" if explanation.target.span is None else " The scale is shared by all names of this tweet."
    faint = " <strong>That is next to nothing: do not read much into this map.</strong>"
    return (
        f"<p><strong>{METHOD_NAMES[explanation.method]}</strong> for {target}: "
        f'<span class="raises">+ orange raises</span> and <span class="lowers">− violet lowers</span> its {unit}. '
        f"{describe_grid(explanation.grid)} It is worth {explanation.strength:.3f} in {unit} (nats); full colour is "
        f"{scale:.3f}.{shared}{faint if explanation.strength < FAINT else ''}</p>"
    )


def footer(shown: Shown) -> str:
    """Times and checkpoint, as HTML."""
    parts = shown.analysis.seconds
    return (
        f"<p>Reading tweet and picture {parts['reading']:.2f} s, model {parts['model']:.2f} s, maps "
        f"{shown.map_seconds:.2f} s. Checkpoint {html.escape(shown.analysis.checkpoint)}.</p>"
    )


def described(alt: str) -> str:
    """What an example's picture shows, for those who do not see it, as HTML; empty for none."""
    return f'<p class="key">The picture shows: {html.escape(alt)}</p>' if alt else ""


def key() -> str:
    """The legend of the four types, as HTML."""
    entries = [
        f'<span><b style="background:{COLOURS[kind]}">{kind}</b> {TYPE_NAMES[kind]}</span>' for kind in TYPE_NAMES
    ]
    return f'<p class="key">{"".join(entries)}</p>'
