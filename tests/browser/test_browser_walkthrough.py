"""A learner's way through a story and the walkthrough, in a real browser."""

from chromium import browser_tests
from playwright.sync_api import Page, expect

from rpbert.explain.walkthrough import STEPS
from rpbert.ui.walkthrough.stories import answers, load_stories, question

pytestmark = browser_tests


def test_predict_reveal_and_walk(page: Page, attempts: list[str]) -> None:
    page.get_by_role("tab", name="How it works").click()
    expect(page.locator("#walkthrough h3")).to_have_count(len(STEPS))
    expect(page.locator("#walkthrough")).to_contain_text("Jordan")  # the tweet of the Analyse tab

    # One step a screen, by the diagram and by its neighbours.
    expect(page.locator("#walkthrough h3:visible")).to_have_text(f"1. {STEPS[0].title}")
    page.locator(".walk-next").click()
    expect(page.locator("#walkthrough h3:visible")).to_have_text(f"2. {STEPS[1].title}")
    page.locator(".part[data-step='5']").click()
    expect(page.locator("#walkthrough h3:visible")).to_have_text(f"5. {STEPS[4].title}")
    page.locator(".part[data-step='9']").press("Enter")
    expect(page.locator(".walk-place")).to_have_text(f"Step 9 of {len(STEPS)}")

    # The gate can be dragged, and every name follows.
    page.locator(".valve").fill("1")
    expect(page.locator(".gate-value")).to_have_text("1.00")
    wide = page.locator(".valve-names").inner_text()
    assert "Jordan: LOC" in wide
    page.locator(".valve").fill("0")
    assert page.locator(".valve-names").inner_text() != wide

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

    # A class votes before the reveal, in large type.
    page.locator(".presenter-toggle").click()
    page.locator(".votes .vote-more").nth(1).click()
    page.locator(".votes .vote-more").nth(1).click()
    page.locator(".votes .vote-more").nth(0).click()
    assert page.locator(".votes output").all_inner_texts()[:2] == ["1", "2"]
    expect(page.locator("#story-guess input").nth(1)).to_be_checked()
    assert float(page.locator(".walk-tweet").evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) >= 22
    page.locator(".presenter-toggle").click()
    expect(page.locator(".votes")).not_to_be_visible()

    page.locator("#story-walk").click()
    expect(page.locator("#walkthrough blockquote")).to_have_text(second.text)
    page.locator("#walk-current").click()
    expect(page.locator("#walkthrough blockquote")).to_contain_text("Jordan")

    page.get_by_role("tab", name="About").click()
    expect(page.locator("#checkpoints")).to_contain_text("comes out of training")
    expect(page.locator("#licences")).to_contain_text("astronaut_eileen_collins.jpg")
    assert attempts == []
