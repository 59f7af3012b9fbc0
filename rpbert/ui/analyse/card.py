"""The card of what was chosen, a name or a relation: its map, its words, what the picture does to it, the verdict.

Plain functions from results to component values, without gradio; every word of the user's is escaped.
"""

import base64
import html
import io
from collections.abc import Sequence

from PIL import Image

from rpbert.analyzer import Analysis, Entity
from rpbert.explain.attention import Attention
from rpbert.explain.faithfulness import Verdict
from rpbert.explain.methods import METHOD_NAMES, Explanation
from rpbert.explain.overlays import describe_grid, draw_overlay
from rpbert.explain.stability import Stability
from rpbert.explain.targets import ADDS, SHOWS, Target, contrast_target, name_target
from rpbert.explain.what_if import GateScan, effect_sentence
from rpbert.model.configuration import ENTITY_TYPES
from rpbert.ui.workbench import Shown

TYPE_NAMES = {"PER": "person", "LOC": "place", "ORG": "organisation", "MISC": "other name"}
assert tuple(TYPE_NAMES) == ENTITY_TYPES

NO_PICTURE = "No picture was given, so there is nowhere to look. Add one and analyse again."
CLOSED = "The gate is closed: the picture cannot reach the names, so there is no map for them."
ZERO = "The picture has no effect here: the map is zero everywhere."
NO_WORDS = "Grad-CAM looks at the picture alone. Choose another method to see what each word does."
UNJUDGED = '<p class="verdict">Is this map to be believed? The verdict follows in a few seconds.</p>'
STOPPED = '<p class="verdict">Stopped. Choose a method or a name to go on.</p>'
ONE_ROUTE = '<p class="verdict">The verdict is given for both routes together only.</p>'
FAINT = 0.005  # nats: a map whose strongest cell is weaker moves a probability by less than about 0.5 %

AS_FOUND, RUNNER_UP, NOT_A_NAME = "found", "runner-up", "none"
RELATIONS = (ADDS, SHOWS)  # the first choices; name k is choice k + 2
ROUTE_NAMES = {
    "total": "both routes together",
    "gate": "through the gate's value only (pass 1)",
    "content": "through the gated content only (pass 2)",
}


def target_choices(analysis: Analysis) -> list[tuple[str, int]]:
    """What can be explained: the relations are 0 and 1, name k is k + 2."""
    names = [(f"{entity.text} · {entity.type}", number) for number, entity in enumerate(analysis.entities, start=2)]
    return [("Relation: the picture adds", 0), ("Relation: the picture shows the text", 1), *names]


def entity_of(analysis: Analysis, choice: int) -> Entity | None:
    """The name of a choice of `target_choices`; None for a relation."""
    return None if choice < len(RELATIONS) else analysis.entities[choice - len(RELATIONS)]


def reading_choices(analysis: Analysis, choice: int) -> list[tuple[str, str]]:
    """Which reading of the chosen name can be explained: as found, against the runner-up, or "why not …?"."""
    entity = entity_of(analysis, choice)
    if entity is None:
        return [("the relation has no other readings", AS_FOUND)]
    others = [(f"why not {kind}?", kind) for kind in ENTITY_TYPES if kind != entity.type]
    rather = f"why {entity.type} rather than {entity.runner_up.type or 'not a name'}?"
    return [(f"as found: {entity.type}", AS_FOUND), (rather, RUNNER_UP), *others, ("why a name at all?", NOT_A_NAME)]


def target_of(analysis: Analysis, choice: int, reading: str = AS_FOUND) -> Target:
    """The target of a choice of `target_choices` and one of `reading_choices`."""
    entity = entity_of(analysis, choice)
    if entity is None:
        return RELATIONS[choice]
    if reading == RUNNER_UP:
        return contrast_target(entity)
    if reading == NOT_A_NAME:
        return Target(span=name_target(entity).span, type=None)
    return name_target(entity, None if reading == AS_FOUND else reading)


def empty_sentence(shown: Shown, target: Target) -> str | None:
    """Why there is no map, if so."""
    if shown.picture is None:
        return NO_PICTURE
    return CLOSED if target.span is not None and shown.closed else None


def scale_of(explanation: Explanation, others: Sequence[Explanation]) -> float:
    """The absolute value at full colour: one for all names, one for both relations, so that weak maps look weak."""
    alike = [other for other in others if (other.target.span is None) == (explanation.target.span is None)]
    return max(other.strength for other in [explanation, *alike])


def heatmap(shown: Shown, explanation: Explanation, scale: float) -> tuple[Image.Image, str]:
    """The overlay and its caption as HTML."""
    assert shown.picture is not None
    if explanation.strength == 0:
        return shown.picture, f'<p class="empty">{ZERO}</p>'
    return draw_overlay(shown.picture, explanation.grid, scale), _caption(explanation, scale)


