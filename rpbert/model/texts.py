"""Tweet -> words with character offsets -> word pieces, and the checks on a tweet.

A tweet is normalised the way the training data was, but every word remembers where it stands in the text as pasted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import regex
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.errors import UserError

MAX_CHARACTERS = 2_000

_URL = r"(?i:https?:|www\.)\S*"
# A hashtag's "#" is a word of its own, so that the name behind it can be labelled without it; a handle is one word;
# an emoji with its joiners, skin tone and variation selector is one word; every other character stands alone.
_WORD = regex.compile(rf"{_URL}|@\w+|[\p{{L}}\p{{M}}\p{{N}}_]+|(?=\p{{Extended_Pictographic}}|\p{{RI}})\X|\S")
_LETTER, _LATIN = regex.compile(r"\p{L}"), regex.compile(r"\p{Latin}")
_IS_URL = regex.compile(_URL)
# How a piece was written, which the vocabulary of an uncased encoder does not tell.
CASES = ("neither", "digits", "lower", "UPPER", "Title", "miXed")  # what has capitals comes after "lower"
# Anything but control and format characters, halves of emoji, marks that stand on nothing, and space.
_READABLE = regex.compile(r"[^\p{Cc}\p{Cf}\p{Cs}\p{M}\p{Z}]")


@dataclass(frozen=True)
class Word:
    """A word and its place in the original text: characters start..end-1."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Pieces:
    """A tweet as the text encoder reads it."""

    input_ids: list[int]  # with [CLS] and [SEP]
    word_index: list[int]  # the word of each piece, -1 at [CLS] and [SEP]
    case_ids: list[int]  # index into CASES of each piece
    words: int  # how many words fitted


def is_url(word: str) -> bool:
    """Whether a word is the address of a page."""
    return _IS_URL.match(word) is not None


def split_words(text: str) -> list[Word]:
    """The words of a tweet. Raises `UserError` when there is nothing to read or more than a post can hold."""
    if len(text) > MAX_CHARACTERS:
        raise UserError(
            f"The tweet has {len(text):,} characters; at most {MAX_CHARACTERS:,} can be read. Please shorten it."
        )
    if not has_text(text):
        raise UserError("There is no text to read. Please type or paste a tweet.")
    return [Word(match.group(), *match.span()) for match in _WORD.finditer(text)]


def has_text(text: str) -> bool:
    """Whether there is anything to read: more than space, control characters and marks that stand on nothing."""
    return _READABLE.search(text) is not None


def mostly_foreign(text: str) -> bool:
    """Whether more than half of the letters are not Latin."""
    letters = len(_LETTER.findall(text))
    return 2 * len(_LATIN.findall(text)) < letters


def case_of(text: str) -> int:
    """Index into `CASES` of how `text` is written. A single capital is Title: it begins more names than shouts."""
    letters = [character for character in text if character.isalpha()]
    if not letters:
        return CASES.index("digits" if any(character.isdigit() for character in text) else "neither")
    capitals = [character.isupper() for character in letters]
    if not any(capitals):
        return CASES.index("lower")
    if not any(capitals[1:]):
        return CASES.index("Title" if capitals[0] else "miXed")
    return CASES.index("UPPER" if all(capitals) else "miXed")


def to_pieces(tokenizer: PreTrainedTokenizerBase, words: Sequence[str], limit: int) -> Pieces:
    """Word pieces of a tweet, cut at a word when there are more than `limit` ([CLS] and [SEP] included).

    URLs, and words of which the tokenizer leaves nothing (invisible joiners, variation selectors), become [UNK], as in
    the authors' data/loader.py.
    """
    sound = [word.encode("utf-8", "ignore").decode() for word in words]  # half an emoji is no text to the tokenizer
    encoded = tokenizer(
        sound,
        is_split_into_words=True,
        add_special_tokens=False,
        truncation=False,
        verbose=False,
        return_offsets_mapping=True,
    )
    per_word: list[list[tuple[int, int]]] = [[] for _ in words]  # (piece, its case)
    for piece, word, (start, end) in zip(
        encoded["input_ids"], encoded.word_ids(), encoded["offset_mapping"], strict=True
    ):
        per_word[word].append((piece, case_of(sound[word][start:end])))
    input_ids, word_index, case_ids, room = [tokenizer.cls_token_id], [-1], [0], limit - 2
    kept = 0
    for word, pieces in enumerate(per_word):
        unknown = not pieces or is_url(words[word])
        read = [(tokenizer.unk_token_id, 0)] if unknown else pieces
        if len(read) > room and kept:
            break
        read = read[:room]  # only a first word that alone is too long is ever shortened
        input_ids += [piece for piece, _ in read]
        case_ids += [case for _, case in read]
        word_index += [word] * len(read)
        room -= len(read)
        kept += 1
    return Pieces([*input_ids, tokenizer.sep_token_id], [*word_index, -1], [*case_ids, 0], kept)


def collate_pieces(tweets: Sequence[Pieces], pad_id: int = 0) -> dict[str, Tensor]:
    """`input_ids`, `attention_mask`, `word_index`, `case_ids`, each (B, n), padded on the right."""
    width = max(len(tweet.input_ids) for tweet in tweets)
    rows = [(tweet, width - len(tweet.input_ids)) for tweet in tweets]
    return {
        "input_ids": torch.tensor([tweet.input_ids + [pad_id] * gap for tweet, gap in rows]),
        "attention_mask": torch.tensor([[1] * len(tweet.input_ids) + [0] * gap for tweet, gap in rows]),
        "word_index": torch.tensor([tweet.word_index + [-1] * gap for tweet, gap in rows]),
        "case_ids": torch.tensor([tweet.case_ids + [0] * gap for tweet, gap in rows]),
    }


def word_means(states: Tensor, word_index: Tensor) -> tuple[Tensor, Tensor]:
    """The mean state (B, W, d) of each word's pieces, from states (B, >= n, d), and the word mask (B, W).

    Args:
        word_index: (B, n) the word of each piece, -1 at [CLS], [SEP] and padding.
    """
    words = torch.arange(int(word_index.max()) + 1, device=states.device)
    member = word_index.unsqueeze(1) == words.view(1, -1, 1)  # (B, W, n)
    mean = member.to(states.dtype) / member.sum(dim=2, keepdim=True).clamp(min=1)
    return mean @ states[:, : word_index.shape[1]], member.any(dim=2)
