"""What if? The same tweet read at other gates, without its picture, or changed; and what that did to its names.

"What does the picture do to this name?" is three different questions, and they have different answers:

- without the picture: the gate is closed and the 49 regions are masked out of attention. It is the reading of a tweet
  that never had a picture: `Entity.confidence_without_picture`, `effect_sentence`.
- a blank picture: `blank_picture` is a picture like any other, with nothing on it. The model reads its 49 regions, and
  pass 1 judges how it relates to the tweet.
- another picture: the tweet with a picture that shows something else.

The last two are asked with `analyzer.analyze`, and answered by `differences`. A gate of 0, where `scan_gate` begins, is
none of the three: the regions are zero but still there, with a position and a share of attention.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from PIL import Image
from torch import Tensor

from rpbert.analysis import Analysis, Entity
from rpbert.analyzer import Analyzer, Prepared
from rpbert.model.configuration import ENTITY_TYPES
from rpbert.model.inputs import Pictures, Texts
from rpbert.model.modeling import RpBert

GATES: tuple[float, ...] = tuple(step / 20 for step in range(21))  # 0, 0.05 ... 1
READINGS: tuple[str | None, ...] = (*ENTITY_TYPES, None)  # None is "not a name"
MINIMUM_CHANGE = 0.005  # a change of a probability that two decimals would not show
GREY = (128, 128, 128)


@dataclass(frozen=True)
class Flip:
    """A change of reading: `gate` is the first of `GATES` with the new one, `before` that of the gate before it."""

    gate: float
    before: str | None
    after: str | None


@dataclass(frozen=True)
class GateScan:
    """How a name is read at each of `GATES`."""

    entity: Entity
    confidences: tuple[float, ...]  # P(exactly this span has exactly this type)
    best: tuple[str | None, ...]  # the most probable type of exactly these words; None is "not a name"

    @property
    def flips(self) -> list[Flip]:
        """Where `best` changes, from the lowest gate up."""
        steps = zip(GATES[1:], self.best, self.best[1:], strict=False)  # best is one longer
        return [Flip(gate, before, after) for gate, before, after in steps if before != after]

    def sentence(self) -> str:
        """For below the curve."""
        reading = _reading_name(self.best[0])
        if self.flips:
            turns = ", then ".join(f"to {_reading_name(flip.after)} at gate {flip.gate:.2f}" for flip in self.flips)
            return f"The reading flips from {reading} {turns} ({len(GATES)} values from 0 to 1 were tried)."
        whose = "its probability" if self.best[0] == self.entity.type else f"the probability of {self.entity.type}"
        low, high = min(self.confidences), max(self.confidences)
        if high - low < MINIMUM_CHANGE:
            moves = f"stays at {self.confidences[-1]:.2f} (it moves by less than {MINIMUM_CHANGE})"
        else:
            moves = "moves between {} and {}".format(*_told_apart(low, high))
        return f"The reading stays {reading} at every gate from 0 to 1; {whose} {moves}."


@torch.no_grad()
def scan_gate(analyzer: Analyzer, prepared: Prepared, entities: Sequence[Entity]) -> list[GateScan]:
    """Each entity at all `GATES`.

    Args:
        prepared: with a picture. entities: names of this tweet, as `analyzer.predict` found them at any gate.
    """
    assert prepared.pictures is not None, "a scan needs a picture"
    if not entities:
        return []
    emissions, mask = _emissions_at_gates(analyzer.model, prepared.texts, prepared.pictures)
    count, rows = len(READINGS), len(GATES)
    logs = analyzer.model.crf.span_log_probability(
        emissions,
        mask,
        torch.arange(rows).repeat(len(entities) * count),
        torch.tensor([entity.first_word for entity in entities]).repeat_interleave(count * rows),
        torch.tensor([entity.end_word for entity in entities]).repeat_interleave(count * rows),
        [kind for kind in READINGS for _ in GATES] * len(entities),
    )
    probabilities = logs.exp().clamp(max=1.0).view(len(entities), count, rows)  # (S,) -> (entities, readings, gates)
    return [_scan(entity, table) for entity, table in zip(entities, probabilities, strict=True)]


def _emissions_at_gates(model: RpBert, texts: Texts, pictures: Pictures) -> tuple[Tensor, Tensor]:
    """Emissions (21, W, L) and word mask (21, W): pass 2 of one tweet, a row for each gate.

    Pass 1 is left out: all it could give pass 2 is the gate, which is chosen here.
    """
    factor = torch.tensor(GATES)
    rows = texts.repeated(len(GATES))
    embedded = model.embed(rows, pictures.repeated(len(GATES)))
    _, emissions, mask = model.read(rows, embedded, factor, torch.zeros_like(factor, dtype=torch.bool))
    return emissions, mask


def _scan(entity: Entity, table: Tensor) -> GateScan:
    """From the probabilities (readings, gates) of one entity's words."""
    best = tuple(READINGS[index] for index in table.argmax(dim=0).tolist())
    return GateScan(entity, tuple(table[READINGS.index(entity.type)].tolist()), best)


