"""Names written as hashtags: one word with the name's label, everything else as it was."""

from collections import Counter

import pytest
import torch
from corpus import settings
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example
from rpbert.model.configuration import LABELS
from rpbert.model.texts import to_pieces
from rpbert.training.batches import ner_batches
from rpbert.training.hashtags import CERTAIN, as_hashtags, moved_reading

TWEET = Example(
    "1",
    ("Rain", "in", "New", "York", ",", "says", "#", "NBC", "and", "@Ada"),
    ("O", "O", "B-LOC", "I-LOC", "O", "O", "O", "B-ORG", "O", "B-PER"),
)


def drawn(example: Example, share: float, times: int = 200) -> list[tuple[Example, list[int | None]]]:
    generator = torch.Generator().manual_seed(0)
    return [as_hashtags(example, share, generator) for _ in range(times)]


def test_a_name_becomes_one_word_behind_a_sign() -> None:
    wanted = {
        ("Rain", "in", "#", spelling, ",", "says", "#", "NBC", "and", "@Ada") for spelling in ("NewYork", "newyork")
    }
    found = {tweet.words: (tweet.labels, origin) for tweet, origin in drawn(TWEET, 0.99)}
    assert wanted <= set(found)
    for words in wanted:
        assert found[words] == (
            ("O", "O", "O", "B-LOC", "O", "O", "O", "B-ORG", "O", "B-PER"),
            [0, 1, None, 2, 4, 5, 6, 7, 8, 9],
        )


def test_what_is_depicted_stays_with_its_name() -> None:
    tweet = Example(
        "1", ("New", "York", "and", "Rome"), ("B-LOC", "I-LOC", "O", "B-LOC"), visible=(True, True, None, False)
    )
    found = {made.words: made.visible for made, _ in drawn(tweet, 1.0)}
    assert found["#", "newyork", "and", "#", "Rome"] == (None, True, None, None, False)


def test_what_is_a_hashtag_or_has_other_signs_stays() -> None:
    for tweet, _ in drawn(TWEET, 1.0):
        text = " ".join(tweet.words)
        assert "# #" not in text
        assert text.endswith("@Ada")
        assert text.count("# NBC") == 1
        assert "# ," not in text


def test_names_often_other_words_less_often() -> None:
    example = Example("1", ("Paris", "rain"), ("B-LOC", "O"))
    counts = Counter(words for tweet, _ in drawn(example, 0.4, 2000) for words in [tweet.words])
    tagged = [
        sum(n for words, n in counts.items() if f"# {word}" in " ".join(words).lower()) for word in ("paris", "rain")
    ]
    assert tagged[0] == pytest.approx(800, abs=80)
    assert tagged[1] == pytest.approx(200, abs=50)


def test_long_names_and_numbers_stay() -> None:
    example = Example("1", ("The", "One", "And", "Only", "Prince", "2016"), ("B-PER", *["I-PER"] * 4, "B-MISC"))
    assert all(tweet is example for tweet, _ in drawn(example, 1.0, 20))


def test_no_share_no_change() -> None:
    assert all(tweet is TWEET and origin == list(range(10)) for tweet, origin in drawn(TWEET, 0.0, 20))


def test_reading_moves_with_the_words() -> None:
    reading = torch.randn(3, len(LABELS))
    moved = moved_reading(reading, [0, None, 1])
    assert torch.equal(moved[[0, 2]], reading[[0, 1]])
    assert moved[1].argmax() == LABELS.index("O")
    assert moved[1].max() == CERTAIN


def test_batches_have_the_words_labels_and_readings_of_the_changed_tweet(tokenizer: PreTrainedTokenizerBase) -> None:
    tweet = Example("1", ("a", "b", "c"), ("B-PER", "I-PER", "I-PER"))
    reading = torch.arange(3.0 * len(LABELS)).view(3, len(LABELS))
    generator = torch.Generator().manual_seed(0)
    (batch,) = ner_batches([tweet], tokenizer, 20, settings(hashtags=1.0), generator, readings={tweet.words: reading})
    assert batch.tensors["input_ids"].tolist() == [to_pieces(tokenizer, ("#", "abc"), 20).input_ids]
    assert batch.tensors["labels"].tolist() == [[LABELS.index("O"), LABELS.index("B-PER")]]
    assert torch.equal(batch.tensors["taught"][0], moved_reading(reading, [None, 0]))
