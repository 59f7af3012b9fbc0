"""Calibration error and temperatures against hand counts, and a calibrated model that stays so on disk."""

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example
from rpbert.evaluation.calibration import (
    LIMIT,
    SETTINGS,
    calibrate,
    exactly_right,
    expected_calibration_error,
    fit_relation,
    fit_span_temperature,
    fit_temperature,
)
from rpbert.evaluation.prediction import Prediction, predict
from rpbert.model.checkpoint import WEIGHTS, load_checkpoint, save_checkpoint
from rpbert.model.configuration import LABELS, REGIONS
from rpbert.model.crf import Crf, spans_of
from rpbert.model.modeling import RpBert

WORDS = [
    "meet",
    "the",
    "obama",
    "in",
    "paris",
    "with",
    "lord",
    "james",
    "of",
    "nasa",
    "at",
    "sunrise",
    "over",
    "london",
]

# ---- the error that is left ---------------------------------------------------------------------------------------


def test_calibration_error_by_hand() -> None:
    # Below 0.5: claimed 0.2 on average, true in 1 of 2. From 0.5 on: claimed 2.5 / 3, true in 2 of 3.
    error = expected_calibration_error([0.1, 0.9, 0.3, 0.6, 1.0], [0, 1, 1, 1, 0], bins=2)
    assert error == pytest.approx(2 / 5 * 0.3 + 3 / 5 * (2.5 / 3 - 2 / 3))


def test_a_boundary_belongs_to_the_range_above() -> None:
    # Together 0.5 and 0.9 claim 0.7 and come true in 1 of 2; apart, 0.49 and 0.9 are wrong by themselves.
    assert expected_calibration_error([0.5, 0.9], [False, True], bins=2) == pytest.approx(0.2)
    assert expected_calibration_error([0.49, 0.9], [False, True], bins=2) == pytest.approx((0.49 + 0.1) / 2)


def test_weighted_cases_by_hand() -> None:
    # Below 0.5: claimed (2 * 0.1 + 0.3) / 3 where none came true; from 0.5 on (0.6 + 4 * 0.9) / 5 where 4 of 5 did.
    error = expected_calibration_error([0.1, 0.3, 0.6, 0.9], [0, 0, 0, 1], bins=2, weights=[2, 1, 1, 4])
    assert error == pytest.approx(3 / 8 * (0.5 / 3) + 5 / 8 * abs(4.2 / 5 - 4 / 5))
    even = expected_calibration_error([0.1, 0.9, 0.3], [0, 1, 1], weights=[0.2] * 3)
    assert even == pytest.approx(expected_calibration_error([0.1, 0.9, 0.3], [0, 1, 1]))


def test_what_comes_true_as_often_as_claimed_has_no_error() -> None:
    assert expected_calibration_error([0.25] * 4, [0, 1, 0, 0]) == pytest.approx(0)
    assert expected_calibration_error([0.0, 1.0], [0, 1]) == 0  # a sure no is right where the label is no
    assert expected_calibration_error([0.0, 1.0], [1, 0]) == 1


def test_a_span_is_right_with_its_words_and_its_type() -> None:
    gold = ["B-PER", "I-PER", "O", "B-LOC", "O", "I-ORG", "I-ORG"]
    assert exactly_right(gold, ["B-PER", "I-PER", "O", "B-ORG", "O", "B-ORG", "I-ORG"]) == [True, False, True]
    assert exactly_right(gold, ["B-PER", "O", "O", "B-LOC", "B-MISC", "O", "O"]) == [False, True, False]
    assert exactly_right(["O"], ["O"]) == []


# ---- one temperature ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("best", [0.3, 1.0, 4.0])
def test_the_best_temperature_is_found(best: float) -> None:
    assert fit_temperature(lambda temperature: (math.log(temperature / best)) ** 2) == pytest.approx(best, rel=1e-3)


def test_temperatures_have_limits() -> None:
    assert fit_temperature(lambda temperature: -temperature) == pytest.approx(LIMIT, rel=1e-3)
    assert fit_temperature(lambda temperature: temperature) == pytest.approx(1 / LIMIT, rel=1e-3)


