"""Batches: nobody is left out, nobody comes twice, and what goes together stays together."""

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from corpus import settings
from passes import line
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example, repair_bio
from rpbert.model.configuration import LABELS
from rpbert.model.inputs import scene_tensors
from rpbert.model.texts import CASES, to_pieces
from rpbert.training.alignment import CrossFit
from rpbert.training.batches import (
    HARD_OF,
    POOL,
    Batch,
    PictureInputs,
    lower_cased,
    ner_batches,
    relation_batches,
    shuffled_batches,
)

LIMIT = 60
LETTERS = "abcdefghijklmnopqrstuvwxyz"  # each is one piece of the tests' tokenizer


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tweets(count: int, longest: int = 12, pictures: float = 0.5) -> list[Example]:
    """Tweets of random words and random labels (often not valid BIO), no two with the same words."""
    chance = random.Random(count)
    made: dict[tuple[str, ...], Example] = {}
    while len(made) < count:
        words = tuple(chance.choice(LETTERS) for _ in range(chance.randint(2, longest)))
        labels = tuple(chance.choice(LABELS) for _ in words)
        picture = Path(f"{len(made)}.png") if chance.random() < pictures else None
        made.setdefault(words, Example(str(len(made)), words, labels, picture))
    return list(made.values())


def pairs(count: int, **labels: Any) -> list[Example]:
    """Tweets with a picture and both labels each; the number of words and the words differ."""
    values = {"image_adds": 1, "text_represented": 1, **labels}
    return [Example(e.id, e.words, None, e.picture, **values) for e in tweets(count, pictures=1)]


def flat(batches: Sequence[Batch], name: str) -> list[Any]:
    return [value for batch in batches for value in batch.tensors[name].tolist()]


def pieces_of(batch: Batch) -> list[list[int]]:
    """The word pieces of each row, without padding."""
    ids, mask = batch.tensors["input_ids"], batch.tensors["attention_mask"].bool()
    return [row[real].tolist() for row, real in zip(ids, mask, strict=True)]


def decoded(batch: Batch) -> list[tuple[str, ...]]:
    """The labels of each row's words."""
    counts = (batch.tensors["word_index"].max(dim=1).values + 1).tolist()
    rows = batch.tensors["labels"].tolist()
    return [tuple(LABELS[label] for label in row[:count]) for row, count in zip(rows, counts, strict=True)]


def same(one: Sequence[Batch], other: Sequence[Batch]) -> bool:
    return len(one) == len(other) and all(
        a.pictures == b.pictures
        and a.tensors.keys() == b.tensors.keys()
        and all(torch.equal(a.tensors[name], b.tensors[name]) for name in a.tensors)
        for a, b in zip(one, other, strict=True)
    )


# ---- order --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "size"), [(1, 4), (4, 4), (5, 4), (23, 4), (900, 4), (7, 1), (0, 4)])
def test_every_index_once(count: int, size: int) -> None:
    batches = shuffled_batches([index % 9 for index in range(count)], size, generator())
    assert sorted(index for batch in batches for index in batch) == list(range(count))
    assert all(1 <= len(batch) <= size for batch in batches)
    assert len(batches) == -(-count // size)


def test_similar_lengths_together() -> None:
    chance = random.Random(0)
    lengths = [chance.randint(1, 100) for _ in range(POOL * 4)]
    batches = shuffled_batches(lengths, 4, generator())
    ranges = sorted((min(lengths[i] for i in batch), max(lengths[i] for i in batch)) for batch in batches)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(ranges))


def test_little_padding_in_a_large_set_too() -> None:
    chance = random.Random(0)
    lengths = [chance.randint(1, 100) for _ in range(2000)]
    batches = shuffled_batches(lengths, 8, generator())
    padded = sum(len(batch) * max(lengths[index] for index in batch) for batch in batches)
    assert padded < 1.1 * sum(lengths)  # batches of random lengths would have 1.75 times as many cells


