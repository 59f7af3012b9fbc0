"""One user never stops the others: a short analysis beside the maps of somebody else's long tweet, and Stop."""

import time

from chromium import browser_tests
from gradio_client import Client, handle_file
from playwright.sync_api import Page, expect

from rpbert.ui.samples import SAMPLES

pytestmark = browser_tests

LONG = "Barack Obama met Angela Merkel in Paris. " * 40
WAIT = 3.0  # seconds that a short analysis may wait behind anybody's maps


def seconds_of_a_short_analysis(client: Client) -> float:
    began = time.perf_counter()
    client.predict("Elon Musk in Florida", handle_file(str(SAMPLES / "coffee.jpg")), api_name="/analyze")
    return time.perf_counter() - began


def test_a_short_analysis_does_not_wait_for_the_maps_of_a_long_tweet(app_url: str, page: Page) -> None:
    client = Client(app_url, verbose=False)
    seconds_of_a_short_analysis(client)
    alone = seconds_of_a_short_analysis(client)
    page.locator("#tweet textarea").fill(LONG)
    page.locator("#analyse").click()
    page.locator("#ask").click()
    page.wait_for_timeout(1000)
    assert max(seconds_of_a_short_analysis(client) for _ in range(3)) < alone + WAIT
    page.locator("#experts").get_by_text("For experts").click()
    page.locator("#stop").click()
    began = time.perf_counter()
    expect(page.locator("#details")).to_contain_text("Stopped")
    assert time.perf_counter() - began < WAIT
