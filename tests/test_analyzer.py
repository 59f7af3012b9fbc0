"""Real tweets through the shipped checkpoint: spans on the original characters, probabilities, gates, warnings."""

import copy
import json
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from jsonschema import Draft202012Validator, ValidationError
from passes import line
from PIL import Image
from posters import poster
from transformers import PreTrainedTokenizerBase

from rpbert.analyzer import Analyzer, Prepared
from rpbert.errors import UserError
from rpbert.model.configuration import RpBertConfig
from rpbert.model.modeling import RpBert
from rpbert.model.scene_text import SceneLine, SceneTextReader
from rpbert.shipped import ASSETS
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
        # TeacherEmissions of the same words exclude each other.
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


def test_soft_gate_is_the_probability_that_the_picture_belongs_and_adds(analyzer: Analyzer) -> None:
    analysis = analyzer.analyze(TWEET, ASTRONAUT)
    assert analysis.relation is not None
    assert analysis.gate == analysis.relation.image_adds
    assert analysis.relation.belongs is not None
    # What adds and what shows also belongs, so neither is more probable.
    assert 0 < analysis.relation.image_adds < analysis.relation.belongs < 1
    assert 0 < analysis.relation.text_represented < analysis.relation.belongs


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

    def once_is_enough(*_: object) -> None:
        raise AssertionError("the CNN or the reader ran again for a picture that was seen before")

    monkeypatch.setattr(analyzer.model.region_encoder, "regions", once_is_enough)
    monkeypatch.setattr(SceneTextReader, "read", once_is_enough)
    assert analyzer.analyze(TWEET, ASTRONAUT, 0.3).gate == pytest.approx(0.3)


def test_same_input_same_output(analyzer: Analyzer) -> None:
    first, second = (analyzer.analyze(TWEET, ASTRONAUT).to_json() for _ in range(2))
    del first["seconds"], second["seconds"]
    assert first == second


def test_json_has_the_promised_names(analyzer: Analyzer) -> None:
    result = json.loads(json.dumps(analyzer.analyze(TWEET, ASTRONAUT).to_json()))
    assert {"entities", "relation", "gate"} <= set(result)
    assert {"text", "start", "end", "type", "confidence"} <= set(result["entities"][0])
    assert set(result["relation"]) == {"belongs", "image_adds", "text_represented"}


def test_json_holds_to_the_schema_that_ships(analyzer: Analyzer) -> None:
    schema = json.loads((ASSETS / "analysis.schema.json").read_text(encoding="utf-8"))
    check = Draft202012Validator({"$ref": "#/$defs/analysis", "$defs": schema["$defs"]})
    prepared = analyzer.prepare(TWEET, ASTRONAUT, [SIGN, line("by hand")])
    for analysis in (analyzer.predict(prepared), analyzer.analyze(TWEET), analyzer.predict(prepared, 0.3)):
        result = json.loads(json.dumps(analysis.to_json()))
        check.validate(result)
        assert set(result) == set(schema["$defs"]["analysis"]["properties"])
    assert result["scene_text"][0] == {
        "text": "NASA",
        "score": 0.9,
        "area": 0.1,
        "quad": [[0, 0], [1, 0], [1, 1], [0, 1]],
    }
    assert result["scene_text"][1]["quad"] == []
    with pytest.raises(ValidationError):
        check.validate({**result, "scene_text": [{"text": "NASA"}]})


def test_a_tweet_beyond_the_limit_is_cut_with_a_warning(analyzer: Analyzer) -> None:
    text = "Obama " + "語 " * 600  # one piece per character, more than the encoder's 512
    analysis = analyzer.analyze(text, ASTRONAUT)
    # 512 positions less 49 regions, 48 pieces of words in the picture, [CLS] and [SEP].
    assert "413 of 601 words" in analysis.warnings[0]
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


# ---- the words in the picture -------------------------------------------------------------------------------------

SIGN = SceneLine("NASA", 0.9, 0.1, ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))


class ReaderDouble:
    """Stands in for the reader: finds what it was given, and counts."""

    def __init__(self, *lines: SceneLine) -> None:
        self.lines, self.count = lines, 0

    def read(self, _image: Image.Image) -> tuple[SceneLine, ...]:
        self.count += 1
        return self.lines


