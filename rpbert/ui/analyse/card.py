"""The card of what was chosen, a name or a relation: what the picture does to it, and is its map to be believed."""

from collections.abc import Sequence

from rpbert.explain.attention import Attention
from rpbert.explain.effects import MATTERS, largest_change, matters
from rpbert.explain.faithfulness import Verdict
from rpbert.explain.methods import METHOD_NAMES, Explanation
from rpbert.explain.overlays import describe_grid, draw_overlay
from rpbert.explain.stability import Stability
from rpbert.explain.what_if import GateScan, effect_sentence
from rpbert.ui.analyse.maps import map_sentence
from rpbert.ui.analyse.view import name_lines
from rpbert.ui.keys import entity_of, keys_of
from rpbert.ui.templating import jpeg_data, render
from rpbert.ui.words import GLOSSARY, TYPE_COLOURS, type_name
from rpbert.ui.workbench import ScreenState

ROUTE_NAMES = {
    "total": "both routes together",
    "gate": "through the gate's value only (pass 1)",
    "content": "through the gated content only (pass 2)",
}
RELATION_HEADINGS = {
    "belongs": "The picture belongs to the tweet",
    "adds": "The picture adds to the words",
    "shows": "The picture shows what the words say",
}
UNJUDGED = "Is this map to be believed? The verdict follows in a few seconds."
STOPPED = "Stopped. Choose a name to go on."
ONE_ROUTE = "The verdict is given for both routes together only."
NOT_ASKED = "This tweet is long. It was read, but not explained: press “Make the maps” if you want them."
NO_WORDS = "Grad-CAM looks at the picture alone. Choose another method to see what each word does."


def cards_panel(state: ScreenState, scans: Sequence[GateScan]) -> str:
    """The cards of all that can be chosen; the page shows the one that is."""
    cards = [card_of(state, key, scans) for key in keys_of(state.analysis)]
    return render("analyse/cards.html", cards=cards, analysis=state.key)


def card_of(state: ScreenState, key: str, scans: Sequence[GateScan]) -> dict[str, object]:
    """One card, by its parts."""
    entity = entity_of(state.analysis, key)
    if entity is None:
        sentences = [GLOSSARY[key]]
        if key == "belongs":
            sentences.append(f"Before it looks, the model takes it that {state.belongs_prior:.0%} of pictures belong.")
        return {"key": key, "heading": RELATION_HEADINGS[key], "type": None, "sentences": sentences}
    other = entity.runner_up
    line = next(one for one in name_lines(state.analysis, state.alone, state.closed) if one.key == key)
    was = f" The words alone say: {line.effect.removeprefix('was ')}." if line.changed and line.effect else ""
    return {
        "key": key,
        "heading": entity.text,
        "type": type_name(entity.type),
        "colour": TYPE_COLOURS[entity.type],
        "confidence": entity.confidence,
        "sentences": [
            effect_sentence(entity, state.analysis) + was,
            f"Next best reading: {type_name(other.type)}, {other.probability:.2f}.",
            *(scan.sentence() for scan in scans if scan.entity == entity),
        ],
        "changed": line.changed,
    }


def pending_details(sentence: str) -> str:
    """What stands below the card until there is more to say."""
    coming = sentence == UNJUDGED
    return render("analyse/details.html", sentence=sentence, coming=coming, verdict=None, words=None, facts=[])


def details_panel(state: ScreenState, explanation: Explanation, verdict: Verdict | None, note: str = "") -> str:
    """The verdict on a map, then its numbers, folded."""
    words = None
    if explanation.words is not None:
        scored = zip(state.analysis.words, explanation.words, strict=False)  # a long tweet is not read to its end
        words = [(word.text, score) for word, score in scored]
    return render(
        "analyse/details.html",
        coming=False,
        sentence=note,
        verdict=None if verdict is None else verdict_parts(explanation, verdict),
        words=words,
        no_words=NO_WORDS,
        unit=explanation.target.unit,
        facts=map_facts(state, explanation),
    )


def verdict_parts(explanation: Explanation, verdict: Verdict) -> dict[str, object]:
    """Both things a verdict says, the order of the cells and the size of the effect, and the numbers behind them."""
    change = largest_change(explanation)
    large = matters(explanation)
    size = f"{explanation.strength:.3f} nats" if change is None else f"{change:.3f} in probability"
    effect = "large enough to matter" if large else f"too small to matter (below {MATTERS})"
    return {
        "sign": "✓" if verdict.better_than_95 and large else "!",
        "order": verdict.sentence(),
        "effect": f"The largest effect of a single part, {size}, is {effect}.",
        "numbers": verdict,
    }


def map_facts(state: ScreenState, explanation: Explanation) -> list[str]:
    """What a researcher wants to know of a map."""
    facts = [
        f"{METHOD_NAMES[explanation.method]} for {explanation.target.describe()}, {ROUTE_NAMES[explanation.route]}.",
        map_sentence(state, explanation),
        f"{describe_grid(explanation.grid)} It is worth {explanation.strength:.3f} nats of {explanation.target.unit}."
        if explanation.strength
        else "No cell has an effect.",
    ]
    if explanation.delta is not None:
        facts.append(f"Convergence delta {explanation.delta:+.3f} nats: by so much the scores miss what they explain.")
    return facts


def stability_panel(explanation: Explanation, stability: Stability) -> str:
    """What the tests of steadiness say, and of which map."""
    return render(
        "analyse/stability.html",
        method=METHOD_NAMES[explanation.method],
        target=explanation.target.describe(),
        sentence=stability.sentence(),
    )


def attention_panel(state: ScreenState, attention: Attention) -> str:
    """A name's attention on the picture before and after the gate, side by side on one scale."""
    assert state.picture is not None
    passes = {"Before the gate (pass 1)": attention.before, "After the gate (pass 2)": attention.after}
    scale = max(max(map(max, one.grid)) for one in passes.values())
    figures = []
    for name, one in passes.items():
        share = f"{100 * one.on_picture:.0f} % of the attention is on the picture"
        strongest = describe_grid(one.grid, effect=False) if one.on_picture else "The picture is hidden here."
        image = jpeg_data(draw_overlay(state.picture, one.grid, scale), 360)
        figures.append(
            {"image": image, "alt": f"{name}. {share}. {strongest}", "name": name, "told": f"{share}. {strongest}"}
        )
    return render("analyse/attention.html", figures=figures, sentence=attention.sentence(), scale=scale)