def test_relation_by_hand() -> None:
    # Where the log-odds are -2, 1 of 4 is a yes; where they are 4, 3 of 5: -2 / T + b = ln(1/3), 4 / T + b = ln(3/2).
    logits = torch.tensor([[1.0, -1.0]] * 4 + [[0.0, 4.0]] * 5)
    temperature, bias = fit_relation(logits, torch.tensor([1, 0, 0, 0, 1, 1, 1, 0, 0]))
    slope = (math.log(3 / 2) - math.log(1 / 3)) / 6
    assert temperature == pytest.approx(1 / slope, rel=1e-2)
    assert bias == pytest.approx(math.log(1 / 3) + 2 * slope, abs=1e-2)


def test_relation_of_one_class_is_left_alone() -> None:
    assert fit_relation(torch.tensor([[0.0, 2.0], [0.0, 3.0]]), torch.tensor([1, 1])) == (1, 0)
    assert fit_relation(torch.zeros(0, 2), torch.tensor([])) == (1, 0)


def plain_crf(temperature: float = 1.0) -> Crf:
    """All transitions that BIO allows score 0."""
    crf = Crf(LABELS, temperature)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.zero_()
    return crf


@torch.no_grad()
def test_span_temperature_by_hand() -> None:
    # One word can be O or one of four B-; with B-PER ahead by 4, P = 1 / (1 + 4 e^(-4 / T)). Right in 3 of 4 cases.
    emission = torch.zeros(1, len(LABELS))
    emission[0, LABELS.index("B-PER")] = 4.0
    nothing = torch.zeros(3, len(LABELS))
    nothing[:, 0] = 9.0  # three words and no name: has no part in it
    crf = plain_crf()
    emissions, gold = [emission, emission, nothing, emission, emission], [["B-PER"]] * 2
    fit_span_temperature(crf, emissions, [*gold, ["O"] * 3, ["B-LOC"], ["B-PER"]])
    assert crf.temperature == pytest.approx(4 / math.log(12), rel=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("gold", ["B-PER", "O"])
def test_span_temperature_is_one_when_all_are_right_or_all_wrong(gold: str) -> None:
    emission = torch.zeros(1, len(LABELS))
    emission[0, LABELS.index("B-PER")] = 4.0
    crf = plain_crf(temperature=3.0)
    fit_span_temperature(crf, [emission] * 2, [[gold]] * 2)
    assert crf.temperature == 1


@torch.no_grad()
def test_span_temperature_without_any_span_is_one() -> None:
    crf = plain_crf(temperature=3.0)
    nothing = torch.zeros(2, len(LABELS))
    nothing[:, 0] = 9.0
    fit_span_temperature(crf, [nothing], [["B-PER", "O"]])
    assert crf.temperature == 1


# ---- the whole model ----------------------------------------------------------------------------------------------


def regions(sources: Sequence[Example]) -> Tensor:
    """Regions that the name of a picture decides."""
    rows = []
    for source in sources:
        assert source.picture is not None
        rows.append(torch.randn(REGIONS, 96, generator=torch.Generator().manual_seed(int(source.picture.stem))))
    return torch.stack(rows)


def dev_set(model: RpBert, tokenizer: PreTrainedTokenizerBase, count: int, pictures: bool) -> list[Example]:
    """Tweets that the model gets right two times out of three: names, and which of the relations are more probable."""
    texts = [
        tuple(WORDS[(index * 3 + step) % len(WORDS)] for step in range(1 + index * 5 % 7)) for index in range(count)
    ]
    bare = [Example(str(i), words, picture=Path(f"{i}.png") if pictures else None) for i, words in enumerate(texts)]
    read = predict(model, tokenizer, bare, regions)
    middle = {
        task: median(getattr(found, task) or 0.0 for found in read) for task in ("image_adds", "text_represented")
    }
    made = []
    for index, (example, found) in enumerate(zip(bare, read, strict=True)):
        right = index % 3 > 0
        labels = found.labels if right else ("O",) * len(example.words)
        adds, shows = (
            int((getattr(found, task) > value) == right) if pictures else None for task, value in middle.items()
        )
        made.append(Example(example.id, example.words, labels, example.picture, adds, shows))
    return made


@pytest.fixture(scope="module")
def pairs(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> list[Example]:
    return dev_set(tiny_model, tokenizer, 24, pictures=True)


def relation_loss(predictions: Sequence[Prediction], examples: Sequence[Example], task: str) -> float:
    """Negative log-likelihood of the labels, from the probabilities that `predict` gives."""
    claims = [
        (getattr(found, task), getattr(example, task)) for found, example in zip(predictions, examples, strict=True)
    ]
    return -sum(math.log(p if label else 1 - p) for p, label in claims)


def span_loss(predictions: Sequence[Prediction], examples: Sequence[Example]) -> float:
    total = 0.0
    for found, example in zip(predictions, examples, strict=True):
        for p, right in zip(found.confidences, exactly_right(example.labels or (), found.labels), strict=True):
            total -= math.log(p if right else 1 - p)
    return total


def test_calibrating_finds_the_least_losses(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: list[Example]
) -> None:
    model = copy.deepcopy(tiny_model)
    tweets = dev_set(model, tokenizer, 12, pictures=False)
    found = calibrate(model, tokenizer, pairs, regions, tweets)
    assert found == {name: getattr(model.config, name) for name in SETTINGS}
    assert model.crf.temperature == model.config.span_temperature
    temperatures = [value for name, value in found.items() if name.endswith("temperature") and "belongs" not in name]
    assert len(temperatures) == 3
    assert all(1 / LIMIT < value < LIMIT and value != 1 for value in temperatures), temperatures
    assert found["image_adds_bias"] != 0
    read = predict(model, tokenizer, pairs, regions), predict(model, tokenizer, tweets)
    for factor in (0.9, 1.1):
        other = copy.deepcopy(model)
        other.config.image_adds_temperature *= factor
        other.config.text_represented_bias += factor - 1
        moved = predict(other, tokenizer, pairs, regions)
        for task in ("image_adds", "text_represented"):
            assert relation_loss(moved, pairs, task) > relation_loss(read[0], pairs, task)
        other = copy.deepcopy(model)
        other.crf.temperature *= factor
        moved, moved_alone = predict(other, tokenizer, pairs, regions), predict(other, tokenizer, tweets)
        best = span_loss(read[0], pairs) + span_loss(read[1], tweets)
        assert span_loss(moved, pairs) + span_loss(moved_alone, tweets) > best


def test_tweets_without_pictures_count_for_the_spans_alone(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: list[Example]
) -> None:
    model = copy.deepcopy(tiny_model)
    alone = calibrate(model, tokenizer, pairs, regions)
    tweets = [Example(t.id, t.words, ("O",) * len(t.words)) for t in dev_set(tiny_model, tokenizer, 24, pictures=False)]
    unlabelled = Example("unlabelled", ("paris",))
    with_tweets = calibrate(model, tokenizer, pairs, regions, [*tweets, unlabelled])  # every name wrong: be less sure
    assert with_tweets["image_adds_temperature"] == alone["image_adds_temperature"]
    assert with_tweets["span_temperature"] > alone["span_temperature"]


def test_calibrating_again_begins_anew(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: list[Example]
) -> None:
    model = copy.deepcopy(tiny_model)
    first = calibrate(model, tokenizer, pairs, regions)
    assert calibrate(model, tokenizer, pairs, regions) == pytest.approx(first, rel=1e-4, abs=1e-4)


def well_matched(model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Example]) -> list[Example]:
    """The pairs, each with that of forty pictures which the model finds more fitting for it than for the others.

    Among those alone which it finds, for all tweets together, neither more nor less fitting than others.
    """
    scores = torch.empty(len(pairs), 40)
    for row, pair in enumerate(pairs):
        tried = [replace(pair, picture=Path(f"{number}.png")) for number in range(40)]
        read = predict(model, tokenizer, tried, regions, pictures=tried)
        scores[row] = torch.tensor([found.belongs for found in read]).logit()
    plain = scores.mean(dim=0)  # (40,)
    gain = scores - plain - (plain - plain.mean()).abs()
    return [replace(pair, picture=Path(f"{int(row.argmax())}.png")) for pair, row in zip(pairs, gain, strict=True)]


@torch.no_grad()
def comparing(model: RpBert) -> RpBert:
    """A copy to which a picture belongs that is similar to the tweet: its pair head reads the cosine alone."""
    model = copy.deepcopy(model)
    assert model.matching is not None
    first, _, last = model.matching.pair_head
    for parameter in model.matching.pair_head.parameters():
        parameter.zero_()
    first.weight[0, 0] = 1.0
    last.weight[1, 0] = 4.0
    return model


def belongs_loss(model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Example]) -> float:
    """Negative log-likelihood per picture: own ones belong, those of the next pair do not."""
    own = predict(model, tokenizer, pairs, regions, pictures=pairs)
    swapped = predict(model, tokenizer, pairs, regions, pictures=[*pairs[1:], pairs[0]])
    yes, no = (
        sum(math.log(side(found.belongs)) for found in group)
        for group, side in ((own, lambda p: p), (swapped, lambda p: 1 - p))
    )
    return -(yes + no) / (2 * len(pairs))


