"""What the page shows: pieces of the tweet, table, sentences; user text is never markup."""

import dataclasses

import pytest
from made_up import TEXT, analysis, entity, on_screen
from markupsafe import Markup

from rpbert.analysis import Alternative, Entity, PairRelation
from rpbert.analyzer import Analyzer
from rpbert.ui.analyse import view
from rpbert.ui.samples import SAMPLES, load_samples


def test_pieces_join_to_the_tweet_and_know_their_name() -> None:
    result = analysis(entity("Bob", "PER"), entity("Paris", "LOC"))
    assert view.pieces_of(result) == [("<b>", None), ("Bob", 0), ("</b> & Anna in ", None), ("Paris", 1)]


def test_adjacent_names_and_none_at_all() -> None:
    assert view.pieces_of(analysis()) == [(TEXT, None)]
    first, second = entity("<b>Bob", "PER"), entity("</b>", "MISC")
    assert [number for _, number in view.pieces_of(analysis(first, second))] == [0, 1, None]


def test_a_line_says_what_the_picture_did() -> None:
    bob, anna, paris = entity("Bob", "PER"), entity("Anna", "PER"), entity("Paris", "LOC")
    steady = dataclasses.replace(paris, confidence_without_picture=0.903)
    alone = analysis(dataclasses.replace(anna, type="ORG"), bob, steady)
    lines = view.name_lines(analysis(bob, anna, steady, entity("in", "MISC")), alone)
    assert [line.effect for line in lines] == ["+0.10", "was ORG", "no change", "no name without it"]
    assert [line.changed for line in lines] == [False, True, False, True]
    assert [line.effect for line in view.name_lines(analysis(anna), alone, closed=True)] == ["picture kept out"]
    wordy = dataclasses.replace(analysis(bob), relation=None)
    assert view.name_lines(wordy, wordy)[0].effect is None


def test_a_name_that_the_picture_took_away_is_told() -> None:
    alone = analysis(entity("Bob", "PER"), entity("Paris", "LOC"))
    state = on_screen(analysis(entity("Paris", "ORG")), alone=alone)
    assert [lost.text for lost in view.lost_names(state.analysis, alone)] == ["Bob"]
    assert "was PER; with the picture not a name" in view.names_panel(state, "name:0")


def test_user_text_is_escaped_everywhere() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    bad = Entity(hostile, 0, 3, "PER", 0.9, Alternative(None, 0.05), 0.8, 0, 1)
    state = on_screen(analysis(bad, warnings=(hostile,)))
    for markup in (view.names_panel(state, "adds"), view.mistake(hostile), view.words_panel(state.analysis)):
        assert hostile not in markup
        assert "&lt;img" in markup
    assert "<b>Bob" not in view.names_panel(on_screen(analysis(entity("Bob", "PER"))), "adds")


@pytest.mark.parametrize(
    ("setting", "gate", "told"),
    [("soft", 0.7, "(soft)"), ("hard", 0.0, "not above 0.5"), ("hard", 1.0, "let in whole"), (0.3, 0.3, "fixed")],
)
def test_the_gate_is_told_in_words(setting: str, gate: float, told: str) -> None:
    panel = view.relation_panel(on_screen(analysis(gate=gate, setting=setting)))
    assert told in Markup(panel).striptags()
    assert f"<strong>{gate:.2f}</strong>" in panel
    for probability in ("0.90", "0.70", "0.20"):
        assert f"<strong>{probability}</strong>" in panel


@pytest.mark.parametrize(
    ("adds", "represented", "told"),
    [
        (0.9, 0.8, "shows what the tweet says and probably adds something"),
        (0.9, 0.2, "does not show what the tweet says, but probably adds"),
        (0.1, 0.8, "shows what the tweet says and probably adds nothing"),
        (0.1, 0.2, "neither shows what the tweet says nor adds"),
    ],
)
def test_the_headline_is_one_of_four_sentences(adds: float, represented: float, told: str) -> None:
    sentence = view.headline(PairRelation(None, adds, represented))
    assert told in sentence
    assert "close call" not in sentence
    assert "close call" in view.headline(PairRelation(None, 0.55, represented))


def test_the_headline_says_first_whether_the_picture_belongs() -> None:
    assert view.headline(PairRelation(0.95, 0.9, 0.8)) == (
        "The picture seems to belong to this tweet. It shows what the tweet says and probably adds something."
    )
    assert view.headline(PairRelation(0.1, 0.05, 0.05)) == "The picture does not seem to belong to this tweet."
    assert "close call" in view.headline(PairRelation(0.45, 0.2, 0.2))


def test_empty_states_are_sentences() -> None:
    alone = dataclasses.replace(analysis(entity("Bob", "PER")), relation=None)
    assert "read alone" in view.relation_panel(on_screen(alone, picture=False))
    assert "No names found" in view.names_panel(on_screen(analysis()), "adds")


def test_an_untrained_checkpoint_is_flagged() -> None:
    assert "no training record" in view.footer(analysis(), trained=False)
    assert "no training record" not in view.footer(analysis(), trained=True)


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
