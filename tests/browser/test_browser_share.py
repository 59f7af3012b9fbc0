"""Links, addresses and files in a real browser: what comes back is what was there, and nothing is asked of others."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from chromium import browser_tests, open_page
from PIL import Image
from playwright.sync_api import Page, expect

from rpbert.ui.samples import SAMPLES, load_samples

pytestmark = browser_tests

TWEET = "Elon Musk watches the launch from Florida & “cheers” <b>#1</b> 🚀"
QUERY = {"text": TWEET, "picture": "rocket", "gate": "0.35", "name": "0", "method": "gradient_x_input"}


def query_of(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_a_link_brings_everything_back_and_makes_the_same_link(app_url: str, attempts: list[str]) -> None:
    with open_page(f"{app_url}?{urlencode(QUERY)}", attempts) as page:
        expect(page.locator("#tweet textarea")).to_have_value(TWEET)
        expect(page.locator("#names .marked")).to_contain_text("Elon Musk")
        expect(page.locator("#relation")).to_contain_text("0.35 (fixed by you)")
        expect(page.locator("#cards .card:visible h2")).to_contain_text("Elon Musk")
        expect(page.locator("#details")).to_contain_text("Gradient x input for “Elon Musk” is PER")
        page.locator("#share").get_by_text("Keep or share this analysis").click()
        page.locator("#make-link").click()
        link = page.locator("#link textarea, #link input").first
        expect(link).to_have_value(f"{app_url}?{urlencode(QUERY)}")
        expect(page.locator("#link-note")).to_contain_text("sees the same analysis")
        assert parse_qs(urlsplit(link.input_value()).query)["text"] == [TWEET]
    assert attempts == []


@pytest.mark.parametrize("query", [{**QUERY, "tab": "compare"}, {"tab": "compare"}], ids=["with a tweet", "alone"])
def test_a_link_opens_on_its_tab(app_url: str, attempts: list[str], query: dict[str, str]) -> None:
    with open_page(f"{app_url}?{urlencode(query)}", attempts) as page:
        expect(page.get_by_role("tab", name="Compare")).to_have_attribute("aria-selected", "true")


def test_the_address_follows_and_back_and_reload_keep_the_work(page: Page) -> None:
    first, second = load_samples()[1], load_samples()[4]
    for sample in (first, second):
        page.locator(f"#examples [data-key={sample.id}]").click()
        expect(page.locator("#names .names")).to_have_attribute("data-text", sample.text)
        page.wait_for_function("text => new URLSearchParams(location.search).get('text') === text", arg=sample.text)
        assert query_of(page)["picture"] == [sample.id]
    page.get_by_role("tab", name="What if", exact=True).click()
    page.wait_for_function("new URLSearchParams(location.search).get('tab') === 'what-if'")
    page.reload()
    expect(page.get_by_role("tab", name="What if", exact=True)).to_have_attribute("aria-selected", "true")
    page.go_back()
    expect(page.locator("#names .names")).to_have_attribute("data-text", first.text)
    expect(page.locator("#figure img")).to_have_attribute("alt", first.alt)


def test_an_own_picture_survives_a_reload_but_no_link(page: Page, app_url: str, tmp_path: Path) -> None:
    own = tmp_path / "own.png"
    Image.new("RGB", (80, 60), "teal").save(own)
    expect(page.locator("#figure img")).to_be_visible()
    before = page.locator("#figure img").get_attribute("src") or ""
    page.locator("#input-buttons input[type=file]").set_input_files(str(own))
    page.wait_for_function("new URLSearchParams(location.search).get('picture') === 'own'")
    expect(page.locator("#figure img")).not_to_have_attribute("src", before)
    source = page.locator("#figure img").get_attribute("src") or ""
    renamed = tmp_path / "renamed.png"
    renamed.write_bytes(b"%PDF-1.7 not a picture")
    page.locator("#input-buttons input[type=file]").set_input_files(str(renamed))
    expect(page.locator("#message")).to_contain_text("not a picture")  # and takes nothing's place
    page.reload()
    expect(page.locator("#figure img")).to_have_attribute("src", source)
    page.wait_for_function("new URLSearchParams(location.search).get('picture') === 'own'")
    browser = page.context.browser
    assert browser is not None
    elsewhere = browser.new_page()  # of another visitor: the picture was never stored
    elsewhere.goto(page.url)
    expect(elsewhere.locator("#message")).to_contain_text("could not carry its picture")
    expect(elsewhere.locator("#figure")).to_contain_text("No picture.")
    elsewhere.context.close()


def test_what_describes_the_result_comes_from_the_result(page: Page) -> None:
    """Words that are typed, and not read yet, are in no link."""
    expect(page.locator("#figure .map-title")).not_to_be_empty()
    page.locator("#share").get_by_text("Keep or share this analysis").click()
    page.locator("#tweet textarea").fill("")  # cannot be read
    page.locator("#make-link").click()
    link = page.locator("#link textarea, #link input").first
    expect(link).to_have_value(re.compile("text=Jordan"))
    assert parse_qs(urlsplit(link.input_value()).query)["picture"] == [load_samples()[0].id]


def test_files_are_saved_by_the_browser(page: Page, tmp_path: Path, attempts: list[str]) -> None:
    expect(page.locator("#details")).to_contain_text("random orders")
    page.locator("#share").get_by_text("Keep or share this analysis").click()
    with page.expect_download() as download:
        page.locator("#save-json").click()
    assert re.fullmatch(
        r"rpbert-jordan-was-amazing[a-z0-9-]*-\d{4}-\d\d-\d\d-\d{4}\.json", download.value.suggested_filename
    )
    saved = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert saved["analysis"]["entities"][0]["text"] == "Jordan"
    assert len(saved["explanations"]) >= 2 + len(saved["analysis"]["entities"])
    assert all(explanation["verdict"] for explanation in saved["explanations"])
    with page.expect_download() as download:
        page.locator("#save-png").click()
    with Image.open(download.value.path()) as drawn, Image.open(SAMPLES / "picos_de_europa.jpg") as picture:
        assert drawn.format == "PNG"
        assert drawn.height > picture.height * drawn.width / picture.width  # title and colour bar below
    with page.expect_download() as download:
        page.locator("#save-page").click()
    file = tmp_path / "rpbert.html"
    download.value.save_as(file)
    page.goto(file.as_uri())  # opens from the disk, without the app
    expect(page.locator("body")).to_contain_text("was amazing up in the mountains, back in")
    assert page.locator("img").count() >= 3
    assert page.locator("script").count() == 0
    assert attempts == []
