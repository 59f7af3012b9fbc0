"""Which slices of a run differ from the rest by more than chance.

A slice of tweets is measured by its F1, a slice of annotated names by its recall, for a name that was only found
belongs to neither side. Tweets are drawn again, not names: names of one tweet are right or wrong together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rpbert.evaluation.case_table import NAME_SLICES, SLICES, TWEET_VALUES, name_value
from rpbert.evaluation.records import Record
from rpbert.evaluation.slices import INTERVAL, f1_of, resampled

RESAMPLES = 4_000
FEWEST = 20  # annotated names on either side of a comparison
LEVEL = 0.05


@dataclass(frozen=True)
class SliceScore:
    """A slice and its comparison with everything else that has a value in the same column."""

    column: str  # of `SLICES`
    value: str
    measure: str  # "F1" or "recall"
    tweets: int
    names: int  # annotated
    score: float
    low: float  # 95 % interval of the score
    high: float
    rest: float | None  # the score of the rest; None when there is no rest
    p: float | None  # two-sided; None when there are too few names, or another row is the same comparison
    corrected: float | None  # by Holm (1979), for all comparisons that were made

    @property
    def differs(self) -> bool:
        """By more than chance."""
        return self.corrected is not None and self.corrected < LEVEL


def slice_tests(records: Sequence[Record], seed: int = 0) -> list[SliceScore]:
    """Every slice of the labelled tweets; a column in which nothing is known is left out."""
    labelled = [record for record in records if record.labels is not None]
    sides = [side for column in SLICES for side in _sides(column, labelled)]
    if not sides:
        return []
    counts = np.stack([np.stack([inside, outside], axis=1) for _, _, inside, outside in sides], axis=1)  # (N, S, 2, 3)
    sums, drawn = counts.sum(0), resampled(counts, RESAMPLES, seed)  # (S, 2, 3) and (RESAMPLES, S, 2, 3)
    scores, drawn_scores = f1_of(sums), f1_of(drawn)  # (S, 2) and (RESAMPLES, S, 2)
    lows, highs = np.percentile(drawn_scores[:, :, 0], INTERVAL, axis=0)
    differences = drawn_scores[:, :, 0] - drawn_scores[:, :, 1]
    ps = [
        two_sided(differences[:, number]) if _comparable(sides, number, sums[number]) else None
        for number in range(len(sides))
    ]
    corrected = iter(holm([p for p in ps if p is not None]))
    return [
        SliceScore(
            column=column,
            value=value,
            measure="recall" if column in NAME_SLICES else "F1",
            tweets=int((inside[:, 1:].sum(1) > 0).sum())
            if column in NAME_SLICES
            else _members(labelled, column, value),
            names=int(sums[number, 0, 2]),
            score=float(scores[number, 0]),
            low=float(lows[number]),
            high=float(highs[number]),
            rest=float(scores[number, 1]) if outside.any() else None,
            p=ps[number],
            corrected=None if ps[number] is None else next(corrected),
        )
        for number, (column, value, inside, outside) in enumerate(sides)
    ]


Side = tuple[str, str, np.ndarray, np.ndarray]  # column, value, counts (N, 3) inside and outside


def _sides(column: str, records: Sequence[Record]) -> list[Side]:
    """The slices of a column."""
    of_value: Callable[[Record, str | None], tuple[int, int, int]] = (
        (lambda record, value: _recall_counts(record, column, value))
        if column in NAME_SLICES
        else (lambda record, value: _tweet_counts(record, column, value))
    )
    values = sorted({value for record in records for value in _values(record, column) if value is not None})
    if len(values) < 2:
        return []
    per_value = {value: np.array([of_value(record, value) for record in records]) for value in values}
    total = sum(per_value.values())
    return [(column, value, counts, total - counts) for value, counts in per_value.items()]


def _values(record: Record, column: str) -> list[str | None]:
    if column in NAME_SLICES:
        return [name_value(record, column, span) for span in record.gold]
    return [TWEET_VALUES[column](record)]


def _tweet_counts(record: Record, column: str, value: str | None) -> tuple[int, int, int]:
    """Correct, found and annotated names, when the tweet is in the slice."""
    if TWEET_VALUES[column](record) != value:
        return 0, 0, 0
    gold, found = set(record.gold), set(record.own)
    return len(gold & found), len(found), len(gold)


def _recall_counts(record: Record, column: str, value: str | None) -> tuple[int, int, int]:
    """Correct and annotated names of the slice, the latter twice: so F1 is recall."""
    gold = [span for span in record.gold if name_value(record, column, span) == value]
    return len(set(gold) & set(record.own)), len(gold), len(gold)


def _members(records: Sequence[Record], column: str, value: str) -> int:
    return sum(TWEET_VALUES[column](record) == value for record in records)


def _comparable(sides: Sequence[Side], number: int, sums: np.ndarray) -> bool:
    """Whether there are names enough, and the comparison was not made already from the other side."""
    column = sides[number][0]
    same = [index for index, side in enumerate(sides) if side[0] == column]
    again = len(same) == 2 and number == same[1]
    return not again and min(sums[0, 2], sums[1, 2]) >= FEWEST


def two_sided(differences: np.ndarray) -> float:
    """How often the sign of resampled differences is the other one, doubled; never 0.

    Source: Efron and Tibshirani (1993), chapter 15, with their correction of 1 on both counts.
    """
    below, above = (differences <= 0).sum(), (differences >= 0).sum()
    return float(min(1.0, 2 * (min(below, above) + 1) / (len(differences) + 1)))


def holm(ps: Sequence[float]) -> list[float]:
    """p values corrected for having looked several times (Holm 1979), in their order."""
    corrected, largest = [0.0] * len(ps), 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda index: ps[index])):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[index]))
        corrected[index] = largest
    return corrected


def training_sentence(records: Sequence[Record]) -> str:
    """That names not seen in training are no slice, where no training file was given; else empty."""
    labelled = [record for record in records if record.labels is not None]
    if not labelled or any(record.seen is not None for record in labelled):
        return ""
    return (
        "Names not seen in training are no slice here, for there was no training file: put train.txt or train.jsonl "
        "beside the table, or name it with --training."
    )


def slices_sentence(scores: Sequence[SliceScore]) -> str:
    """Which slices differ by more than chance, and from how many looks."""
    looks = sum(score.p is not None for score in scores)
    if not looks:
        return f"No slice could be compared: that takes {FEWEST} annotated names in the slice and {FEWEST} outside."
    times = f"{looks} comparison{'s' if looks > 1 else ''}"
    rule = f"p below {LEVEL} after Holm's correction for {times}, bootstrap over tweets"
    found = [score for score in scores if score.differs]
    if not found:
        return f"No slice differs from the rest by more than chance ({rule})."
    told = "; ".join(
        f"{SLICES[score.column]}: {score.value}, {score.measure} {score.score:.2f} against {score.rest:.2f}"
        for score in found
    )
    return f"{len(found)} of {times} differ{'s' if len(found) == 1 else ''} by more than chance ({rule}): {told}."
