"""Tweets to words and pieces, picture files to tensors, and what is refused with a sentence."""

import contextlib
import io
import random
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile
from transformers import PreTrainedTokenizerBase

from rpbert.errors import UserError
from rpbert.model import processing
from rpbert.model.configuration import RpBertConfig
from rpbert.model.pictures import open_picture, picture_tensor
from rpbert.model.texts import CASES, Pieces, case_of, collate_pieces, mostly_foreign, split_words, to_pieces

RED, BLUE, WHITE, BLACK = (255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)

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


# ---- pictures that are read ---------------------------------------------------------------------------------------


def halves(left: tuple[int, int, int] = RED, right: tuple[int, int, int] = BLUE) -> Image.Image:
    """48 x 32 pixels, one colour left and one right."""
    picture = Image.new("RGB", (48, 32), left)
    picture.paste(right, (24, 0, 48, 32))
    return picture


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def nearly(pixel: object, colour: tuple[int, int, int], tolerance: int = 3) -> bool:
    """JPEG moves colours a little."""
    assert isinstance(pixel, tuple)
    return all(abs(one - two) <= tolerance for one, two in zip(pixel, colour, strict=True))


# Where the stored upper left (red) and upper right (blue) corners belong, from the table of the EXIF standard.
CORNERS = {
    1: ("upper left", "upper right"),
    2: ("upper right", "upper left"),
    3: ("lower right", "lower left"),
    4: ("lower left", "lower right"),
    5: ("upper left", "lower left"),
    6: ("upper right", "lower right"),
    7: ("lower right", "upper right"),
    8: ("lower left", "upper left"),
}


def corner(picture: Image.Image, name: str) -> object:
    width, height = picture.size
    across, down = 4 if "left" in name else width - 5, 4 if "upper" in name else height - 5
    return picture.getpixel((across, down))


@pytest.mark.parametrize("orientation", CORNERS)
def test_pictures_stand_upright(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.new("RGB", (48, 32), WHITE)
    stored.paste(RED, (0, 0, 16, 16))
    stored.paste(BLUE, (32, 0, 48, 16))
    stored.save(tmp_path / "phone.jpg", exif=exif, quality=95)
    picture = open_picture(tmp_path / "phone.jpg")
    assert picture.size == ((48, 32) if orientation < 5 else (32, 48))
    red, blue = CORNERS[orientation]
    assert nearly(corner(picture, red), RED)
    assert nearly(corner(picture, blue), BLUE)


def _odd_exif() -> bytes:
    """Orientation 6, and a camera maker that is a fraction where text belongs: cameras and editors do write this."""
    header = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2)
    maker = struct.pack("<HHII", 0x010F, 5, 1, 38)  # type 5 is a fraction, of which 8 bytes stand at offset 38
    orientation = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    return header + maker + orientation + struct.pack("<III", 0, 1, 2)


def test_odd_exif_is_no_reason_to_fail(tmp_path: Path) -> None:
    halves().save(tmp_path / "odd.jpg", exif=_odd_exif(), quality=95)
    assert Image.open(tmp_path / "odd.jpg").getexif()[0x0112] == 6
    assert open_picture(tmp_path / "odd.jpg").size == (32, 48)


def saved(folder: Path, picture: Image.Image, **options: Any) -> Image.Image:
    picture.save(folder / "picture.png", **options)
    return open_picture(folder / "picture.png")


