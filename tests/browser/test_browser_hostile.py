"""One page of a phone that is sent whatever people send: a right result, or one sentence in sight and nothing lost."""

import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from chromium import browser_tests, open_page
from hostile import FILES, TEXTS, HostileFile
from playwright.sync_api import Page, expect

from rpbert.analyzer import Analyzer
from rpbert.ui.samples import load_samples

pytestmark = browser_tests

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
TITLE = "#figure .map-title"
SENTENCES = "#message [role=alert]:visible, [data-testid=toast-text]:visible"
EXPECTED = "status of 400"  # what the browser itself writes of an upload that was refused
FIRST = load_samples()[0]
READ_TEXTS = ("bidirectional controls", "right to left", "emoji with joiners", "one long word", "markup")
LONG_NAME = "holiday" * 20 + ".jpg"


class Visitor:
    """Somebody on the page, with all that the browser complained about."""

    def __init__(self, page: Page, analyzer: Analyzer) -> None:
        self.page, self.analyzer = page, analyzer
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda told: told.type == "error" and self.complaints.append(told.text))

    def analyse(self, text: str) -> None:
        self.page.locator("#tweet textarea").fill(text)
        self.page.locator("#analyse").click()

    def upload(self, file: Path) -> None:
        self.page.locator("#input-buttons input[type=file]").set_input_files(file)

    def on_screen(self) -> list[str | None]:
        """The analysis on the page: tweet, names, relation, picture."""
        page = self.page
        names, picture = page.locator("#names .names"), page.locator("#figure img")
        texts = page.locator("#names .marked, #names .lines, #relation .headline, #relation .meters").all_inner_texts()
        return [names.get_attribute("data-text"), picture.get_attribute("src"), *texts]

    def is_refused(self, told: str, do: Callable[[], None]) -> None:
        """What is done brings this sentence into sight, and leaves everything else as it was."""
        before = self.on_screen()
        do()
        sentence = self.page.locator(SENTENCES)
        expect(sentence.filter(has_text=told)).to_be_in_viewport(ratio=0.9)
        expect(sentence).to_have_count(1)
        assert self.on_screen() == before
        self.fits()
        if self.page.get_by_test_id("toast-close").count():
            self.page.get_by_test_id("toast-close").click()
            expect(sentence).to_have_count(0)

    def is_read(self, text: str, picture: Path | None) -> None:
        """The names on the page are those of this tweet and picture, and no mistake is told."""
        page = self.page
        expect(page.locator("#names .names")).to_have_attribute("data-text", text)
        expect(page.locator("#names .names")).to_have_attribute("data-whole", "yes")
        expect(page.locator(SENTENCES)).to_have_count(0)
        expected = self.analyzer.analyze(text, picture)
        assert page.locator("#names .marked .name bdi").all_text_contents() == [
            entity.text for entity in expected.entities
        ]
        assert expected.relation is not None
        expect(page.locator("#relation")).to_contain_text(f"{expected.relation.image_adds:.2f}")
        self.fits()

    def fits(self) -> None:
        """Nothing makes the page wider than the screen."""
        for size in (DESK, PHONE):
            self.page.set_viewport_size(size)
            wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide == 0, size


def written(file: HostileFile, folder: Path) -> Path:
    path = folder / (LONG_NAME if file.name == "renamed.jpg" else file.name)
    file.write(path)
    return path


def test_whatever_is_sent_one_page_goes_on(
    app_url: str, analyzer: Analyzer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[str] = []
    with open_page(app_url, attempts, width=PHONE["width"]) as page:
        visitor = Visitor(page, analyzer)
        expect(page.locator("#details")).to_contain_text("Details in log-probability")
        files = {file.name: file for file in FILES}

        # Uploads that the server does not store.
        large = tmp_path / "large.jpg"
        with large.open("wb") as file:
            file.truncate(41 * 10**6)
        visitor.is_refused("'large.jpg' has 41 MB; at most 40 MB", lambda: visitor.upload(large))
        usage = shutil.disk_usage(tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
            visitor.is_refused("disk of this server is full", lambda: visitor.upload(FIRST.picture or large))
        assert not any("HTTP" in text for text in page.locator(SENTENCES).all_inner_texts())

        # Pictures that cannot be read, from further down the page, too.
        for name in ("renamed.jpg", "bomb.png", "truncated.jpg", "empty.jpg"):
            path = written(files[name], tmp_path)
            told = files[name].told or ""
            page.locator("#footer").scroll_into_view_if_needed()
            visitor.is_refused(told, partial(visitor.upload, path))
        for _ in range(2):  # once more is told once more
            page.locator("#footer").scroll_into_view_if_needed()
            visitor.is_refused("There is no text to read", lambda: visitor.analyse(""))
        visitor.is_refused("3,000 characters", lambda: visitor.analyse("x" * 3000))
        expect(page.locator("#message")).to_contain_text("still the result for “Jordan was amazing")
        expect(page.locator("#page")).to_have_class(re.compile(r"\bstale\b"))
        expect(page.locator("#details")).to_contain_text("Details in log-probability")  # nothing was emptied
        expect(page.locator("body")).not_to_contain_text("upstream Gradio app")

        # Tweets that are odd, and read.
        for name in READ_TEXTS:
            visitor.analyse(TEXTS[name])
            visitor.is_read(TEXTS[name], FIRST.picture)
            visitor.is_refused("There is no text to read", lambda: visitor.analyse(" "))
        expect(page.locator("#page")).to_have_class(re.compile(r"\bstale\b"))

        # Markup and templates stay text.
        text = "<img src=x onerror=alert(1)> Barack Obama {{value}} ${alert(3)} <script>alert(2)</script> in Berlin"
        visitor.analyse(text)
        visitor.is_read(text, FIRST.picture)
        expect(page.locator("#page")).not_to_have_class(re.compile(r"\bstale\b"))
        shown = page.locator("#names .marked").inner_text()  # with the types of the names in between
        assert re.sub("PER|LOC|ORG|MISC", "", shown).startswith("<img src=x onerror=alert(1)> Barack Obama")
        expect(page.locator(TITLE)).to_contain_text(re.compile("Berlin|Obama|onerror"))
        page.locator("#names .marked .name").filter(has_text="Barack Obama").click()
        expect(page.locator(TITLE)).to_contain_text("Barack Obama")

        # Pictures that are odd, and read.
        for name in ("animated.gif", "print.jpg"):
            before = page.locator("#figure img").get_attribute("src") or ""
            path = written(files[name], tmp_path)
            visitor.upload(path)
            expect(page.locator("#figure img")).not_to_have_attribute("src", before)
            visitor.is_read(text, path)
        assert [told for told in visitor.complaints if EXPECTED not in told] == []
        assert attempts == []
