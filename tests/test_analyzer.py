"""Real tweets through the shipped checkpoint: spans on the original characters, probabilities, gates, warnings."""

import json
from pathlib import Path

import pytest
from PIL import Image

from rpbert.analyzer import Analyzer
from rpbert.errors import UserError
from rpbert.ui.samples import SAMPLES

ASTRONAUT = SAMPLES / "astronaut_eileen_collins.jpg"
TWEET = "“Barack Obama” 👩🏽\u200d🚀 flies to #Berlin with Angela Merkel http://t.co/abc123"


def test_real_names_on_the_original_characters(analyzer: Analyzer) -> None:
    analysis = analyzer.analyze(TWEET)
    found = {(entity.text, entity.type) for entity in analysis.entities}
    assert {("Barack Obama", "PER"), ("Berlin", "LOC"), ("Angela Merkel", "PER")} <= found
    for entity in analysis.entities:
        assert TWEET[entity.start : entity.end] == entity.text


def test_confidence_runner_up_and_without_picture_are_probabilities(analyzer: Analyzer) -> None:
    analysis = analyzer.analyze(TWEET, ASTRONAUT)
    for entity in analysis.entities:
        assert 0 < entity.confidence <= 1
        assert entity.runner_up.type != entity.type
        # Readings of the same words exclude each other.
        assert entity.confidence + entity.runner_up.probability <= 1 + 1e-5
    alone = {entity.text: entity.confidence for entity in analyzer.analyze(TWEET).entities}
    for entity in analysis.entities:
        if entity.text in alone:
            assert entity.confidence_without_picture == pytest.approx(alone[entity.text], abs=1e-5)


def test_without_a_picture_there_is_no_relation(analyzer: Analyzer) -> None:
    analysis = analyzer.analyze(TWEET)
    assert analysis.relation is None
    assert analysis.gate == 0
    assert analysis.to_json()["relation"] is None


def test_soft_gate_is_the_probability_that_the_picture_adds(analyzer: Analyzer) -> None:
    analysis = analyzer.analyze(TWEET, ASTRONAUT)
    assert analysis.relation is not None
    assert analysis.gate == analysis.relation.image_adds


def test_closed_gate_reads_the_text_alone(analyzer: Analyzer) -> None:
    closed, alone = analyzer.analyze(TWEET, ASTRONAUT, "closed"), analyzer.analyze(TWEET)
    assert [e.text for e in closed.entities] == [e.text for e in alone.entities]
    for left, right in zip(closed.entities, alone.entities, strict=True):
        assert left.confidence == pytest.approx(right.confidence, abs=1e-5)
    assert closed.relation is not None  # the relation is still told


def test_hard_gate_is_the_decision_on_the_relation(analyzer: Analyzer) -> None:
    analysis = analyzer.analyze(TWEET, ASTRONAUT, "hard")
    assert analysis.relation is not None
    assert analysis.gate == float(analysis.relation.image_adds > 0.5)


def test_another_gate_costs_no_cnn_pass(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    analyzer.analyze(TWEET, ASTRONAUT)

    def no_cnn(*_: object) -> None:
        raise AssertionError("the CNN ran again for a picture it had seen")

    monkeypatch.setattr(analyzer.model.region_encoder, "regions", no_cnn)
    assert analyzer.analyze(TWEET, ASTRONAUT, 0.3).gate == pytest.approx(0.3)


def test_same_input_same_output(analyzer: Analyzer) -> None:
    first, second = (analyzer.analyze(TWEET, ASTRONAUT).to_json() for _ in range(2))
    del first["seconds"], second["seconds"]
    assert first == second


def test_json_has_the_promised_names(analyzer: Analyzer) -> None:
    result = json.loads(json.dumps(analyzer.analyze(TWEET, ASTRONAUT).to_json()))
    assert {"entities", "relation", "gate"} <= set(result)
    assert {"text", "start", "end", "type", "confidence"} <= set(result["entities"][0])
    assert set(result["relation"]) == {"image_adds", "text_represented"}


def test_a_tweet_beyond_the_limit_is_cut_with_a_warning(analyzer: Analyzer) -> None:
    text = "Obama " + "語 " * 600  # one piece per character, more than the encoder's 512
    analysis = analyzer.analyze(text, ASTRONAUT)
    assert "461 of 601 words" in analysis.warnings[0]  # 512 positions less 49 regions, [CLS] and [SEP]
    assert "510 of 601 words" in analyzer.analyze(text).warnings[0]  # kept whole where possible: no regions here


@pytest.mark.parametrize(
    "text",
    [
        "Obama",
        "http://t.co/abc",
        "\u200d\u200d x",
        "😀" * 200,
        "زار باراك أوباما برلين",
        "<img src=x onerror=alert(1)>",
    ],
)
def test_odd_tweets_are_read(analyzer: Analyzer, text: str) -> None:
    analysis = analyzer.analyze(text, ASTRONAUT)
    assert all(text[entity.start : entity.end] == entity.text for entity in analysis.entities)


@pytest.mark.parametrize(
    ("text", "gate", "told"), [("", "soft", "no text"), ("x" * 3000, "soft", "3,000 characters"), ("Hi", "2", "gate")]
)
def test_mistakes_are_sentences(analyzer: Analyzer, text: str, gate: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        analyzer.analyze(text, None, gate)


def test_a_renamed_document_is_refused(analyzer: Analyzer, tmp_path: Path) -> None:
    file = tmp_path / "holiday.png"
    file.write_bytes(b"%PDF-1.7 not a picture")
    with pytest.raises(UserError, match=r"holiday\.png.*JPEG, PNG"):
        analyzer.analyze("Hi", file)


def test_an_opened_picture_counts_as_its_file(analyzer: Analyzer) -> None:
    with Image.open(ASTRONAUT) as picture:
        assert analyzer.analyze(TWEET, picture).relation == analyzer.analyze(TWEET, ASTRONAUT).relation


def test_what_the_model_was_not_made_for_is_told(analyzer: Analyzer, tmp_path: Path) -> None:
    (warning,) = analyzer.analyze("زار باراك أوباما برلين").warnings
    assert "not in Latin letters" in warning
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue", "green")]
    frames[0].save(tmp_path / "dance.gif", save_all=True, append_images=frames[1:])
    (warning,) = analyzer.analyze("Dance!", tmp_path / "dance.gif").warnings
    assert "first of its 3 frames" in warning
    assert analyzer.analyze("Obama in Berlin", ASTRONAUT).warnings == ()
