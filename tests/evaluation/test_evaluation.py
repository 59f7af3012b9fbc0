"""Figures against hand counts, and predictions that come back in the order they were asked for."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from passes import line
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Caption, Example
from rpbert.evaluation.metrics import (
    SCORES,
    SWAPS,
    auc_by_score,
    binary_scores,
    evaluate,
    evaluate_captions,
    gate_swapped_auc_where_adds,
    name_calibration,
    ner_scores,
    swapped_scores,
)
from rpbert.evaluation.prediction import Prediction, predict
from rpbert.evaluation.report import evaluation_table
from rpbert.model.configuration import LABELS, REGIONS, RpBertConfig
from rpbert.model.crf import allowed_starts, spans_of
from rpbert.model.modeling import RpBert
from rpbert.model.texts import collate_pieces, to_pieces

WORDS = [
    *("meet", "the", "obama", "in", "paris", "with", "lord"),
    *("james", "of", "nasa", "at", "sunrise", "over", "london"),
]


def split(*sentences: str) -> list[list[str]]:
    return [sentence.split() for sentence in sentences]


# ---- names --------------------------------------------------------------------------------------------------------

GOLD = split("O I-PER I-PER O B-LOC", "B-PER I-LOC O B-ORG I-ORG", "B-MISC I-MISC O O B-PER")
FOUND = split("O B-PER I-PER O B-LOC", "B-PER B-LOC O B-ORG O", "B-MISC I-MISC O O B-LOC")


def test_strict_scores_by_hand() -> None:
    # Gold, without the two spans that begin with I-: LOC, PER, ORG, MISC, PER = 5; found 7 spans.
    # Right: the LOC and nothing else of sentence 1, the PER of sentence 2, the MISC of sentence 3 = 3.
    strict = ner_scores(GOLD, FOUND)["strict"]
    assert strict["gold"] == 5
    assert strict["precision"] == pytest.approx(3 / 7)
    assert strict["recall"] == pytest.approx(3 / 5)
    assert strict["f1"] == pytest.approx(6 / 12)


def test_lenient_scores_by_hand() -> None:
    # Gold, with the two spans that begin with I-: 7; found 7; right now also the PER of sentence 1, LOC of sentence 2.
    lenient = ner_scores(GOLD, FOUND)["lenient"]
    assert lenient["gold"] == 7
    assert lenient["precision"] == lenient["recall"] == lenient["f1"] == pytest.approx(5 / 7)


def test_scores_per_type_by_hand() -> None:
    scores = ner_scores(GOLD, FOUND)
    strict, lenient = scores["strict"]["per_type"], scores["lenient"]["per_type"]
    assert {kind: row["gold"] for kind, row in strict.items()} == {"PER": 2, "LOC": 1, "ORG": 1, "MISC": 1}
    assert {kind: row["gold"] for kind, row in lenient.items()} == {"PER": 3, "LOC": 2, "ORG": 1, "MISC": 1}
    assert strict["PER"] == {"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "gold": 2}
    assert strict["LOC"] == {"precision": 1 / 3, "recall": 1.0, "f1": 1 / 2, "gold": 1}
    assert lenient["LOC"]["precision"] == pytest.approx(2 / 3)
    assert strict["ORG"]["f1"] == lenient["ORG"]["f1"] == 0  # the span ends a word too early
    assert strict["MISC"]["f1"] == lenient["MISC"]["f1"] == 1


def test_scores_count_names_not_tweets() -> None:
    scores = ner_scores(split("B-PER B-LOC B-ORG", "B-PER"), split("B-PER B-LOC B-ORG", "O"))
    assert scores["tweets"] == 2
    assert scores["strict"]["recall"] == pytest.approx(3 / 4)  # per tweet it would be (1 + 0) / 2


def test_same_span_of_another_type_is_wrong() -> None:
    scores = ner_scores(split("B-PER I-PER"), split("B-ORG I-ORG"))
    assert scores["strict"]["f1"] == scores["lenient"]["f1"] == 0


def test_scores_without_any_name() -> None:
    scores = ner_scores(split("O O"), split("O O"))
    for name in ("strict", "lenient"):
        assert (scores[name]["f1"], scores[name]["gold"]) == (0, 0)
        assert scores[name]["per_type"]["MISC"]["gold"] == 0


# ---- relation -----------------------------------------------------------------------------------------------------


def test_binary_scores_by_hand() -> None:
    # Of the six pairs (positive, negative) four are in order; at 0.5 only 0.9 and 0.6 are called positive.
    scores = binary_scores([1, 0, 1, 0, 1], [0.9, 0.6, 0.4, 0.2, 0.5])
    assert scores["auc"] == pytest.approx(4 / 6)
    assert scores["accuracy"] == pytest.approx(2 / 5)  # right: 0.9 and 0.2
    assert scores["f1"] == pytest.approx(2 / 5)  # one hit, one false alarm, two misses
    assert (scores["n"], scores["positive"]) == (5, 3)
    # Each in a range of its own: 0.1, 0.6, 0.6, 0.2 and 0.5 away from its label.
    assert scores["ece"] == pytest.approx((0.1 + 0.6 + 0.6 + 0.2 + 0.5) / 5)


def test_auc_counts_ties_half() -> None:
    assert binary_scores([1, 0, 0], [0.5, 0.5, 0.1])["auc"] == pytest.approx(0.75)


@pytest.mark.parametrize("label", [0, 1])
def test_auc_of_one_class_is_none(label: int) -> None:
    scores = binary_scores([label, label], [0.7, 0.2])
    assert scores["auc"] is None
    assert scores["accuracy"] == 0.5


def pair(
    adds: float, shows: float, similarity: float | None = None, belongs: float | None = None, gate: float = 0.5
) -> Prediction:
    return Prediction((), (), belongs, adds, shows, gate, similarity)


def test_swapped_scores_by_hand() -> None:
    own = [pair(0.9, 0.1, 0.3, 0.91, 0.8), pair(0.4, 0.4, 0.1, 0.64, 0.3)]
    swapped = [
        [pair(0.5, 0.5, 0.2, 0.75, 0.4), pair(0.1, 0.1, 0.0, 0.19, 0.0)],
        [pair(0.3, 0.0, 0.4, 0.3, 0.1), pair(0.9, 0.9, 0.05, 0.99, 0.3)],
    ]
    scores = swapped_scores(own, swapped)
    # belongs of the swapped: 0.75, 0.19, 0.3, 0.99. In order: of 0.91 three, of 0.64 two, out of eight.
    assert scores["belongs"] == pytest.approx(5 / 8)
    assert scores["gate"] == pytest.approx((4 + 2.5) / 8)  # 0.3 twice is half
    assert scores["image_adds"] == pytest.approx((3.5 + 2) / 8)  # 0.9 twice is half
    assert scores["text_represented"] == pytest.approx((1.5 + 2) / 8)  # 0.1 against 0.5 0.1 0 0.9, 0.4 likewise
    assert scores["similarity"] == pytest.approx((3 + 2) / 8)


def test_swapped_scores_of_a_model_that_neither_matches_nor_asks_what_belongs() -> None:
    assert set(swapped_scores([pair(0.9, 0.9)], [[pair(0.1, 0.1)]])) == {"gate", "image_adds", "text_represented"}


def test_swapped_auc_of_the_gate_where_the_picture_adds_by_hand() -> None:
    adds = [1, 0, None, 1]
    examples = [Example(str(index), ("a",), image_adds=label) for index, label in enumerate(adds)]
    own = [pair(0.5, 0.5, gate=gate) for gate in (0.6, 0.99, 0.99, 0.2)]
    swapped = [
        [pair(0.5, 0.5, gate=gate) for gate in (0.1, 0.999, 0.999, 0.7)],
        [pair(0.5, 0.5, gate=gate) for gate in (0.3, 0.999, 0.999, 0.2)],
    ]
    # 0.6 and 0.2 against 0.1, 0.7, 0.3, 0.2: three below 0.6; one below 0.2 and one equal.
    assert gate_swapped_auc_where_adds(examples, own, swapped) == pytest.approx((3 + 1.5) / 8)
    assert gate_swapped_auc_where_adds(examples[1:3], own[1:3], [shift[1:3] for shift in swapped]) is None


def test_auc_by_score_of_one_class_is_none() -> None:
    assert auc_by_score([1], [pair(0.9, 0.9)]) == {"gate": None, "image_adds": None, "text_represented": None}


def test_name_calibration_by_hand() -> None:
    gold = [("B-PER", "O", "I-LOC"), ("O",)]
    found = [
        Prediction(("B-PER", "B-ORG", "B-LOC"), (0.9, 0.3, 0.5)),  # right, wrong, right
        Prediction(("B-PER",), (0.7,)),  # wrong
    ]
    assert name_calibration(gold, found) == pytest.approx((0.1 + 0.3 + 0.5 + 0.7) / 4)
    assert name_calibration([("B-PER",)], [Prediction(("O",), ())]) is None


# ---- predictions --------------------------------------------------------------------------------------------------


def tweets(count: int, pictures: bool = True) -> list[Example]:
    """Tweets of lengths that go up and down, with all labels."""
    made = []
    for index in range(count):
        words = tuple(WORDS[(index * 3 + step) % len(WORDS)] for step in range(1 + index * 5 % 7))
        labels = tuple(LABELS[1 + 2 * (index % 4)] if word == 0 else "O" for word in range(len(words)))
        picture = Path(f"{index}.png") if pictures else None
        made.append(Example(str(index), words, labels, picture, index % 2, index // 2 % 2))
    return made


class Pictures:
    """Regions that the name of a picture decides; remembers whose were asked for."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, sources: Sequence[Example]) -> Tensor:
        self.asked.append([source.id for source in sources])
        rows = []
        for source in sources:
            assert source.picture is not None
            generator = torch.Generator().manual_seed(int(source.picture.stem))
            rows.append(torch.randn(REGIONS, 96, generator=generator))
        return torch.stack(rows)


