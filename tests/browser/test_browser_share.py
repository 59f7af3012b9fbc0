"""Links and files in a real browser: what comes back is what was there, and nothing is asked of other hosts."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from chromium import browser_tests, open_page
from playwright.sync_api import Page, expect

pytestmark = browser_tests

TWEET = "Elon Musk watches the launch from Florida & “cheers” <b>#1</b> 🚀"
QUERY = {"text": TWEET, "picture": "rocket", "gate": "0.35", "name": "0", "method": "gradient_x_input"}


def expect_restored(page: Page) -> None:
    expect(page.locator("#tweet textarea")).to_have_value(TWEET)
    expect(page.locator("#spans")).to_contain_text("Elon Musk")
    expect(page.locator("#relation")).to_contain_text("Gate 0.35 (fixed by you)")
    expect(page.locator("#target label.selected")).to_contain_text("Elon Musk")
    expect(page.locator("#caption")).to_contain_text("Gradient x input for “Elon Musk” is PER")


def test_a_link_brings_everything_back_and_makes_the_same_link(app_url: str, attempts: list[str]) -> None:
    with open_page(f"{app_url}?{urlencode(QUERY)}", attempts) as page:
        expect_restored(page)
        page.locator("#share").get_by_text("Keep or share this analysis").click()
        page.locator("#make-link").click()
        link = page.locator("#link textarea, #link input").first
        expect(link).to_have_value(f"{app_url}?{urlencode(QUERY)}")
        expect(page.locator("#link-note")).to_contain_text("sees the same analysis")
        assert parse_qs(urlsplit(link.input_value()).query)["text"] == [TWEET]
    assert attempts == []


def test_a_link_opens_on_its_tab(app_url: str, attempts: list[str]) -> None:
    with open_page(f"{app_url}?{urlencode({**QUERY, 'tab': 'compare'})}", attempts) as page:
        expect(page.get_by_role("tab", name="Compare")).to_have_attribute("aria-selected", "true")


def test_files_are_saved_by_the_browser(page: Page, tmp_path: Path, attempts: list[str]) -> None:
    expect(page.locator("#verdict")).to_contain_text("random orders")
    page.locator("#share").get_by_text("Keep or share this analysis").click()
    with page.expect_download() as download:
        page.locator("#save-json").click()
    saved = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert saved["analysis"]["entities"][0]["text"] == "Eileen Collins"
    assert len(saved["explanations"]) == 2 + len(saved["analysis"]["entities"])
    assert all(explanation["verdict"] for explanation in saved["explanations"])
    with page.expect_download() as download:
        page.locator("#save-page").click()
    file = tmp_path / "rpbert.html"
    download.value.save_as(file)
    page.goto(file.as_uri())  # opens from the disk, without the app
    expect(page.locator("body")).to_contain_text("Eileen Collins")
    assert page.locator("img").count() >= 3
    assert page.locator("script").count() == 0
    assert attempts == []
