"""Scans, sentences and differences: on made-up ones whose answer is known, and on a real tweet."""

from dataclasses import replace

import pytest
import torch
from passes import line

from rpbert.analysis import Alternative, Analysis, Entity, PairRelation
from rpbert.analyzer import Analyzer, Prepared
from rpbert.explain.what_if import (
    GATES,
    READINGS,
    Flip,
    GateScan,
    blank_picture,
    differences,
    effect_sentence,
    scan_gate,
)
from rpbert.model.gates import Gate
from rpbert.model.texts import split_words
from rpbert.ui.samples import SAMPLES

ASTRONAUT = SAMPLES / "astronaut_eileen_collins.jpg"
TWEET = "Eileen Collins visits Houston #NASA"


@pytest.fixture(scope="module")
def prepared(analyzer: Analyzer) -> Prepared:
    """With words in the picture, which the gate multiplies too."""
    return analyzer.prepare(TWEET, ASTRONAUT, [line("NASA"), line("HOUSTON")])


def an_entity(text: str, first: int, end: int, kind: str, confidence: float = 0.8, without: float = 0.8) -> Entity:
    """Words first..end-1 of `text` as a name."""
    words = split_words(text)
    start, stop = words[first].start, words[end - 1].end
    return Entity(text[start:stop], start, stop, kind, confidence, Alternative(None, 0.1), without, first, end)


def an_analysis(text: str, *names: tuple[int, int, str, float], gate: Gate = "soft", value: float = 0.5) -> Analysis:
    """With a picture, and with these names: first and end word, type, confidence."""
    return Analysis(
        text=text,
        words=tuple(split_words(text)),
        entities=tuple(an_entity(text, *name) for name in names),
        relation=PairRelation(0.9, 0.5, 0.5),
        gate_setting=gate,
        gate=value,
        scene_text=(),
        warnings=(),
        seconds={},
        checkpoint="made up",
    )


def told(before: Analysis, after: Analysis) -> list[tuple[str, str, str | None, str | None]]:
    return [(d.kind, d.text, d.type_before, d.type_after) for d in differences(before, after)]


# ---- the scan ------------------------------------------------------------------------------------------------------


def test_the_gates() -> None:
    assert len(GATES) == 21
    assert (GATES[0], GATES[7], GATES[-1]) == (0.0, 0.35, 1.0)


def test_scan_is_the_predictions_one_by_one(
    analyzer: Analyzer, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyzer.model.region_encoder, "regions", None)  # no CNN pass
    entities = analyzer.predict(prepared).entities
    assert entities
    scans = scan_gate(analyzer, prepared, entities)
    assert tuple(scan.entity for scan in scans) == entities
    compared = 0
    for number in (0, 7, 20):
        single = {(e.start, e.end): e for e in analyzer.predict(prepared, GATES[number]).entities}
        for scan in scans:
            found = single.get((scan.entity.start, scan.entity.end))
            if found is not None and found.type == scan.entity.type:
                assert scan.confidences[number] == pytest.approx(found.confidence, abs=1e-5)
                likelier = found.runner_up.probability > found.confidence
                assert scan.best[number] == (found.runner_up.type if likelier else found.type)
                compared += 1
    assert compared >= 3


@torch.no_grad()
def test_best_is_the_most_probable_reading(analyzer: Analyzer, prepared: Prepared) -> None:
    chosen = an_entity(TWEET, 2, 3, "ORG")  # "visits", which is no name: what is best is not what was asked for
    (scan,) = scan_gate(analyzer, prepared, [chosen])
    model, count, row = analyzer.model, len(READINGS), torch.zeros(len(READINGS), dtype=torch.long)
    for number in (0, 10, 20):
        output = model.run(prepared.texts, prepared.pictures, GATES[number])
        span = (torch.full((count,), 2), torch.full((count,), 3))
        logs = model.crf.span_log_probability(output.emissions, output.word_mask, row, *span, list(READINGS))
        assert scan.confidences[number] == pytest.approx(float(logs[READINGS.index("ORG")].exp()), abs=1e-5)
        assert scan.best[number] == READINGS[int(logs.argmax())]
    assert set(scan.best) == {None}


def test_no_entities_no_scan(analyzer: Analyzer, prepared: Prepared) -> None:
    assert scan_gate(analyzer, prepared, []) == []


def a_scan(*best: str | None, low: float = 0.71, high: float = 0.80) -> GateScan:
    entity = an_entity("Chelsea is looking good", 0, 1, "ORG")
    return GateScan(entity, (high, *[low] * (len(GATES) - 1)), best)


def test_flips_by_hand() -> None:
    once = a_scan(*["ORG"] * 7, *["PER"] * 14)
    assert once.flips == [Flip(0.35, "ORG", "PER")]
    assert once.sentence() == "The reading flips from ORG to PER at gate 0.35 (21 values from 0 to 1 were tried)."
    twice = a_scan("ORG", *[None] * 19, "PER")
    assert twice.flips == [Flip(0.05, "ORG", None), Flip(1.0, None, "PER")]
    assert "from ORG to “not a name” at gate 0.05, then to PER at gate 1.00 (21" in twice.sentence()


