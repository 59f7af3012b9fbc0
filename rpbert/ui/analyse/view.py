"""What the page shows of an analysis: plain functions from results to component values, without gradio."""

import html

from rpbert.analyzer import Analysis, Entity, PairRelation
from rpbert.ui.analyse.card import TYPE_NAMES

# Chosen for 4.5:1 contrast in either theme; the type is always written beside the colour.
COLOURS = {"PER": "#1f6fb2", "LOC": "#197a43", "ORG": "#a3461a", "MISC": "#7b4aa8"}

TABLE_HEADERS = ["Name", "Type", "Confidence", "… without the picture", "Next best reading"]
# What a person would say, by whether the picture adds and whether it shows the text (Vempala, Preotiuc-Pietro 2019).
FOUR_WAYS = {
    (True, True): "The picture shows what the tweet says and adds something.",
    (True, False): "The picture does not show what the tweet says, but adds something.",
    (False, True): "The picture shows what the tweet says and adds nothing.",
    (False, False): "The picture neither shows what the tweet says nor adds anything.",
}
CLOSE_CALL = 0.1  # a probability no further than this from one half decides nothing


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
        sentence += " Choose one to open its card: what the picture does to it, and where."
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
    if relation.belongs is not None:
        meaning = "Probability that this picture goes with this tweet. The two below are for both together."
        rows.insert(0, ("belongs", "The picture belongs to the tweet", relation.belongs, meaning))
    meters = f'<p class="four-ways">{four_ways(relation)}</p>' + "".join(_meter(*row) for row in rows)
    return f'{meters}<p class="gate"><strong>Gate {analysis.gate:.2f}</strong> {_gate_sentence(analysis)}</p>'


def four_ways(relation: PairRelation) -> str:
    """The text-image relation as a sentence, and whether it was a close call."""
    sentence = FOUR_WAYS[relation.image_adds > 0.5, relation.text_represented > 0.5]
    if min(abs(relation.image_adds - 0.5), abs(relation.text_represented - 0.5)) < CLOSE_CALL:
        sentence += " (A close call: one of the two probabilities is near one half.)"
    return sentence


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


def footer(analysis: Analysis, trained: bool, **seconds: float) -> str:
    """Times and checkpoint, as HTML; `trained` says whether the checkpoint has a training record."""
    parts = {"reading tweet and picture": analysis.seconds["reading"], "model": analysis.seconds["model"], **seconds}
    times = ", ".join(f"{name} {value:.2f} s" for name, value in parts.items())
    warning = "" if trained else ' <strong class="untrained">This checkpoint has no training record.</strong>'
    return f"<p>Last times: {times}. Checkpoint {html.escape(analysis.checkpoint)}.{warning}</p>"


def described(alt: str) -> str:
    """What an example's picture shows, for those who do not see it, as HTML; empty for none."""
    return f'<p class="key">The picture shows: {html.escape(alt)}</p>' if alt else ""


def key() -> str:
    """The legend of the four types, as HTML."""
    entries = [
        f'<span><b style="background:{COLOURS[kind]}">{kind}</b> {TYPE_NAMES[kind]}</span>' for kind in TYPE_NAMES
    ]
    return f'<p class="key">{"".join(entries)}</p>'
