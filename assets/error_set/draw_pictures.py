"""Draws the pictures of the error set that have words in them: python assets/error_set/draw_pictures.py"""

from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FOLDER = Path(__file__).parent / "images"
WIDTH, HEIGHT = 480, 360  # pixels
INK, PAPER = "#1c1c22", "#f7f4ec"

Draw = ImageDraw.ImageDraw


def write(draw: Draw, lines: list[tuple[str, int]], top: int, colour: str, left: int | None = None) -> None:
    """Lines of (text, size in pixels), centred unless there is a left edge."""
    for text, size in lines:
        font = ImageFont.load_default(size)
        x = (WIDTH - draw.textlength(text, font)) / 2 if left is None else left
        draw.text((x, top), text, fill=colour, font=font, stroke_width=size // 24, stroke_fill=colour)
        top += int(size * 1.35)


def poster(draw: Draw, lines: list[tuple[str, int]], paper: str) -> None:
    draw.rectangle((0, 0, WIDTH, HEIGHT), fill=paper)
    for ray in range(-400, 900, 80):
        draw.line((WIDTH / 2, HEIGHT, ray, 0), fill="#ffffff", width=3)
    draw.rectangle((40, 60, WIDTH - 40, HEIGHT - 60), fill=paper)
    write(draw, lines, 85, "#ffffff")


def jersey(draw: Draw, lines: list[tuple[str, int]], paper: str) -> None:
    draw.rectangle((0, 0, WIDTH, HEIGHT), fill="#4c8a4f")
    draw.polygon([(130, 30), (350, 30), (450, 110), (400, 170), (360, 140), (360, 350), (120, 350), (120, 140),
                  (80, 170), (30, 110)], fill=paper)  # fmt: skip
    draw.arc((200, 5, 280, 60), 0, 180, fill="#ffffff", width=8)
    write(draw, lines, 85, "#ffffff")


def sign(draw: Draw, lines: list[tuple[str, int]], paper: str) -> None:
    draw.rectangle((0, 0, WIDTH, 250), fill="#a9cbe8")
    draw.rectangle((0, 250, WIDTH, HEIGHT), fill="#7d8b6a")
    for post in (110, 360):
        draw.rectangle((post, 200, post + 14, HEIGHT), fill="#555555")
    draw.rounded_rectangle((40, 40, WIDTH - 40, 240), 14, fill=paper, outline="#ffffff", width=6)
    write(draw, lines, 70, "#ffffff")


def ticket(draw: Draw, lines: list[tuple[str, int]], paper: str) -> None:
    draw.rectangle((0, 0, WIDTH, HEIGHT), fill="#6b4f3a")
    draw.rounded_rectangle((30, 80, WIDTH - 30, 280), 12, fill=paper)
    for y in range(90, 280, 14):
        draw.line((360, y, 360, y + 7), fill=INK, width=2)
    for number, x in enumerate(range(375, 435, 5)):
        draw.line((x, 110, x, 250), fill=INK, width=1 + number % 3)
    write(draw, lines, 100, INK, left=50)


def parcel(draw: Draw, lines: list[tuple[str, int]], paper: str) -> None:
    draw.rectangle((0, 0, WIDTH, HEIGHT), fill="#8a8f94")
    for x in range(0, WIDTH, 24):
        draw.line((x, 0, x - 40, HEIGHT), fill="#a5acb3", width=2)  # rain
    draw.rectangle((90, 90, 400, 320), fill=paper)
    draw.rectangle((225, 90, 265, 320), fill="#a2793f")
    write(draw, lines, 150, INK)


def shop(draw: Draw, lines: list[tuple[str, int]], paper: str) -> None:
    draw.rectangle((0, 0, WIDTH, HEIGHT), fill="#cfc7b8")
    draw.rectangle((30, 20, WIDTH - 30, HEIGHT), fill=paper)
    for x in (60, 190, 320):
        draw.rectangle((x, 190, x + 100, HEIGHT), fill="#bcd9e6", outline="#333333", width=4)
    write(draw, lines, 45, "#ffffff")


def board(draw: Draw, lines: list[tuple[str, int]], paper: str) -> None:
    draw.rectangle((0, 0, WIDTH, HEIGHT), fill=paper)
    draw.rectangle((20, 40, WIDTH - 20, HEIGHT - 40), outline="#777777", width=6)
    write(draw, lines, 80, "#ffd34d")


def page(draw: Draw, lines: list[tuple[str, int]], paper: str) -> None:
    draw.rectangle((0, 0, WIDTH, HEIGHT), fill="#d8d4c8")
    draw.rectangle((50, 20, WIDTH - 50, HEIGHT - 20), fill=paper, outline="#999999", width=3)
    write(draw, lines, 60, INK)


def phone(draw: Draw, lines: list[tuple[str, int]], paper: str) -> None:
    draw.rectangle((0, 0, WIDTH, HEIGHT), fill="#20242b")
    draw.rounded_rectangle((60, 10, WIDTH - 60, HEIGHT - 10), 24, fill=paper)
    top = 40
    for number, (text, size) in enumerate(lines):
        left = 80 if number % 2 == 0 else 190
        draw.rounded_rectangle((left, top, left + 210, top + 50), 14, fill="#d9e7ff" if number % 2 else "#e6e6e6")
        write(draw, [(text, size)], top + 12, INK, left + 12)
        top += 68


def placard(draw: Draw, lines: list[tuple[str, int]], paper: str) -> None:
    draw.rectangle((0, 0, WIDTH, HEIGHT), fill="#9fb7c9")
    for x in range(0, WIDTH, 60):
        draw.ellipse((x, 270, x + 50, 330), fill=("#8d5a3c", "#e0ac80", "#5b3a29")[x // 60 % 3])
        draw.rectangle((x - 5, 320, x + 55, HEIGHT), fill=("#324a5f", "#7a1f3d", "#2f6b4f")[x // 60 % 3])
    draw.rectangle((232, 200, 246, 300), fill="#6b4f3a")
    draw.rectangle((80, 30, 400, 210), fill=paper)
    write(draw, lines, 55, INK)


def cake(draw: Draw, lines: list[tuple[str, int]], paper: str) -> None:
    draw.rectangle((0, 0, WIDTH, HEIGHT), fill="#51606b")
    draw.ellipse((50, 240, 430, 340), fill="#e9e2d8")
    draw.rectangle((80, 120, 400, 280), fill=paper)
    for x in range(120, 380, 40):
        draw.rectangle((x, 70, x + 8, 120), fill="#f2f2f2")
        draw.ellipse((x - 2, 50, x + 10, 72), fill="#ffb347")
    write(draw, lines, 150, "#7a1f3d")


def chart(draw: Draw, lines: list[tuple[str, int]], paper: str) -> None:
    draw.rectangle((0, 0, WIDTH, HEIGHT), fill=paper)
    for number, height in enumerate((60, 95, 80, 130, 190)):
        draw.rectangle((70 + 75 * number, 320 - height, 120 + 75 * number, 320), fill="#2f6fb2")
    draw.line((50, 320, 440, 320), fill=INK, width=3)
    write(draw, lines, 20, INK)


def country(draw: Draw, lines: list[tuple[str, int]], paper: str) -> None:
    draw.rectangle((0, 0, WIDTH, HEIGHT), fill="#b9d7ea")
    draw.polygon([(60, 90), (150, 60), (250, 100), (350, 120), (440, 210), (380, 260), (250, 250), (160, 220),
                  (110, 160)], fill=paper, outline="#6b6b3f")  # fmt: skip
    write(draw, lines, 120, INK)


def fruit(draw: Draw, lines: list[tuple[str, int]], paper: str) -> None:
    draw.rectangle((0, 0, WIDTH, HEIGHT), fill="#e8dcc4")
    draw.rectangle((0, 270, WIDTH, HEIGHT), fill="#a2793f")
    draw.ellipse((130, 90, 270, 290), fill=paper)
    draw.ellipse((210, 90, 350, 290), fill=paper)
    draw.line((240, 110, 255, 50), fill="#5b3a29", width=10)
    draw.ellipse((255, 45, 325, 80), fill="#4c8a4f")
    write(draw, lines, 20, INK)


PICTURES: dict[str, tuple[Callable[[Draw, list[tuple[str, int]], str], None], str, list[tuple[str, int]]]] = {
    "poster_jordan": (poster, "#7a1f3d", [("MARA JORDAN", 52), ("LIVE", 40), ("ROTTERDAM 12 MAY", 34)]),
    "sign_jordan": (sign, "#1d6b3a", [("WELCOME TO", 34), ("JORDAN", 60), ("Queen Alia Airport", 28)]),
    "jersey_lima": (jersey, "#1f4e9c", [("LIMA", 50), ("10", 110)]),
    "sign_washington": (sign, "#1d6b3a", [("Washington  12", 46), ("Baltimore  50", 46)]),
    "jersey_washington": (jersey, "#a02020", [("WASHINGTON", 34), ("44", 110)]),
    "parcel_amazon": (parcel, "#c9a26b", [("AMAZON", 44), ("FRAGILE", 40)]),
    "ticket_amazon": (ticket, PAPER, [("AMAZON RIVER", 40), ("Manaus to Santarem", 28), ("Deck 2  Hammock 17", 26)]),
    "poster_paris_hilton": (poster, "#b0307f", [("DJ", 40), ("PARIS HILTON", 52), ("IBIZA  ALL SUMMER", 32)]),
    "shop_hilton": (shop, "#2b3a55", [("HILTON", 56), ("PARIS OPERA", 40)]),
    "fruit_apple": (fruit, "#b3261e", []),
    "shop_apple": (shop, "#3d3d42", [("APPLE STORE", 54), ("open 9 to 21", 30)]),
    "board_chelsea": (board, INK, [("CHELSEA   2", 52), ("ARSENAL   1", 52), ("90:00", 44)]),
    "country_georgia": (country, "#e2dfb5", [("GEORGIA", 48), ("Tbilisi   Batumi", 28)]),
    "page_diploma": (page, PAPER, [("DIPLOMA", 44), ("ANNA KOWALSKA", 36), ("Master of Science", 28)]),
    "phone_chat": (phone, "#ffffff", [("did you eat", 26), ("yes", 26), ("what did you eat", 26), ("food", 26)]),
    "board_meme": (board, "#33405a", [("ONE DOES NOT SIMPLY", 38), ("LEAVE THE OFFICE", 38), ("AT FIVE", 38)]),
    "page_lisbon": (page, "#ffffff", [("NLP FORUM 2027", 42), ("Welcome to Lisbon", 34), ("Room 3", 28)]),
    "placard_victoria": (placard, "#ffffff", [("SAVE", 46), ("LAKE VICTORIA", 38)]),
    "cake_victoria": (cake, "#f4c7d4", [("HAPPY 30", 44), ("VICTORIA", 44)]),
    "board_berlin": (board, "#10325c", [("08:14  ICE 91", 42), ("BERLIN - WIEN", 46), ("+ 55 min", 46)]),
    "chart_rain": (chart, "#ffffff", [("Rainfall in spring, mm", 32)]),
    "sign_ford": (sign, "#a02020", [("FORD", 64), ("Try your brakes", 36)]),
    "phone_weather": (phone, "#e8f1fb", [("Paris", 34), ("14 C", 34), ("Rain all day", 30)]),
    "page_quote": (page, "#f0e6f6", [("STAY HUNGRY.", 40), ("STAY CURIOUS.", 40), ("DRINK WATER.", 40)]),
    "poster_phoenix": (poster, "#c2410c", [("PHOENIX", 64), ("ON TOUR", 38), ("OSLO SPEKTRUM", 36)]),
    "sign_phoenix": (sign, "#2b3a55", [("PHOENIX", 48), ("Sky Harbor", 34), ("Gate B12", 34)]),
    "poster_turkey": (poster, "#b3261e", [("TURKEY", 64), ("fly direct", 40), ("from 89 EUR", 40)]),
}


def main() -> None:
    for name, (style, paper, lines) in PICTURES.items():
        picture = Image.new("RGB", (WIDTH, HEIGHT), paper)
        style(ImageDraw.Draw(picture), lines, paper)
        picture.save(FOLDER / f"{name}.jpg", quality=80)


if __name__ == "__main__":
    main()
