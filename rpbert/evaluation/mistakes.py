"""The cases of a run: every name that is annotated or was found, what went wrong with it, and what the picture did.

A found name is held against an annotated one that shares a word with it, each at most once: first where words and type
agree, then the words, then the type, then whatever overlaps most. What is left over is missed or spurious. The kinds
are those of Nejadgholi et al. (2020) and of the MUC scorer (Chinchor and Sundheim 1993), named in plain words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rpbert.evaluation.records import Chance, Record
from rpbert.model.crf import Span

Kind = Literal["correct", "missed", "spurious", "type", "boundary", "both", "avoided", "unjudged", "none"]
Effect = Literal["helped", "hurt", "neutral"]

KINDS: dict[Kind, str] = {
    "missed": "missed",
    "spurious": "spurious",
    "type": "wrong type",
    "boundary": "wrong boundary",
    "both": "wrong type and boundary",
    "correct": "correct",
    "avoided": "spurious only without the picture",
    "unjudged": "found, no annotation to judge it",
    "none": "no name, and none found",
}
MISTAKES: tuple[Kind, ...] = ("missed", "spurious", "type", "boundary", "both")
EFFECTS: dict[Effect, str] = {"helped": "helped", "hurt": "hurt", "neutral": "changed nothing"}
LITTLE = 0.05  # a probability that moves by less has not moved

Pairing = tuple[Span | None, Span | None]  # annotated, found


@dataclass(frozen=True)
class Case:
    """One name, or a tweet without any."""

    row: int  # of the record
    kind: Kind
    gold: Span | None
    found: Span | None  # with the tweet's own picture; of an avoided name, without it
    outcome: Effect | None  # did the picture make right or wrong what it is; None without a picture or annotation
    gain: float | None  # by how much the picture moved the probability towards what is right (of an unjudged name: up)
    gain_over_other: float | None  # the same against another tweet's picture

    @property
    def moved(self) -> Effect | None:
        """What the picture did in probability: `gain` by its sign, `LITTLE` is nothing."""
        if self.gain is None or self.kind == "unjudged":
            return None
        return "neutral" if abs(self.gain) < LITTLE else "helped" if self.gain > 0 else "hurt"


def kind_of(gold: Span | None, found: Span | None) -> Kind:
    """What went wrong between an annotated name and the found one it is held against."""
    assert gold is not None or found is not None
    if found is None:
        return "missed"
    if gold is None:
        return "spurious"
    words, kind = gold[:2] == found[:2], gold[2] == found[2]
    if words:
        return "correct" if kind else "type"
    return "boundary" if kind else "both"


def pair_up(gold: Sequence[Span], found: Sequence[Span]) -> list[Pairing]:
    """Annotated and found names held against each other, in the order of the tweet."""
    candidates = sorted(
        ((_closeness(one, other), one, other) for one in gold for other in found if _overlap(one, other)),
        key=lambda candidate: (candidate[0], candidate[1], candidate[2]),
    )
    pairs: list[Pairing] = []
    free_gold, free_found = list(gold), list(found)
    for _, one, other in candidates:
        if one in free_gold and other in free_found:
            pairs.append((one, other))
            free_gold.remove(one)
            free_found.remove(other)
    pairs += [(one, None) for one in free_gold] + [(None, other) for other in free_found]
    return sorted(pairs, key=lambda pair: (pair[0] or pair[1] or (0, 0, ""))[:2])


def _overlap(one: Span, other: Span) -> int:
    """Words in common."""
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def _closeness(one: Span, other: Span) -> tuple[bool, bool, int]:
    """Less is closer: the same words, then the same type, then more words in common."""
    return one[:2] != other[:2], one[2] != other[2], -_overlap(one, other)


def cases_of(record: Record) -> list[Case]:
    """The cases of one tweet; never none."""
    if record.labels is None:
        cases = [_unjudged(record, span) for span in record.own]
    else:
        own, without = pair_up(record.gold, record.own), pair_up(record.gold, record.without)
        alone = {gold: found for gold, found in without if gold is not None}
        false_alone = [found for gold, found in without if gold is None and found is not None]
        cases = [_judged(record, gold, found, alone, false_alone) for gold, found in own]
        false_own = [found for gold, found in own if gold is None and found is not None]
        gone = [span for span in false_alone if not any(_overlap(span, other) for other in false_own)]
        cases += [_avoided(record, span) for span in gone if record.picture is not None]
    return cases or [Case(record.row, "none", None, None, None, None, None)]


def _judged(
    record: Record,
    gold: Span | None,
    found: Span | None,
    alone: dict[Span, Span | None],
    false_alone: Sequence[Span],
) -> Case:
    kind = kind_of(gold, found)
    span = gold or found
    assert span is not None
    if gold is not None:
        right, right_alone = found == gold, alone[gold] == gold
    else:
        right, right_alone = False, not any(_overlap(span, other) for other in false_alone)
    outcome: Effect = "neutral" if right == right_alone else "helped" if right else "hurt"
    sign = 1 if gold is not None else -1
    return Case(
        record.row,
        kind,
        gold,
        found,
        outcome if record.picture is not None else None,
        _gain(record, record.chance(span), sign),
        _gain_over_other(record.chance(span), sign),
    )


def _avoided(record: Record, span: Span) -> Case:
    chance = record.chance(span)
    return Case(record.row, "avoided", None, span, "helped", _gain(record, chance, -1), _gain_over_other(chance, -1))


def _unjudged(record: Record, span: Span) -> Case:
    chance = record.chance(span)
    return Case(record.row, "unjudged", None, span, None, _gain(record, chance, 1), _gain_over_other(chance, 1))


def _gain(record: Record, chance: Chance, sign: int) -> float | None:
    return None if record.picture is None else sign * (chance.own - chance.without)


def _gain_over_other(chance: Chance, sign: int) -> float | None:
    return None if chance.swapped is None else sign * (chance.own - chance.swapped)
