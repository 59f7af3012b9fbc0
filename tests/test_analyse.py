"""What the page shows: pieces of the tweet, table, sentences; user text is never markup."""

import dataclasses

import pytest
from PIL import Image

from rpbert.analyzer import Analysis, Analyzer, Entity, PairRelation, Reading
from rpbert.explain import Explanation
from rpbert.targets import targets_of
from rpbert.ui import analyse
from rpbert.ui.overlays import Grid
from rpbert.ui.samples import SAMPLES, load_samples

TEXT = "<b>Bob</b> & Anna in Paris"
FLAT: Grid = tuple((1.0,) * 7 for _ in range(7))
ZERO: Grid = tuple((0.0,) * 7 for _ in range(7))


def entity(text: str, kind: str) -> Entity:
    start = TEXT.index(text)
    return Entity(text, start, start + len(text), kind, 0.9, Reading(None, 0.05), 0.8, 0, 1)


def analysis(*entities: Entity, gate: float = 0.7, setting: str = "soft", warnings: tuple[str, ...] = ()) -> Analysis:
    relation = PairRelation(0.7, 0.2)
    return Analysis(TEXT, (), entities, relation, setting, gate, warnings, {"reading": 0.1, "model": 0.2}, "abc")


def shown(result: Analysis, *grids: Grid) -> analyse.Shown:
    targets = targets_of(result)
    maps = tuple(Explanation(t, "grad_cam", "total", g, None, 0.1) for t, g in zip(targets, grids, strict=True))
    return analyse.Shown(result, Image.new("RGB", (70, 70)), maps, 0.1)


def test_pieces_join_to_the_tweet_and_know_their_entity() -> None:
    result = analysis(entity("Bob", "PER"), entity("Paris", "LOC"))
    pieces = analyse.highlighted(result)
    assert pieces == [("<b>", None), ("Bob", "PER"), ("</b> & Anna in ", None), ("Paris", "LOC")]
    assert [analyse.entity_at(result, piece) for piece in range(4)] == [None, 0, None, 1]


def test_adjacent_entities_and_none_at_all() -> None:
    assert analyse.highlighted(analysis()) == [(TEXT, None)]
    first, second = entity("<b>Bob", "PER"), entity("</b>", "MISC")
    assert [label for _, label in analyse.highlighted(analysis(first, second))] == ["PER", "MISC", None]


def test_table_rows() -> None:
    (row,) = analyse.table(analysis(entity("Bob", "PER")))
    assert row == ["Bob", "PER (person)", "0.90", "0.80", "not a name (0.05)"]
    alone = dataclasses.replace(analysis(entity("Bob", "PER")), relation=None)
    assert analyse.table(alone)[0][3] == "no picture"


def test_user_text_is_escaped_everywhere() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    bad = Entity(hostile, 0, 3, "PER", 0.9, Reading(None, 0.05), 0.8, 0, 1)
    result = analysis(bad, warnings=(hostile,))
    _, caption = analyse.heatmap(shown(result, FLAT, FLAT), 1)
    for markup in (analyse.summary(result), caption, analyse.mistake(hostile)):
        assert hostile not in markup
        assert "&lt;img" in markup


@pytest.mark.parametrize(
    ("setting", "gate", "told"),
    [("soft", 0.7, "(soft)"), ("hard", 0.0, "not above 0.5"), ("hard", 1.0, "let in whole"), (0.3, 0.3, "fixed")],
)
def test_the_gate_is_told_in_words(setting: str, gate: float, told: str) -> None:
    panel = analyse.relation_panel(analysis(gate=gate, setting=setting))
    assert told in panel
    assert f"Gate {gate:.2f}" in panel
    assert "0.70" in panel
    assert "0.20" in panel


def test_empty_states_are_sentences() -> None:
    result = analysis(entity("Bob", "PER"))
    no_picture = analyse.Shown(dataclasses.replace(result, relation=None), None, (), 0.0)
    assert analyse.heatmap(no_picture, 0) == (None, f'<p class="empty">{analyse.NO_PICTURE}</p>')
    assert "read alone" in analyse.relation_panel(no_picture.analysis)
    closed = dataclasses.replace(result, gate_setting="closed", gate=0.0)
    assert analyse.CLOSED in analyse.heatmap(shown(closed, FLAT, ZERO), 1)[1]
    assert "zero everywhere" in analyse.heatmap(shown(result, FLAT, ZERO), 1)[1]
    assert "No names found" in analyse.summary(analysis())


def test_names_share_a_scale_and_the_relation_has_its_own() -> None:
    result = analysis(entity("Bob", "PER"), entity("Paris", "LOC"))
    weak: Grid = tuple((0.001,) * 7 for _ in range(7))
    strong: Grid = tuple((0.5,) * 7 for _ in range(7))
    view = shown(result, FLAT, weak, strong)
    assert "full colour is 0.500" in analyse.heatmap(view, 1)[1]
    assert "next to nothing" in analyse.heatmap(view, 1)[1]
    assert "next to nothing" not in analyse.heatmap(view, 2)[1]
    assert "full colour is 1.000" in analyse.heatmap(view, 0)[1]


def test_samples_are_complete(analyzer: Analyzer) -> None:
    samples = load_samples()
    assert len(samples) >= 8
    licences = (SAMPLES / "LICENSES.md").read_text(encoding="utf-8")
    for sample in samples:
        assert (sample.picture is None) == (sample.alt == "")
        if sample.picture is not None:
            assert sample.picture.name in licences
    kinds = {len(analyzer.analyze(sample.text, sample.picture).entities) for sample in samples}
    assert 0 in kinds  # one without a name
    assert max(kinds) >= 3  # one with several


def test_unrelated_picture_shuts_the_gate_further_than_its_own(analyzer: Analyzer) -> None:
    """The same tweet about a place, with that place and with a cup of coffee: the relation must fall."""
    sample = next(sample for sample in load_samples() if sample.id == "pagoda")
    own = analyzer.analyze(sample.text, sample.picture).relation
    other = analyzer.analyze(sample.text, SAMPLES / "coffee.jpg").relation
    assert own is not None
    assert other is not None
    assert own.text_represented > other.text_represented
