"""The Compare tab in a real browser: filled at once, one side changed, swapped, a mistake that loses nothing."""

from chromium import browser_tests
from playwright.sync_api import Page, expect

pytestmark = browser_tests


def test_two_gates_and_two_tweets_are_compared(page: Page, attempts: list[str]) -> None:
    page.get_by_role("tab", name="Compare", exact=True).click()
    result, tweet = page.locator("#compare-result"), page.locator("#compare-tweet-b textarea")
    expect(result).to_contain_text("nothing differs")
    expect(page.locator("#compare-picture-a img")).to_be_visible()

    page.locator("#compare-gate-b").get_by_text("closed: text alone").click()
    expect(result).to_contain_text("the gate (soft in A, closed in B) differs.")
    expect(result).to_contain_text("The same: the tweet, the picture")

    tweet.fill("<b>Barack Obama</b> visits Houston")
    page.locator("#compare").click()
    expect(result).to_contain_text("the tweet, the gate (soft in A, closed in B) differ.")
    expect(result.locator(".marked").nth(1)).to_contain_text("<b>Barack Obama")

    page.locator("#compare-swap").click()
    expect(result).to_contain_text("the gate (closed in A, soft in B)")
    expect(tweet).to_have_value("Jordan was amazing up in the mountains, back in London now")

    tweet.fill("")
    page.locator("#compare").click()
    expect(page.locator("#compare-message")).to_contain_text("Side B: There is no text")
    expect(result).to_contain_text("the gate (closed in A, soft in B)")

    page.locator("#compare-take-a").click()
    page.locator("#compare-take-b").click()
    expect(result).to_contain_text("nothing differs")
    expect(page.locator("#compare-message")).to_have_count(0)
    assert attempts == []