def test_batches_do_not_come_in_order_of_length() -> None:
    lengths = list(range(100))
    shortest = [min(batch) for batch in shuffled_batches(lengths, 4, generator())]
    assert shortest != sorted(shortest)


def test_neighbours_change_between_epochs() -> None:
    lengths = [5] * 200
    epochs = [{frozenset(batch) for batch in shuffled_batches(lengths, 4, generator(seed))} for seed in (0, 1)]
    assert len(epochs[0] & epochs[1]) < 5


# ---- names --------------------------------------------------------------------------------------------------------


def test_every_labelled_tweet_once_with_its_own_labels(tokenizer: PreTrainedTokenizerBase) -> None:
    examples = [*tweets(43), Example("unlabelled", ("a", "b"))]
    batches = ner_batches(examples, tokenizer, LIMIT, settings(), generator())
    found = Counter(
        (tuple(pieces), labels)
        for batch in batches
        for pieces, labels in zip(pieces_of(batch), decoded(batch), strict=True)
    )
    expected = Counter(
        (tuple(to_pieces(tokenizer, example.words, LIMIT).input_ids), repair_bio(example.labels))
        for example in examples
        if example.labels is not None
    )
    assert found == expected
    assert any(repair_bio(e.labels) != e.labels for e in examples if e.labels)  # the repair had something to do


def test_a_picture_goes_with_its_own_tweet(tokenizer: PreTrainedTokenizerBase) -> None:
    batches = ner_batches(tweets(43), tokenizer, LIMIT, settings(), generator())
    seen = [batch for batch in batches if batch.pictures]
    assert seen
    for batch in seen:
        words = [e.words for e in batch.pictures if isinstance(e, Example)]
        assert pieces_of(batch) == [to_pieces(tokenizer, row, LIMIT).input_ids for row in words]


def test_with_pictures_and_without_are_never_mixed(tokenizer: PreTrainedTokenizerBase) -> None:
    examples = tweets(43)
    batches = ner_batches(examples, tokenizer, LIMIT, settings(text_only=0.3), generator())
    for batch in batches:
        assert len(batch.pictures) in (0, len(batch.tensors["input_ids"]))
        assert all(example.picture for example in batch.pictures)
    kinds = [bool(batch.pictures) for batch in batches]
    assert kinds != sorted(kinds)  # ... but they take turns
    assert kinds != sorted(kinds, reverse=True)


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (1.0, 400, 400), (0.3, 90, 150)])
def test_share_that_is_also_read_without_its_picture(
    tokenizer: PreTrainedTokenizerBase, share: float, least: int, most: int
) -> None:
    examples = tweets(400, longest=4, pictures=1)
    batches = ner_batches(examples, tokenizer, LIMIT, settings(text_only=share), generator())
    alone = sum(len(batch.tensors["input_ids"]) for batch in batches if not batch.pictures)
    assert least <= alone <= most
    assert sum(len(batch.pictures) for batch in batches) == 400  # with its picture, every one is read


NAMED = Example("1", ("Ada", "meets", "LORD", "Byron", "in"), ("B-PER", "O", "B-PER", "I-PER", "O"))


def test_lower_cased_tweets_lose_their_capitals_alone(tokenizer: PreTrainedTokenizerBase) -> None:
    small = Example("2", tuple(word.lower() for word in NAMED.words), NAMED.labels)
    tweet = to_pieces(tokenizer, NAMED.words, LIMIT)
    lowered = lower_cased(tweet, 1.0, generator())
    assert lowered == to_pieces(tokenizer, small.words, LIMIT) != tweet
    assert CASES.index("UPPER") in tweet.case_ids


def test_share_of_the_tweets_that_lose_their_capitals(tokenizer: PreTrainedTokenizerBase) -> None:
    tweet, chance = to_pieces(tokenizer, NAMED.words, LIMIT), generator()
    lowered = [lower_cased(tweet, 0.25, chance) for _ in range(400)]
    assert 0.2 < sum(found != tweet for found in lowered) / 400 < 0.3
    assert all(lower_cased(tweet, 0.0, chance) is tweet for _ in range(20))


