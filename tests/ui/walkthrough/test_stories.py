"""The stories: the shipped checkpoint does what each is meant to show, and what is said follows the numbers."""

import dataclasses

import pytest

from rpbert.analysis import Alternative, Analysis, Entity
from rpbert.analyzer import Analyzer
from rpbert.model.configuration import ENTITY_TYPES
from rpbert.ui.samples import SAMPLES
from rpbert.ui.walkthrough.stories import (
    KINDS,
    NOT_A_NAME,
    Evidence,
    Story,
    answers,
    evidence_of,
    explain_outcome,
    holds,
    load_stories,
    outcome,
    question,
    revealed,
    story_panel,
)
from rpbert.ui.workbench import Workbench

STORIES = load_stories()


@pytest.fixture(scope="module")
def bench(analyzer: Analyzer) -> Workbench:
    return Workbench([analyzer])


def test_there_is_one_story_of_every_kind_and_its_title_tells_nothing() -> None:
    assert sorted(story.kind for story in STORIES) == sorted(KINDS)
    licences = (SAMPLES / "LICENSES.md").read_text(encoding="utf-8")
    for story in STORIES:
        assert story.name in story.text
        assert story.truth in (*ENTITY_TYPES, NOT_A_NAME)
        assert story.picture.name in licences
        assert story.picture.stat().st_size < 200_000
        assert story.alt
        assert KINDS[story.kind] not in story.title.lower()
        assert 2 <= len(answers(story)) <= 3


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.kind)
def test_the_shipped_checkpoint_does_what_the_story_is_meant_to_show(bench: Workbench, story: Story) -> None:
    evidence = evidence_of(bench, story, 0)
    assert evidence.alone.gate == 0
    assert holds(story, evidence)
    assert outcome(story, evidence) in [key for _, key in answers(story)]
    assert explain_outcome(story, evidence)[-1] == f"In short: {KINDS[story.kind]}."


TEXT = "Chelsea sleeps"


def said(kind: str | None, gate: float, confidence: float = 0.8, second: float = 0.1) -> Analysis:
    """An analysis that finds "Chelsea" as `kind`, or nothing."""
    entity = Entity("Chelsea", 0, 7, kind or "", confidence, Alternative(None, second), 0.75, 0, 1)
    return Analysis(TEXT, (), () if kind is None else (entity,), None, "soft", gate, (), (), {}, "made up")


def evidence_from(shown: Analysis, alone: Analysis, other: Analysis | None = None) -> Evidence:
    """Other pictures do what no picture does, if nothing else is said."""
    return Evidence(shown, alone, other or alone, alone)


def story(kind: str, truth: str = "PER") -> Story:
    readings = ("PER", "ORG", NOT_A_NAME)
    pictures = (SAMPLES / "cat_chelsea.jpg", "A cat.", SAMPLES / "coffee.jpg")
    return Story(kind, "Title", TEXT, *pictures, "soft", "Chelsea", truth, readings)


CASES = [
    ("decides", said("PER", 0.6), said("ORG", 0), "PER", True),
    ("decides", said("ORG", 0.6), said("ORG", 0), "ORG", False),
    ("decides", said("ORG", 0.6), said("PER", 0), "ORG", False),
    ("misleads", said("ORG", 0.6), said("PER", 0), "ORG", True),
    ("misleads", said(None, 0.6), said("PER", 0), NOT_A_NAME, True),
    ("misleads", said("LOC", 0.6), said("ORG", 0), "LOC", False),
    ("irrelevant", said("PER", 0.2), said("PER", 0), "narrow", False),  # nothing is known to open it
    ("irrelevant", said("PER", 0.3), said("PER", 0), "half", False),
    ("irrelevant", said("PER", 0.9), said("PER", 0), "wide", False),
    ("unchanged", said("PER", 0.9), said("PER", 0), "same", True),
    ("unchanged", said("PER", 0.7), said("PER", 0), "same", False),
    ("unchanged", said("PER", 0.9), said("ORG", 0), "changed", False),
    ("unchanged", said(None, 0.9), said(None, 0), "same", False),
    ("ambiguous", said("PER", 0.5, 0.5, 0.4), said("PER", 0, 0.5, 0.4), "torn", True),
    ("ambiguous", said("PER", 0.5, 0.5, 0.3), said("PER", 0), "fairly", False),
    ("ambiguous", said("PER", 0.5, 0.8, 0.1), said("PER", 0), "sure", False),
]


