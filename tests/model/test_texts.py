"""Tweets to words and pieces, and what is refused with a sentence."""

import pytest
from transformers import PreTrainedTokenizerBase

from rpbert.errors import UserError
from rpbert.model.texts import CASES, Pieces, case_of, collate_pieces, is_url, mostly_foreign, split_words, to_pieces

JOINER, VARIATION, NO_SPACE = "\u200d", "\ufe0f", "\u200b"
FAMILY = JOINER.join("\U0001f468\U0001f469\U0001f467")  # man, woman and girl, one picture on screen
DARK_FAMILY = "\U0001f468\U0001f3fe\u200d\U0001f469\U0001f3fe\u200d\U0001f466\U0001f3fe"
THUMB = "\U0001f44d\U0001f3fd"
SPAIN, FRANCE = "\U0001f1ea\U0001f1f8", "\U0001f1eb\U0001f1f7"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"

# ---- words --------------------------------------------------------------------------------------------------------

TWEETS = {
    "mention and hashtag": (
        "RT @jack_1: Meet #BarackObama in Paris!",
        ["RT", "@jack_1", ":", "Meet", "#", "BarackObama", "in", "Paris", "!"],
    ),
    "lonely signs": ("# @ ##x", ["#", "@", "#", "#", "x"]),
    "link": ("see https://t.co/AbC?x=1#y now", ["see", "https://t.co/AbC?x=1#y", "now"]),
    "link without scheme": ("www.nasa.gov rocks", ["www.nasa.gov", "rocks"]),
    "not a link": ("awww.cute httpd", ["awww", ".", "cute", "httpd"]),
    "link as a phone capitalises it": ("Https://t.co/AbC is HTTP://X.ORG", ["Https://t.co/AbC", "is", "HTTP://X.ORG"]),
    "joined emoji": (f"hi {FAMILY}{DARK_FAMILY}!", ["hi", FAMILY, DARK_FAMILY, "!"]),
    "skin tone": (f"ok{THUMB}{THUMB}", ["ok", THUMB, THUMB]),
    "flags": (f"{SPAIN}{FRANCE} vs {SCOTLAND}", [SPAIN, FRANCE, "vs", SCOTLAND]),
    "heart with selector": (f"I \u2764{VARIATION} NY", ["I", f"\u2764{VARIATION}", "NY"]),
    "keycap": (f"1{VARIATION}\u20e3 place", [f"1{VARIATION}\u20e3", "place"]),
    "curly quotes": (
        "\u201cLord of\u2026\u201d don\u2019t",
        ["\u201c", "Lord", "of", "\u2026", "\u201d", "don", "\u2019", "t"],
    ),
    "Arabic": (
        "\u0645\u0631\u062d\u0628\u0627 #\u0645\u0635\u0631\u060c",
        ["\u0645\u0631\u062d\u0628\u0627", "#", "\u0645\u0635\u0631", "\u060c"],
    ),
    "Arabic with vowel signs": ("\u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f", None),
    "Hebrew with vowel signs": ("\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd", None),
    "zero-width space": (f"New{NO_SPACE}York", ["New", NO_SPACE, "York"]),
    "no-break space": ("New\u00a0York\u2003City", ["New", "York", "City"]),
    "combining accents": ("Cafe\u0301 Zu\u0308rich", ["Cafe\u0301", "Zu\u0308rich"]),
    "space at both ends": (" \n Paris\t", ["Paris"]),
}


@pytest.mark.parametrize(("text", "expected"), TWEETS.values(), ids=TWEETS)
def test_words_point_into_the_text_as_pasted(text: str, expected: list[str] | None) -> None:
    words = split_words(text)
    assert [word.text for word in words] == (expected or [text])
    assert [text[word.start : word.end] for word in words] == [word.text for word in words]
    covered = [place for word in words for place in range(word.start, word.end)]
    assert covered == [place for place, character in enumerate(text) if not character.isspace()]


@pytest.mark.parametrize(
    "text",
    ["", "   ", "\n\t\u00a0\u2003", NO_SPACE, f" {NO_SPACE}{JOINER}\ufeff\u2060 ", VARIATION, f"{JOINER}{VARIATION}"],
    ids=["empty", "spaces", "odd spaces", "zero-width", "zero-widths", "variation selector", "joiner and selector"],
)
def test_nothing_to_read_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"no text to read\. Please type or paste a tweet\."):
        split_words(text)


def test_too_much_to_read_is_refused() -> None:
    with pytest.raises(UserError, match=r"has 3,000 characters; at most 2,000 can be read\. Please shorten it\."):
        split_words("a " * 1500)
    with pytest.raises(UserError, match="2,001"):
        split_words("a" * 2001)
    assert len(split_words("a " * 1000)) == 1000


@pytest.mark.parametrize(
    ("word", "url"),
    [("https://t.co/x", True), ("HTTP://X.ORG", True), ("www.nasa.gov", True), ("wwwhat", False), ("see:http", False)],
)
def test_addresses(word: str, url: bool) -> None:
    assert is_url(word) is url


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("Caf\u00e9 in Z\u00fcrich", False),
        ("\u041c\u043e\u0441\u043a\u0432\u0430 NASA", True),  # six letters to four
        ("\u041c\u043e\u0441\u043a\u0432\u0430 London", False),  # six to six
        ("\u6771\u4eac 2020!", True),
        (f"2020 {THUMB} !!", False),
    ],
)
def test_mostly_foreign_counts_letters(text: str, foreign: bool) -> None:
    assert mostly_foreign(text) is foreign


