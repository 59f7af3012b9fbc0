"""A learner's way through a story and the walkthrough, in a real browser."""

from chromium import browser_tests
from playwright.sync_api import Page, expect

from rpbert.explain.walkthrough import STEPS
from rpbert.ui.walkthrough.stories import answers, load_stories, question

pytestmark = browser_tests


def height(page: Page, selector: str) -> float:
    """On the screen, in pixels."""
    return float(page.locator(selector).evaluate("element => element.getBoundingClientRect().height"))


def test_predict_reveal_and_walk(page: Page, attempts: list[str]) -> None:
    page.get_by_role("tab", name="How it works").click()
    expect(page.locator("#walkthrough h3")).to_have_count(len(STEPS))
    expect(page.locator("#walkthrough")).to_contain_text("Jordan")  # the tweet of the Analyse tab

    # One step a screen, by the diagram and by its neighbours.
    expect(page.locator("#walkthrough h3:visible")).to_have_text(f"1. {STEPS[0].title}")
    page.locator(".walk-next").click()
    expect(page.locator("#walkthrough h3:visible")).to_have_text(f"2. {STEPS[1].title}")
    page.locator(".part[data-step='5'] text").first.click()
    expect(page.locator("#walkthrough h3:visible")).to_have_text(f"5. {STEPS[4].title}")
    page.locator(".part[data-step='9']").press("Enter")
    expect(page.locator(".walk-place")).to_have_text(f"Step 9 of {len(STEPS)}")

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
    expect(page.locator("#walkthrough blockquote")).to_contain_text("Jordan")

    page.get_by_role("tab", name="About").click()
    expect(page.locator("#checkpoints")).to_contain_text("comes out of training")
    expect(page.locator("#licences")).to_contain_text("astronaut_eileen_collins.jpg")
    assert attempts == []


def test_the_gate_is_turned_by_slider_pointer_and_keys(page: Page) -> None:
    page.get_by_role("tab", name="How it works").click()
    page.locator(".valve").fill("1")
    expect(page.locator(".gate-value")).to_have_text("1.00")
    wide = page.locator(".valve-names").inner_text()
    assert "Jordan: LOC" in wide
    page.locator(".valve").fill("0")
    assert page.locator(".valve-names").inner_text() != wide
    grip = page.locator(".valve-grip circle").bounding_box()
    assert grip is not None
    x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
    page.mouse.move(x, y - 20)
    page.mouse.down()
    page.mouse.move(x + 30, y, steps=5)
    page.mouse.up()
    expect(page.locator(".valve")).to_have_value("1")
    expect(page.locator(".valve-names")).to_have_text(wide)
    page.locator(".valve-grip").press("ArrowLeft")
    expect(page.locator(".gate-value")).to_have_text("0.95")

    # A word of the field explains itself, by keyboard too.
    page.locator("#walkthrough .step:visible .term").first.focus()
    expect(page.get_by_role("tooltip")).to_be_visible()
    expect(page.get_by_role("tooltip")).not_to_be_empty()


def test_a_class_votes_in_presenter_mode_before_the_reveal(page: Page) -> None:
    page.get_by_role("tab", name="How it works").click()
    expect(page.locator("#walkthrough .walk")).to_be_visible()
    plain = height(page, ".story blockquote")
    page.locator(".presenter-toggle").click()
    page.locator(".votes .vote-more").nth(1).click()
    page.locator(".votes .vote-more").nth(1).click()
    page.locator(".votes .vote-more").nth(0).click()
    assert page.locator(".votes output").all_inner_texts()[:2] == ["1", "2"]
    expect(page.locator("#story-guess input").nth(1)).to_be_checked()
    assert height(page, ".story blockquote") > 1.5 * plain
    expect(page.locator("#walk-column")).not_to_be_visible()  # one thing a screen
    page.locator("#story-reveal").click()
    expect(page.locator("#story-result")).to_contain_text("The model’s answer")
    page.locator("#story").get_by_text(load_stories()[1].title, exact=True).click()  # on to the next story
    expect(page.locator("#story-panel")).to_contain_text(load_stories()[1].text)
    page.locator(".presenter-screen").click()
    expect(page.locator(".diagram")).to_be_visible()
    expect(page.locator("#story-column")).not_to_be_visible()
    page.locator(".presenter-screen").click()
    page.locator(".presenter-toggle").click()
    expect(page.locator(".votes")).not_to_be_visible()
