"""What can be explained: differentiable numbers that the model says of a tweet and its picture.

- the log-odds that the picture belongs, that it (belongs and) adds, or that it (belongs and) shows what the text says;
- the log-probability that a span is a name of a type, also of a type the model did not choose ("why not ORG?");
- the contrast of two readings of a span: the difference of their log-probabilities, in the same unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rpbert.analysis import Analysis, Entity
from rpbert.errors import UserError
from rpbert.model.configuration import ENTITY_TYPES
from rpbert.model.modeling import RpBert
from rpbert.model.outputs import RpBertOutput
from rpbert.model.texts import split_words

RELATION_NAMES = {
    "belongs": "the picture belongs to the tweet",
    "image_adds": "the picture adds to the tweet",
    "text_represented": "the picture shows what the tweet says",
}


@dataclass(frozen=True)
class NameSpan:
    """Words first..end-1 of a tweet, and what they are."""

    first: int
    end: int
    text: str


@dataclass(frozen=True)
class Target:
    """One number: a relation (`span` None), or a reading of a span, alone or against another reading."""

    relation: str | None = None  # one of `RELATIONS`
    span: NameSpan | None = None
    type: str | None = None  # of the span; None is "not a name"
    against: bool = False  # minus the log-probability of the reading `other`
    other: str | None = None

    @property
    def unit(self) -> str:
        """The unit of the number, and of each cell's and word's share in it; both are natural logarithms (nats)."""
        return "log-odds" if self.span is None else "log-probability"

    def describe(self) -> str:
        """For a caption: what the number stands for."""
        if self.span is None:
            assert self.relation is not None
            return RELATION_NAMES[self.relation]
        reading = f"“{self.span.text}” is {self.type or 'not a name'}"
        return f"{reading} rather than {self.other or 'not a name'}" if self.against else reading


BELONGS = Target(relation="belongs")
ADDS = Target(relation="image_adds")
SHOWS = Target(relation="text_represented")
WRITTEN_RELATIONS = {"belongs": BELONGS, "adds": ADDS, "shows": SHOWS}
WRITTEN_READINGS: dict[str, str | None] = {**{kind: kind for kind in ENTITY_TYPES}, "none": None}


def name_target(entity: Entity, kind: str | None = None) -> Target:
    """That `entity` is what it was found to be, or, with `kind`, that it is of this type instead."""
    span = NameSpan(entity.first_word, entity.end_word, entity.text)
    return Target(span=span, type=kind or entity.type)


def contrast_target(entity: Entity) -> Target:
    """That `entity` is what it was found to be rather than its runner-up."""
    target = name_target(entity)
    return Target(span=target.span, type=target.type, against=True, other=entity.runner_up.type)


def relation_targets(analysis: Analysis) -> list[Target]:
    """What pass 1 says of the pair: belongs (where the model asks), adds, shows; nothing without a picture."""
    if analysis.relation is None:
        return []
    return [ADDS, SHOWS] if analysis.relation.belongs is None else [BELONGS, ADDS, SHOWS]


def targets_of(analysis: Analysis) -> list[Target]:
    """All that has a map without being asked for: the relations, then every name as it was found."""
    return [*relation_targets(analysis), *(name_target(entity) for entity in analysis.entities)]


def parse_target(text: str, analysis: Analysis) -> Target:
    """A target from how a user writes it.

    - `belongs`, `adds`, `shows`: the relations;
    - `NAME`: that this name is what it was found to be; `NAME=contrast`: that rather than its runner-up;
    - `NAME=ORG` or another type, `NAME=none` (not a name): this reading of these words, found as a name or not.

    NAME is one or more words of the tweet in a row. Words written with the same capitals come before others, then
    words that were found as a name, then what stands further ahead.

    Raises:
        UserError: words that the tweet does not have or that were not found as a name, a reading that does not exist.
    """
    if text in WRITTEN_RELATIONS:
        target = WRITTEN_RELATIONS[text]
        if target == BELONGS and analysis.relation is not None and analysis.relation.belongs is None:
            raise UserError("This checkpoint does not say whether a picture belongs. Please write adds or shows.")
        return target
    name, equals, reading = text.rpartition("=")
    if not equals:
        return name_target(_entity_written(text, analysis))
    if reading == "contrast":
        return contrast_target(_entity_written(name, analysis))
    if reading not in WRITTEN_READINGS:
        raise UserError(
            f"“{reading}” is no reading of a name. Please write one of {', '.join(WRITTEN_READINGS)} (not a name) or "
            "contrast behind the “=”."
        )
    return Target(span=_spans_written(name, analysis)[0], type=WRITTEN_READINGS[reading])


def _spans_written(name: str, analysis: Analysis) -> list[NameSpan]:
    """Where `name` stands in the tweet, the best place first; at least one."""
    wanted = [word.text for word in split_words(name)] if name.strip() else []
    found = {(entity.first_word, entity.end_word) for entity in analysis.entities}
    places = []
    for first in range(len(analysis.words) - len(wanted) + 1 if wanted else 0):
        end = first + len(wanted)
        words = [word.text for word in analysis.words[first:end]]
        if [word.casefold() for word in words] == [word.casefold() for word in wanted]:
            pasted = analysis.text[analysis.words[first].start : analysis.words[end - 1].end]
            places.append((words != wanted, (first, end) not in found, first, NameSpan(first, end, pasted)))
    if not places:
        raise UserError(
            f"“{name}” does not stand in the tweet. Please write belongs, adds, shows, or one or more of its words in "
            f"a row: {' '.join(word.text for word in analysis.words)}"
        )
    return [span for *_, span in sorted(places, key=lambda place: place[:3])]


def _entity_written(name: str, analysis: Analysis) -> Entity:
    """The name that was found where `name` stands."""
    entities = {(entity.first_word, entity.end_word): entity for entity in analysis.entities}
    for span in _spans_written(name, analysis):
        if (span.first, span.end) in entities:
            return entities[span.first, span.end]
    names = ", ".join(entity.text for entity in analysis.entities) or "none"
    raise UserError(
        f"“{name}” was not found as a name (found: {names}). To ask for a reading of these words all the same, please "
        f"write {name}=PER or another of {', '.join(WRITTEN_READINGS)}."
    )


def target_values(model: RpBert, output: RpBertOutput, targets: Sequence[Target]) -> Tensor:
    """The numbers (B, T) of T targets in each of B readings of one tweet, differentiable; nats."""
    return torch.stack(target_columns(model, output, targets), dim=1)


def target_columns(model: RpBert, output: RpBertOutput, targets: Sequence[Target]) -> list[Tensor]:
    """As `target_values`, one (B,) for each target: the gradient of one does not run back through the others."""
    logs = _log_probabilities(model, output, targets)
    columns: list[Tensor] = []
    for target in targets:
        if target.span is None:
            assert target.relation is not None
            assert output.relation is not None
            logits = output.relation.joint(target.relation)  # (B, 2)
            columns.append(logits[:, 1] - logits[:, 0])
        else:
            value = logs[target.span, target.type]
            columns.append(value - logs[target.span, target.other] if target.against else value)
    return columns


def _log_probabilities(
    model: RpBert, output: RpBertOutput, targets: Sequence[Target]
) -> dict[tuple[NameSpan, str | None], Tensor]:
    """log P (B,) of every reading of a span that a target speaks of."""
    kinds = [(t.span, kind) for t in targets for kind in ((t.type, t.other) if t.against else (t.type,))]
    readings = list(dict.fromkeys((span, kind) for span, kind in kinds if span is not None))
    if not readings:
        return {}
    assert output.emissions is not None
    assert output.word_mask is not None
    rows = len(output.emissions)
    logs = model.crf.span_log_probability(
        output.emissions,
        output.word_mask,
        torch.arange(rows).repeat(len(readings)),
        torch.tensor([span.first for span, _ in readings]).repeat_interleave(rows),
        torch.tensor([span.end for span, _ in readings]).repeat_interleave(rows),
        [kind for _, kind in readings for _ in range(rows)],
    )
    return dict(zip(readings, logs.view(len(readings), rows), strict=True))  # (S,) -> (readings, B)