def test_belongs_is_calibrated_as_if_every_second_picture_belonged(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: list[Example]
) -> None:
    """Whatever the prior of the configuration, which comes on top."""
    raw = comparing(tiny_model)
    pairs = well_matched(raw, tokenizer, pairs)
    even, likely = copy.deepcopy(raw), copy.deepcopy(raw)
    likely.config.belongs_prior = 0.8
    found, other = (calibrate(model, tokenizer, pairs, regions) for model in (even, likely))
    names = ("belongs_temperature", "belongs_bias")
    assert [other[name] for name in names] == pytest.approx([found[name] for name in names], rel=1e-3, abs=1e-3)
    assert likely.config.belongs_prior == 0.8
    least = belongs_loss(even, tokenizer, pairs)
    assert least < belongs_loss(raw, tokenizer, pairs)
    assert least < 0.9 * math.log(2)  # that of saying 0.5 of every picture
    assert 1 / LIMIT < found["belongs_temperature"] < LIMIT
    for change in (-0.1, 0.1):
        moved = copy.deepcopy(even)
        moved.config.belongs_bias += change
        assert belongs_loss(moved, tokenizer, pairs) > least
    before, after = (predict(model, tokenizer, pairs[:1], regions)[0].belongs for model in (even, likely))
    assert before is not None
    assert after is not None
    assert math.log(after / (1 - after)) - math.log(before / (1 - before)) == pytest.approx(math.log(4), abs=5e-2)


