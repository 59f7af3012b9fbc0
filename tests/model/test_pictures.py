"""Picture files to pictures to tensors, and what is refused with a sentence."""

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

from rpbert.errors import UserError
from rpbert.model import pictures
from rpbert.model.configuration import RpBertConfig
from rpbert.model.pictures import Picture, open_picture, picture_tensor

RED, BLUE, WHITE, BLACK = (255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)

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


def opened(source: str | Path | Image.Image) -> Image.Image:
    return open_picture(source).image


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
    picture = opened(tmp_path / "phone.jpg")
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
    assert opened(tmp_path / "odd.jpg").size == (32, 48)


def saved(folder: Path, picture: Image.Image, **options: Any) -> Image.Image:
    picture.save(folder / "picture.png", **options)
    return opened(folder / "picture.png")


@pytest.mark.parametrize("name", ["picture.png", "picture.webp", "picture.bmp", "picture.gif"])
def test_formats(tmp_path: Path, name: str) -> None:
    halves().save(tmp_path / name, lossless=True)  # which only WebP asks for
    picture = opened(str(tmp_path / name))
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
    read = opened(picture) if file is None else saved(tmp_path, picture)
    red = [np.asarray(read)[0, place, 0] for place in range(4)]
    assert red[:2] == [0, 1]
    assert red[2] in (127, 128)
    assert red[3] == 255


@pytest.mark.parametrize("name", ["moving.gif", "moving.webp"])
def test_first_frame_of_an_animation(tmp_path: Path, name: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=100)
    first = open_picture(tmp_path / name)
    assert nearly(first.image.getpixel((8, 8)), RED, tolerance=8)
    assert first.frames == open_picture(first).frames == 2  # what a warning is made of
    with Image.open(tmp_path / name) as picture:
        assert getattr(picture, "n_frames", 1) == 2
        picture.seek(1)
        assert nearly(opened(picture).getpixel((8, 8)), RED, tolerance=8)


def test_animation_cut_at_any_byte(tmp_path: Path) -> None:
    """Half a download: a first frame that arrived whole is read, and a missing second one is no reason to crash."""
    frames = [halves(), halves(BLUE, RED)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    second = content.rindex(b"!\xf9\x04")  # the head of its last frame
    for length in range(len(content)):
        (tmp_path / "half.gif").write_bytes(content[:length])
        try:
            assert opened(tmp_path / "half.gif").getpixel((4, 4)) == RED
        except UserError:
            assert length < second


# ---- one picture, made at the door ---------------------------------------------------------------------------------


def test_an_opened_picture_is_handed_back_as_it_is() -> None:
    picture = open_picture(halves())
    assert open_picture(picture) is picture
    assert picture.frames == 1


def test_equal_pixels_have_one_key_and_others_another(tmp_path: Path) -> None:
    halves().save(tmp_path / "one.png")
    halves().save(tmp_path / "two.bmp")
    keys = {open_picture(source).key for source in (tmp_path / "one.png", tmp_path / "two.bmp", halves())}
    assert len(keys) == 1, "the same pixels, whatever file they came in"
    one_pixel = halves()
    one_pixel.putpixel((0, 0), (254, 0, 0))
    others = {open_picture(picture).key for picture in (one_pixel, halves(BLUE, RED), halves().transpose(2))}
    assert len(others) == 3
    assert not keys & others


def test_the_same_bytes_in_another_shape_are_another_picture() -> None:
    wide, tall = Image.new("RGB", (8, 2), RED), Image.new("RGB", (2, 8), RED)
    assert wide.tobytes() == tall.tobytes()
    assert open_picture(wide).key != open_picture(tall).key


def test_a_key_is_of_what_is_shown_not_of_the_frames() -> None:
    assert Picture(halves(), 1).key == Picture(halves(), 7).key


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
    with Image.open(io.BytesIO(content[: len(content) // 2])) as picture:
        assert "damaged" in refusal(picture)


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
    with Image.open(io.BytesIO(png_of(12_000, 12_000))) as picture:
        assert "144 megapixels" in refusal(picture)


def test_a_huge_file_is_refused_unopened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", None)
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(41 * 10**6)
    assert "'huge.jpg' has 41 MB; at most 40 MB" in refusal(tmp_path / "huge.jpg")


def test_the_limit_is_the_area(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS", 100)
    assert opened(Image.new("RGB", (100, 1))).size == (100, 1)
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
            read += opened(tmp_path / "damaged").mode == "RGB"
    assert 50 < read < 350, "both outcomes must have been tried"


# ---- tensors ------------------------------------------------------------------------------------------------------


def test_normalisation_by_hand() -> None:
    config = RpBertConfig(image_mean=[0.5, 0.4, 0.2], image_std=[0.25, 0.2, 0.1])
    tensor = picture_tensor(open_picture(Image.new("RGB", (30, 20), (255, 0, 51))), config)
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
    red = picture_tensor(open_picture(picture), RpBertConfig())[0]
    along = red if tall else red.T
    assert (along[:26] > 0.9).all()
    assert (along[30:] < -0.9).all()
