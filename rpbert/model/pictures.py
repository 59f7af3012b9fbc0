"""Picture file -> RGB -> tensor, and the checks on a picture."""

import hashlib
import math
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from rpbert.errors import UserError
from rpbert.model.configuration import RpBertConfig

MAX_PIXELS = 50_000_000
MAX_FILE_MEGABYTES = 40
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


@dataclass(frozen=True)
class Picture:
    """A decoded picture: RGB, upright, transparency on white, 16 bits scaled to 8; of an animation the first frame."""

    image: Image.Image
    frames: int  # of the file; more than one: the rest of an animation was left out

    @cached_property
    def key(self) -> str:
        """SHA-256 of size and pixels: what is remembered of a picture is remembered by it."""
        return hashlib.sha256(repr(self.image.size).encode() + self.image.tobytes()).hexdigest()


PictureSource = str | Path | Image.Image | Picture


def open_picture(source: PictureSource) -> Picture:
    """Decode a picture once, at the door; a `Picture` is handed back as it is.

    Raises `UserError` for what is not a readable picture, or has more than 50 megapixels or 40 MB (checked before
    decoding).
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, Image.Image):
        return _decode(source, "The picture")
    path = Path(source)
    name = _name(path)
    if os.path.isfile(path):  # false, not an error, of a name that no file can have
        check_file_size(path, path.stat().st_size)
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


def check_file_size(path: Path, size: int) -> None:
    """Raises `UserError` for a file of more bytes than any picture of so many pixels has to have."""
    if size > MAX_FILE_MEGABYTES * 10**6:
        raise UserError(
            f"{_name(path)} has {math.ceil(size / 10**6)} MB; at most {MAX_FILE_MEGABYTES} MB a picture can be read. "
            "Please make it smaller."
        )


def _name(path: Path) -> str:
    """How a file is called in a sentence."""
    return repr(path.name[-60:])


def _decode(picture: Image.Image, name: str) -> Picture:
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
        return int(getattr(picture, "n_frames", 1))
    except Exception:
        return 1


def _to_rgb(picture: Image.Image) -> Picture:
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
    return Picture(picture.convert("RGB"), frames)


def picture_tensor(picture: Picture, config: RpBertConfig) -> Tensor:
    """A picture to (3, 224, 224), squashed to a square as in the paper's code and normalised for the CNN."""
    side = config.image_size
    pixels = np.array(picture.image.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32) / 255  # (H, W, 3)
    normalised = (pixels - np.array(config.image_mean, np.float32)) / np.array(config.image_std, np.float32)
    return torch.from_numpy(normalised).permute(2, 0, 1).contiguous()  # (3, H, W)
