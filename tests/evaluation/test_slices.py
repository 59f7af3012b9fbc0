"""Slices and the paired bootstrap, against counts made by hand."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from passes import line
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example
from rpbert.evaluation.prediction import predict
from rpbert.evaluation.slices import (
    f1_of,
    paired_bootstrap,
    picture_effect,
    slice_scores,
    span_counts,
    stands_in_picture,
)
from rpbert.model.configuration import REGIONS
from rpbert.model.modeling import RpBert

FIRST = Example(
    "1",
    ("Ada", "in", "New", "York"),
    ("B-PER", "O", "B-LOC", "I-LOC"),
    image_adds=1,
    visible=(True, None, False, False),
    english=True,
)
SECOND = Example("2", ("NASA", "news"), ("B-ORG", "O"), image_adds=0, visible=(True, None), english=False)
PREDICTED = [("B-PER", "O", "B-LOC", "O"), ("B-ORG", "B-MISC")]


def test_span_counts_need_the_whole_span_and_its_type() -> None:
    assert span_counts([FIRST, SECOND], PREDICTED).tolist() == [[1, 2, 2], [1, 2, 1]]
    assert span_counts([FIRST, SECOND], PREDICTED, "LOC").tolist() == [[0, 1, 1], [0, 0, 0]]


def test_orphan_inside_labels_count_as_repaired() -> None:
    orphan = Example("3", ("Ada", "Lovelace"), ("I-PER", "I-PER"))
    assert span_counts([orphan], [("B-PER", "I-PER")]).tolist() == [[1, 1, 1]]


def test_f1_by_hand_and_of_nothing() -> None:
    assert f1_of(np.array([2, 4, 3])) == pytest.approx(4 / 7)
    assert f1_of(np.array([0, 0, 0])) == 0


def test_slices_by_hand() -> None:
    scores = slice_scores([FIRST, SECOND], PREDICTED)
    assert scores["all, F1"] == pytest.approx(4 / 7)
    assert scores["the picture adds, F1"] == pytest.approx(2 / 4)
    assert scores["the picture does not add, F1"] == pytest.approx(2 / 3)
    assert (scores["English, F1"], scores["other languages, F1"]) == (pytest.approx(2 / 4), pytest.approx(2 / 3))
    assert scores["visible names, recall"] == 1.0  # Ada and NASA
    assert scores["names not visible, recall"] == 0.0  # New York was cut short
    assert scores["MISC, F1"] == 0.0


def test_names_that_stand_in_the_picture_by_hand() -> None:
    """New York stands there, Ada does not; nothing is known where the picture has no words."""
    signs = (line("#NYC"), line("NEW YORK Marathon"))
    first = replace(FIRST, scene=signs)
    third = replace(SECOND, words=("Nasa", "news"), scene=(line("NASA"),))
    scores = slice_scores([first, SECOND, third], [*PREDICTED, ("B-ORG", "O")])
    assert scores["names that stand in the picture, recall"] == 1 / 2  # Nasa, but New York was cut short
    assert scores["names that do not, recall"] == 1  # Ada
    assert stands_in_picture(first, (2, 4, "LOC")) is True
    assert stands_in_picture(first, (0, 1, "PER")) is False
    assert stands_in_picture(SECOND, (0, 1, "ORG")) is None


def test_slices_leave_out_what_nobody_labelled() -> None:
    bare = Example("4", ("Ada",), ("B-PER",))
    assert set(slice_scores([bare], [("B-PER",)])) == {
        "all, F1",
        *(f"{kind}, F1" for kind in ("PER", "LOC", "ORG", "MISC")),
    }


def test_bootstrap_of_a_reading_with_itself_is_exactly_zero() -> None:
    counts = np.array([[1, 2, 2], [0, 1, 1], [3, 3, 4]])
    gap = paired_bootstrap(counts, counts)
    assert (gap.difference, gap.low, gap.high) == (0.0, 0.0, 0.0)


def test_bootstrap_interval_holds_the_difference_and_narrows_with_more_tweets() -> None:
    generator = np.random.default_rng(5)
    better, worse = generator.random(2000) < 0.8, generator.random(2000) < 0.6
    first, second = (np.stack([hit, np.ones(2000), np.ones(2000)], axis=1).astype(int) for hit in (better, worse))
    few, many = paired_bootstrap(first[:200], second[:200]), paired_bootstrap(first, second)
    assert many.low < many.difference < many.high
    assert many.low > 0  # 0.8 against 0.6 on 2,000 tweets is no accident
    # Every tweet has one predicted and one gold span, so F1 is the share of hits and its spread is known.
    spread = np.sqrt((better.astype(float) - worse).var() / 2000)
    assert many.high - many.low == pytest.approx(2 * 1.96 * spread, rel=0.05)
    assert few.high - few.low > 2 * (many.high - many.low)


def colour_regions(examples: Sequence[Example]) -> Tensor:
    """Regions that differ from picture to picture."""
    made = [torch.Generator().manual_seed(len(str(example.picture))) for example in examples]
    return torch.stack([5 * torch.randn(REGIONS, 96, generator=generator) for generator in made])


def test_picture_effect_of_a_closed_gate_is_none_at_all(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    pairs = [replace(FIRST, picture=Path("a.png")), replace(SECOND, picture=Path("bbb.png"))]
    effect = picture_effect(tiny_model, tokenizer, pairs, colour_regions, "closed")
    assert effect["own_minus_without"] == effect["own_minus_swapped"] == {"difference": 0.0, "low": 0.0, "high": 0.0}
    assert effect["slices"]["own"] == effect["slices"]["without"] == effect["slices"]["swapped"]


def test_picture_effect_reads_own_none_and_the_next_picture(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase
) -> None:
    pairs = [replace(FIRST, picture=Path("a.png")), replace(SECOND, picture=Path("bbb.png"))]
    effect = picture_effect(tiny_model, tokenizer, pairs, colour_regions, "open")
    for reading, pictures, gate in (
        ("own", (0, 1), "open"),
        ("without", (0, 1), "closed"),
        ("swapped", (1, 0), "open"),
    ):
        examples = [replace(pair, picture=pairs[other].picture) for pair, other in zip(pairs, pictures, strict=True)]
        found = [prediction.labels for prediction in predict(tiny_model, tokenizer, examples, colour_regions, gate)]
        assert effect["slices"][reading] == slice_scores(pairs, found)