def test_a_model_that_does_not_ask_what_belongs_is_calibrated_without(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: list[Example]
) -> None:
    model = copy.deepcopy(tiny_model)
    model.config.belongs, model.belongs_head = False, None
    found = calibrate(model, tokenizer, pairs, regions)
    assert (found["belongs_temperature"], found["belongs_bias"]) == (1, 0)


def test_each_relation_has_its_own_temperature_and_bias(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: list[Example]
) -> None:
    model = copy.deepcopy(tiny_model)
    model.config.image_adds_temperature, model.config.text_represented_temperature = 2.0, 0.5
    model.config.text_represented_bias = 0.3
    for one, other in zip(*(predict(m, tokenizer, pairs, regions) for m in (tiny_model, model)), strict=True):
        for task, temperature, bias in (("image_adds", 2.0, 0.0), ("text_represented", 0.5, 0.3)):
            before, after = (math.log(p / (1 - p)) for p in (getattr(one, task), getattr(other, task)))
            assert after == pytest.approx(before / temperature + bias, abs=1e-3)


def test_temperatures_come_back_from_disk(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: list[Example], tmp_path: Path
) -> None:
    save_checkpoint(tiny_model, tokenizer, tmp_path)
    weights = (tmp_path / WEIGHTS).read_bytes()
    model, _ = load_checkpoint(tmp_path)
    found = calibrate(model, tokenizer, pairs, regions)
    expected = predict(model, tokenizer, pairs, regions)
    save_checkpoint(model, tokenizer, tmp_path)
    assert (tmp_path / WEIGHTS).read_bytes() == weights  # half to single to half precision is exact
    again, _ = load_checkpoint(tmp_path)
    assert {name: getattr(again.config, name) for name in SETTINGS} == found
    assert predict(again, tokenizer, pairs, regions) == expected
    assert any(spans_of(prediction.labels) for prediction in expected)