def test_truncated_tweet_keeps_the_labels_of_the_words_that_fit(tokenizer: PreTrainedTokenizerBase) -> None:
    labels = ("B-PER", "I-PER", "O", "I-LOC", "B-ORG", "I-ORG")
    examples = [Example("long", tuple("abcdef"), labels), Example("short", ("x",), ("B-MISC",))]
    (batch,) = ner_batches(examples, tokenizer, 6, settings(), generator())  # [CLS], four pieces, [SEP]
    assert sorted(decoded(batch)) == [("B-MISC",), ("B-PER", "I-PER", "O", "B-LOC")]
    assert batch.tensors["labels"].shape == (2, 4)
    assert batch.tensors["input_ids"].shape == (2, 6)


def test_labels_are_one_per_word_not_one_per_piece(tokenizer: PreTrainedTokenizerBase) -> None:
    example = Example("1", ("zzz", "b"), ("B-LOC", "O"))
    (batch,) = ner_batches([example], tokenizer, LIMIT, settings(), generator())
    assert batch.tensors["word_index"].tolist() == [[-1, 0, 0, 0, 1, -1]]
    assert batch.tensors["labels"].tolist() == [[LABELS.index("B-LOC"), LABELS.index("O")]]


def test_padding_of_labels_is_a_valid_index(tokenizer: PreTrainedTokenizerBase) -> None:
    batches = ner_batches(tweets(43), tokenizer, LIMIT, settings(), generator())
    values = {label for row in flat(batches, "labels") for label in row}
    assert values <= set(range(len(LABELS)))  # the CRF gathers by them, also at padding


def test_which_names_are_depicted_goes_with_the_pictures(tokenizer: PreTrainedTokenizerBase) -> None:
    seen = Example("1", ("a", "b", "c"), ("B-PER", "O", "B-LOC"), Path("1"), visible=(True, None, False))
    short, unseen = Example("2", ("d",), ("O",), Path("2")), replace(seen, picture=None, words=("x", "y", "z"))
    batches = ner_batches([seen, short, unseen], tokenizer, LIMIT, settings(visible_weight=1.0), generator())
    found = {len(batch.pictures): batch.tensors.get("visible") for batch in batches}
    assert found[0] is None
    assert found[2] is not None
    assert sorted(found[2].tolist()) == [[-1, -1, -1], [1, -1, 0]]


def test_one_tweet(tokenizer: PreTrainedTokenizerBase) -> None:
    (example,) = tweets(1, pictures=1)
    (batch,) = ner_batches([example], tokenizer, LIMIT, settings(), generator())
    assert (batch.pictures, decoded(batch)) == ([example], [repair_bio(example.labels or ())])


def test_no_tweets(tokenizer: PreTrainedTokenizerBase) -> None:
    assert ner_batches([], tokenizer, LIMIT, settings(), generator()) == []


# ---- relation -----------------------------------------------------------------------------------------------------


def rows(batch: Batch) -> list[tuple[list[int], Example, dict[str, Any]]]:
    """Each row as its pieces, the example whose picture it sees, and its other tensors' values."""
    names = ("belongs", "image_adds", "text_represented")
    others = [{name: batch.tensors[name][row].item() for name in names} for row in range(len(batch.pictures))]
    return list(zip(pieces_of(batch), batch.pictures, others, strict=True))


def test_every_pair_once_with_its_own_picture_and_labels(tokenizer: PreTrainedTokenizerBase) -> None:
    examples = [
        Example("both", ("a",), picture=Path("1"), image_adds=1, text_represented=0),
        Example("adds", ("b", "c"), picture=Path("2"), image_adds=0),
        Example("shows", ("d", "e", "f"), picture=Path("3"), text_represented=1),
        Example("neither", ("g",), picture=Path("4")),
        *pairs(21, image_adds=0, text_represented=0),
    ]
    batches = relation_batches(examples, tokenizer, LIMIT, settings(swapped=0.5), generator())
    own = [(pieces, e, values) for batch in batches for pieces, e, values in rows(batch) if values["belongs"]]
    assert Counter(example.id for _, example, _ in own) == Counter(e.id for e in examples if e.id != "neither")
    for pieces, example, values in own:
        assert pieces == to_pieces(tokenizer, example.words, LIMIT).input_ids
        assert values["belongs"] == 1
        for task in ("image_adds", "text_represented"):
            label = getattr(example, task)
            assert values[task] == (-1 if label is None else label)


