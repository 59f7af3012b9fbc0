"""Five prepared tweets with pictures on which a learner first predicts what the model does, and then sees it.

What is said after the guess is picked by the numbers that the loaded checkpoint gives, not by what the story was
written for: where a checkpoint does not do what a story is meant to show, the page says so.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rpbert.analysis import Analysis, Entity
from rpbert.explain.what_if import blank_picture
from rpbert.model.gates import Gate
from rpbert.model.pictures import open_picture
from rpbert.shipped import ASSETS
from rpbert.ui.samples import SAMPLES
from rpbert.ui.templating import jpeg_data, render
from rpbert.ui.words import TYPE_NAMES
from rpbert.ui.workbench import Workbench

STORIES = ASSETS / "stories.json"

NARROW, WIDE = 0.3, 0.8  # gate values: below is nearly closed, above is nearly open
CLOSE = 0.15  # lead of the best reading over the runner-up, in probability, below which two readings compete
CLEAR = 0.5  # lead from which the model is sure

KINDS = {
    "decides": "the picture decides",
    "irrelevant": "the picture does not fit the words, and the gate closes further than for one that does",
    "misleads": "the picture misleads",
    "unchanged": "the gate is open, and nothing changes",
    "ambiguous": "two readings are nearly equally good",
}
UNGUESSED = "Choose your prediction first; then see what the model does."
NOT_A_NAME = "none"  # the answer that a span is no name of its own


@dataclass(frozen=True)
class Story:
    """A tweet with a picture, and the question that is asked about it."""

    kind: str  # of `KINDS`: what it is meant to show
    title: str  # which does not give the answer away
    text: str
    picture: Path
    alt: str  # what the picture shows, for those who do not see it
    other: Path  # another picture, for comparison; for the irrelevant one, the picture that fits
    gate: Gate
    name: str  # the words that are asked about; empty when the question is about the whole tweet
    truth: str  # what a reader calls `name`: an entity type or `NOT_A_NAME`
    readings: tuple[str, ...]  # the answers to choose from when the question is how `name` is read


@dataclass(frozen=True)
class Evidence:
    """What the model says of a story: with its picture, without any, with another one, and with a plain grey one."""

    shown: Analysis
    alone: Analysis
    other: Analysis
    grey: Analysis

    @property
    def without(self) -> tuple[Analysis, Analysis, Analysis]:
        """All readings but the one with the story's own picture."""
        return self.alone, self.other, self.grey


def load_stories() -> list[Story]:
    """The stories in the order of the page."""
    rows = json.loads(STORIES.read_text(encoding="utf-8"))
    return [_story(row) for row in rows]


def _story(row: dict[str, Any]) -> Story:
    files = {name: SAMPLES / row[name] for name in ("picture", "other")}
    return Story(**{**row, **files, "readings": tuple(row["readings"])})


def question(story: Story) -> str:
    """What the learner is asked, as plain text."""
    if story.kind == "irrelevant":
        return "How far does the model open the gate for this picture?"
    if story.kind == "unchanged":
        return f"The gate is wide open (above {WIDE}). Does taking the picture away change which names the model finds?"
    if story.kind == "ambiguous":
        return f"How sure is the model of the way it reads “{story.name}”?"
    return f"How does the model read “{story.name}” when it sees the picture?"


def answers(story: Story) -> list[tuple[str, str]]:
    """The answers to choose from, as (text, key)."""
    if story.kind == "irrelevant":
        return [
            (f"It keeps it nearly closed (below {NARROW})", "narrow"),
            (f"Half open ({NARROW} to {WIDE})", "half"),
            (f"It opens it nearly all the way (above {WIDE})", "wide"),
        ]
    if story.kind == "unchanged":
        return [
            ("No: the same names of the same types", "same"),
            ("Yes: a name appears, disappears or changes its type", "changed"),
        ]
    if story.kind == "ambiguous":
        return [
            (f"Sure: the best reading leads by more than {CLEAR} (probability)", "sure"),
            (f"Fairly sure: it leads by {CLOSE} to {CLEAR}", "fairly"),
            (f"Torn: it leads by less than {CLOSE}", "torn"),
        ]
    return [(f"As {reading_name(reading)}", reading) for reading in story.readings]


