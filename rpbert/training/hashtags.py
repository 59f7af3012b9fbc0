"""Names and words written as hashtags: training sees more of them than a few thousand tweets have.

A name becomes "#" and one word, as tweets write it: "in New York" -> "in # NewYork" or "in # newyork". Other words do
too, so that a hashtag is no sign of a name by itself.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from rpbert.data.readers import Example, repair_bio
from rpbert.model.configuration import LABELS

LONGEST = 4  # words of a name
OTHERS = 0.25  # a word outside of all names has this part of a name's chance
CERTAIN = 10.0  # the emission (logit) by which a teacher reads "#" as no name


def as_hashtags(example: Example, share: float, generator: torch.Generator) -> tuple[Example, list[int | None]]:
    """The tweet with each name, by the chance `share`, as a hashtag, and a smaller share of its other words.

    Returns:
        Also, for each new word, the index of the word that it was before (of a name its first), or None for a "#".
    """
    assert example.labels is not None
    labels = repair_bio(example.labels)
    chances = torch.rand(len(labels), 2, generator=generator).tolist()
    words: list[str] = []
    origin: list[int | None] = []
    for begin, end in _runs(labels):
        tagged, small = chances[begin]
        named = labels[begin] != "O"
        if tagged < share * (1.0 if named else OTHERS) and _may_be_tagged(example.words, begin, end):
            joined = "".join(example.words[begin:end])
            words += ["#", joined.lower() if small < 0.5 else joined]
            origin += [None, begin]
        else:
            words += example.words[begin:end]
            origin += range(begin, end)
    if None not in origin:
        return example, origin
    kept = tuple("O" if index is None else labels[index] for index in origin)
    seen = example.visible and tuple(None if index is None else example.visible[index] for index in origin)
    return replace(example, words=tuple(words), labels=kept, visible=seen), origin


def moved_reading(reading: Tensor, origin: Sequence[int | None]) -> Tensor:
    """A teacher's emissions (W, L) of a tweet, as those (W', L) of the tweet that `as_hashtags` made of it."""
    sign = torch.zeros(len(LABELS))
    sign[LABELS.index("O")] = CERTAIN
    return torch.stack([sign if index is None else reading[index] for index in origin])


def _runs(labels: Sequence[str]) -> list[tuple[int, int]]:
    """Names as (first word, behind the last), and every other word as a run of its own."""
    begins = [index for index, label in enumerate(labels) if not label.startswith("I-")]
    return list(zip(begins, [*begins[1:], len(labels)], strict=True))


def _may_be_tagged(words: Sequence[str], begin: int, end: int) -> bool:
    """Whether words begin..end-1 are letters and digits alone, not too many, and no hashtag yet."""
    plain = all(word.isalnum() and not word.isdigit() for word in words[begin:end])
    return plain and end - begin <= LONGEST and (begin == 0 or words[begin - 1] != "#")
