"""What the picture is worth: strict F1 by slice, and with against without the picture by a paired bootstrap.

Everything here rests on counts per tweet, so that tweets can be drawn again. A span counts as in the strict F1 of
`rpbert.evaluation.metrics`; gold spans that begin with I- are repaired first.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example, repair_bio
from rpbert.evaluation.prediction import Regions, predict
from rpbert.model.configuration import ENTITY_TYPES
from rpbert.model.crf import Span, spans_of
from rpbert.model.gates import Gate
from rpbert.model.modeling import RpBert
from rpbert.model.scene_text import shared_words

RESAMPLES = 10_000
BLOCK = 500  # resamples that are drawn at a time
INTERVAL = (2.5, 97.5)  # percentiles

Labels = Sequence[str]


@dataclass(frozen=True)
class F1Difference:
    """F1 of one reading minus F1 of another on the same tweets, with the 95 % interval of a paired bootstrap."""

    difference: float
    low: float
    high: float


def span_counts(examples: Sequence[Example], predicted: Sequence[Labels], kind: str | None = None) -> np.ndarray:
    """Correct, predicted and gold spans of each tweet (N, 3); with `kind` of this entity type alone."""
    rows = []
    for example, labels in zip(examples, predicted, strict=True):
        assert example.labels is not None
        gold, found = (set(spans_of(list(repair_bio(tuple(side))))) for side in (example.labels, labels))
        if kind is not None:
            gold, found = ({span for span in side if span[2] == kind} for side in (gold, found))
        rows.append((len(gold & found), len(found), len(gold)))
    return np.array(rows)


def f1_of(counts: np.ndarray) -> np.ndarray:
    """F1 of summed counts (..., 3): correct, predicted, gold. 0 where nothing was to be found and nothing was."""
    correct, found, gold = counts[..., 0], counts[..., 1], counts[..., 2]
    return 2 * correct / np.maximum(found + gold, 1)


def resampled(counts: np.ndarray, resamples: int, seed: int = 0) -> np.ndarray:
    """Sums (resamples, ...) of counts (N, ...) of N tweets that are drawn with replacement, N at a time.

    In blocks, so that memory does not grow with resamples times tweets.
    """
    tweets, generator = len(counts), np.random.default_rng(seed)
    sums = []
    for begin in range(0, resamples, BLOCK):
        drawn = generator.multinomial(tweets, np.full(tweets, 1 / tweets), min(BLOCK, resamples - begin))  # (block, N)
        sums.append(np.tensordot(drawn.astype(float), counts, axes=1))
    return np.concatenate(sums)


def paired_bootstrap(first: np.ndarray, second: np.ndarray, seed: int = 0) -> F1Difference:
    """F1 of `first` minus F1 of `second`, both (N, 3) of the same tweets; tweets are drawn with replacement.

    Source: Efron and Tibshirani (1993); for NLP, Berg-Kirkpatrick et al. (EMNLP 2012).
    """
    both = resampled(np.stack([first, second], axis=1), RESAMPLES, seed)  # (RESAMPLES, 2, 3)
    low, high = np.percentile(f1_of(both[:, 0]) - f1_of(both[:, 1]), INTERVAL)
    return F1Difference(float(f1_of(first.sum(0)) - f1_of(second.sum(0))), float(low), float(high))


def slice_scores(examples: Sequence[Example], predicted: Sequence[Labels]) -> dict[str, float]:
    """Strict F1 of all tweets, of those whose picture adds and does not, by language and type; recall by visibility.

    Whether a name is visible, or stands in the picture as words, is known of gold names only, so for these slices there
    is a recall and no F1. A slice that the labels do not allow, or that is empty, is left out.
    """
    counts = span_counts(examples, predicted)
    scores = {"all, F1": float(f1_of(counts.sum(0)))}
    slices = {
        "the picture adds, F1": [example.image_adds == 1 for example in examples],
        "the picture does not add, F1": [example.image_adds == 0 for example in examples],
        "English, F1": [example.english is True for example in examples],
        "other languages, F1": [example.english is False for example in examples],
    }
    for name, chosen in slices.items():
        if any(chosen):
            scores[name] = float(f1_of(counts[np.array(chosen)].sum(0)))
    for value, name in ((True, "visible names, recall"), (False, "names not visible, recall")):
        hits = _hits(examples, predicted, value, is_visible)
        if hits:
            scores[name] = sum(hits) / len(hits)
    for value, name in ((True, "names that stand in the picture, recall"), (False, "names that do not, recall")):
        hits = _hits(examples, predicted, value, stands_in_picture)
        if hits:
            scores[name] = sum(hits) / len(hits)
    for kind in ENTITY_TYPES:
        scores[f"{kind}, F1"] = float(f1_of(span_counts(examples, predicted, kind).sum(0)))
    return scores


def picture_effect(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Example], regions: Regions, gate: Gate
) -> dict[str, Any]:
    """The names of labelled pairs read with their own picture, without it, and with that of the next pair instead.

    Returns:
        `slices`: the scores of each reading, by its name; `own_minus_without` and `own_minus_swapped`: the differences
        of the overall F1 with their intervals.
    """
    others = [*pairs[1:], pairs[0]]
    swapped = [
        replace(pair, picture=other.picture, scene=other.scene) for pair, other in zip(pairs, others, strict=True)
    ]
    readings: dict[str, tuple[Sequence[Example], Gate]] = {
        "own": (pairs, gate),
        "without": (pairs, "closed"),
        "swapped": (swapped, gate),
    }
    labels = {
        name: [found.labels for found in predict(model, tokenizer, examples, regions, setting)]
        for name, (examples, setting) in readings.items()
    }
    counts = {name: span_counts(pairs, found) for name, found in labels.items()}
    return {
        "slices": {name: slice_scores(pairs, found) for name, found in labels.items()},
        "own_minus_without": asdict(paired_bootstrap(counts["own"], counts["without"])),
        "own_minus_swapped": asdict(paired_bootstrap(counts["own"], counts["swapped"])),
    }


def is_visible(example: Example, span: Span) -> bool | None:
    """Whether a gold name is depicted; None where it is not known."""
    return None if example.visible is None else example.visible[span[0]]


def stands_in_picture(example: Example, span: Span) -> bool | None:
    """Whether a word of a name also stands in the picture; None for a tweet whose picture has no words."""
    if not example.scene:
        return None
    shared = {word for line in example.scene for word in shared_words(example.words, line.text)}
    return any(word in shared for word in range(span[0], span[1]))


def _hits(
    examples: Sequence[Example],
    predicted: Sequence[Labels],
    wanted: bool,
    of: Callable[[Example, Span], bool | None],
) -> list[bool]:
    """For each gold name of which `of` says what is `wanted`, whether it was found."""
    hits = []
    for example, labels in zip(examples, predicted, strict=True):
        if example.labels is None:
            continue
        found = set(spans_of(list(repair_bio(tuple(labels)))))
        gold = spans_of(list(repair_bio(example.labels)))
        hits += [span in found for span in gold if of(example, span) == wanted]
    return hits
