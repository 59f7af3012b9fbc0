"""What stands where on the What-if tab; what happens there is in `rpbert.ui.what_if.events`."""

from dataclasses import dataclass

import gradio as gr

from rpbert.explain.methods import DEFAULT_METHOD, METHOD_NAMES
from rpbert.ui.common import GATE_CHOICES
from rpbert.ui.picture_input import PictureInput, picture_input
from rpbert.ui.templating import render
from rpbert.ui.what_if import view

INTRO = (
    "Change the words, the picture, the gate, or hide cells of the picture. The changed tweet is read at once and "
    "compared with the analysis of the Analyse tab."
)


@dataclass(frozen=True)
class Controls:
    """What can be changed, in the order of the arguments of `WhatIf.read`."""

    text: gr.Textbox
    picture: gr.Radio
    other: PictureInput
    gate: gr.Radio
    fixed: gr.Slider
    cells: gr.CheckboxGroup
    scene: gr.Textbox


@dataclass(frozen=True)
class Results:
    """What a reading changes."""

    message: gr.HTML
    changes: gr.HTML
    tweets: gr.HTML
    table: gr.HTML
    grid: gr.Image


@dataclass(frozen=True)
class Others:
    """Buttons, and what belongs to the analysis on the screen."""

    reset: gr.Button
    show: gr.Button
    target: gr.Dropdown
    hide: gr.Button
    chart: gr.HTML


def draw_what_if() -> tuple[Controls, Results, Others]:
    """All components, empty; call inside the tab."""
    gr.HTML(render("heading.html", heading="What if?") + render("note.html", note=INTRO))
    with gr.Row(elem_id="what-if-row"):
        with gr.Column(scale=4, min_width=320):
            text = gr.Textbox(label="Words of the tweet", lines=3, max_lines=8, elem_id="what-if-text")
            picture, other = _draw_pictures()
            scene = gr.Textbox(
                label="Words in the picture, a line each",
                info="Edit a line, delete it to hide it, or add one. They count for its own picture and a blank one.",
                lines=2,
                max_lines=6,
                visible=False,
                elem_id="what-if-scene",
            )
            gate, fixed = _draw_gate()
            grid, cells, show, target, hide = _draw_cells()
            reset = gr.Button("Undo all changes", size="sm")
        with gr.Column(scale=5, min_width=320, elem_id="what-if-answer"):
            message = gr.HTML(visible=False, elem_id="what-if-message")
            changes, tweets = gr.HTML(elem_id="what-if-changes"), gr.HTML(elem_id="what-if-tweets")
            table = gr.HTML(elem_id="what-if-table")
            chart = gr.HTML(elem_id="what-if-chart")
    controls = Controls(text, picture, other, gate, fixed, cells, scene)
    return controls, Results(message, changes, tweets, table, grid), Others(reset, show, target, hide, chart)


def _draw_pictures() -> tuple[gr.Radio, PictureInput]:
    choices = [(name, choice) for choice, name in view.PICTURES.items()]
    picture = gr.Radio(choices, value=view.AS_ANALYSED, label="Picture", elem_id="what-if-picture")
    other = picture_input(
        label="Another picture",
        sources=["upload", "clipboard"],
        buttons=[],
        height=180,
        elem_id="what-if-other",
        alt_text="The other picture",
        placeholder="Drop another picture here, or click to choose one",
    )
    with gr.Accordion("Four questions that are not the same", open=False):
        gr.HTML(render("what_if/questions.html"))
    return picture, other


def _draw_gate() -> tuple[gr.Radio, gr.Slider]:
    gate = gr.Radio(GATE_CHOICES, value="soft", label="Gate: how much of the picture is let in", elem_id="what-if-gate")
    gr.HTML(render("terms.html", words=["gate", "soft", "hard"]))
    fixed = gr.Slider(0, 1, value=0.5, step=0.01, label="Gate value (0 to 1)", visible=False, elem_id="what-if-fixed")
    return gate, fixed


def _draw_cells() -> tuple[gr.Image, gr.CheckboxGroup, gr.Button, gr.Dropdown, gr.Button]:
    gr.HTML(render("what_if/cells.html"))
    grid = gr.Image(show_label=False, format="jpeg", interactive=False, buttons=[], elem_id="what-if-grid")
    with gr.Accordion("Choose the hidden cells by name (for the keyboard)", open=False):
        choices = [(name, cell) for cell, name in enumerate(view.CELLS)]
        cells = gr.CheckboxGroup(choices, label="Hidden cells (A1 is the upper left)", elem_id="what-if-cells")
    show = gr.Button("Show all cells", size="sm")
    with gr.Accordion("Test a map by hand", open=False):
        gr.HTML(render("what_if/by_hand.html", method=METHOD_NAMES[DEFAULT_METHOD].lower(), strongest=view.STRONGEST))
        target = gr.Dropdown([], label="Map of", elem_id="what-if-target")
        hide = gr.Button(f"Hide the {view.STRONGEST} strongest cells of the map", size="sm", elem_id="what-if-hide")
    return grid, cells, show, target, hide