@pytest.mark.parametrize("name", ["picture.png", "picture.webp", "picture.bmp", "picture.gif"])
def test_formats(tmp_path: Path, name: str) -> None:
    halves().save(tmp_path / name, lossless=True)  # which only WebP asks for
    picture = open_picture(str(tmp_path / name))
    assert (picture.mode, picture.size) == ("RGB", (48, 32))
    assert (picture.getpixel((4, 4)), picture.getpixel((43, 4))) == (RED, BLUE)


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    """Left out, half in, all there; the hidden colour of a clear pixel must not show."""
    rgba = Image.new("RGBA", (3, 1))
    for place, alpha in enumerate((0, 128, 255)):
        rgba.putpixel((place, 0), (*RED, alpha))
    picture = saved(tmp_path, rgba)
    assert [picture.getpixel((place, 0)) for place in range(3)] == [WHITE, (255, 127, 127), RED]
    grey = Image.new("LA", (2, 1))
    grey.putpixel((1, 0), (0, 128))
    picture = saved(tmp_path, grey)
    assert [picture.getpixel((place, 0)) for place in range(2)] == [WHITE, (127, 127, 127)]


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_transparent_colour_becomes_white(tmp_path: Path, mode: str) -> None:
    """A colour, not a channel, marks what is clear (PNG's tRNS chunk): here black."""
    picture = halves(BLACK, (9, 9, 9)).convert(mode)
    clear: object = BLACK if mode == "RGB" else 0
    if mode == "P":
        picture = halves(BLACK, (9, 9, 9)).quantize(2)
        clear = picture.getpixel((4, 4))
    read = saved(tmp_path, picture, transparency=clear)
    assert read.getpixel((4, 4)) == WHITE
    assert read.getpixel((43, 4)) == (9, 9, 9)


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    assert saved(tmp_path, Image.new("L", (2, 2), 77)).getpixel((1, 1)) == (77, 77, 77)
    assert saved(tmp_path, Image.new("1", (2, 2), 1)).getpixel((1, 1)) == WHITE


@pytest.mark.parametrize("file", ["picture.png", None])
def test_sixteen_bits_are_scaled(tmp_path: Path, file: str | None) -> None:
    """Pillow's own conversion clips: everything above 255 of 65535 would be white."""
    picture = Image.fromarray(np.array([[0, 257, 32768, 65535]], dtype=np.uint16))
    assert picture.mode.startswith("I")
    read = open_picture(picture) if file is None else saved(tmp_path, picture)
    red = [np.asarray(read)[0, place, 0] for place in range(4)]
    assert red[:2] == [0, 1]
    assert red[2] in (127, 128)
    assert red[3] == 255


@pytest.mark.parametrize("name", ["moving.gif", "moving.webp"])
def test_first_frame_of_an_animation(tmp_path: Path, name: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=100)
    first = open_picture(tmp_path / name)
    assert nearly(first.getpixel((8, 8)), RED, tolerance=8)
    assert first.info["frames"] == open_picture(first).info["frames"] == 2  # what a warning is made of
    with Image.open(tmp_path / name) as opened:
        assert getattr(opened, "n_frames", 1) == 2
        opened.seek(1)
        assert nearly(open_picture(opened).getpixel((8, 8)), RED, tolerance=8)