def reading_name(reading: str) -> str:
    """A type as "a place (LOC)"."""
    if reading == NOT_A_NAME:
        return "not a name of its own"
    if reading == "MISC":
        return "another kind of name (MISC)"
    return f"{'an' if reading == 'ORG' else 'a'} {TYPE_NAMES[reading]} ({reading})"


def entity_called(analysis: Analysis, name: str) -> Entity | None:
    """The entity whose words are exactly `name`."""
    return next((entity for entity in analysis.entities if entity.text == name), None)


def reading_of(analysis: Analysis, name: str) -> str:
    """The type of `name`, or `NOT_A_NAME`."""
    entity = entity_called(analysis, name)
    return NOT_A_NAME if entity is None else entity.type


def names_of(analysis: Analysis) -> set[tuple[int, int, str]]:
    """All names as (start, end, type), in character offsets."""
    return {(entity.start, entity.end, entity.type) for entity in analysis.entities}


def lead_of(entity: Entity) -> float:
    """By how much probability the reading leads over the runner-up."""
    return entity.confidence - entity.runner_up.probability


def outcome(story: Story, evidence: Evidence) -> str:
    """The key of the right answer; of the readings it may be one that was not offered."""
    if story.kind == "irrelevant":
        gate = evidence.shown.gate
        return "narrow" if gate < NARROW else "wide" if gate > WIDE else "half"
    if story.kind == "unchanged":
        return "same" if names_of(evidence.shown) == names_of(evidence.alone) else "changed"
    if story.kind == "ambiguous":
        entity = entity_called(evidence.shown, story.name)
        lead = 0.0 if entity is None else lead_of(entity)
        return "sure" if lead > CLEAR else "fairly" if lead >= CLOSE else "torn"
    return reading_of(evidence.shown, story.name)


def holds(story: Story, evidence: Evidence) -> bool:
    """Whether the checkpoint does what the story is meant to show, and its own picture is the reason.

    So the claim is held against another picture, a grey one and none: what they do too is not this picture's doing.
    """
    shown = reading_of(evidence.shown, story.name)
    others = [reading_of(analysis, story.name) for analysis in evidence.without]
    if story.kind == "decides":
        return shown == story.truth and story.truth not in others
    if story.kind == "misleads":
        return shown != story.truth and set(others) == {story.truth}
    if story.kind == "irrelevant":  # and for the picture that fits it opens further
        return outcome(story, evidence) == "narrow" and evidence.other.gate >= NARROW
    if story.kind == "unchanged":
        names = names_of(evidence.shown)
        same = all(names_of(analysis) == names for analysis in evidence.without)
        return bool(names) and evidence.shown.gate > WIDE and same
    every = (evidence.shown, *evidence.without)
    return all(_torn(entity_called(analysis, story.name)) for analysis in every)


def _torn(entity: Entity | None) -> bool:
    return entity is not None and lead_of(entity) < CLOSE


def explain_outcome(story: Story, evidence: Evidence) -> list[str]:
    """What happened and what it means, as plain sentences that are true of these numbers."""
    sentences = {
        "irrelevant": _about_the_gate,
        "unchanged": _about_the_names,
        "ambiguous": _about_the_lead,
    }.get(story.kind, _about_the_reading)(story, evidence)
    if holds(story, evidence):
        return [*sentences, f"In short: {KINDS[story.kind]}."]
    return [*sentences, f"This story was meant to show that {KINDS[story.kind]}. With this checkpoint it does not."]


def _about_the_reading(story: Story, evidence: Evidence) -> list[str]:
    shown, alone = reading_of(evidence.shown, story.name), reading_of(evidence.alone, story.name)
    truth = f"A reader would say: {reading_name(story.truth)}."
    if shown == alone:
        return [
            f"With the picture and without it, “{story.name}” is read as {reading_name(shown)}: the picture does not "
            f"change the reading. {truth}"
        ]
    first = (
        f"From the text alone, “{story.name}” is {reading_name(alone)}; with the picture, {reading_name(shown)}. "
        "Nothing else was changed, so the picture makes the difference."
    )
    if shown == story.truth:
        return [first, f"{truth} So here the picture puts the model right."]
    return [
        first,
        f"{truth} So here the picture leads the model " + ("astray." if alone == story.truth else "nowhere."),
    ]