def alike(one: Prediction, other: Prediction) -> bool:
    numbers = [
        *zip(one.confidences, other.confidences, strict=False),
        *((getattr(one, name), getattr(other, name)) for name in SCORES),
    ]
    return one.labels == other.labels and all(
        a is b is None or (a is not None and b is not None and abs(a - b) < 1e-4) for a, b in numbers
    )


def test_predictions_come_in_the_order_of_the_tweets(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    examples = tweets(9)
    together = predict(tiny_model, tokenizer, examples, Pictures(), batch_size=4)
    single = [predict(tiny_model, tokenizer, [example], Pictures())[0] for example in examples]
    assert len({len(example.words) for example in examples}) > 4
    assert all(alike(one, other) for one, other in zip(together, single, strict=True))
    assert not alike(single[0], single[7])  # of the same length: only the content tells them apart


def test_a_prediction_has_one_valid_label_per_word(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    examples = tweets(9)
    for example, prediction in zip(examples, predict(tiny_model, tokenizer, examples), strict=True):
        assert len(prediction.labels) == len(example.words)
        assert allowed_starts(LABELS)[LABELS.index(prediction.labels[0])]


def test_confidences_are_the_probabilities_of_the_spans(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    examples = tweets(24)
    found = predict(tiny_model, tokenizer, examples, batch_size=4)
    for example, prediction in zip(examples, found, strict=True):
        spans = spans_of(prediction.labels)
        assert len(prediction.confidences) == len(spans)
        with torch.no_grad():
            output = tiny_model(**collate_pieces([to_pieces(tokenizer, example.words, 100)]))
        for (start, end, kind), confidence in zip(spans, prediction.confidences, strict=True):
            log = tiny_model.crf.span_log_probability(
                output.emissions,
                output.word_mask,
                torch.tensor([0]),
                torch.tensor([start]),
                torch.tensor([end]),
                [kind],
            )
            assert confidence == pytest.approx(log.exp().item(), abs=1e-4)
    assert max(len(prediction.confidences) for prediction in found) > 1


def test_words_that_do_not_fit_are_no_names(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = Example("long", tuple(WORDS))
    monkeypatch.setattr(RpBertConfig, "max_pieces", 6)  # [CLS], four words, [SEP]
    (prediction,) = predict(tiny_model, tokenizer, [example])
    (short,) = predict(tiny_model, tokenizer, [Example("short", tuple(WORDS[:4]))])
    assert prediction.labels == (*short.labels, *["O"] * (len(WORDS) - 4))


def test_without_regions_there_is_no_relation(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    for prediction in predict(tiny_model, tokenizer, tweets(3)):
        assert [getattr(prediction, name) for name in SCORES] == [None] * 5


def test_probabilities_are_those_of_yes(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    model = copy.deepcopy(tiny_model)
    with torch.no_grad():
        heads = (model.belongs_head, model.image_adds_head, model.text_represented_head)
        for head, bias in zip(heads, ([90.0, 0.0], [0.0, 90.0], [90.0, 0.0]), strict=True):
            assert head is not None
            head.bias.copy_(torch.tensor(bias))
    (prediction,) = predict(model, tokenizer, tweets(1), Pictures())
    assert prediction.belongs == pytest.approx(0)
    assert prediction.image_adds == pytest.approx(1)  # given that it belongs
    assert prediction.text_represented == pytest.approx(0)
    assert prediction.gate == pytest.approx(0)  # it adds, but does not belong


def test_a_prediction_is_what_pass_1_says(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    (example,) = tweets(1)
    (prediction,) = predict(tiny_model, tokenizer, [example], Pictures())
    batch = collate_pieces([to_pieces(tokenizer, example.words, 100)])
    with torch.no_grad():
        relation = tiny_model(**batch, regions=Pictures()([example])).relation
    for name in ("belongs", "image_adds", "text_represented"):
        expected = float(getattr(relation, name).softmax(dim=1)[0, 1])
        assert getattr(prediction, name) == pytest.approx(expected, abs=1e-5)
    assert prediction.belongs is not None
    assert prediction.image_adds is not None
    assert prediction.gate == pytest.approx(prediction.belongs * prediction.image_adds, abs=1e-5)
    assert prediction.similarity == pytest.approx(float(relation.cosine), abs=1e-5)


def test_the_words_in_a_picture_go_with_the_picture(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    """Batched as single; and with another tweet's picture come that picture's words."""
    signs = [(), (line("PARIS"),), (line("meet obama"), line("NASA", 0.3)), (line("the end"),), ()]
    examples = [replace(example, scene=scene) for example, scene in zip(tweets(5), signs, strict=True)]
    bare = predict(tiny_model, tokenizer, tweets(5), Pictures())
    read = predict(tiny_model, tokenizer, examples, Pictures(), batch_size=2)
    single = [predict(tiny_model, tokenizer, [example], Pictures())[0] for example in examples]
    assert all(alike(one, other) for one, other in zip(read, single, strict=True))
    assert [alike(one, other) for one, other in zip(bare, read, strict=True)] == [not scene for scene in signs]
    others = [*examples[2:], *examples[:2]]
    swapped = predict(tiny_model, tokenizer, examples, Pictures(), pictures=others, batch_size=2)
    for example, other, prediction in zip(examples, others, swapped, strict=True):
        mixed = replace(example, picture=other.picture, scene=other.scene)
        (expected,) = predict(tiny_model, tokenizer, [mixed], Pictures())
        assert prediction.belongs == pytest.approx(expected.belongs, abs=1e-4)


def test_the_gate_reaches_the_names(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    examples = tweets(40)
    alone = [prediction.labels for prediction in predict(tiny_model, tokenizer, examples)]
    closed = [p.labels for p in predict(tiny_model, tokenizer, examples, Pictures(), gate="closed")]
    opened = [p.labels for p in predict(tiny_model, tokenizer, examples, Pictures(), gate="open")]
    assert closed == alone
    assert opened != alone


def test_predicting_leaves_dropout_off(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    model = copy.deepcopy(tiny_model).train()
    examples = tweets(5)
    first, second = (predict(model, tokenizer, examples, Pictures()) for _ in range(2))
    assert all(alike(one, other) for one, other in zip(first, second, strict=True))


def test_predicting_with_another_tweets_picture(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    examples = tweets(5)
    others = [*examples[2:], *examples[:2]]
    swapped = predict(tiny_model, tokenizer, examples, Pictures(), pictures=others, batch_size=2)
    for example, other, prediction in zip(examples, others, swapped, strict=True):
        mixed = Example("mixed", example.words, picture=other.picture)
        (expected,) = predict(tiny_model, tokenizer, [mixed], Pictures())
        assert prediction.labels == ()
        assert prediction.image_adds == pytest.approx(expected.image_adds, abs=1e-4)
        assert prediction.similarity == pytest.approx(expected.similarity, abs=1e-4)


def test_a_tweet_without_a_picture_takes_none_from_its_neighbours(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase
) -> None:
    examples = tweets(4)
    examples[2] = tweets(4, pictures=False)[2]
    together = predict(tiny_model, tokenizer, examples, Pictures())
    single = [predict(tiny_model, tokenizer, [example], Pictures())[0] for example in examples]
    assert single[1].image_adds is not None
    assert single[2].image_adds is None
    assert all(alike(one, other) for one, other in zip(together, single, strict=True))


# ---- the whole ----------------------------------------------------------------------------------------------------


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Prediction]], None]:
    """Lets `evaluate` see predictions that are written down: the tweets' own, and half as much for swapped pairs."""

    def install(own: list[Prediction]) -> None:
        def stand_in(*_: Any, pictures: Any = None) -> list[Prediction]:
            if pictures is None:
                return own
            halves = [(p.image_adds or 0) / 2 for p in own]
            return [Prediction((), (), half, half, half, half) for half in halves]

        monkeypatch.setattr("rpbert.evaluation.metrics.predict", stand_in)

    return install


def test_evaluate_by_hand(
    tiny_model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    known: Callable[[list[Prediction]], None],
) -> None:
    names = [("B-PER", "I-PER"), ("B-LOC",), None, ("I-ORG",), ("O",)]
    adds, shows = [1, 0, 1, 0, None], [None, 1, 0, None, 1]
    examples = [
        Example(str(i), ("a",) * len(names[i] or "a"), names[i], Path(f"{i}.png"), adds[i], shows[i]) for i in range(5)
    ]
    known(
        [
            Prediction(("B-PER", "I-PER"), (0.9,), 0.9, 0.9, 0.5, 0.9),
            Prediction(("B-ORG",), (0.4,), 0.7, 0.7, 0.9, 0.7),
            Prediction(("B-PER",), (0.8,), 0.6, 0.6, 0.1, 0.6),  # not labelled: neither right nor wrong
            Prediction(("B-ORG",), (0.6,), 0.2, 0.2, 0.5, 0.2),
            Prediction(("O",), (), 0.8, 0.8, 0.4, 0.8),
        ]
    )
    result = evaluate(tiny_model, tokenizer, examples, Pictures(), gate="hard")
    assert (result["tweets"], result["gate"], result["pictures"]) == (5, "hard", True)
    assert result["ner"]["tweets"] == 4
    assert result["ner"]["strict"]["f1"] == pytest.approx(2 / (2 + 3))  # 2 gold, 3 found, 1 right
    assert result["ner"]["lenient"]["f1"] == pytest.approx(4 / (3 + 3))  # 3 gold, 3 found, 2 right
    assert result["ner"]["ece"] == pytest.approx((0.1 + 0.4 + 0.4) / 3)  # right, wrong, right
    relation = result["relation"]
    assert relation["image_adds"]["ece"] == pytest.approx((0.1 + 0.7 + 0.4 + 0.2) / 4)
    assert relation["image_adds"]["auc"] == pytest.approx(3 / 4)
    assert relation["image_adds"]["accuracy"] == pytest.approx(3 / 4)
    assert relation["image_adds"]["f1"] == pytest.approx(4 / 5)
    assert relation["image_adds"]["n"] == 4
    assert relation["text_represented"]["auc"] == 1
    assert relation["text_represented"]["n"] == 3
    assert relation["swapped_auc"] == relation["swapped_auc_by"]["belongs"]
    assert "similarity" not in relation["swapped_auc_by"]
    # Own 0.9 and 0.6 against 0.45 and 0.3, four times each.
    assert relation["gate_swapped_auc_where_adds"] == 1
    # Half of all pictures are assumed to belong, so that the 5 own pictures weigh as much as the 20 others. By ranges
    # of a fifteenth, shares of the own and of the others in each: 0.9; 0.7 and 0.8; 0.6; 0.2; then 0.45, 0.35, 0.4, 0.3
    # and 0.1, of which none belongs.
    distances = [0.1, 0.3, 0.4, 0.8, 0.2, 0.45, 0.35, 0.3, 0.1, 0.4]
    assert relation["belongs"] == {"ece": pytest.approx(sum(distances) / 10), "prior": 0.5}


def test_swapped_auc_is_of_own_against_four_others(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, known: Callable[[list[Prediction]], None]
) -> None:
    known([Prediction(("O",), (), value, value, value, value) for value in (0.2, 0.5, 0.6, 0.7, 0.9)])
    examples = [Example(str(index), ("a",), picture=Path(f"{index}.png")) for index in range(5)]
    by = evaluate(tiny_model, tokenizer, examples, Pictures())["relation"]["swapped_auc_by"]
    # The swapped score 0.1, 0.25, 0.3, 0.35, 0.45, each four times: of 0.2 one in five is below, of the others all.
    assert by["image_adds"] == by["belongs"] == by["gate"] == pytest.approx(21 / 25)


def test_tweet_i_meets_the_pictures_of_the_next_four(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    examples = [Example(str(i), ("a", "b"), picture=Path(f"{i}.png")) for i in range(7)]  # one length: one order
    pictures = Pictures()
    evaluate(tiny_model, tokenizer, examples, pictures)
    assert SWAPS == 4
    assert pictures.asked == [[str((index + shift) % 7) for index in range(7)] for shift in range(5)]


def test_evaluate_without_regions_has_no_relation(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    result = evaluate(tiny_model, tokenizer, tweets(6))
    assert set(result) == {"tweets", "gate", "pictures", "ner"}
    assert result["pictures"] is False


def test_evaluate_of_labels_that_are_not_there(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    examples = [Example(str(index), ("a",), picture=Path(f"{index}.png")) for index in range(3)]
    result = evaluate(tiny_model, tokenizer, examples, Pictures())
    assert set(result) == {"tweets", "gate", "pictures"}  # no labels, and too few tweets to swap


def test_evaluate_with_the_model_itself(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    examples = tweets(9)
    result = evaluate(tiny_model, tokenizer, examples, Pictures())
    own = predict(tiny_model, tokenizer, examples, Pictures())
    labels = [example.labels or () for example in examples]
    scores = ner_scores(labels, [prediction.labels for prediction in own])
    assert result["ner"] == {**scores, "ece": name_calibration(labels, own)}
    assert 0 < result["ner"]["ece"] < 1
    values = [prediction.image_adds for prediction in own if prediction.image_adds is not None]
    assert result["relation"]["image_adds"]["auc"] == binary_scores([index % 2 for index in range(9)], values)["auc"]
    by = result["relation"]["swapped_auc_by"]
    assert set(by) == {"belongs", "gate", "image_adds", "text_represented", "similarity"}
    assert result["relation"]["swapped_auc"] == by["belongs"]  # what was trained to compare, where there is such
    assert 0 < result["relation"]["belongs"]["ece"] < 1
    assert 0 <= result["relation"]["gate_swapped_auc_where_adds"] <= 1


def test_evaluate_of_tweets_of_which_one_has_no_picture(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    examples = tweets(7)
    examples[3] = tweets(7, pictures=False)[3]
    result = evaluate(tiny_model, tokenizer, examples, Pictures())
    assert result["ner"]["tweets"] == 7
    assert result["relation"]["image_adds"]["n"] == 6


# ---- captions -----------------------------------------------------------------------------------------------------

SENTENCES = ("meet the obama", "paris", "sunrise over london", "lord of nasa", "in the paris with obama")


def captions() -> list[Caption]:
    return [Caption(text, Path(f"{index}.png"), index % 2 == 0) for index, text in enumerate(SENTENCES)]


def test_captions_by_hand(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Example] = []

    def stand_in(*arguments: Any, pictures: Any) -> list[Prediction]:
        asked.extend(arguments[2])
        assert pictures == arguments[2]  # each its own picture, and no names
        rows = [(0.9, 0.1, 0.91), (0.2, 0.3, 0.44), (0.1, 0.2, 0.28), (0.4, 0.1, 0.46), (0.3, 0.6, 0.72)]
        return [pair(adds, shows, belongs=belongs, gate=belongs * adds) for adds, shows, belongs in rows]

    monkeypatch.setattr("rpbert.evaluation.metrics.predict", stand_in)
    result = evaluate_captions(tiny_model, tokenizer, captions(), Pictures())
    assert [" ".join(example.words) for example in asked] == [*SENTENCES]
    assert result["captions"] == 5
    # Matched: 0, 2 and 4. By belongs 0.91, 0.28, 0.72 against 0.44, 0.46: four of six in order.
    by = result["relation"]["matched_auc_by"]
    assert by["belongs"] == pytest.approx(4 / 6)
    assert by["image_adds"] == pytest.approx((2 + 0 + 1) / 6)
    assert by["text_represented"] == pytest.approx((0.5 + 1 + 2) / 6)
    assert result["relation"]["matched"] == {"auc": by["belongs"], "n": 5, "positive": 3}


@pytest.mark.parametrize(("belongs", "score"), [(True, "belongs"), (False, "similarity")])
def test_captions_by_what_was_trained_to_compare(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, belongs: bool, score: str
) -> None:
    model = copy.deepcopy(tiny_model)
    model.config.belongs = belongs
    relation = evaluate_captions(model, tokenizer, captions(), Pictures())["relation"]
    examples = [Example("", tuple(c.text.split()), picture=c.picture) for c in captions()]
    values = [getattr(found, score) for found in predict(model, tokenizer, examples, Pictures())]
    assert relation["matched"]["auc"] == relation["matched_auc_by"][score]
    assert relation["matched"]["auc"] == binary_scores([1, 0, 1, 0, 1], values)["auc"]


def test_the_table_has_every_figure_of_the_relation(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    result = evaluate(tiny_model, tokenizer, tweets(9), Pictures())
    table = evaluation_table({"path": "some.jsonl", "checkpoint": "some", **result})
    relation = result["relation"]
    for value in (
        relation["gate_swapped_auc_where_adds"],
        relation["belongs"]["ece"],
        *relation["swapped_auc_by"].values(),
    ):
        assert f"{value:.4f}" in table
    assert "if 50% of all pictures belong" in table


def test_captions_that_all_match_have_no_auc(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    result = evaluate_captions(tiny_model, tokenizer, captions()[:1], Pictures())
    assert result["relation"]["matched"] == {"auc": None, "n": 1, "positive": 1}
    table = evaluation_table({"path": "some.tsv", "checkpoint": "some", **result})
    assert "matched versus not, AUC:      - (1 of 1 matched)" in table
