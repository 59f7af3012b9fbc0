"""Targets as a user writes them: which words, which reading, and what is said of a mistake."""

from dataclasses import replace

import pytest

from rpbert.analysis import Alternative, Analysis, Entity, PairRelation
from rpbert.analyzer import Analyzer
from rpbert.errors import UserError
from rpbert.explain.perturbed import PerturbedModel
from rpbert.explain.targets import (
    ADDS,
    BELONGS,
    SHOWS,
    NameSpan,
    Target,
    contrast_target,
    name_target,
    parse_target,
    relation_targets,
    target_values,
    targets_of,
)
from rpbert.model.texts import split_words
from rpbert.ui.samples import SAMPLES

TWEET = "in may we met Theresa May  in May, #NASA"
#        0  1   2  3   4       5    6  7  8 9 10


def entity(first: int, end: int, kind: str, second: str | None) -> Entity:
    words = split_words(TWEET)
    start, stop = words[first].start, words[end - 1].end
    return Entity(TWEET[start:stop], start, stop, kind, 0.8, Alternative(second, 0.1), 0.7, first, end)


@pytest.fixture
def analysis() -> Analysis:
    """Two names were found: the person and the agency; not the months."""
    names = (entity(4, 6, "PER", "ORG"), entity(10, 11, "ORG", None))
    return Analysis(TWEET, tuple(split_words(TWEET)), names, None, "soft", 0.5, (), (), {}, "none")


def test_relations(analysis: Analysis) -> None:
    assert parse_target("adds", analysis) == ADDS
    assert parse_target("shows", analysis) == SHOWS
    assert parse_target("belongs", analysis) == BELONGS


def test_a_model_that_does_not_ask_what_belongs_cannot_explain_it(analysis: Analysis) -> None:
    asked = replace(analysis, relation=PairRelation(0.9, 0.5, 0.4))
    paper = replace(analysis, relation=PairRelation(None, 0.5, 0.4))
    assert parse_target("belongs", asked) == BELONGS
    with pytest.raises(UserError, match="adds or shows"):
        parse_target("belongs", paper)
    assert relation_targets(asked) == [BELONGS, ADDS, SHOWS]
    assert relation_targets(paper) == [ADDS, SHOWS]
    assert relation_targets(analysis) == []  # no picture
    assert targets_of(asked) == [BELONGS, ADDS, SHOWS, *map(name_target, analysis.entities)]


def test_relations_are_the_log_odds_of_what_the_page_shows(analyzer: Analyzer) -> None:
    prepared = analyzer.prepare(TWEET, SAMPLES / "astronaut_eileen_collins.jpg")
    relation = analyzer.predict(prepared).relation
    assert relation is not None
    assert relation.belongs is not None
    output = analyzer.model.run(prepared.texts, prepared.pictures)
    found = target_values(analyzer.model, output, [BELONGS, ADDS, SHOWS])[0].sigmoid().tolist()
    assert found == pytest.approx([relation.belongs, relation.image_adds, relation.text_represented], abs=1e-5)


def test_name_as_found_and_against_its_runner_up(analysis: Analysis) -> None:
    person = analysis.entities[0]
    assert parse_target("Theresa May", analysis) == name_target(person)
    assert parse_target("Theresa May=contrast", analysis) == contrast_target(person)
    assert parse_target("NASA=contrast", analysis).other is None  # rather than not a name


def test_other_readings_of_a_name(analysis: Analysis) -> None:
    span = NameSpan(4, 6, "Theresa May")
    assert parse_target("Theresa May=LOC", analysis) == Target(span=span, type="LOC")
    assert parse_target("Theresa May=none", analysis) == Target(span=span, type=None)


def test_words_that_were_not_found_as_a_name(analysis: Analysis) -> None:
    assert parse_target("we met=ORG", analysis) == Target(span=NameSpan(2, 4, "we met"), type="ORG")
    assert parse_target("#NASA=MISC", analysis).span == NameSpan(9, 11, "#NASA")
    assert parse_target("May in=MISC", analysis).span == NameSpan(5, 7, "May  in")  # as pasted, with its two spaces


def test_of_several_places_the_same_capitals_then_a_found_name_then_the_first(analysis: Analysis) -> None:
    def place(name: str, among: Analysis = analysis) -> int:
        span = parse_target(f"{name}=PER", among).span
        assert span is not None
        return span.first

    assert [place("may"), place("May"), place("MAY")] == [1, 5, 1]
    month_found = replace(analysis, entities=(entity(7, 8, "MISC", None),))
    assert [place("may", month_found), place("May", month_found), place("MAY", month_found)] == [1, 7, 7]
    assert parse_target("may", month_found) == name_target(month_found.entities[0])  # the only one that was found


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("Berlin", "“Berlin” does not stand in the tweet.*Theresa"),
        ("Theresa in=PER", "does not stand in the tweet"),
        ("hers", "does not stand in the tweet"),  # letters of a word are no word
        ("=PER", "does not stand in the tweet"),
        (TWEET + " and more=PER", "does not stand in the tweet"),
        ("we met", "not found as a name .found: Theresa May, NASA.*we met=PER"),
        ("we met=contrast", "not found as a name"),
        ("NASA=org", "“org” is no reading.*PER, LOC, ORG, MISC, none"),
    ],
)
def test_mistakes(analysis: Analysis, written: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        parse_target(written, analysis)


def test_without_any_name(analysis: Analysis) -> None:
    with pytest.raises(UserError, match="found: none"):
        parse_target("NASA", replace(analysis, entities=()))


def test_all_readings_of_one_word_are_at_most_certain_together(analysis: Analysis, analyzer: Analyzer) -> None:
    """They exclude each other, so the real model's probabilities of them cannot add up to more than 1."""
    prepared = analyzer.prepare(TWEET, SAMPLES / "astronaut_eileen_collins.jpg")
    targets = [parse_target(f"NASA={kind}", analysis) for kind in ("PER", "LOC", "ORG", "MISC", "none")]
    perturbed = PerturbedModel(analyzer, prepared, targets, "soft")
    total = float(perturbed(perturbed.whole, perturbed.words).exp().sum())
    assert 0.5 < total <= 1.0001  # what is missing are names that NASA would be a part of
