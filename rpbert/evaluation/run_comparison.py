"""Two runs of one data set, name by name: what the second fixed, what it broke, and if that is more than chance."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rpbert.errors import UserError
from rpbert.evaluation.records import Record, Run
from rpbert.evaluation.slices import F1Difference, paired_bootstrap

CHANGES = ("fixed", "broken", "both wrong", "both right")


@dataclass(frozen=True)
class Comparison:
    """The second run against the first."""

    names: pd.DataFrame  # one row an annotated name: row, id, text, name, type, change
    counts: dict[str, int]  # of each of `CHANGES`
    mcnemar: float  # exact two-sided p: are fixed and broken equally likely
    f1: F1Difference  # second minus first, lenient
    tweets: int  # that both have


def compare_runs(first: Run, second: Run) -> Comparison:
    """Compare on the annotated tweets that both have.

    Raises:
        UserError: the runs are of other data, or nothing is annotated.

    Source of the test: McNemar (1947), by the exact binomial.
    """
    if first.header.fingerprint != second.header.fingerprint:
        raise UserError(
            f"These runs read other tweets ({first.header.data} and {second.header.data}). Please compare two runs of "
            "the same data set."
        )
    others = {record.row: record for record in second.records}
    both = [(one, others[one.row]) for one in first.records if one.row in others and one.labels is not None]
    if not any(one.gold for one, _ in both):
        raise UserError("No name is annotated in these tweets, so nothing can be called right or wrong.")
    rows = [row for one, other in both for row in _names(one, other)]
    names = pd.DataFrame(rows, columns=["row", "id", "text", "name", "type", "change"])
    counts = {change: int((names["change"] == change).sum()) for change in CHANGES}
    changed = counts["fixed"] + counts["broken"]
    p = _sign_test(counts["fixed"], changed) if changed else 1.0
    difference = paired_bootstrap(_counts([other for _, other in both]), _counts([one for one, _ in both]))
    return Comparison(names, counts, p, difference, len(both))


def _sign_test(fixed: int, changed: int) -> float:
    """The chance of a count as far from half of `changed`, or further, if fixing and breaking were alike likely."""
    from scipy.stats import binomtest  # noqa: PLC0415 - as in `rpbert.evaluation.summary`

    return float(binomtest(fixed, changed).pvalue)


def _names(one: Record, other: Record) -> list[tuple[int, str, str, str, str, str]]:
    changes = {
        (False, True): "fixed",
        (True, False): "broken",
        (False, False): "both wrong",
        (True, True): "both right",
    }
    return [
        (one.row, one.id, one.text, one.name(span), span[2], changes[span in one.own, span in other.own])
        for span in one.gold
    ]


def _counts(records: list[Record]) -> np.ndarray:
    """Correct, found and annotated names of each tweet (N, 3)."""
    return np.array([(len(set(r.gold) & set(r.own)), len(r.own), len(r.gold)) for r in records])


def comparison_sentences(found: Comparison) -> list[str]:
    """What the comparison says, for a person."""
    counts, f1 = found.counts, found.f1
    total = sum(counts.values())
    surely = "more than chance would" if found.mcnemar < 0.05 else "no more than chance could"
    interval = f"{f1.low:+.3f} to {f1.high:+.3f}"
    verdict = "does not hold 0" if f1.low > 0 or f1.high < 0 else "holds 0, so the two may be equally good"
    return [
        f"Of {total} annotated names in {found.tweets} tweets, B gets {counts['fixed']} right that A gets wrong "
        f"(fixed), and {counts['broken']} wrong that A gets right (broken); {counts['both wrong']} are wrong in both.",
        f"McNemar's exact test: p = {found.mcnemar:.3g}. Fixed and broken differ by {surely}.",
        f"F1 of B minus F1 of A: {f1.difference:+.3f}; the 95 % interval {interval} (paired bootstrap over tweets) "
        f"{verdict}.",
    ]