@pytest.mark.parametrize(("kind", "shown", "alone", "expected", "claim"), CASES)
def test_outcome_and_claim_follow_the_numbers(
    kind: str, shown: Analysis, alone: Analysis, expected: str, claim: bool
) -> None:
    evidence = evidence_from(shown, alone)
    assert outcome(story(kind), evidence) == expected
    assert holds(story(kind), evidence) is claim
    last = explain_outcome(story(kind), evidence)[-1]
    assert last.startswith("In short") is claim
    assert ("With this checkpoint it does not." in last) is not claim


AGAINST_OTHERS = [
    ("decides", said("PER", 0.6), said("ORG", 0), said("PER", 0.6), False),  # any picture does it
    ("decides", said("PER", 0.6), said("ORG", 0), said("ORG", 0.6), True),
    ("misleads", said("ORG", 0.6), said("PER", 0), said("ORG", 0.6), False),
    ("misleads", said("ORG", 0.6), said("PER", 0), said("PER", 0.6), True),
    ("irrelevant", said("PER", 0.2), said("PER", 0), said("PER", 0.7), True),
    ("irrelevant", said("PER", 0.2), said("PER", 0), said("PER", 0.1), False),  # closed for every picture
    ("unchanged", said("PER", 0.9), said("PER", 0), said("ORG", 0.9), False),
    ("ambiguous", said("PER", 0.5, 0.5, 0.4), said("PER", 0, 0.5, 0.4), said("PER", 0.5, 0.9, 0.1), False),
    ("ambiguous", said("PER", 0.5, 0.5, 0.4), said("PER", 0, 0.5, 0.4), said("PER", 0.5, 0.5, 0.4), True),
]


@pytest.mark.parametrize(("kind", "shown", "alone", "other", "claim"), AGAINST_OTHERS)
def test_a_claim_falls_when_another_picture_does_the_same(
    kind: str, shown: Analysis, alone: Analysis, other: Analysis, claim: bool
) -> None:
    assert holds(story(kind), evidence_from(shown, alone, other)) is claim


def test_a_claim_falls_when_a_grey_picture_does_the_same() -> None:
    shown, alone = said("PER", 0.6), said("ORG", 0)
    assert holds(story("decides"), Evidence(shown, alone, alone, alone))
    assert not holds(story("decides"), Evidence(shown, alone, alone, shown))


def test_sentences_say_what_the_numbers_say() -> None:
    same = " ".join(explain_outcome(story("decides"), evidence_from(said("ORG", 0.6), said("ORG", 0))))
    assert "does not change the reading" in same
    helped = " ".join(explain_outcome(story("decides"), evidence_from(said("PER", 0.6), said("ORG", 0))))
    assert "From the text alone, “Chelsea” is an organisation (ORG); with the picture, a person (PER)" in helped
    assert "puts the model right" in helped
    misled = " ".join(explain_outcome(story("misleads"), evidence_from(said("ORG", 0.6), said("PER", 0))))
    assert "astray" in misled
    lead = " ".join(explain_outcome(story("ambiguous"), evidence_from(said("PER", 0.6, 0.5, 0.42), said("PER", 0))))
    assert "0.50" in lead
    assert "0.42" in lead
    assert "lead is 0.08" in lead
    moved = " ".join(explain_outcome(story("unchanged"), evidence_from(said("PER", 0.9, 0.8), said("PER", 0))))
    assert "changes by at most 0.05" in moved  # from 0.75 without the picture


def test_the_reveal_judges_the_guess() -> None:
    evidence = evidence_from(said("PER", 0.6), said("ORG", 0))
    right = revealed(story("decides"), evidence, "PER")
    assert "✓ Your prediction was right.</strong> The model’s answer: As a person (PER)." in right
    assert "✗ Your prediction was not right." in revealed(story("decides"), evidence, "ORG")
    unforeseen = revealed(story("decides"), evidence_from(said("MISC", 0.6), said("ORG", 0)), "PER")
    assert "As another kind of name (MISC), which was not among the answers" in unforeseen


def test_what_a_story_says_is_escaped() -> None:
    nasty = dataclasses.replace(story("decides"), text="<b>Chelsea</b>", alt="a <cat>", name="<b>")
    panel = story_panel(nasty)
    assert "<b>Chelsea" not in panel
    assert "<cat>" not in panel
    assert "“<b>” when" in question(nasty), "labels are plain text, which gradio escapes"
    assert "“<b>”" not in revealed(nasty, evidence_from(said("PER", 0.6), said("ORG", 0)), "PER")