@pytest.fixture
def tiny(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> Analyzer:
    """With an empty cache."""
    return Analyzer(copy.deepcopy(tiny_model), tokenizer, "tiny")


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> ReaderDouble:
    made = ReaderDouble(SIGN, line("meet obama"))
    monkeypatch.setattr("rpbert.analyzer.SceneTextReader", lambda: made)
    return made


def same(one: Prepared, other: Prepared) -> bool:
    """All that is read is the same, tensor by tensor."""
    assert type(one.pictures) is type(other.pictures)
    tensors = [[part for part in (side.texts, side.pictures) if part is not None] for side in (one, other)]
    values = [[getattr(part, field.name) for part in side for field in fields(part)] for side in tensors]
    equal = all(a is b is None or torch.equal(a, b) for a, b in zip(*values, strict=True))
    return equal and (one.text, one.words, one.scene, one.warnings) == (
        other.text,
        other.words,
        other.scene,
        other.warnings,
    )


def test_a_poster_through_the_shipped_checkpoint(analyzer: Analyzer) -> None:
    analysis = analyzer.analyze("Off to the #GrandPrix in Monaco!", poster("GRAND PRIX", "MONACO"))
    assert [found.text.replace(" ", "") for found in analysis.scene_text] == ["GRANDPRIX", "MONACO"]
    assert all(len(found.quad) == 4 for found in analysis.scene_text)
    assert analysis.warnings == ()


def test_a_picture_is_looked_at_and_read_once(
    tiny: Analyzer, reading: ReaderDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    regions = tiny.model.region_encoder.regions
    monkeypatch.setattr(tiny.model.region_encoder, "regions", lambda pixels: looked.append(1) or regions(pixels))
    red, blue = (Image.new("RGB", (32, 32), colour) for colour in ("red", "blue"))
    for picture in (red, blue, red.copy(), blue):
        assert tiny.analyze("meet obama", picture).scene_text == (SIGN, line("meet obama"))
    assert (len(looked), reading.count) == (2, 2)
    tiny.forget_pictures()
    tiny.analyze("meet obama", red)
    assert (len(looked), reading.count) == (3, 3)


def test_lines_that_are_given_are_not_read(tiny: Analyzer, reading: ReaderDouble) -> None:
    picture = Image.new("RGB", (32, 32), "red")
    assert tiny.prepare("meet obama", picture, [SIGN]).scene == (SIGN,)
    assert reading.count == 0
    assert len(tiny.prepare("meet obama", picture).scene) == 2  # read when it is needed
    assert tiny.prepare("meet obama", picture, []).scene == ()
    assert len(tiny.prepare("meet obama", picture).scene) == 2
    assert reading.count == 1


def test_the_picture_seen_longest_ago_is_forgotten_first(
    tiny: Analyzer, reading: ReaderDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpbert.analyzer.CACHED_PICTURES", 2)
    pictures = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue", "green")]
    for number in (0, 1, 0, 2):  # blue is the one to go
        tiny.prepare("meet obama", pictures[number])
    assert reading.count == 3
    tiny.prepare("meet obama", pictures[0])
    assert reading.count == 3
    tiny.prepare("meet obama", pictures[1])
    assert reading.count == 4


def test_words_in_the_picture_change_the_reading(tiny: Analyzer, reading: ReaderDouble) -> None:
    picture = Image.new("RGB", (32, 32), "red")
    read, unread = tiny.prepare("meet obama", picture), tiny.prepare("meet obama", picture, [])
    assert (len(read.scene), len(unread.scene)) == (2, 0)
    one, other = (tiny.predict(prepared).relation for prepared in (read, unread))
    assert one is not None
    assert other is not None
    assert abs(one.image_adds - other.image_adds) > 1e-3


def test_the_analysis_tells_the_lines_that_the_model_read(tiny: Analyzer) -> None:
    """Of more than fit, the largest."""
    long = [line("meet obama in paris with nasa", area) for area in (0.1, 0.4, 0.3)]
    prepared = tiny.prepare("hi", Image.new("RGB", (32, 32)), long)
    assert tiny.model.config.scene_pieces == 12
    assert tiny.predict(prepared).scene_text == prepared.scene == tuple(long[1:])


def test_what_is_read_in_a_picture_is_nothing_but_text(tiny: Analyzer) -> None:
    tiny.model.config.scene_pieces = 99  # the tests' tokenizer spells letter by letter
    scene = [line("<img src=x onerror=alert(1)>"), line("[SEP] [MASK] {{ 7 * 7 }}")]
    prepared = tiny.prepare("meet obama", Image.new("RGB", (32, 32)), scene)
    assert tiny.predict(prepared).scene_text == tuple(scene)
    assert prepared.pictures is not None
    special = set(tiny.tokenizer.all_special_ids) - {tiny.tokenizer.unk_token_id}
    assert not set(prepared.pictures.scene_ids[0].tolist()) & special


@pytest.mark.parametrize("broken", ["missing", "failing"])
def test_without_a_reader_the_analysis_goes_on_and_says_so(
    tiny: Analyzer, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if broken == "missing":
        monkeypatch.setitem(sys.modules, "rapidocr", None)
    else:

        def read(_self: object, _image: Image.Image) -> None:
            raise UserError("The words in the picture could not be read.")

        monkeypatch.setattr(SceneTextReader, "read", read)
    picture = Image.new("RGB", (32, 32), "red")
    analysis = tiny.analyze("meet obama", picture)
    assert analysis.relation is not None
    assert analysis.scene_text == ()
    (warning,) = analysis.warnings
    assert warning.endswith("The tweet is read with the picture's regions alone.")
    assert ("pip install rapidocr" in warning) == (broken == "missing")
    assert tiny.changed(tiny.prepare("meet obama", picture), "hi").warnings == (warning,)
    by_hand = tiny.prepare("meet obama", picture, [SIGN])  # whoever says what stands there needs no reader
    assert (by_hand.scene, by_hand.warnings) == ((SIGN,), ())


def test_a_model_that_does_not_read_words_in_pictures_starts_no_reader(
    build_model: Callable[[RpBertConfig], RpBert],
    tiny_config: RpBertConfig,
    tokenizer: PreTrainedTokenizerBase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = copy.deepcopy(tiny_config)
    config.scene_text = config.belongs = False
    paper = Analyzer(build_model(config), tokenizer, "paper")
    monkeypatch.setattr("rpbert.analyzer.SceneTextReader", None)
    prepared = paper.prepare("meet obama", Image.new("RGB", (32, 32)), [SIGN])
    analysis = paper.predict(prepared)
    assert analysis.scene_text == prepared.scene == analysis.warnings == ()
    assert analysis.relation is not None
    assert analysis.relation.belongs is None
    assert analysis.gate == analysis.relation.image_adds


@pytest.mark.parametrize("animated", [False, True])
def test_a_changed_text_is_as_if_it_had_been_prepared_with_the_picture(
    tiny: Analyzer, reading: ReaderDouble, tmp_path: Path, animated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "picture.gif", save_all=animated, append_images=frames[1:] if animated else [])
    picture, text = tmp_path / "picture.gif", "the nasa is in Paris with obama"
    before = tiny.prepare("meet obama", picture)
    wanted = [
        tiny.prepare(text, picture),
        tiny.prepare(text, picture, [line("PARIS")]),
        tiny.prepare("中 " * 600, picture),
    ]
    assert len(wanted[2].warnings) == 2 + animated  # it is long and foreign, too
    assert all(("animated" in " ".join(prepared.warnings)) == animated for prepared in wanted)
    monkeypatch.setattr(tiny.model.region_encoder, "regions", None)  # no CNN pass
    monkeypatch.setattr(reading, "read", None)
    assert same(tiny.changed(before, text), wanted[0])
    assert same(tiny.changed(before, text, [line("PARIS")]), wanted[1])
    assert same(tiny.changed(before, "中 " * 600), wanted[2])
    # Lines of before come back, also those that did not fit beside others.
    assert same(tiny.changed(tiny.changed(before, text, []), text), tiny.prepare(text, picture, []))
    assert not same(tiny.changed(before, text), tiny.changed(before, text, []))


def test_a_changed_text_without_a_picture(tiny: Analyzer) -> None:
    before = tiny.prepare("meet obama", None)
    assert same(tiny.changed(before, "hi paris"), tiny.prepare("hi paris", None))
    assert tiny.changed(before, "hi paris", [SIGN]).pictures is None
