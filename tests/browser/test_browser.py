"""Journeys on the Analyse tab in a real headless Chromium, with every other host out of reach."""

import re
import threading
from pathlib import Path
from typing import Any

import pytest
from chromium import browser_tests, open_page
from playwright.sync_api import Page, expect
from posters import poster

from rpbert.ui.samples import SAMPLES, load_samples
from rpbert.ui.workbench import ScreenState, Workbench

pytestmark = browser_tests

TITLE = "#figure .map-title"
SENTENCE = "#figure .map-sentence"
NAMES = "#names .marked .name"


def settled(page: Page) -> None:
    """The example of the page is there, with its maps."""
    expect(page.locator("#names .marked")).to_contain_text("was amazing up in the mountains")  # of the first example
    expect(page.locator(TITLE)).not_to_be_empty()


def analyse(page: Page, text: str) -> None:
    page.locator("#tweet textarea").fill(text)
    page.locator("#analyse").click()


def upload(page: Page, file: Path) -> None:
    page.locator("#input-buttons input[type=file]").set_input_files(str(file))


def bottom(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box is not None, selector
    return box["y"] + box["height"]


def test_everything_is_in_sight_on_one_screen(app_url: str) -> None:
    with open_page(app_url, []) as page:
        page.set_viewport_size({"width": 1280, "height": 800})
        settled(page)
        expect(page.locator("#cards .card:visible h2")).to_have_count(1)
        for part in (
            "#examples",
            "#tweet textarea",
            ".map-frame",
            ".colour-bar",
            ".marked",
            ".meters",
            ".card:visible",
        ):
            assert bottom(page, part) <= 800, part
        assert page.locator("#experts .label-wrap.open").count() == 0  # gate and methods are folded
        assert page.locator(".map-frame").count() == 1  # the picture is the map; there is no second copy


def test_a_phone_shows_tweet_picture_result_card_in_this_order(app_url: str) -> None:
    with open_page(app_url, [], width=390) as page:
        settled(page)
        parts = ("#tweet", ".map-frame", ".marked", ".meters", ".card:visible")
        places = [bottom(page, part) for part in parts]
        assert places == sorted(places)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        last = page.locator(NAMES).last
        last.scroll_into_view_if_needed()
        last.click()
        expect(page.locator(".map-frame")).to_be_in_viewport()  # what was chosen shows its effect


def test_names_are_marked_while_typing_and_the_whole_reading_follows(page: Page) -> None:
    settled(page)
    tweet = page.locator("#tweet textarea")
    tweet.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("Barack Obama is in Berlin")
    expect(page.locator("#page")).to_have_class(has_class("edited"))
    expect(page.locator("#names .marked")).to_contain_text("Barack Obama")
    expect(page.locator("#names")).to_contain_text("By the words alone so far")
    expect(page.locator("#names .names")).to_have_attribute("data-whole", "yes")  # without a button
    expect(page.locator("#page")).not_to_have_class(has_class("edited"))
    expect(page.locator("#names .lines li").first).to_contain_text("Barack Obama")


def has_class(name: str) -> re.Pattern[str]:
    return re.compile(rf"(^|\s){name}(\s|$)")


def test_pointing_at_a_name_shows_its_map_without_asking_the_server(page: Page) -> None:
    settled(page)
    expect(page.locator("#details")).to_contain_text("random")  # what the page asks for by itself has come
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    titles = set()
    for number in range(page.locator(NAMES).count()):
        page.locator(NAMES).nth(number).hover()
        titles.add(page.locator(TITLE).inner_text())
        name = page.locator(NAMES).nth(number).locator("bdi").inner_text()
        assert name in page.locator(TITLE).inner_text()
        expect(page.locator("#cards .card:visible h2")).to_contain_text(name)
    assert len(titles) == page.locator(NAMES).count() > 1
    expect(page.locator("#details")).not_to_be_visible()  # that verdict is on another name's map
    page.locator(NAMES).first.focus()
    expect(page.locator("#details")).to_be_visible()
    expect(page.locator(TITLE)).to_contain_text(page.locator(NAMES).first.locator("bdi").inner_text())
    assert [url for url in asked if "/queue/join" in url or "/call" in url] == []


def test_the_map_can_be_read_and_turned(page: Page) -> None:
    settled(page)
    frame, high = page.locator(".map-frame"), page.locator(".bar-high")
    colours = "[...document.querySelectorAll('.cells i')].map(cell => cell.style.backgroundColor)"
    assert len(page.evaluate(colours)) == 49
    assert len(set(page.evaluate(colours))) > 1
    before, number = page.evaluate(colours), high.inner_text()
    assert "raises it" in number
    page.locator(".map-strength").fill("8")
    assert page.evaluate(colours) != before
    assert high.inner_text() != number
    page.locator(".map-signs").check()
    expect(frame).to_have_class(has_class("signed"))
    page.locator(".map-on").uncheck()
    expect(frame).to_have_class(has_class("plain"))
    page.locator(".map-on").check()
    box = frame.bounding_box()
    assert box is not None
    frame.hover(position={"x": box["width"] * 1.5 / 7, "y": box["height"] * 2.5 / 7})
    expect(page.locator(SENTENCE)).to_have_text(re.compile(r"^Hiding this cell \(B3\): \d\.\d\d → \d\.\d\d\.$"))


def test_from_a_pasted_tweet_to_the_verdict_on_a_name(page: Page, attempts: list[str]) -> None:
    settled(page)
    upload(page, SAMPLES / "rocket_falcon9.jpg")
    analyse(page, "Elon Musk watches the launch from Florida")
    expect(page.locator("#names .marked")).to_contain_text("Elon Musk")
    page.locator(NAMES).filter(has_text="Elon Musk").click()
    expect(page.locator("#cards .card:visible h2")).to_contain_text("Elon Musk")
    expect(page.locator("#cards .card:visible")).to_contain_text("ithout the picture P(PER)")
    expect(page.locator("#details")).to_contain_text("random orders")
    expect(page.locator("#details")).to_contain_text("matter")  # and whether the effect is large enough to
    expect(page.locator(NAMES).filter(has_text="Elon Musk")).to_have_attribute("aria-pressed", "true")
    assert attempts == []


@pytest.mark.parametrize("pause", [0, 300, 1500], ids=["at once", "at the first letters", "after a while"])
def test_a_poster_and_then_a_tweet_have_their_map(page: Page, tmp_path: Path, pause: int) -> None:
    """The upload, typing, rest and the button all read; only the last of them is on the page, whatever ends when."""
    poster("PARIS FASHION WEEK", "with Stella McCartney", "28 SEPTEMBER 2026").save(tmp_path / "poster.png")
    page.locator("#input-buttons input[type=file]").set_input_files(tmp_path / "poster.png")
    page.wait_for_timeout(pause)
    page.locator("#tweet textarea").fill("Front row at paris fashion week with stella mccartney tonight")
    page.locator("#analyse").click()
    expect(page.locator("#names .names")).to_have_attribute("data-whole", "yes")
    expect(page.locator("#names")).to_contain_text("paris")
    for _ in range(2):
        expect(page.locator(TITLE)).to_contain_text(re.compile("paris|stella mccartney"))  # a name of the new tweet
        expect(page.locator(SENTENCE)).to_contain_text("Hiding")
        expect(page.locator("#details")).to_contain_text("random orders")
        page.wait_for_timeout(2000)  # nothing older arrives late and takes it away


def test_a_reading_that_ends_late_takes_its_picture_to_the_newer_tweet(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(page)
    read, late = Workbench.analyse, threading.Event()

    def analyse_late(bench: Workbench, text: str, picture: Any = None, *rest: Any, **settings: Any) -> ScreenState:
        if text == load_samples()[0].text:
            late.wait(60)
        return read(bench, text, picture, *rest, **settings)

    monkeypatch.setattr(Workbench, "analyse", analyse_late)
    before = page.locator("#figure img").get_attribute("src") or ""
    with page.expect_response(re.compile("/upload")):
        upload(page, SAMPLES / "rocket_falcon9.jpg")
    page.wait_for_timeout(1000)
    analyse(page, "Elon Musk watches the launch from Florida")
    names, picture = page.locator("#names .names"), page.locator("#figure img")
    expect(names).to_have_attribute("data-text", re.compile("^Elon"))
    expect(names).to_have_attribute("data-whole", "yes")
    expect(picture).to_have_attribute("src", before)  # of the new picture nothing is known yet
    page.wait_for_timeout(3000)  # typing has come to rest, too
    late.set()
    expect(picture).not_to_have_attribute("src", before)
    expect(names).to_have_attribute("data-text", re.compile("^Elon"))
    expect(names).to_have_attribute("data-whole", "yes")
    expect(page.locator(TITLE)).to_contain_text("Elon Musk")


def test_the_tweet_on_the_page_typed_again_clears_a_mistake_and_keeps_its_maps(page: Page) -> None:
    settled(page)
    text = page.locator("#tweet textarea").input_value()
    analyse(page, "x" * 3000)
    expect(page.locator("#message")).to_contain_text("3,000 characters")
    page.locator("#tweet textarea").fill(text)
    expect(page.locator("#message")).to_be_hidden()
    expect(page.locator("#names .names")).to_have_attribute("data-whole", "yes")
    expect(page.locator(TITLE)).not_to_be_empty()


def test_a_renamed_document_is_told_in_the_other_tabs_too(page: Page, tmp_path: Path) -> None:
    """The picture inputs there are gradio's own component, extended: what an instance overrides is lost at run time."""
    renamed = tmp_path / "holiday.png"
    renamed.write_bytes(b"%PDF-1.7 not a picture")
    page.get_by_role("tab", name="Compare", exact=True).click()
    expect(page.locator("#compare-result")).to_contain_text("nothing differs")
    page.locator("#compare-picture-b").get_by_label("Remove Image").click()
    page.locator("#compare-picture-b input[type=file]").set_input_files(str(renamed))
    page.locator("#compare").click()
    expect(page.locator("#compare-message")).to_contain_text("Side B: 'holiday.png' is not a picture that can be read")
    page.get_by_role("tab", name="What if", exact=True).click()
    page.locator("#what-if-other input[type=file]").set_input_files(str(renamed))
    expect(page.locator("#what-if-message")).to_contain_text("is not a picture that can be read")


def test_without_a_picture_no_picture_controls_remain(page: Page) -> None:
    settled(page)
    page.locator("#remove").click()
    expect(page.locator("#figure")).to_contain_text("No picture.")
    expect(page.locator("#relation")).to_contain_text("the words were read alone")
    assert page.locator(".map-tools, .colour-bar, .meters, .line-effect").count() == 0
    for part in ("#experts", "#remove", "#ask"):
        expect(page.locator(part)).not_to_be_visible()
    page.locator("#examples .example").first.click()
    expect(page.locator("#experts")).to_be_visible()


def test_the_gate_is_told_and_other_readings_are_explained(page: Page) -> None:
    settled(page)
    page.locator("#experts").get_by_text("For experts").click()
    page.locator("#gate").get_by_text("closed: text alone").click()
    expect(page.locator("#relation")).to_contain_text("(closed)")
    expect(page.locator("#names .lines")).to_contain_text("picture kept out")
    page.locator("#gate").get_by_text("soft: as far").click()
    expect(page.locator("#relation")).to_contain_text("(soft)")
    page.locator(NAMES).first.click()
    choose(page, "#reading", "why not ORG?")
    expect(page.locator(TITLE)).to_contain_text("is ORG")
    choose(page, "#route", "through the gate's value only (pass 1)")
    expect(page.locator("#details")).to_contain_text("both routes together only")
    choose(page, "#method", "Gradient x input")
    expect(page.locator("#details .words li").first).to_contain_text("Jordan")
    page.locator("#attend").click()
    expect(page.locator("#attention figure")).to_have_count(2)
    expect(page.locator("#attention")).to_contain_text("Attention is not attribution")


def choose(page: Page, dropdown: str, option: str) -> None:
    page.locator(dropdown).locator("input").click()
    page.get_by_role("option", name=option, exact=True).click()


def test_methods_side_by_side_until_stopped(page: Page) -> None:
    settled(page)
    page.locator("#experts").get_by_text("For experts").click()
    page.locator("#compare-methods").click()
    expect(page.locator("#methods figure")).to_have_count(2)
    expect(page.locator("#methods")).to_contain_text("Grad-CAM")
    expect(page.locator("#methods table")).to_contain_text("1.00")
    page.locator("#stop").click()
    expect(page.locator("#details")).to_contain_text("Stopped")


def test_a_picture_is_pasted_anywhere_and_ctrl_enter_analyses(page: Page) -> None:
    settled(page)
    before = page.locator("#figure img").get_attribute("src")
    page.evaluate(
        """async () => {
          const canvas = document.createElement('canvas');
          canvas.width = canvas.height = 64;
          const blob = await new Promise(done => canvas.toBlob(done, 'image/png'));
          const data = new DataTransfer();
          data.items.add(new File([blob], 'pasted.png', {type: 'image/png'}));
          document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true}));
        }"""
    )
    expect(page.locator("#figure img")).not_to_have_attribute("src", before or "")
    expect(page.locator("#tweet")).to_contain_text("Ctrl+Enter")
    page.locator("#tweet textarea").fill("Angela Merkel in Paris")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#names .names")).to_have_attribute("data-whole", "yes")
    expect(page.locator("#names .marked")).to_contain_text("Angela Merkel")


@pytest.mark.parametrize("example", [1, 4])
def test_an_example_is_read_at_once(page: Page, example: int) -> None:
    sample = load_samples()[example]
    page.locator("#examples .example").nth(example).click()
    expect(page.locator("#names .names")).to_have_attribute("data-text", sample.text)
    expect(page.locator("#figure img")).to_have_attribute("alt", sample.alt)
    expect(page.locator("#tweet textarea")).to_have_value(sample.text)


def test_a_long_tweet_is_explained_only_when_asked(page: Page) -> None:
    settled(page)
    analyse(page, "Barack Obama met Angela Merkel in Paris. " * 13)
    expect(page.locator("#details")).to_contain_text("read, but not explained")
    page.locator("#ask").click()
    expect(page.locator("#details")).not_to_contain_text("read, but not explained")
    page.locator("#experts").get_by_text("For experts").click()
    page.locator("#stop").click()
    expect(page.locator("#details")).to_contain_text("Stopped")


def test_other_languages_and_handles_are_told(page: Page) -> None:
    settled(page)
    analyse(page, "Hoy @shakira canta en el estadio de Barcelona para todos")
    expect(page.locator("#names .notice")).to_contain_text("seems to be in Spanish")
    expect(page.locator("#names")).to_contain_text("@shakira is a handle")
