"""The code on the page that asks the same of the API: it is run, against the running app."""

from dataclasses import replace
from typing import Any

import pytest

from rpbert.analyzer import Analyzer
from rpbert.shipped import ASSETS
from rpbert.ui.samples import load_samples
from rpbert.ui.share.snippet import ADDRESS, UPLOADED, snippet, snippet_of
from rpbert.ui.workbench import ScreenState, Workbench


@pytest.fixture(scope="module")
def bench(analyzer: Analyzer) -> Workbench:
    return Workbench([analyzer])


@pytest.fixture(scope="module")
def pictured(bench: Workbench) -> ScreenState:
    first = load_samples()[0]
    return bench.analyse(first.text, first.picture, 0.25, sample=first.id)


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(code, names)
    analysis: dict[str, Any] = names["analysis"]
    return analysis


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """But for the time that it took."""
    return {**one, "seconds": None} == {**other, "seconds": None}


def test_the_code_of_an_example_gives_the_analysis_on_the_page(
    app_url: str, pictured: ScreenState, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ASSETS.parent)
    found = run(snippet_of(pictured).replace(ADDRESS, app_url))
    assert same(found, pictured.analysis.to_json())
    printed = capsys.readouterr().out
    assert all(entity.text in printed for entity in pictured.analysis.entities)


def test_the_code_of_a_tweet_without_a_picture(app_url: str, bench: Workbench) -> None:
    tweet = 'Paris """ \\ \'x\' {text}\n#NASA 🚀 as ever'
    shown = bench.analyse(tweet, None, "closed")
    code = snippet_of(shown).replace(ADDRESS, app_url)
    assert "handle_file" not in code
    assert same(run(code), shown.analysis.to_json())


def test_a_tweet_cannot_become_code(app_url: str) -> None:
    names: dict[str, Any] = {}
    code = snippet('x"); raise SystemExit #', None, "soft", app_url)
    exec(code, names)
    assert names["analysis"]["text"] == 'x"); raise SystemExit #'


def test_an_upload_is_a_path_to_be_filled_in(pictured: ScreenState) -> None:
    code = snippet_of(replace(pictured, sample=None))
    assert f"handle_file({UPLOADED!r}),  # please" in code
    compile(code, "snippet", "exec")


def test_no_path_of_the_server_is_told(pictured: ScreenState) -> None:
    for sample in load_samples():
        assert str(ASSETS.parent) not in snippet_of(replace(pictured, sample=sample.id))
