"""The About tab: the checkpoints in use, the card of the one that ships, and whose pictures are shown."""

import copy
from pathlib import Path

from rpbert.analyzer import Analyzer
from rpbert.shipped import DEFAULT_CHECKPOINT
from rpbert.ui.about import card_text, checkpoints_text, licences_text
from rpbert.ui.samples import load_samples


def test_checkpoints_and_missing_training_are_told(analyzer: Analyzer) -> None:
    raw = copy.copy(analyzer)
    raw.identity = "untrained"
    raw.model = copy.copy(analyzer.model)
    raw.model.config = copy.copy(analyzer.model.config)
    raw.model.config.trained = False
    good, bad = checkpoints_text([analyzer, raw]).splitlines()[-2:]
    assert analyzer.identity in good
    assert "comes out of training" in good
    assert "untrained" in bad
    assert "no training record" in bad


def test_the_card_has_no_front_matter_and_deeper_headings(analyzer: Analyzer) -> None:
    source = (DEFAULT_CHECKPOINT / "README.md").read_text(encoding="utf-8")
    shown = card_text(DEFAULT_CHECKPOINT, [analyzer])
    assert source.startswith("---\n")
    assert not shown.startswith("---")
    assert "base_model" not in shown
    assert shown.startswith("### ")
    assert "\n#### Limits and biases" in shown


def test_only_headings_are_moved(analyzer: Analyzer, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Model\n\n```python\n# a remark\n```\n\n## Use\n", encoding="utf-8")
    (tmp_path / "model.safetensors").symlink_to((DEFAULT_CHECKPOINT / "model.safetensors").resolve())
    assert card_text(tmp_path, [analyzer]) == "### Model\n\n```python\n# a remark\n```\n\n#### Use"


def test_no_card_of_a_checkpoint_that_is_not_in_use(analyzer: Analyzer, tmp_path: Path) -> None:
    other = copy.copy(analyzer)
    other.identity = "another"
    assert "not in use" in card_text(DEFAULT_CHECKPOINT, [other])
    assert "not in use" in card_text(tmp_path, [analyzer]), "a folder without a card"


def test_every_picture_has_its_licence() -> None:
    text = licences_text()
    assert all(sample.picture is None or sample.picture.name in text for sample in load_samples())
