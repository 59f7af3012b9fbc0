"""What the page shows: pieces of the tweet, table, sentences; user text is never markup."""

import dataclasses

import pytest
from made_up import TEXT, analysis, entity

from rpbert.analyzer import Analyzer, Entity, PairRelation, Reading
from rpbert.ui.analyse import view as analyse
from rpbert.ui.samples import SAMPLES, load_samples


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
    for markup in (analyse.summary(result), analyse.mistake(hostile), analyse.described(hostile)):
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


@pytest.mark.parametrize(
    ("adds", "represented", "told"),
    [
        (0.9, 0.8, "shows what the tweet says and adds something"),
        (0.9, 0.2, "does not show what the tweet says, but adds"),
        (0.1, 0.8, "shows what the tweet says and adds nothing"),
        (0.1, 0.2, "neither shows what the tweet says nor adds"),
    ],
)
def test_the_relation_is_one_of_four_sentences(adds: float, represented: float, told: str) -> None:
    sentence = analyse.four_ways(PairRelation(adds, represented))
    assert told in sentence
    assert "close call" not in sentence
    assert "close call" in analyse.four_ways(PairRelation(0.55, represented))


def test_empty_states_are_sentences() -> None:
    alone = dataclasses.replace(analysis(entity("Bob", "PER")), relation=None)
    assert "read alone" in analyse.relation_panel(alone)
    assert "No names found" in analyse.summary(analysis())


def test_an_untrained_checkpoint_is_flagged() -> None:
    assert "no training record" in analyse.footer(analysis(), trained=False)
    assert "no training record" not in analyse.footer(analysis(), trained=True)


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
