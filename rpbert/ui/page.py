"""What stands where on the page; what happens when something is clicked is in `rpbert.ui.events`."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from rpbert.gates import NAMED_GATES
from rpbert.processing import MAX_CHARACTERS
from rpbert.ui import analyse
from rpbert.ui.samples import Sample

FIXED = "fixed"
GATE_CHOICES = [
    ("soft: as far as the picture adds", "soft"),
    ("hard: whole or not at all", "hard"),
    ("open: always whole", "open"),
    ("closed: text alone", "closed"),
    ("a fixed value", FIXED),
]
assert [value for _, value in GATE_CHOICES] == [*NAMED_GATES, FIXED]

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
    gate: gr.Radio
    fixed: gr.Slider
    button: gr.Button
    message: gr.HTML
    samples: list[gr.Button]


@dataclass(frozen=True)
class Outputs:
    """The right column, and what stands below both."""

    summary: gr.HTML
    spans: gr.HighlightedText
    names: gr.Dataframe
    relation: gr.HTML
    target: gr.Radio
    overlay: gr.Image
    caption: gr.HTML
    footer: gr.HTML


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
    return Inputs(tweet, picture, described, gate, fixed, button, message, buttons)


def draw_outputs(shown: analyse.Shown) -> Outputs:
    """Names, relation and heatmap, filled with an analysis."""
    image, text = analyse.heatmap(shown, 0)
    alt = analyse.map_text(shown, 0)
    summary = gr.HTML(analyse.summary(shown.analysis), elem_id="summary")
    spans = gr.HighlightedText(
        analyse.highlighted(shown.analysis),
        label="The tweet with its names",
        color_map=analyse.COLOURS,
        elem_id="spans",
    )
    gr.HTML(analyse.key())
    names = gr.Dataframe(
        analyse.table(shown.analysis),
        headers=analyse.TABLE_HEADERS,
        datatype="str",
        label="The names (probabilities from 0 to 1)",
        interactive=False,
        wrap=True,
        column_widths=["26%", "22%", "17%", "17%", "18%"],
        elem_id="names",
    )
    relation = gr.HTML(analyse.relation_panel(shown.analysis), elem_id="relation")
    target = gr.Radio(
        analyse.target_choices(shown.analysis), value=0, label="Where in the picture the model looked", elem_id="target"
    )
    overlay = gr.Image(
        image,
        label="Heatmap over the picture",
        alt_text=alt,
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id="overlay",
    )
    caption = gr.HTML(text, elem_id="caption")
    footer = gr.HTML(analyse.footer(shown), elem_id="footer")
    return Outputs(summary, spans, names, relation, target, overlay, caption, footer)
