"""What stands where on the page; what happens when something is clicked is in `rpbert.ui.analyse.events`."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from rpbert.explain.methods import DEFAULT_METHOD, METHOD_NAMES, Explanation
from rpbert.model.gates import NAMED_GATES
from rpbert.model.texts import MAX_CHARACTERS
from rpbert.ui.analyse import card
from rpbert.ui.analyse import view as analyse
from rpbert.ui.samples import Sample
from rpbert.ui.workbench import Shown

FIXED = "fixed"
GATE_CHOICES = [
    ("soft: as far as the picture adds", "soft"),
    ("hard: whole or not at all", "hard"),
    ("open: always whole", "open"),
    ("closed: text alone", "closed"),
    ("a fixed value", FIXED),
]
assert [value for _, value in GATE_CHOICES] == [*NAMED_GATES, FIXED]
METHOD_CHOICES = [(name, method) for method, name in METHOD_NAMES.items()]

TITLE = """# RpBERT: names in a tweet, helped by its picture
Paste a tweet and drop its picture. You see the names the model finds, how far it believes that the picture adds to the
words, and where in the picture it looked. Nothing you enter is stored or sent elsewhere."""


def picture_input(**settings: Any) -> gr.Image:
    """A `gr.Image` whose handlers get the path of the uploaded file, unopened, or None.

    gradio's own decoding would answer a file that is no picture with a message nobody understands, and would decode a
    huge one. That the path is an upload, and not any file of this computer, gradio has checked before.
    """
    # Only its value may be updated later: for anything else gradio builds the component anew, with its own preprocess.
    component = gr.Image(type="filepath", image_mode=None, **settings)
    component.preprocess = lambda payload: None if payload is None else payload.path
    return component


@dataclass(frozen=True)
class Inputs:
    """The left column."""

    tweet: gr.Textbox
    picture: gr.Image
    described: gr.HTML
    sample: gr.State  # id of the example whose picture it is, None for an upload
    gate: gr.Radio
    fixed: gr.Slider
    button: gr.Button
    message: gr.HTML
    samples: list[gr.Button]


@dataclass(frozen=True)
class Outputs:
    """The upper part of the right column, and the foot of the page."""

    summary: gr.HTML
    spans: gr.HighlightedText
    names: gr.Dataframe
    relation: gr.HTML
    footer: gr.HTML


@dataclass(frozen=True)
class Card:
    """What is explained, and its explanation."""

    target: gr.Radio
    reading: gr.Dropdown
    method: gr.Dropdown
    route: gr.Dropdown
    entity: gr.HTML
    overlay: gr.Image
    caption: gr.HTML
    verdict: gr.HTML
    words: gr.HTML
    attend: gr.Button
    attention: gr.HTML
    compare: gr.Button
    stop: gr.Button
    methods: gr.HTML
    steady: gr.Button
    stability: gr.HTML


def draw_inputs(samples: list[Sample]) -> Inputs:
    """Tweet, picture, gate, button, examples; filled with the first example."""
    first = samples[0]
    tweet = gr.Textbox(
        first.text, label=f"Tweet (at most {MAX_CHARACTERS:,} characters)", lines=3, max_lines=8, elem_id="tweet"
    )
    picture = picture_input(
        value=str(first.picture),
        label="Its picture (optional)",
        sources=["upload", "clipboard"],
        buttons=["fullscreen"],
        height=260,
        elem_id="picture",
        alt_text="The picture of the tweet",
        placeholder="Drop a JPEG, PNG, WebP, GIF or BMP here, or click to choose one",
    )
    described = gr.HTML(analyse.described(first.alt), elem_id="described")
    sample = gr.State(first.id)
    gate = gr.Radio(GATE_CHOICES, value="soft", label="Gate: how much of the picture is let in", elem_id="gate")
    fixed = gr.Slider(0, 1, value=0.5, step=0.05, label="Gate value (0 to 1)", visible=False)
    button = gr.Button("Analyse", variant="primary", elem_id="analyse")
    message = gr.HTML(visible=False, elem_id="message")
    gr.HTML("<h2>Examples</h2>")
    with gr.Row(elem_id="samples"):
        buttons = [
            gr.Button(sample.title, icon=sample.picture, size="sm", min_width=180, elem_id=f"sample-{sample.id}")
            for sample in samples
        ]
    return Inputs(tweet, picture, described, sample, gate, fixed, button, message, buttons)


def draw_outputs(shown: Shown, footer: gr.HTML) -> Outputs:
    """Names and relation, filled with an analysis; the footer stands elsewhere."""
    analysis = shown.analysis
    summary = gr.HTML(analyse.summary(analysis), elem_id="summary")
    spans = gr.HighlightedText(
        analyse.highlighted(analysis),
        label="The tweet with its names",
        color_map=analyse.COLOURS,
        elem_id="spans",
    )
    gr.HTML(analyse.key())
    names = gr.Dataframe(
        analyse.table(analysis),
        headers=analyse.TABLE_HEADERS,
        datatype="str",
        label="The names (probabilities from 0 to 1)",
        interactive=False,
        wrap=True,
        column_widths=["26%", "22%", "17%", "17%", "18%"],
        elem_id="names",
    )
    relation = gr.HTML(analyse.relation_panel(analysis), elem_id="relation")
    return Outputs(summary, spans, names, relation, footer)


def draw_card(shown: Shown, explanation: Explanation, scale: float) -> Card:
    """The card, open on the relation of an analysis with a picture."""
    image, text = card.heatmap(shown, explanation, scale)
    gr.HTML("<h2>Why? Where in the picture, and which words</h2>")
    target = gr.Radio(card.target_choices(shown.analysis), value=0, label="What is explained", elem_id="target")
    with gr.Row():
        reading = gr.Dropdown(
            card.reading_choices(shown.analysis, 0), value=card.AS_FOUND, label="Which reading", elem_id="reading"
        )
        method = gr.Dropdown(METHOD_CHOICES, value=DEFAULT_METHOD, label="Method", elem_id="method")
        route = gr.Dropdown(
            [(name, route) for route, name in card.ROUTE_NAMES.items()],
            value="total",
            label="Which way the picture acts",
            elem_id="route",
        )
    entity = gr.HTML(elem_id="entity")
    overlay = gr.Image(
        image,
        label="Heatmap over the picture",
        alt_text=card.map_text(explanation),
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id="overlay",
    )
    caption = gr.HTML(text, elem_id="caption")
    verdict = gr.HTML(card.UNJUDGED, elem_id="verdict")
    stop = gr.Button("Stop what is running", size="sm", elem_id="stop")
    words = gr.HTML(card.words_panel(shown, explanation), elem_id="words")
    with gr.Accordion("Attention before and after the gate", open=False, elem_id="attention-box"):
        attend = gr.Button("Show this name's attention", size="sm", elem_id="attend")
        attention = gr.HTML(elem_id="attention")
    with gr.Accordion("All methods side by side", open=False, elem_id="methods-box"):
        compare = gr.Button("Compare the methods (about a minute)", size="sm", elem_id="compare-methods")
        methods = gr.HTML(elem_id="methods")
    with gr.Accordion("How steady is this map?", open=False, elem_id="stability-box"):
        steady = gr.Button("Test the map (some seconds; minutes for slow methods)", size="sm", elem_id="steady")
        stability = gr.HTML(elem_id="stability")
    parts = (target, reading, method, route, entity, overlay, caption, verdict, words)
    return Card(*parts, attend, attention, compare, stop, methods, steady, stability)
