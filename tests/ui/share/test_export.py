"""What is saved is what is on the screen: valid by its schema, complete, harmless, readable without a network."""

import base64
import copy
import dataclasses
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from PIL import Image
from transformers import PreTrainedTokenizerBase

from rpbert.analyzer import Analyzer
from rpbert.explain.faithfulness import Verdict
from rpbert.explain.methods import METHOD_NAMES
from rpbert.explain.targets import name_target
from rpbert.model.gates import Gate
from rpbert.model.modeling import RpBert
from rpbert.shipped import ASSETS
from rpbert.ui.samples import load_samples
from rpbert.ui.share.export import Exported, analysis_html, analysis_json
from rpbert.ui.templating import static_text
from rpbert.ui.words import TYPE_COLOURS
from rpbert.ui.workbench import ScreenState, Workbench

SCHEMA = json.loads((ASSETS / "analysis.schema.json").read_text(encoding="utf-8"))
check = Draft202012Validator(SCHEMA).validate
STYLE = static_text("export.css")
HEADS = 5  # columns of the table of names
VOID = {"meta", "img", "br"}
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;"
SAMPLE = load_samples()[0]
VERDICT = Verdict(-0.31, -0.12, 0.42, 0.11, 49, 50)  # made up: a real one takes long


@pytest.fixture(scope="module")
def bench(analyzer: Analyzer) -> Workbench:
    return Workbench([analyzer])


@pytest.fixture(scope="module")
def shown(bench: Workbench) -> ScreenState:
    result = bench.analyse(SAMPLE.text, SAMPLE.picture)
    assert result.analysis.entities  # else there is nothing to test
    return result


@pytest.fixture(scope="module")
def judged(bench: Workbench, shown: ScreenState) -> list[Exported]:
    """Maps with word scores; the first one has a verdict."""
    first, *others = bench.explanations(shown, "gradient_x_input")
    return [(first, VERDICT), *((other, None) for other in others)]