def map_text(explanation: Explanation) -> str:
    """The heatmap for those who do not see it, as plain text."""
    strongest = describe_grid(explanation.grid) if explanation.strength else "No cell has an effect."
    return f"Heatmap of {explanation.target.describe()}. {strongest}"


def _caption(explanation: Explanation, scale: float) -> str:
    target, unit = html.escape(explanation.target.describe()), explanation.target.unit
    shared = "both relations" if explanation.target.span is None else "all names of this tweet"
    parts = [
        f"<strong>{METHOD_NAMES[explanation.method]}</strong> for {target}, {ROUTE_NAMES[explanation.route]}: "
        f'<span class="raises">+ orange raises</span> and <span class="lowers">− violet lowers</span> its {unit}.',
        f"{describe_grid(explanation.grid)} It is worth {explanation.strength:.3f} in {unit} (nats); full colour is "
        f"{scale:.3f}, for {shared}.",
    ]
    if explanation.delta is not None:
        parts.append(f"Convergence delta {explanation.delta:+.3f} nats: by so much the scores miss what they explain.")
    if explanation.strength < FAINT:
        parts.append("<strong>That is next to nothing: do not read much into this map.</strong>")
    return f"<p>{' '.join(parts)}</p>"


def words_panel(shown: Shown, explanation: Explanation) -> str:
    """What each word does to the target, as HTML: a signed number under every word."""
    if explanation.words is None:
        return f'<p class="empty">{NO_WORDS}</p>'
    scored = zip(shown.analysis.words, explanation.words, strict=False)  # a long tweet has words that were not read
    words = "".join(
        f'<li class="{"raises" if score > 0 else "lowers"}">{html.escape(word.text)} <small>{score:+.2f}</small></li>'
        for word, score in scored
    )
    unit = explanation.target.unit
    return f'<p class="key">What each word adds to the {unit} (nats):</p><ul class="words">{words}</ul>'


def entity_panel(shown: Shown, choice: int, scans: Sequence[GateScan]) -> str:
    """Type, confidence, runner-up and the picture's effect on a chosen name, as HTML; empty for a relation."""
    entity = entity_of(shown.analysis, choice)
    if entity is None:
        return ""
    other = entity.runner_up
    lines = [
        f"<strong>{entity.type}</strong> ({TYPE_NAMES[entity.type]}), confidence {entity.confidence:.2f}. Next best: "
        f"{other.type or 'not a name'}, {other.probability:.2f} (probabilities from 0 to 1).",
        effect_sentence(entity, shown.analysis),
        *(scan.sentence() for scan in scans if scan.entity == entity),
    ]
    return f"<h3>{html.escape(entity.text)}</h3>" + "".join(f"<p>{line}</p>" for line in lines)


def verdict_panel(verdict: Verdict) -> str:
    """The verdict on a map, with the numbers behind it, as HTML."""
    sign = "✓" if verdict.better_than_95 else "!"
    return (
        f'<p class="verdict"><strong>{sign} {verdict.sentence()}</strong> Taking the cells away in the map\'s order '
        f"leaves {verdict.deletion:+.2f} on average (random orders {verdict.deletion_random:+.2f}; lower is better), "
        f"putting them back {verdict.insertion:+.2f} ({verdict.insertion_random:+.2f}; higher is better), in nats.</p>"
    )


def stability_sentence(explanation: Explanation, stability: Stability) -> str:
    """What the tests say, and of which map, as HTML."""
    target = html.escape(explanation.target.describe())
    return f"<strong>{METHOD_NAMES[explanation.method]}</strong> for {target}: {stability.sentence()}"


def attention_panel(shown: Shown, attention: Attention) -> str:
    """A name's attention on the picture before and after the gate, side by side on one scale, as HTML."""
    assert shown.picture is not None
    passes = {"Before the gate (pass 1)": attention.before, "After the gate (pass 2)": attention.after}
    scale = max(max(map(max, one.grid)) for one in passes.values())
    figures = []
    for name, one in passes.items():
        share = f"{100 * one.on_picture:.0f} % of the attention is on the picture"
        strongest = describe_grid(one.grid, effect=False) if one.on_picture else "The picture is hidden here."
        image = draw_overlay(shown.picture, one.grid, scale)
        figures.append(figure(image, f"{name}. {share}. {strongest}", f"<strong>{name}</strong>: {share}. {strongest}"))
    unit = f"Full colour is {scale:.4f}, a share of the attention from 0 to 1, in both."
    return f'<div class="side-by-side">{"".join(figures)}</div><p>{html.escape(attention.sentence())} {unit}</p>'


def figure(image: Image.Image, alt: str, caption: str) -> str:
    """A picture inside the page itself, with its caption (HTML)."""
    small, file = image.copy(), io.BytesIO()
    small.thumbnail((360, 360))
    small.save(file, "JPEG", quality=85)
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f'<figure><img src="data:image/jpeg;base64,{data}" alt="{html.escape(alt)}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )
