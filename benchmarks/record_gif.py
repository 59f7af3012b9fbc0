"""The README's picture and moving picture, taken from the real page in a headless Chromium.

    python benchmarks/record_gif.py [--screenshot assets/screenshot.jpg] [--gif assets/page.gif]

Starts the app on a free port, plays a short journey (an example, its names, a map, typing, the walkthrough), and writes
a screenshot and a GIF of about 20 seconds and less than 3 MB. Needs playwright, Pillow and Chromium.
"""

import argparse
import io
import math
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package stands one folder up

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from rpbert.analyzer import Analyzer
from rpbert.shipped import ASSETS, DEFAULT_CHECKPOINT
from rpbert.ui.app import build_demo, serve
from rpbert.ui.workbench import Workbench

WIDTH, HEIGHT, GIF_WIDTH = 1280, 800, 800
SECONDS, MOST_BYTES = 20, 3_000_000
COLOURS = (128, 96, 64, 48, 32)  # tried one after the other until the file is small enough


class Film:
    """Frames with how long each of them is shown, in milliseconds."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[tuple[Image.Image, int]] = []

    def take(self, milliseconds: int) -> None:
        """A frame of what is on the screen."""
        with Image.open(io.BytesIO(self.page.screenshot())) as shot:
            size = GIF_WIDTH, round(GIF_WIDTH * HEIGHT / WIDTH)
            self.frames.append((shot.convert("RGB").resize(size, Image.Resampling.LANCZOS), milliseconds))

    def save(self, file: Path) -> None:
        """Write the GIF with as many colours as its size allows."""
        for colours in COLOURS:
            drawn = [frame.quantize(colours, dither=Image.Dither.NONE) for frame, _ in self.frames]
            times = [shown for _, shown in self.frames]
            drawn[0].save(file, save_all=True, append_images=drawn[1:], duration=times, loop=0, optimize=True)
            if file.stat().st_size <= MOST_BYTES:
                break
        print(f"{file}: {sum(times) / 1000:.0f} s, {file.stat().st_size / 1e6:.2f} MB, {colours} colours")


def journey(page: Page, film: Film, screenshot: Path) -> None:
    """What a visitor does in the first minute."""
    page.wait_for_function("document.querySelector('#details')?.textContent.includes('random orders')")
    page.screenshot(path=screenshot, type="jpeg", quality=88)
    film.take(2500)
    names = page.locator("#names .marked .name")
    for number in range(min(3, names.count())):
        names.nth(number).hover()
        film.take(1400)
    page.locator("#relation .why").first.hover()
    film.take(1500)
    page.locator("#examples .example").nth(1).click()
    page.wait_for_timeout(6000)
    film.take(2500)
    page.locator("#tweet textarea").fill("")
    for typed in ("Barack Obama meets ", "Angela Merkel ", "in Berlin"):
        page.locator("#tweet textarea").press_sequentially(typed, delay=20)
        page.wait_for_timeout(700)
        film.take(900)
    page.wait_for_timeout(6000)
    film.take(2000)
    page.get_by_role("tab", name="How it works", exact=True).click()
    page.wait_for_selector(".walk .diagram")
    film.take(2000)
    turn_the_gate(page, film)
    page.locator(".part[data-step='4']").click()
    film.take(2000)


def turn_the_gate(page: Page, film: Film) -> None:
    """Drag the valve of the diagram from upright to lying, a quarter of a circle."""
    box = page.locator(".valve-grip circle").bounding_box()
    assert box is not None
    x, y, radius = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"] / 3
    page.mouse.move(x, y - radius)
    page.mouse.down()
    for degrees in range(0, 91, 15):
        angle = math.radians(degrees)
        page.mouse.move(x + radius * math.sin(angle), y - radius * math.cos(angle))
        film.take(300)
    page.mouse.up()
    film.take(1200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screenshot", type=Path, default=ASSETS / "screenshot.jpg")
    parser.add_argument("--gif", type=Path, default=ASSETS / "page.gif")
    arguments = parser.parse_args()
    demo = build_demo(Workbench([Analyzer.from_pretrained(DEFAULT_CHECKPOINT)]))
    url = serve(demo, block=False)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(180_000)
        page.goto(url)
        film = Film(page)
        journey(page, film, arguments.screenshot)
        film.save(arguments.gif)
        browser.close()
    demo.close()
    time.sleep(1)  # the server's threads end


if __name__ == "__main__":
    main()