def test_a_scan_without_a_flip() -> None:
    steady = a_scan(*["ORG"] * 21)
    assert steady.flips == []
    assert steady.sentence() == (
        "The reading stays ORG at every gate from 0 to 1; its probability moves between 0.71 and 0.80."
    )
    assert "its probability stays at 0.71 (it moves by less than 0.005)" in (
        a_scan(*["ORG"] * 21, low=0.71, high=0.7149).sentence()
    )
    assert "between 0.925 and 0.931" in a_scan(*["ORG"] * 21, low=0.9251, high=0.9312).sentence()
    # The curve is always that of the entity's own type.
    assert "stays PER at every gate from 0 to 1; the probability of ORG moves" in a_scan(*["PER"] * 21).sentence()


# ---- the effect of the picture -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("confidence", "without", "said"),
    [
        (0.78, 0.41, "Without the picture P(ORG) falls from 0.78 to 0.41."),
        (0.41, 0.78, "Without the picture P(ORG) rises from 0.41 to 0.78."),
        (0.93, 0.927, "Without the picture P(ORG) stays at 0.93 (it changes by less than 0.005)."),
        (0.9341, 0.9272, "Without the picture P(ORG) falls from 0.934 to 0.927."),
    ],
)
def test_effect_sentence(confidence: float, without: float, said: str) -> None:
    entity = an_entity("Chelsea is looking good", 0, 1, "ORG", confidence, without)
    assert effect_sentence(entity, an_analysis("Chelsea is looking good")) == said


@pytest.mark.parametrize(
    ("gate", "value", "closed"), [("closed", 0, True), ("hard", 0, True), ("hard", 1, False), (0.0, 0, False)]
)
def test_effect_of_a_picture_that_was_not_read(gate: Gate, value: float, closed: bool) -> None:
    entity = an_entity("Chelsea is looking good", 0, 1, "ORG", 0.7, 0.6)
    analysis = an_analysis("Chelsea is looking good", gate=gate, value=value)
    assert ("The gate is closed" in effect_sentence(entity, analysis)) == closed
    assert effect_sentence(entity, replace(analysis, relation=None)) == "No picture was given."


# ---- differences ---------------------------------------------------------------------------------------------------

PARIS = "Paris met Paris Hilton in Rome"


def test_every_kind_of_difference() -> None:
    before = an_analysis(PARIS, (0, 1, "LOC", 0.6), (2, 4, "PER", 0.9), (5, 6, "LOC", 0.7))
    after = an_analysis(PARIS, (0, 1, "PER", 0.5), (2, 3, "LOC", 0.4), (5, 6, "LOC", 0.8))
    assert told(before, after) == [
        ("relabelled", "Paris", "LOC", "PER"),
        ("lost", "Paris Hilton", "PER", None),
        ("appeared", "Paris", None, "LOC"),
        ("same", "Rome", "LOC", "LOC"),
    ]
    confidences = [(d.confidence_before, d.confidence_after) for d in differences(before, after)]
    assert confidences == [(0.6, 0.5), (0.9, None), (None, 0.4), (0.7, 0.8)]


def test_same_words_twice_in_one_tweet_are_two_spans() -> None:
    text = "Paris loves Paris"
    first, second = an_analysis(text, (0, 1, "PER", 0.6)), an_analysis(text, (2, 3, "PER", 0.6))
    assert told(first, second) == [("lost", "Paris", "PER", None), ("appeared", "Paris", None, "PER")]
    edited = an_analysis("Oh Paris loves Paris", (3, 4, "LOC", 0.6))  # the second, though the only name
    assert told(first, edited) == [("lost", "Paris", "PER", None), ("appeared", "Paris", None, "LOC")]
    assert told(second, edited) == [("relabelled", "Paris", "PER", "LOC")]


def test_differences_of_an_edited_tweet() -> None:
    before = an_analysis("Barack Obama visits Rome", (0, 2, "PER", 0.9), (3, 4, "LOC", 0.8))
    after = an_analysis("In Rome: Angela Merkel", (1, 2, "LOC", 0.7), (3, 5, "PER", 0.9))
    assert told(before, after) == [
        ("lost", "Barack Obama", "PER", None),
        ("same", "Rome", "LOC", "LOC"),
        ("appeared", "Angela Merkel", None, "PER"),
    ]


def test_differences_of_real_analyses(analyzer: Analyzer, prepared: Prepared) -> None:
    read = analyzer.predict(prepared)
    assert read.entities
    assert {d.kind for d in differences(read, read)} == {"same"}
    blank = analyzer.analyze(TWEET, blank_picture())
    found = differences(read, blank)
    assert sum(d.type_before is not None for d in found) == len(read.entities)
    assert sum(d.type_after is not None for d in found) == len(blank.entities)
    assert all(effect_sentence(entity, read).startswith("Without the picture P(") for entity in read.entities)


def test_a_blank_picture_is_a_picture_without_content(analyzer: Analyzer) -> None:
    (colour,) = {pixel for _, pixel in blank_picture().getcolors() or []}
    assert len(set(colour)) == 1  # grey
    analysis = analyzer.analyze(TWEET, blank_picture(), "open")
    assert analysis.relation is not None
    # Its 49 regions are read, so it is not the tweet without a picture.
    assert max(abs(entity.confidence - entity.confidence_without_picture) for entity in analysis.entities) > 1e-5