def effect_sentence(entity: Entity, analysis: Analysis) -> str:
    """What the picture does to one name of `analysis`, against the same tweet without the picture."""
    if analysis.relation is None:
        return "No picture was given."
    # Only these two mask the regions; a number 0 does not.
    if analysis.gate_setting == "closed" or (analysis.gate_setting == "hard" and analysis.gate == 0):
        return "The gate is closed: the picture had no part in this reading."
    shown, without = entity.confidence, entity.confidence_without_picture
    if abs(shown - without) < MINIMUM_CHANGE:
        return f"Without the picture P({entity.type}) stays at {shown:.2f} (it changes by less than {MINIMUM_CHANGE})."
    moves = "falls" if without < shown else "rises"
    start, end = _told_apart(shown, without)
    return f"Without the picture P({entity.type}) {moves} from {start} to {end}."


@dataclass(frozen=True)
class NameChange:
    """What became of one span from one analysis to another; None where there was no such name."""

    kind: Literal["same", "relabelled", "appeared", "lost"]  # relabelled: the same words, another type
    text: str
    type_before: str | None
    type_after: str | None
    confidence_before: float | None  # P(exactly this span has exactly the type it had then)
    confidence_after: float | None


def differences(before: Analysis, after: Analysis) -> list[NameChange]:
    """The names of two analyses side by side, in the order of the tweet, that of `after` where they are in both.

    A span is the same span at the same characters; where the text was edited, when its words are the same and stand
    there for the same time: the second "Paris" of one tweet is compared with the second of the other.
    """
    keyed = _by_place if before.text == after.text else _by_words
    old, new = keyed(before), keyed(after)
    either = {**old, **new}
    return [_difference(old.get(key), new.get(key)) for key in sorted(either, key=lambda key: either[key].start)]


def _by_place(analysis: Analysis) -> dict[Hashable, Entity]:
    return {(entity.start, entity.end): entity for entity in analysis.entities}


def _by_words(analysis: Analysis) -> dict[Hashable, Entity]:
    """By the words of a name and how often they stand in the tweet before it, as a name or not."""
    words = [word.text for word in analysis.words]
    entities: dict[Hashable, Entity] = {}
    for entity in analysis.entities:
        span = words[entity.first_word : entity.end_word]
        earlier = sum(words[first : first + len(span)] == span for first in range(entity.first_word))
        entities[tuple(span), earlier] = entity
    return entities


def _difference(old: Entity | None, new: Entity | None) -> NameChange:
    if old is not None and new is not None:
        kind: Literal["same", "relabelled"] = "same" if old.type == new.type else "relabelled"
        return NameChange(kind, new.text, old.type, new.type, old.confidence, new.confidence)
    if new is not None:
        return NameChange("appeared", new.text, None, new.type, None, new.confidence)
    assert old is not None, "a difference is about some span"
    return NameChange("lost", old.text, old.type, None, old.confidence, None)


def blank_picture() -> Image.Image:
    """A picture without content: uniform medium grey. Not the same as no picture; see above."""
    return Image.new("RGB", (224, 224), GREY)


def _reading_name(kind: str | None) -> str:
    return kind or "“not a name”"


def _told_apart(first: float, second: float) -> tuple[str, str]:
    """Two probabilities at least `MINIMUM_CHANGE` apart: with two decimals, or three where two would look the same."""
    decimals = 3 if f"{first:.2f}" == f"{second:.2f}" else 2
    return f"{first:.{decimals}f}", f"{second:.{decimals}f}"