class Page(HTMLParser):
    """Checks that tags are balanced; collects tags, attributes, and the text of tables cell by cell."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data

    def named(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in names]


def test_the_schema_is_one_and_describes_every_field(shown: ScreenState, judged: list[Exported]) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    document = analysis_json(shown.analysis, judged)
    parts = [(document, SCHEMA), (document["analysis"], SCHEMA["$defs"]["analysis"])]
    parts += [(part, SCHEMA["$defs"]["explanation"]) for part in document["explanations"]]
    parts += [(part, SCHEMA["$defs"]["entity"]) for part in document["analysis"]["entities"]]
    verdict = SCHEMA["$defs"]["explanation"]["properties"]["verdict"]
    parts.append((document["explanations"][0]["verdict"], verdict))
    for part, described in parts:
        assert part.keys() == described["properties"].keys() == set(described["required"])
    assert SCHEMA["$defs"]["method"]["enum"] == list(METHOD_NAMES)


@pytest.mark.parametrize("gate", ["closed", 0.35])
@pytest.mark.parametrize("picture", [None, SAMPLE.picture])
def test_analyses_with_and_without_picture_are_valid(bench: Workbench, gate: Gate, picture: Path | None) -> None:
    document = analysis_json(bench.analyse(SAMPLE.text, picture, gate).analysis, [])
    check(json.loads(json.dumps(document, allow_nan=False)))
    assert (document["method"], document["route"], document["explanations"]) == (None, None, [])
    assert (document["analysis"]["relation"] is None) == (picture is None)


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_maps_of_every_method_are_valid_and_complete(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, method: str
) -> None:
    bench = Workbench([Analyzer(copy.deepcopy(tiny_model), tokenizer, "tiny")])
    shown = bench.analyse("meet Obama in Paris", SAMPLE.picture)
    explanations = bench.explanations(shown, method)
    document = analysis_json(shown.analysis, [(one, None) for one in explanations])
    check(json.loads(json.dumps(document, allow_nan=False)))
    assert (document["method"], document["route"]) == (method, "total")
    for written, explanation in zip(document["explanations"], explanations, strict=True):
        assert [value for row in written["grid"] for value in row] == explanation.cells
        assert (written["delta"] is None) == (method != "integrated_gradients")
        assert written["words"] is None or len(written["words"]) == len(shown.analysis.words)


def test_verdicts_stand_beside_their_maps(shown: ScreenState, judged: list[Exported]) -> None:
    first, second, *_ = analysis_json(shown.analysis, judged)["explanations"]
    assert (first["verdict"]["beaten"], first["verdict"]["sentence"]) == (49, VERDICT.sentence())
    assert second["verdict"] is None


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.pop("seed"),
        lambda document: document.update(schema="rpbert-analysis/2"),
        lambda document: document.update(method="guess"),
        lambda document: document["analysis"]["relation"].update(image_adds=1.2),
        lambda document: document["analysis"]["entities"][0].update(type="CITY"),
        lambda document: document["explanations"][0]["grid"].pop(),
        lambda document: document["explanations"][0].update(unit="percent"),
    ],
)
def test_the_schema_refuses_what_is_wrong(shown: ScreenState, judged: list[Exported], change: Any) -> None:
    document = json.loads(json.dumps(analysis_json(shown.analysis, judged)))
    check(document)
    change(document)
    with pytest.raises(ValidationError):
        check(document)


def test_the_page_needs_nothing_but_itself(shown: ScreenState, judged: list[Exported]) -> None:
    page = Page(analysis_html(shown, judged))
    assert page.named("html") == [{"lang": "en"}]
    assert not page.named("script", "link", "iframe", "a", "object", "base")
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert not attributes.keys() & {"href", "srcset", "action", "data", "poster"}
        assert "src" not in attributes or (attributes["src"] or "").startswith("data:image/jpeg;base64,")
    assert not re.search(r"url\(|@import", STYLE)


def test_every_number_of_the_table_is_the_analysis(shown: ScreenState, judged: list[Exported]) -> None:
    page = Page(analysis_html(shown, judged))
    names = iter(page.cells[HEADS:])
    for entity in shown.analysis.entities:
        name, kind, confidence, without, runner_up = (next(names) for _ in range(HEADS))
        assert name == entity.text
        assert kind.startswith(entity.type)
        assert float(confidence) == round(entity.confidence, 2)
        assert float(without) == round(entity.confidence_without_picture, 2)
        assert runner_up == f"{entity.runner_up.type or 'not a name'} ({entity.runner_up.probability:.2f})"
    assert next(names) == "Checkpoint"
    assert all(attributes.get("scope") in ("row", "col") for attributes in page.named("th"))


def test_the_page_says_all_that_the_screen_says(shown: ScreenState, judged: list[Exported]) -> None:
    page = Page(analysis_html(shown, judged))
    relation = shown.analysis.relation
    assert relation is not None
    wanted = [f"{relation.image_adds:.2f}", f"{relation.text_represented:.2f}", VERDICT.sentence(), "log-odds (nats)"]
    wanted += [shown.analysis.checkpoint, METHOD_NAMES["gradient_x_input"], "captum", "UTC", "log-probability (nats)"]
    wanted += [explanation.target.describe() for explanation, _ in judged]
    assert [words for words in wanted if words not in page.text] == []
    for entity in shown.analysis.entities:  # the type in letters behind the name in the tweet
        assert f"{entity.text} {entity.type} (" in page.text


def test_pictures_are_inside_at_their_own_aspect(bench: Workbench) -> None:
    wide = bench.analyse(SAMPLE.text, Image.linear_gradient("L").resize((640, 240)).convert("RGB"))
    explanations = bench.explanations(wide, "grad_cam")
    page = Page(analysis_html(wide, [(explanation, None) for explanation in explanations]))
    images = page.named("img")
    assert len(images) == 1 + len(explanations)
    for attributes in images:
        assert attributes["alt"]
        data = base64.b64decode((attributes["src"] or "").partition("base64,")[2], validate=True)
        with Image.open(io.BytesIO(data)) as image:
            assert image.width / image.height == pytest.approx(640 / 240, rel=0.02)


def test_without_picture_and_with_closed_gate_there_are_sentences(bench: Workbench) -> None:
    alone = Page(analysis_html(bench.analyse(SAMPLE.text, None), []))
    assert not alone.named("img")
    assert "No picture was given" in alone.text
    assert "No map was made" in alone.text
    closed = bench.analyse(SAMPLE.text, SAMPLE.picture, "closed")
    relations = [(explanation, None) for explanation in bench.explanations(closed, "grad_cam")[:2]]
    assert "The gate is closed" in Page(analysis_html(closed, relations)).text


def test_hostile_words_stay_words(bench: Workbench, shown: ScreenState, judged: list[Exported]) -> None:
    text = f"{HOSTILE} \u202ebob\u202c \ud83d"
    words = dataclasses.replace(shown.analysis.words[0], text=HOSTILE)
    entity = dataclasses.replace(shown.analysis.entities[0], text=HOSTILE, start=0, end=len(HOSTILE))
    analysis = dataclasses.replace(
        shown.analysis, text=text, words=(words,) * 3, entities=(entity,), warnings=(HOSTILE,), checkpoint=HOSTILE
    )
    target = name_target(entity)
    maps: list[Exported] = [
        (dataclasses.replace(explanation, target=target), verdict) for explanation, verdict in judged
    ]
    markup = analysis_html(dataclasses.replace(shown, analysis=analysis), maps)
    markup.encode("utf-8")  # can be written to a file
    usual, page = Page(analysis_html(shown, judged)), Page(markup)
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in usual.tags}  # so no <script>
    assert len(page.named("img")) == 1 + len(maps)
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert page.text.count(HOSTILE) >= 5  # tweet, warning, table, heading, checkpoint
    assert page.cells.count(HOSTILE) == 2


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(first: str, second: str) -> float:
    """WCAG 2: 21 for black on white."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_text_is_readable_in_both_themes() -> None:
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    themes = re.findall(r"--paper: (#\w{6}); --ink: (#\w{6}); --quiet: (#\w{6})", STYLE)
    assert len(themes) == 2
    for paper, *texts in themes:
        assert all(_contrast(paper, text) >= 4.5 for text in texts)
    assert all(_contrast(colour, "#ffffff") >= 4.5 for colour in TYPE_COLOURS.values())