# ---- pieces -------------------------------------------------------------------------------------------------------


def pieces_of(tokenizer: PreTrainedTokenizerBase, words: list[str], limit: int = 463) -> tuple[list[str], Pieces]:
    pieces = to_pieces(tokenizer, words, limit)
    return tokenizer.convert_ids_to_tokens(pieces.input_ids), pieces


def test_pieces_remember_their_words(tokenizer: PreTrainedTokenizerBase) -> None:
    tokens, pieces = pieces_of(tokenizer, ["Meet", "Bob", "in", "Paris"])
    assert tokens == ["[CLS]", "meet", "b", "##o", "##b", "in", "paris", "[SEP]"]
    assert pieces.word_index == [-1, 0, 1, 1, 1, 2, 3, -1]
    assert pieces.words == 4


@pytest.mark.parametrize(
    "word",
    [
        "https://t.co/abc",
        "HTTP://T.CO/ABC",
        "www.nasa.gov",
        JOINER,
        VARIATION,
        NO_SPACE,
        "\x00",
        FAMILY,
        SPAIN,
        "\u05e9",
    ],
    ids=ascii,
)
def test_one_unknown_piece(tokenizer: PreTrainedTokenizerBase, word: str) -> None:
    """Links, what the tokenizer leaves nothing of, and what it does not know: the word keeps its place."""
    tokens, pieces = pieces_of(tokenizer, ["in", word, "paris"])
    assert tokens == ["[CLS]", "in", "[UNK]", "paris", "[SEP]"]
    assert pieces.word_index == [-1, 0, 1, 2, -1]


def test_half_a_surrogate_pair_is_one_unknown_piece(tokenizer: PreTrainedTokenizerBase) -> None:
    """JSON can carry half an emoji (a text cut by code unit does), which no tokenizer in Rust takes."""
    words = [word.text for word in split_words("paris \ud83d in")]
    tokens, _ = pieces_of(tokenizer, words)
    assert tokens == ["[CLS]", "paris", "[UNK]", "in", "[SEP]"]


def test_typed_special_tokens_are_only_text(tokenizer: PreTrainedTokenizerBase) -> None:
    words = [word.text for word in split_words("[SEP] [MASK][CLS] [PAD]")]
    _, pieces = pieces_of(tokenizer, words)
    assert not set(pieces.input_ids[1:-1]) & set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}


@pytest.mark.parametrize(("limit", "kept"), [(9, 4), (8, 3), (7, 3), (6, 2), (5, 2), (4, 2), (3, 1)])
def test_too_many_pieces_are_cut_between_words(tokenizer: PreTrainedTokenizerBase, limit: int, kept: int) -> None:
    """The words have 1, 1, 3 and 2 pieces; with [CLS] and [SEP] all of them need 9."""
    words = ["meet", "in", "bob", "ed"]
    whole, _ = pieces_of(tokenizer, words)
    tokens, pieces = pieces_of(tokenizer, words, limit)
    ends = [1, 2, 3, 6, 8]
    assert len(whole) == 9
    assert tokens == [*whole[: ends[kept]], "[SEP]"]
    assert pieces.words == kept
    assert len(pieces.word_index) == len(pieces.input_ids) <= limit


def test_a_first_word_that_is_too_long_is_shortened(tokenizer: PreTrainedTokenizerBase) -> None:
    tokens, pieces = pieces_of(tokenizer, ["qwxyz", "in"], limit=5)
    assert tokens == ["[CLS]", "q", "##w", "##x", "[SEP]"]
    assert pieces.word_index == [-1, 0, 0, 0, -1]
    assert pieces.words == 1


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ("...", "neither"), ("", "neither"), ("2015", "digits"), ("3rd", "lower"), ("paris", "lower"), ("été", "lower"),
        ("NASA", "UPPER"), ("U2", "Title"), ("Paris", "Title"), ("A", "Title"), ("McCain", "miXed"),
        ("iPhone", "miXed"), ("東京", "lower"),
    ],
)  # fmt: skip
def test_case_of(text: str, case: str) -> None:
    assert CASES[case_of(text)] == case


def test_pieces_of_one_word_have_their_own_case(tokenizer: PreTrainedTokenizerBase) -> None:
    # The tokenizer spells what it does not know: B, ##a, ##Y.
    tweet = to_pieces(tokenizer, ["BaY", "http://t.co/x", "paris"], 60)
    assert [CASES[case] for case in tweet.case_ids[1:4]] == ["Title", "lower", "Title"]
    assert CASES[tweet.case_ids[4]] == "neither"  # a URL is an unknown word, however it is written
    assert len(tweet.case_ids) == len(tweet.input_ids)


def test_collate_pads_on_the_right() -> None:
    short = Pieces([2, 7, 3], [-1, 0, -1], [0, 4, 0], 1)
    long = Pieces([2, 8, 9, 7, 3], [-1, 0, 0, 1, -1], [0, 4, 2, 3, 0], 2)
    batch = collate_pieces([short, long], pad_id=6)
    assert batch["case_ids"].tolist() == [[0, 4, 0, 0, 0], [0, 4, 2, 3, 0]]
    assert batch["input_ids"].tolist() == [[2, 7, 3, 6, 6], [2, 8, 9, 7, 3]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert batch["word_index"].tolist() == [[-1, 0, -1, -1, -1], [-1, 0, 0, 1, -1]]