def test_animation_cut_at_any_byte(tmp_path: Path) -> None:
    """Half a download: a first frame that arrived whole is read, and a missing second one is no reason to crash."""
    frames = [halves(), halves(BLUE, RED)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    second = content.rindex(b"!\xf9\x04")  # the head of its last frame
    for length in range(len(content)):
        (tmp_path / "half.gif").write_bytes(content[:length])
        try:
            assert open_picture(tmp_path / "half.gif").getpixel((4, 4)) == RED
        except UserError:
            assert length < second


# ---- pictures that are refused ------------------------------------------------------------------------------------

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'


def refusal(source: str | Path | Image.Image) -> str:
    with pytest.raises(UserError) as caught:
        open_picture(source)
    message = str(caught.value)
    assert message[0] in "'ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert message.endswith(".")
    return message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.png", b"not a picture at all\n" * 50),
        ("paper.jpg", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"),
        ("drawing.svg", SVG),
        ("drawing.png", SVG),
        ("nothing.gif", b""),
        ("scan.png", encoded(Image.new("RGB", (4, 4)), "TIFF")),  # Pillow could read it, but it is not offered
        ("print.jpg", encoded(Image.new("RGB", (4, 4)), "EPS")),  # Pillow would start Ghostscript
    ],
    ids=["text", "PDF", "SVG", "SVG named PNG", "empty", "TIFF", "EPS"],
)
def test_not_a_picture(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    message = refusal(tmp_path / name)
    assert name in message
    assert "Please use a JPEG, PNG, WebP, GIF or BMP file" in message
    assert str(tmp_path) not in message, "a server's folders are nobody's business"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_truncated_picture_is_damaged(tmp_path: Path, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(noise), kind)
    (tmp_path / "half.img").write_bytes(content[: len(content) // 2])
    message = refusal(tmp_path / "half.img")
    assert "half.img" in message
    assert "damaged" in message or "not a picture" in message


def test_truncated_picture_that_is_already_opened(tmp_path: Path) -> None:
    """Pillow decodes late: a caller's opened picture can still turn out to be damaged."""
    content = encoded(Image.effect_noise((64, 64), 90).convert("RGB"), "JPEG")
    with Image.open(io.BytesIO(content[: len(content) // 2])) as opened:
        assert "damaged" in refusal(opened)


@pytest.mark.parametrize("name", ["nowhere.png", "", "x" * 300], ids=["missing", "folder", "longer than a name can be"])
def test_no_such_file(tmp_path: Path, name: str) -> None:
    message = refusal(tmp_path / name)
    assert "Please check the path" in message
    assert str(tmp_path) not in message


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds almost nothing."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("side", "says"), [(12_000, "144 megapixels"), (20_000, "megapixels")])
def test_bombs_are_refused_before_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int, says: str
) -> None:
    (tmp_path / "bomb.png").write_bytes(png_of(side, side))

    def decode(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    began = time.perf_counter()
    message = refusal(tmp_path / "bomb.png")
    assert time.perf_counter() - began < 2
    assert says in message
    assert "at most 50 can be read" in message


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bomb_that_is_already_opened() -> None:
    with Image.open(io.BytesIO(png_of(12_000, 12_000))) as opened:
        assert "144 megapixels" in refusal(opened)


def test_the_limit_is_the_area(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "MAX_PIXELS", 100)
    assert open_picture(Image.new("RGB", (100, 1))).size == (100, 1)
    assert "megapixels" in refusal(Image.new("RGB", (101, 1)))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of damaged EXIF
def test_damage_anywhere_is_a_sentence_or_a_picture(tmp_path: Path) -> None:
    """Bytes changed at random in the heads of real files: nothing but `UserError` may come out."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "maker", (72, 1)
    frames = [halves(), halves(BLUE, RED)]
    files = [
        encoded(frames[0], "JPEG", exif=exif),
        encoded(frames[0].convert("RGBA"), "PNG", exif=exif),
        encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        encoded(frames[0], "WEBP", exif=exif),
        encoded(frames[0], "BMP"),
    ]
    rng = random.Random(4)
    read = 0
    for trial in range(400):
        content = bytearray(files[trial % len(files)])
        for _ in range(rng.choice((1, 1, 2, 4))):
            content[rng.randrange(min(len(content), 200))] = rng.choice((0, 255, rng.randrange(256)))
        (tmp_path / "damaged").write_bytes(content)
        with contextlib.suppress(UserError):
            read += open_picture(tmp_path / "damaged").mode == "RGB"
    assert 50 < read < 350, "both outcomes must have been tried"


# ---- tensors ------------------------------------------------------------------------------------------------------


def test_normalisation_by_hand() -> None:
    config = RpBertConfig(image_mean=[0.5, 0.4, 0.2], image_std=[0.25, 0.2, 0.1])
    tensor = picture_tensor(Image.new("RGB", (30, 20), (255, 0, 51)), config)
    assert tensor.shape == (3, 224, 224)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous()
    # (1 - 0.5) / 0.25, (0 - 0.4) / 0.2, (0.2 - 0.2) / 0.1
    for channel, expected in zip(tensor, (2.0, -2.0, 0.0), strict=True):
        torch.testing.assert_close(channel, torch.full((224, 224), expected), atol=1e-5, rtol=0)


@pytest.mark.parametrize("tall", [False, True])
def test_pictures_are_squashed_not_cropped(tall: bool) -> None:
    """A stripe over the first eighth of the long side fills the first 28 of 224 pixels; a crop would lose it."""
    picture = Image.new("RGB", (64, 512) if tall else (512, 64), BLACK)
    picture.paste(WHITE, (0, 0, 64, 64))
    red = picture_tensor(picture, RpBertConfig())[0]
    along = red if tall else red.T
    assert (along[:26] > 0.9).all()
    assert (along[30:] < -0.9).all()
