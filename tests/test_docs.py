"""What the reader is told: short, true, and with links that lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest

from rpbert.analyzer import Analyzer
from rpbert.cli import COMMANDS, main
from rpbert.shipped import ASSETS, DEFAULT_CHECKPOINT, PACKAGE

CLONE = PACKAGE.parent
PAGES = [*CLONE.glob("*.md"), *CLONE.glob("docs/*.md"), DEFAULT_CHECKPOINT / "README.md"]
README = (CLONE / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"\d+\.\d+")


def test_readme_can_be_read_in_three_minutes() -> None:
    assert README.count("\n") <= 120


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(CLONE).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?://|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(CLONE).as_posix())
def test_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:rpbert|docs|tests|benchmarks|assets|checkpoints)/[\w./-]*)`", text)
    missing = [name for name in named if not (CLONE / name).exists()]
    assert not missing


def test_documents_that_do_not_exist_are_not_cited() -> None:
    sources = [path for folder in ("rpbert", "benchmarks") for path in (CLONE / folder).rglob("*.py")]
    for page in [*PAGES, *sources]:
        text = page.read_text(encoding="utf-8")
        assert "DESIGN" not in text, page
        cited = re.findall(r"[\w/-]+\.md\b", text)
        folders = (CLONE, page.parent, DEFAULT_CHECKPOINT, ASSETS / "samples")
        assert all(any((folder / name).exists() for folder in folders) for name in cited), (page, cited)


def test_every_command_is_described() -> None:
    text = (CLONE / "docs/page.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `rpbert (\w+)", text, re.MULTILINE) == list(COMMANDS)


@pytest.mark.checkpoint
def test_the_command_in_readme_prints_what_readme_shows(
    analyzer: Analyzer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpbert.cli.predict.Analyzer.from_pretrained", lambda source: analyzer)
    monkeypatch.chdir(CLONE)
    shown = re.search(r"    \$ rpbert ([^\n]+)\n((?:    [^\n]+\n)+)", README)
    assert shown is not None
    assert main(shlex.split(shown[1])) == 0
    printed, expected = capsys.readouterr().out, re.sub(r"^    ", "", shown[2], flags=re.MULTILINE)
    assert NUMBER.sub("0", printed) == NUMBER.sub("0", expected)
    numbers, told = ([float(number) for number in NUMBER.findall(text)] for text in (printed, expected))
    assert numbers == pytest.approx(told, abs=0.002), "the last digit differs between computers"
