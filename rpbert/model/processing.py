"""Tweet -> words with character offsets -> word pieces; picture file -> RGB -> tensor; the checks on both.

A tweet is normalised the way the training data was, but every word remembers where it stands in the text as pasted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import regex
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.errors import UserError
from rpbert.model.configuration import RpBertConfig

MAX_CHARACTERS = 2_000
MAX_PIXELS = 50_000_000
PICTURE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")

# What turns a picture of each EXIF orientation upright. Pillow's own exif_transpose also rewrites the other EXIF
# entries, and fails where one of these is odd.
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_URL = r"(?i:https?:|www\.)\S*"
# A hashtag's "#" is a word of its own, so that the name behind it can be labelled without it; a handle is one word;
# an emoji with its joiners, skin tone and variation selector is one word; every other character stands alone.
_WORD = regex.compile(rf"{_URL}|@\w+|[\p{{L}}\p{{M}}\p{{N}}_]+|(?=\p{{Extended_Pictographic}}|\p{{RI}})\X|\S")
_LETTER, _LATIN = regex.compile(r"\p{L}"), regex.compile(r"\p{Latin}")
_IS_URL = regex.compile(_URL)
# Anything but control and format characters, halves of emoji, marks that stand on nothing, and space.
# How a piece was written, which the vocabulary of an uncased encoder does not tell.
CASES = ("neither", "digits", "lower", "UPPER", "Title", "miXed")  # what has capitals comes after "lower"
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


def split_words(text: str) -> list[Word]:
    """The words of a tweet. Raises `UserError` when there is nothing to read or more than a post can hold."""
    if len(text) > MAX_CHARACTERS:
        raise UserError(
            f"The tweet has {len(text):,} characters; at most {MAX_CHARACTERS:,} can be read. Please shorten it."
        )
    if not _READABLE.search(text):
        raise UserError("There is no text to read. Please type or paste a tweet.")
    return [Word(match.group(), *match.span()) for match in _WORD.finditer(text)]


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
        unknown = not pieces or _IS_URL.match(words[word])
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


def open_picture(source: str | Path | Image.Image) -> Image.Image:
    """A picture as RGB: upright, transparency on white, 16 bits scaled to 8, of an animation the first frame.

    Raises `UserError` for what is not a readable picture, or has more than 50 megapixels (checked before decoding).
    """
    if isinstance(source, Image.Image):
        return _decode(source, "The picture")
    name = repr(Path(source).name[-60:])
    try:
        picture = Image.open(source, formats=PICTURE_FORMATS)
    except UnidentifiedImageError as error:
        raise UserError(
            f"{name} is not a picture that can be read. Please use a JPEG, PNG, WebP, GIF or BMP file."
        ) from error
    except Image.DecompressionBombError as error:
        raise UserError(_too_large("far too many")) from error
    except Exception as error:  # the head of a damaged file can make Pillow raise anything
        if isinstance(error, OSError) and error.errno is not None:  # the system's, not a decoder's
            raise UserError(f"There is no picture file named {name}. Please check the path.") from error
        raise UserError(_damaged(name)) from error
    with picture:
        return _decode(picture, name)


def _decode(picture: Image.Image, name: str) -> Image.Image:
    try:
        return _to_rgb(picture)
    except UserError:
        raise
    except Exception as error:  # and so can its body
        raise UserError(_damaged(name)) from error


def _damaged(name: str) -> str:
    return f"{name} is damaged and cannot be decoded. Please save it again, or use another."


def _too_large(megapixels: str) -> str:
    return (
        f"The picture has {megapixels} megapixels; at most {MAX_PIXELS // 10**6} can be read. Please make it smaller."
    )


def _frames(picture: Image.Image) -> int:
    """How many frames there are, 1 where the file is damaged behind the first: that one may still be read."""
    try:
        return max(getattr(picture, "n_frames", 1), picture.info.get("frames", 1))
    except Exception:
        return 1


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.width * picture.height > MAX_PIXELS:
        raise UserError(_too_large(f"{picture.width * picture.height / 1e6:.0f}"))
    frames = _frames(picture)
    picture.seek(0)
    turn = _UPRIGHT.get(picture.getexif().get(_ORIENTATION, 1))
    picture = picture if turn is None else picture.transpose(turn)
    if picture.mode.startswith("I"):  # 16-bit grey: Pillow would clip at 255 instead of scaling
        grey = np.asarray(picture).astype(np.float32) / 257
        picture = Image.fromarray(grey.clip(0, 255).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    rgb = picture.convert("RGB")
    rgb.info = {"frames": frames}  # more than one: the rest of an animation was left out
    return rgb


def picture_tensor(picture: Image.Image, config: RpBertConfig) -> Tensor:
    """RGB picture to (3, 224, 224), squashed to a square as in the paper's code and normalised for the CNN."""
    side = config.image_size
    pixels = np.array(picture.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32) / 255  # (H, W, 3)
    normalised = (pixels - np.array(config.image_mean, np.float32)) / np.array(config.image_std, np.float32)
    return torch.from_numpy(normalised).permute(2, 0, 1).contiguous()  # (3, H, W)
