"""What the browser tests share: a headless Chromium for which no other host exists."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, Route, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PATIENCE = 120_000  # milliseconds

browser_tests = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium is installed"),
]


@contextmanager
def open_page(url: str, attempts: list[str], dark: bool = False, width: int = 1280) -> Iterator[Page]:
    """The page at `url`; requests to other hosts are aborted and noted in `attempts`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        here = "/".join(url.split("/")[:3])

        def only_here(route: Route) -> None:
            if route.request.url.startswith((here, "data:", "blob:", "file:")):
                route.continue_()
            else:
                attempts.append(route.request.url)
                route.abort()

        page.route("**/*", only_here)
        page.goto(url)
        yield page
        browser.close()
