"""WCAG 2 A and AA on every tab, by axe-core, in both themes; and the way from a tweet to a name by keyboard alone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from chromium import browser_tests, open_page
from playwright.sync_api import Page, expect

pytestmark = browser_tests

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
BUSY = ".pending, .generating, .progress-text"  # gradio fades what is being computed
OPEN_ACCORDIONS = "document.querySelectorAll('button.label-wrap:not(.open)').forEach(button => button.click())"


def violations(page: Page) -> list[str]:
    """One line for each element that breaks a rule."""
    found = Axe().run(page, options={"resultTypes": ["violations"], "runOnly": RULES})
    return [
        f"{broken['id']}: {node['target']} {node['html'][:200]}"
        for broken in found.response["violations"]
        for node in broken["nodes"]
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_tab_breaks_a_rule(app_url: str, dark: bool) -> None:
    with open_page(app_url, [], dark=dark) as page:
        expect(page.locator("#details")).to_contain_text("random")  # the page has settled
        tabs = page.get_by_role("tab").all_inner_texts()
        assert "Analyse" in tabs
        broken = {}
        for tab in tabs:
            page.get_by_role("tab", name=tab, exact=True).click()
            expect(page.get_by_role("tab", name=tab, exact=True)).to_have_attribute("aria-selected", "true")
            page.evaluate(OPEN_ACCORDIONS)
            page.wait_for_timeout(1000)  # until what the tab does by itself has begun; then until it is done
            expect(page.locator(BUSY)).to_have_count(0)
            broken[tab] = violations(page)
        assert broken == {tab: [] for tab in tabs}


def test_axe_sees_what_is_wrong(page: Page) -> None:
    page.evaluate(
        """document.body.insertAdjacentHTML('beforeend', '<img src="data:,"><p style="color:#ccc">faint</p>')"""
    )
    assert any(line.startswith("image-alt") for line in violations(page))


def test_after_a_mistake_no_rule_is_broken_either(page: Page) -> None:
    expect(page.locator("#details")).to_contain_text("random")
    page.locator("#tweet textarea").fill("")
    page.locator("#analyse").click()
    expect(page.locator("#message")).to_contain_text("no text")
    assert violations(page) == []


def test_from_a_tweet_to_the_card_of_a_name_by_keyboard(page: Page) -> None:
    expect(page.locator("#names .marked")).to_contain_text("Jordan")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    _tab_to(page, "#tweet textarea")
    page.keyboard.press("Control+A")
    page.keyboard.type("Barack Obama meets Angela Merkel in Berlin")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#names .lines")).to_contain_text("Angela Merkel")
    expect(page.locator("#names .names")).to_have_attribute("data-whole", "yes")
    assert page.locator("#names .marked button").count() == 3  # only names are buttons
    _tab_to(page, "#names .name")
    page.keyboard.press("Tab")  # from one name to the next
    expect(page.locator("#names .name").nth(1)).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("#figure .map-title")).to_contain_text("“Angela Merkel” is")
    expect(page.locator("#cards .card:visible h2")).to_contain_text("Angela Merkel")


def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is there."""
    for _ in range(60):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the focus does not come to {selector}")
