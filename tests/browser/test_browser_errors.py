"""The tab Errors in a real browser, on a tiny model: run, filter by a bar, tag, export, to Analyse and back."""

import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import browser_tests, open_page
from corpus import seeing
from playwright.sync_api import Page, expect
from transformers import PreTrainedTokenizerBase

from rpbert.analyzer import Analyzer
from rpbert.model.modeling import RpBert
from rpbert.ui.errors.jobs import ERROR_SET

pytestmark = browser_tests


@pytest.fixture(scope="module")
def toy_url(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> Iterator[str]:
    """The app on a model that knows nothing, and is wrong often and fast."""
    from rpbert.ui.app import build_demo, serve
    from rpbert.ui.workbench import Workbench

    others = set(threading.enumerate())  # of the app that other files share: they wait for its end, not for this one's
    demo = build_demo(Workbench([Analyzer(seeing(tiny_model), tokenizer, "toy")]))
    yield serve(demo, block=False)
    demo.close()
    for thread in set(threading.enumerate()) - others:
        if thread.name.startswith("AnyIO"):
            thread.join(timeout=60)


@pytest.fixture
def errors(toy_url: str, attempts: list[str]) -> Iterator[Page]:
    """The tab, nothing read yet."""
    with open_page(toy_url, attempts) as page:
        page.get_by_role("tab", name="Errors", exact=True).click()
        yield page


def read_shipped(page: Page) -> None:
    page.locator("#errors-start").click()
    expect(page.locator("#errors-head")).to_contain_text("53 of 53 tweets, checkpoint toy, gate soft")


def rows(page: Page) -> int:
    """How many rows pass the filters."""
    return int(page.locator("#errors-count").inner_text().split(" of ")[0].replace(",", ""))


def test_from_the_shipped_set_to_a_tagged_row_and_its_analysis(errors: Page, attempts: list[str]) -> None:
    page = errors
    read_shipped(page)
    expect(page.locator("#errors-rows")).to_contain_text("spurious")
    everything = rows(page)

    # A bar filters the table.
    bar = page.locator("#errors-kinds path[aria-label*='missed']")
    count = int((bar.get_attribute("aria-label") or "").rpartition(": ")[2])
    bar.click()
    expect(page.locator("#errors-count")).to_contain_text(f"{count} of")
    assert 0 < count < everything
    expect(page.locator("#errors-kind input")).to_have_value("missed")

    # A row opens all readings of its tweet; a tag is kept and leaves with the rows.
    page.locator("#errors-rows [data-testid^='cell-']").filter(has_text="missed").first.click()
    expect(page.locator("#errors-detail h3")).to_contain_text("missed")
    expect(page.locator("#errors-detail")).to_contain_text("Found with another tweet’s picture")
    tweet = page.locator("#errors-detail dd").first.inner_text()
    number = page.locator("#errors-detail h3").inner_text().split(":")[0].removeprefix("Row ")
    page.locator("#errors-tags input, #errors-tags textarea").fill("sarcasm, sarcasm, annotation is wrong")
    page.locator("#errors-note input, #errors-note textarea").fill("=1+1 <b>odd</b>")
    page.locator("#errors-keep").click()
    expect(page.locator("#errors-rows")).to_contain_text("sarcasm, annotation is wrong")
    page.locator("#errors-export").get_by_text("Take it with you").click()
    with page.expect_download() as caught:
        page.locator("#errors-jsonl").click()
    exported = [json.loads(line) for line in Path(caught.value.path()).read_text(encoding="utf-8").splitlines()]
    assert len(exported) == count
    (tagged,) = [row for row in exported if row["tags"]]
    assert (str(tagged["row"]), tagged["tags"]) == (number, ["sarcasm", "annotation is wrong"])
    with page.expect_download() as caught:
        page.locator("#errors-csv").click()
    assert "'=1+1 <b>odd</b>" in Path(caught.value.path()).read_text(encoding="utf-8")
    with page.expect_download() as caught:
        page.locator("#errors-report").click()
    report = Path(caught.value.path()).read_text(encoding="utf-8")
    assert "&lt;b&gt;odd&lt;/b&gt;" in report
    assert "<img" not in report

    # The tweet on the tab Analyse, and back to the same place.
    page.locator("#errors-analyse").click()
    expect(page.locator("#errors-back")).to_be_visible()
    expect(page.locator("#names")).to_be_visible()
    text = page.locator("#tweet textarea").input_value()
    assert text[:10] in tweet
    expect(page.locator("#figure img").first).to_be_visible()
    page.locator("#errors-back").click()
    expect(page.locator("#errors-detail h3")).to_contain_text(f"Row {number}: missed")
    expect(page.locator("#errors-count")).to_contain_text(f"{count} of")
    expect(page.locator("#errors-back")).to_have_count(0)
    assert attempts == []


def test_the_browser_is_closed_in_mid_run_and_opened_again(errors: Page, toy_url: str) -> None:
    page = errors
    page.locator("#errors-start").click()
    expect(page.locator("#errors-progress, #errors-head").first).to_be_visible()
    page.reload()
    page.get_by_role("tab", name="Errors", exact=True).click()
    expect(page.locator("#errors-head")).to_contain_text("53 of 53 tweets")
    expect(page.locator("#errors-rows")).to_contain_text("spurious")


def test_a_zip_with_defects_and_its_results_loaded_again(errors: Page, tmp_path: Path) -> None:
    page, path = errors, tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.write(ERROR_SET / "images" / "coffee.jpg", "images/one.jpg")
        file.writestr("dev.txt", "IMGID:one\nParis\tB-LOC\n<img/src=x/onerror=alert(1)>\tO\n\nIMGID:two\nbad line\n")
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.locator("#errors-file input[type=file]").set_input_files(str(path))
    expect(page.locator("#errors-file")).to_contain_text("set.zip")
    page.locator("#errors-start").click()
    expect(page.locator("#errors-head")).to_contain_text("1 of 1 tweets")
    page.locator("#errors-head summary").click()
    expect(page.locator("#errors-head")).to_contain_text("dev.txt, line 6: expected a word, a tab and a label")
    expect(page.locator("#errors-head")).to_contain_text("there is no picture 'two.jpg' in images")
    page.locator("#errors-export").get_by_text("Take it with you").click()
    with page.expect_download() as caught:
        page.locator("#errors-results").click()
    results = tmp_path / "results.jsonl"
    results.write_bytes(Path(caught.value.path()).read_bytes())
    page.locator("#errors-file").get_by_label("Remove this file").or_(
        page.locator("#errors-file").get_by_label("Clear")
    ).first.click()
    page.locator("#errors-file input[type=file]").set_input_files(str(results))
    expect(page.locator("#errors-file")).to_contain_text("results.jsonl")
    page.locator("#errors-start").click()
    expect(page.locator("#errors-head")).to_contain_text("1 of 1 tweets, checkpoint toy")
    assert dialogs == []