def test_swapped_rows(tokenizer: PreTrainedTokenizerBase) -> None:
    examples = pairs(24)
    picture_of = {tuple(to_pieces(tokenizer, e.words, LIMIT).input_ids): e.picture for e in examples}
    batches = relation_batches(examples, tokenizer, LIMIT, settings(swapped=0.75, relation_batch=8), generator())
    assert len(batches) == 3
    for batch in batches:
        swapped = [row for row in rows(batch) if not row[2]["belongs"]]
        assert len(batch.pictures) == 14
        assert len(swapped) == 6
        for pieces, example, values in swapped:
            assert picture_of[tuple(pieces)] != example.picture
            assert values == {"belongs": 0, "image_adds": -1, "text_represented": -1}  # negatives of belongs alone
        texts = [tuple(pieces) for pieces, _, _ in swapped]
        assert len(set(texts)) == 6  # six tweets, none of them twice


@pytest.mark.parametrize("share", [1.0, 0.67])
def test_swapped_rows_of_few_pairs_never_have_their_own_picture(
    tokenizer: PreTrainedTokenizerBase, share: float
) -> None:
    examples = pairs(3)
    picture_of = {tuple(to_pieces(tokenizer, e.words, LIMIT).input_ids): e.picture for e in examples}
    for seed in range(20):
        batches = relation_batches(examples, tokenizer, LIMIT, settings(swapped=share), generator(seed))
        swapped = [
            (picture_of[tuple(p)], e.picture) for b in batches for p, e, values in rows(b) if not values["belongs"]
        ]
        assert len(swapped) == round(3 * share)
        assert all(own != other for own, other in swapped)


def test_tweets_that_share_a_picture_are_not_swapped_with_each_other(tokenizer: PreTrainedTokenizerBase) -> None:
    examples = [
        Example(e.id, e.words, None, Path(f"{index // 2}.png"), image_adds=1) for index, e in enumerate(pairs(12))
    ]
    picture_of = {tuple(to_pieces(tokenizer, e.words, LIMIT).input_ids): e.picture for e in examples}
    batches = relation_batches(examples, tokenizer, LIMIT, settings(swapped=1.0, relation_batch=3), generator())
    assert len(batches) == 4
    for pieces, example, values in (row for batch in batches for row in rows(batch)):
        assert (picture_of[tuple(pieces)] == example.picture) == values["belongs"]


