"""The start: what the page opens on is read before the page is built, and read once."""

import pytest

from rpbert.analyzer import Analyzer
from rpbert.explain.methods import DEFAULT_METHOD
from rpbert.ui import workbench
from rpbert.ui.samples import load_samples
from rpbert.ui.start import read_first_example
from rpbert.ui.workbench import Workbench


def test_the_page_finds_its_first_example_read_and_explained(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Workbench([analyzer])
    read_first_example(bench)
    monkeypatch.setattr(Analyzer, "predict", None)
    monkeypatch.setattr(workbench, "explain", None)
    sample = load_samples()[0]
    first = bench.analyse(sample.text, sample.picture, sample=sample.picture_id)
    assert len(bench.explanations(first, DEFAULT_METHOD)) == 3 + len(first.analysis.entities)
