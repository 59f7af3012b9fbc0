"""One journey in a real headless Chromium, with every other host out of reach."""

import re
from pathlib import Path

from chromium import browser_tests
from PIL import Image
from playwright.sync_api import Page, expect

from rpbert.ui.samples import SAMPLES

pytestmark = browser_tests


def analyse(page: Page, text: str) -> None:
    page.locator("#tweet textarea").fill(text)
    page.get_by_role("button", name="Analyse", exact=True).click()


def upload(page: Page, file: Path) -> None:
    page.locator("#picture").get_by_label("Remove Image").click()
    expect(page.locator("#picture")).to_contain_text("Drop a JPEG")
    page.locator("#picture input[type=file]").set_input_files(str(file))
    expect(page.locator("#picture .image-frame img")).to_have_attribute("src", re.compile(re.escape(file.stem)))


def overlay_source(page: Page) -> str:
    return page.locator("#overlay img").get_attribute("src") or ""


def test_from_a_pasted_tweet_to_the_heatmap_of_a_name(page: Page, attempts: list[str]) -> None:
    # The page opens on an example that is analysed already.
    expect(page.locator("#spans")).to_contain_text("Eileen Collins")
    expect(page.locator("#relation")).to_contain_text("The picture adds to the tweet")
    expect(page.locator("#overlay img")).to_be_visible()

    # A tweet and a picture of one's own.
    upload(page, SAMPLES / "rocket_falcon9.jpg")
    analyse(page, "Elon Musk watches the launch from Florida")
    expect(page.locator("#spans")).to_contain_text("Elon Musk")
    expect(page.locator("#caption")).to_contain_text("the picture adds")
    before = overlay_source(page)

    # Clicking a name opens its card: its own map, what the picture does to it, and the verdict on the map.
    page.locator("#spans").get_by_text("Elon Musk", exact=True).click()
    expect(page.locator("#caption")).to_contain_text("“Elon Musk” is PER")
    assert overlay_source(page) != before
    expect(page.locator("#entity")).to_contain_text("Without the picture P(PER)")
    expect(page.locator("#entity")).to_contain_text("at every gate from 0 to 1")
    expect(page.locator("#verdict")).to_contain_text("of 50 random orders")
    assert page.locator("#target input:checked").count() == 1
    expect(page.locator("#target label.selected")).to_contain_text("Elon Musk")

    assert attempts == []


def test_a_mistake_loses_nothing(page: Page, tmp_path: Path) -> None:
    expect(page.locator("#spans")).to_contain_text("Eileen Collins")
    before = overlay_source(page)
    analyse(page, "")
    expect(page.locator("#message")).to_contain_text("There is no text to read")
    analyse(page, "x" * 3000)
    expect(page.locator("#message")).to_contain_text("3,000 characters")
    bomb = tmp_path / "bomb.png"
    Image.new("1", (12_000, 12_000)).save(bomb)
    upload(page, bomb)
    analyse(page, "A fine tweet")
    expect(page.locator("#message")).to_contain_text("144 megapixels")
    expect(page.locator("#spans")).to_contain_text("Eileen Collins")
    assert overlay_source(page) == before


def test_a_tweet_of_markup_stays_text(page: Page) -> None:
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    text = "<img src=x onerror=alert(1)> Barack Obama <script>alert(2)</script> in Berlin"
    analyse(page, text)
    expect(page.locator("#spans")).to_contain_text("<script>alert(2)</script>")
    expect(page.locator("#names")).to_contain_text("Barack Obama")
    page.locator("#spans").get_by_text("Barack Obama", exact=True).click()
    expect(page.locator("#caption")).to_contain_text("Barack Obama")
    assert dialogs == []


def test_gate_and_missing_picture_are_told(page: Page) -> None:
    expect(page.locator("#spans")).to_contain_text("Eileen Collins")
    page.locator("#gate").get_by_text("closed: text alone").click()
    expect(page.locator("#relation")).to_contain_text("(closed)")
    page.get_by_role("button", name="No picture").click()
    expect(page.locator("#relation")).to_contain_text("the tweet was read alone")
    expect(page.locator("#caption")).to_contain_text("No picture was given")
    page.get_by_role("button", name="No name at all").click()
    expect(page.locator("#summary")).to_contain_text("No names found")


def test_why_not_routes_and_attention(page: Page) -> None:
    page.locator("#spans").get_by_text("Eileen Collins", exact=True).click()
    expect(page.locator("#caption")).to_contain_text("“Eileen Collins” is PER")
    expect(page.locator("#reading input")).to_have_value("as found: PER")
    choose(page, "#reading", "why not ORG?")
    expect(page.locator("#caption")).to_contain_text("“Eileen Collins” is ORG")
    choose(page, "#route", "through the gate's value only (pass 1)")
    expect(page.locator("#verdict")).to_contain_text("both routes together only")
    choose(page, "#method", "Gradient x input")
    expect(page.locator("#words li").first).to_contain_text("Eileen")
    expect(page.locator("#footer")).to_contain_text("maps 0.")
    page.locator("#attention-box").get_by_text("Attention before and after the gate").click()
    page.locator("#attend").click()
    expect(page.locator("#attention figure")).to_have_count(2)
    expect(page.locator("#attention")).to_contain_text("Attention is not attribution")


def choose(page: Page, dropdown: str, option: str) -> None:
    page.locator(dropdown).locator("input").click()
    page.get_by_role("option", name=option, exact=True).click()


def test_methods_side_by_side_until_stopped(page: Page) -> None:
    expect(page.locator("#verdict")).to_contain_text("random orders")
    page.locator("#methods-box").get_by_text("All methods side by side").click()
    page.locator("#compare-methods").click()
    expect(page.locator("#methods figure")).to_have_count(2)
    expect(page.locator("#methods")).to_contain_text("Grad-CAM")
    expect(page.locator("#methods table")).to_contain_text("1.00")
    page.locator("#stop").click()
    expect(page.locator("#verdict")).to_contain_text("Stopped")