def test_the_tweets_that_are_swapped_are_not_always_the_shortest(tokenizer: PreTrainedTokenizerBase) -> None:
    examples = pairs(12)
    lengths: Counter[bool] = Counter()
    for seed in range(10):
        (batch,) = relation_batches(
            examples, tokenizer, LIMIT, settings(swapped=0.5, relation_batch=12), generator(seed)
        )
        own = sorted(len(pieces) for pieces, _, values in rows(batch) if values["belongs"])
        median = own[len(own) // 2]
        lengths.update(len(pieces) > median for pieces, _, values in rows(batch) if not values["belongs"])
    assert lengths[True] > 10
    assert lengths[False] > 10


def test_relation_batches_leave_pass_2_out(tokenizer: PreTrainedTokenizerBase) -> None:
    batches = relation_batches(pairs(5), tokenizer, LIMIT, settings(), generator())
    assert all("word_index" not in batch.tensors for batch in batches)


def test_a_single_pair_has_nothing_to_swap_with(tokenizer: PreTrainedTokenizerBase) -> None:
    examples = pairs(1)
    (batch,) = relation_batches(examples, tokenizer, LIMIT, settings(swapped=1.0), generator())
    assert batch.pictures == examples
    assert batch.tensors["belongs"].tolist() == [1]


# ---- what goes with the pictures -----------------------------------------------------------------------------------


def signed(examples: Sequence[Example]) -> list[Example]:
    """The words in each picture are one of the tweet's and its number; every fifth picture has none."""
    return [
        replace(example, scene=(line(f"{example.words[0]} {index}"),) if index % 5 else ())
        for index, example in enumerate(examples)
    ]


def folds_of(examples: Sequence[Example], folds: int = 2) -> CrossFit:
    """Random vectors, as if of maps of so many folds."""
    chance = generator(5)
    texts, pictures = torch.randn(2, len(examples), 6, generator=chance)
    fold = torch.arange(len(examples)) % folds
    return CrossFit(texts, pictures, fold, {(e.id, e.picture): row for row, e in enumerate(examples)})


def test_the_words_of_the_pictures_are_those_beside_the_tweets(tokenizer: PreTrainedTokenizerBase) -> None:
    examples = signed(pairs(21))
    by_pieces = {tuple(to_pieces(tokenizer, e.words, LIMIT).input_ids): e for e in examples}
    inputs, seen = PictureInputs(tokenizer, 9, None), False
    for batch in relation_batches(examples, tokenizer, LIMIT, settings(swapped=0.5), generator(), inputs):
        words = [by_pieces[tuple(row)].words for row in pieces_of(batch)]
        beside = [(row, to_pieces(tokenizer, row, LIMIT)) for row in words]
        expected = scene_tensors(tokenizer, 9, beside, [picture.scene for picture in batch.pictures])
        assert all(torch.equal(batch.tensors[name], tensor) for name, tensor in expected.items())
        assert "cosine" not in batch.tensors
        seen = seen or bool(batch.tensors["scene_ids"].any())
    assert seen


def test_tweets_without_pictures_have_no_words_in_them(tokenizer: PreTrainedTokenizerBase) -> None:
    inputs = PictureInputs(tokenizer, 9, None)
    batches = ner_batches(signed(tweets(43)), tokenizer, LIMIT, settings(), generator(), inputs=inputs)
    assert {bool(batch.pictures) for batch in batches} == {True, False}
    for batch in batches:
        assert ("scene_ids" in batch.tensors) == ("echo" in batch.tensors) == bool(batch.pictures)


def test_without_scene_text_there_are_no_words(tokenizer: PreTrainedTokenizerBase) -> None:
    (batch,) = relation_batches(
        signed(pairs(3)), tokenizer, LIMIT, settings(), generator(), PictureInputs(tokenizer, 0, None)
    )
    assert set(batch.tensors) == {
        "input_ids",
        "attention_mask",
        "case_ids",
        "belongs",
        "image_adds",
        "text_represented",
    }


def test_a_name_that_became_a_hashtag_is_still_found_in_the_picture(tokenizer: PreTrainedTokenizerBase) -> None:
    sign = (line("NEW YORK"),)
    tweet = Example("1", ("in", "New", "York"), ("O", "B-LOC", "I-LOC"), Path("1.png"), scene=sign)
    inputs = PictureInputs(tokenizer, 20, None)
    (batch,) = ner_batches([tweet], tokenizer, LIMIT, settings(hashtags=1.0), generator(), inputs=inputs)
    index = batch.tensors["word_index"][0]
    (found,) = decoded(batch)
    name = found.index("B-LOC")
    assert "I-LOC" not in found  # it is one word now
    assert torch.equal(batch.tensors["echo"][0, :, 0], (index == name).float())


def test_cosines_are_those_of_maps_that_have_not_seen_the_pair(tokenizer: PreTrainedTokenizerBase) -> None:
    examples = pairs(24)
    by_pieces = {tuple(to_pieces(tokenizer, e.words, LIMIT).input_ids): row for row, e in enumerate(examples)}
    folds = folds_of(examples, 3)
    batches = relation_batches(
        examples, tokenizer, LIMIT, settings(swapped=1.0), generator(), PictureInputs(tokenizer, 0, folds)
    )
    for batch in batches:
        mine = [by_pieces[tuple(row)] for row in pieces_of(batch)]
        other = [int(picture.id) for picture in batch.pictures]
        expected = (folds.texts[mine] * folds.pictures[other]).sum(dim=1)
        assert torch.allclose(batch.tensors["cosine"], expected)
        assert [row % 3 for row in mine] == [row % 3 for row in other]  # swapped within a fold
        own = [one == two for one, two in zip(mine, other, strict=True)]
        assert own == [bool(value) for value in batch.tensors["belongs"]]


@pytest.mark.parametrize("hard", [0.0, 1.0])
def test_a_hard_negative_is_the_most_similar_of_some(tokenizer: PreTrainedTokenizerBase, hard: float) -> None:
    examples = pairs(60)
    by_pieces = {tuple(to_pieces(tokenizer, e.words, LIMIT).input_ids): row for row, e in enumerate(examples)}
    folds = folds_of(examples)
    below = []
    for seed in range(4):
        chosen = settings(swapped=1.0, hard=hard)
        for batch in relation_batches(
            examples, tokenizer, LIMIT, chosen, generator(seed), PictureInputs(tokenizer, 0, folds)
        ):
            for pieces, other, values in rows(batch):
                if not values["belongs"]:
                    row = by_pieces[tuple(pieces)]
                    cosines = folds.texts[row] @ folds.pictures[row % 2 :: 2].T  # of all pictures of its fold
                    mine = folds.texts[row] @ folds.pictures[int(other.id)]
                    below.append(float((cosines < mine).float().mean()))
    # The best of eight random ones has 8 of 9 below it on average, any one of them half.
    expected = HARD_OF / (HARD_OF + 1) if hard else 0.5
    assert sum(below) / len(below) == pytest.approx(expected, abs=0.05)


def test_pictures_of_a_fold_that_are_all_the_same_are_not_swapped(tokenizer: PreTrainedTokenizerBase) -> None:
    examples = [replace(e, picture=Path("same.png") if index % 2 else e.picture) for index, e in enumerate(pairs(12))]
    folds = folds_of(examples)  # those with an odd number are one fold
    batches = relation_batches(
        examples, tokenizer, LIMIT, settings(swapped=1.0), generator(), PictureInputs(tokenizer, 0, folds)
    )
    swapped = [picture for batch in batches for _, picture, values in rows(batch) if not values["belongs"]]
    assert len(swapped) == 6
    assert Path("same.png") not in {picture.picture for picture in swapped}


# ---- the seed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "examples"),
    [(ner_batches, tweets(43)), (relation_batches, pairs(43))],
)
def test_the_generator_alone_decides(tokenizer: PreTrainedTokenizerBase, make: Any, examples: list[Any]) -> None:
    chosen = settings(text_only=0.3, swapped=0.5)

    def epoch(seed: int, everywhere: int) -> list[Batch]:
        torch.manual_seed(everywhere)
        random.seed(everywhere)
        return make(examples, tokenizer, LIMIT, chosen, generator(seed))

    assert same(epoch(1, 0), epoch(1, 9))
    assert not same(epoch(1, 0), epoch(2, 0))


def test_tensors_of_a_batch_have_one_row_per_example(tokenizer: PreTrainedTokenizerBase) -> None:
    chosen = settings(text_only=0.3, swapped=0.5)
    for batch in [
        *ner_batches(tweets(43), tokenizer, LIMIT, chosen, generator()),
        *relation_batches(pairs(43), tokenizer, LIMIT, chosen, generator()),
    ]:
        tensors: list[Tensor] = list(batch.tensors.values())
        assert len({len(tensor) for tensor in tensors}) == 1
        assert len(batch.pictures) in (0, len(tensors[0]))
