"""What stands where on the What-if tab; what happens there is in `rpbert.ui.what_if.events`."""

from dataclasses import dataclass

import gradio as gr

from rpbert.explain.methods import DEFAULT_METHOD, METHOD_NAMES
from rpbert.ui.analyse import view as analyse
from rpbert.ui.analyse.layout import GATE_CHOICES, picture_input
from rpbert.ui.what_if import view

INTRO = """## What if?
Change the words, the picture, the gate, or hide cells of the picture. The changed tweet is read at once and compared
with the analysis of the Analyse tab."""


@dataclass(frozen=True)
class Controls:
    """What can be changed, in the order of the arguments of `WhatIf.read`."""

    text: gr.Textbox
    picture: gr.Radio
    other: gr.Image
    gate: gr.Radio
    fixed: gr.Slider
    cells: gr.CheckboxGroup


@dataclass(frozen=True)
class Results:
    """What a reading changes."""

    message: gr.HTML
    changes: gr.HTML
    spans: gr.HighlightedText
    table: gr.HTML
    grid: gr.Image


@dataclass(frozen=True)
class Others:
    """Buttons, and what belongs to the analysis on the screen."""

    again: gr.Button
    reset: gr.Button
    show: gr.Button
    target: gr.Dropdown
    hide: gr.Button
    before: gr.HighlightedText
    chart: gr.HTML


def draw_what_if() -> tuple[Controls, Results, Others]:
    """All components, empty; call inside the tab."""
    gr.Markdown(INTRO)
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            text, again, reset = _draw_words()
            picture, other = _draw_pictures()
            gate, fixed = _draw_gate()
        with gr.Column(scale=5, min_width=320):
            before, results = _draw_results()
            cells, show, target, hide = _draw_cells()
    gr.HTML("<h3>How sure each name is at every gate</h3><p>Of the tweet and its picture as analysed.</p>")
    chart = gr.HTML(elem_id="what-if-chart")
    controls = Controls(text, picture, other, gate, fixed, cells)
    return controls, results, Others(again, reset, show, target, hide, before, chart)


def _draw_words() -> tuple[gr.Textbox, gr.Button, gr.Button]:
    text = gr.Textbox(label="Words of the tweet", lines=3, max_lines=8, elem_id="what-if-text")
    with gr.Row():
        again = gr.Button("Read the changed words", variant="primary", size="sm")
        reset = gr.Button("Undo all changes", size="sm")
    return text, again, reset


def _draw_pictures() -> tuple[gr.Radio, gr.Image]:
    choices = [(name, choice) for choice, name in view.PICTURES.items()]
    picture = gr.Radio(choices, value=view.SAME, label="Picture", elem_id="what-if-picture")
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
        gr.HTML(view.QUESTIONS)
    return picture, other


def _draw_gate() -> tuple[gr.Radio, gr.Slider]:
    gate = gr.Radio(GATE_CHOICES, value="soft", label="Gate: how much of the picture is let in", elem_id="what-if-gate")
    fixed = gr.Slider(0, 1, value=0.5, step=0.01, label="Fixed gate value (0 to 1)", elem_id="what-if-fixed")
    return gate, fixed


def _draw_results() -> tuple[gr.HighlightedText, Results]:
    message = gr.HTML(visible=False, elem_id="what-if-message")
    changes = gr.HTML(elem_id="what-if-changes")
    before = gr.HighlightedText(label="As analysed", color_map=analyse.COLOURS, elem_id="what-if-before")
    spans = gr.HighlightedText(label="Changed", color_map=analyse.COLOURS, elem_id="what-if-spans")
    gr.HTML(analyse.key())
    table = gr.HTML(elem_id="what-if-table")
    gr.HTML("<h3>Hide cells of the picture</h3><p>Click a cell to hide it, and again to show it.</p>")
    grid = gr.Image(show_label=False, format="jpeg", interactive=False, buttons=[], elem_id="what-if-grid")
    return before, Results(message, changes, spans, table, grid)


def _draw_cells() -> tuple[gr.CheckboxGroup, gr.Button, gr.Dropdown, gr.Button]:
    with gr.Accordion("Choose the hidden cells by name (for the keyboard)", open=False):
        choices = [(name, cell) for cell, name in enumerate(view.CELLS)]
        cells = gr.CheckboxGroup(choices, label="Hidden cells (A1 is the upper left)", elem_id="what-if-cells")
    show = gr.Button("Show all cells", size="sm")
    gr.HTML(
        f"<p>Test a heatmap by hand: if a map of {METHOD_NAMES[DEFAULT_METHOD]} is right, hiding the {view.STRONGEST} "
        "cells that raise a number most makes that number fall.</p>"
    )
    with gr.Row():
        target = gr.Dropdown([], label="Map of", elem_id="what-if-target", scale=2)
        hide = gr.Button(f"Hide the {view.STRONGEST} strongest cells of the map", size="sm", elem_id="what-if-hide")
    return cells, show, target, hide