def _about_the_gate(story: Story, evidence: Evidence) -> list[str]:
    gate, changed = evidence.shown.gate, outcome_of_names(evidence)
    how = {"narrow": "so little of it is let in", "half": "so part of it is let in", "wide": "so most of it is let in"}
    return [
        f"The gate is {gate:.2f} (a factor from 0 to 1), {how[outcome(story, evidence)]}. {changed}",
        f"With a picture that fits the words it is {evidence.other.gate:.2f}, with a plain grey one "
        f"{evidence.grey.gate:.2f}.",
    ]


def _about_the_names(story: Story, evidence: Evidence) -> list[str]:
    moved = [abs(entity.confidence - entity.confidence_without_picture) for entity in evidence.shown.entities]
    sentences = [f"The gate is {evidence.shown.gate:.2f} (a factor from 0 to 1). {outcome_of_names(evidence)}"]
    if moved:
        sentences.append(
            f"The confidence of a name changes by at most {max(moved):.2f} (probability). An open gate lets the "
            "picture in; it does not make it matter."
            if max(moved) < CLOSE
            else f"But the confidence of a name changes by up to {max(moved):.2f} (probability): the picture is felt."
        )
    return sentences


def _about_the_lead(story: Story, evidence: Evidence) -> list[str]:
    entity = entity_called(evidence.shown, story.name)
    if entity is None:
        return [f"The model does not find “{story.name}” as a name of its own, so there is no lead to measure."]
    second = reading_name(entity.runner_up.type or NOT_A_NAME)
    return [
        f"It reads “{story.name}” as {reading_name(entity.type)} with probability {entity.confidence:.2f}; the next "
        f"best is {second} with {entity.runner_up.probability:.2f}, so the lead is {lead_of(entity):.2f}.",
        "The page marks the best reading only. Whoever acts on a name should look at its confidence too.",
    ]


def outcome_of_names(evidence: Evidence) -> str:
    """Whether the picture changes which names are found, as a sentence."""
    if names_of(evidence.shown) == names_of(evidence.alone):
        return "The names are those that it finds from the text alone."
    return "The names are not those that it finds from the text alone."


def story_panel(story: Story) -> str:
    """Tweet, picture and gate of a story, and where a class's predictions are counted."""
    picture = jpeg_data(open_picture(story.picture).image, 360)
    return render(
        "walkthrough/story.html",
        text=story.text,
        picture=picture,
        alt=story.alt,
        gate=story.gate,
        answers=answers(story),
    )


def evidence_of(bench: Workbench, story: Story, checkpoint: int) -> Evidence:
    """What a checkpoint says of a story with each of the pictures, and without one."""
    pictures = (story.picture, None, story.other, blank_picture())
    return Evidence(*(bench.analyse(story.text, one, story.gate, checkpoint).analysis for one in pictures))


def revealed(story: Story, evidence: Evidence, guessed: str) -> str:
    """Whether the learner was right, what the model does and why."""
    known, actual = {key: text for text, key in answers(story)}, outcome(story, evidence)
    return render(
        "walkthrough/revealed.html",
        right=guessed == actual,
        answer=known.get(actual) or f"As {reading_name(actual)}, which was not among the answers",
        sentences=explain_outcome(story, evidence),
        ways=[
            ("With the picture", evidence.shown.gate, _names(evidence.shown)),
            ("From the text alone", evidence.alone.gate, _names(evidence.alone)),
            ("With another picture", evidence.other.gate, _names(evidence.other)),
            ("With a plain grey picture", evidence.grey.gate, _names(evidence.grey)),
        ],
    )


def _names(analysis: Analysis) -> str:
    names = [f"{entity.text}: {entity.type} ({entity.confidence:.2f})" for entity in analysis.entities]
    return ", ".join(names) or "no names"
