"""A journey through the What-if tab in a real browser."""

from chromium import browser_tests
from playwright.sync_api import Page, expect

from rpbert.ui.samples import SAMPLES

pytestmark = browser_tests


def test_changes_are_compared_with_the_analysis(page: Page, attempts: list[str]) -> None:
    page.get_by_role("tab", name="What if").click()
    told, table = page.locator("#what-if-changes"), page.locator("#what-if-table")
    expect(told).to_contain_text("Nothing is changed yet")
    expect(page.locator("#what-if-chart svg")).to_be_visible()

    # A click on the picture as it is displayed hides the cell below the pointer, and the list of cells says so.
    picture = page.locator("#what-if-grid img")
    page.locator("#what-if-grid").scroll_into_view_if_needed()
    expect(picture).to_be_visible()
    box = picture.bounding_box()
    assert box is not None
    picture.click(position={"x": box["width"] * 3.5 / 7, "y": box["height"] * 1.5 / 7})
    expect(told).to_contain_text("1 of 49 cells hidden (D2)")

    # By keyboard.
    page.get_by_role("button", name="Choose the hidden cells by name").press("Enter")
    expect(page.get_by_label("D2", exact=True)).to_be_checked()
    page.get_by_label("G7", exact=True).press("Space")
    expect(told).to_contain_text("2 of 49 cells hidden (D2, G7)")
    page.get_by_role("button", name="Show all cells").click()
    expect(told).to_contain_text("Nothing is changed yet")

    # Words are read while they are typed, and the answer stays in sight of them.
    page.locator("#what-if-text textarea").fill("Barack Obama visits Houston")
    expect(told).to_contain_text("the words")
    expect(page.locator("#what-if-tweets")).to_contain_text("Barack Obama")
    page.locator("#what-if-text textarea").scroll_into_view_if_needed()
    expect(told).to_be_in_viewport()

    # A fixed gate has its value, then another picture; both stay changed.
    expect(page.locator("#what-if-fixed")).to_have_count(0)
    page.locator("#what-if-gate").get_by_text("a fixed value").click()
    page.locator("#what-if-fixed input[type=number]").fill("0.3")
    page.locator("#what-if-fixed input[type=number]").press("Enter")
    page.locator("#what-if-fixed input[type=number]").blur()
    expect(table).to_contain_text("0.300 (fixed at 0.30)")
    page.locator("#what-if-other input[type=file]").set_input_files(str(SAMPLES / "coffee.jpg"))
    expect(told).to_contain_text("another picture")
    expect(table).to_contain_text("0.300 (fixed at 0.30)")

    # A mistake loses nothing.
    page.locator("#what-if-text textarea").fill("")
    expect(page.locator("#what-if-message")).to_contain_text("no text")
    expect(told).to_contain_text("another picture")

    page.get_by_role("button", name="Undo all changes").click()
    expect(told).to_contain_text("Nothing is changed yet")
    expect(page.locator("#what-if-text textarea")).not_to_have_value("")
    assert attempts == []
