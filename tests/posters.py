"""Pictures with words in them, drawn for the tests."""

from PIL import Image, ImageDraw, ImageFont


def poster(*lines: str, size: tuple[int, int] = (640, 480), letters: int = 64) -> Image.Image:
    """Black words on white, one line below the other, evenly spread."""
    picture = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(letters)
    for number, text in enumerate(lines):
        pen.text((size[0] / 2, (number + 0.5) * size[1] / len(lines)), text, "black", font, anchor="mm")
    return picture
