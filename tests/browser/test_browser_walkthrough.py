"""A learner's way through a story and the walkthrough, in a real browser."""

from chromium import browser_tests
from playwright.sync_api import Page, expect

from rpbert.explain.walkthrough import STEPS
from rpbert.ui.walkthrough.stories import answers, load_stories, question

pytestmark = browser_tests


def test_predict_reveal_and_walk(page: Page, attempts: list[str]) -> None:
    page.get_by_role("tab", name="How it works").click()
    expect(page.locator("#walkthrough h3")).to_have_count(len(STEPS))
    expect(page.locator("#walkthrough")).to_contain_text("Eileen Collins")  # the tweet of the Analyse tab

    second = load_stories()[1]
    page.locator("#story").get_by_text(second.title, exact=True).click()
    expect(page.locator("#story-panel")).to_contain_text(second.text)
    expect(page.locator("#story-guess")).to_contain_text(question(second))

    page.locator("#story-reveal").click()
    expect(page.locator("#story-result")).to_contain_text("Choose your prediction first")
    page.locator("#story-guess").get_by_text(answers(second)[0][0], exact=True).click()
    page.locator("#story-reveal").click()
    expect(page.locator("#story-result")).to_contain_text("In short:")
    expect(page.locator("#story-result")).to_contain_text("From the text alone, gate 0.00")

    page.locator("#story-walk").click()
    expect(page.locator("#walkthrough blockquote")).to_have_text(second.text)
    page.locator("#walk-current").click()
    expect(page.locator("#walkthrough blockquote")).to_contain_text("Eileen Collins")

    page.get_by_role("tab", name="About").click()
    expect(page.locator("#checkpoints")).to_contain_text("comes out of training")
    expect(page.locator("#licences")).to_contain_text("astronaut_eileen_collins.jpg")
    assert attempts == []
