"""What stands where on the tab "Errors"; what happens is in `rpbert.ui.errors.events`."""

from typing import Any

import gradio as gr

from rpbert.evaluation.case_table import SLICES
from rpbert.evaluation.mistakes import EFFECTS, KINDS
from rpbert.evaluation.summary import GATES, MISTAKE_NAMES, NOT_A_NAME
from rpbert.model.configuration import ENTITY_TYPES
from rpbert.ui.common import FIXED, GATE_CHOICES
from rpbert.ui.errors import filtering, view
from rpbert.ui.errors.components import Charts, Comparing, Controls, Source, Table

INTRODUCTION = """<p>A data set goes in, the mistakes of the model come out. Each tweet is read with its own picture,
without any, and with another tweet’s picture. Your data set may be a ZIP, a .txt in CoNLL form, a .jsonl, a .csv, or
the results of an earlier run. Without one, the set that ships is read: 53 tweets written for this page, made to be
hard. Choosing a bar, a point or a cell below filters the table; a row of the table opens all readings of its tweet.
What you upload is deleted within the hour after you last looked at it.</p>"""
FILES = "Your data set (optional)"
PICTURE_COLOURS = {"helped": "#197a43", "hurt": "#a3461a", "changed nothing": "#767680"}
METRIC_HEADERS = ["Scoring", "Type", "Precision", "Recall", "F1", "95 % interval", "Annotated", "Found"]
SLICE_WIDTHS = ["230px", "230px", "90px", "80px", "140px", "90px", "120px", "85px", "85px"]
TYPES = [("any", filtering.ANY), *((view.type_words(kind), kind) for kind in (*ENTITY_TYPES, NOT_A_NAME))]


def draw_source(checkpoints: list[str]) -> Source:
    """The upper part of the tab."""
    gr.HTML(INTRODUCTION)
    with gr.Row():
        with gr.Column(scale=3, min_width=300):
            file = gr.File(
                label=FILES, file_types=[".zip", ".txt", ".jsonl", ".csv"], height=160, elem_id="errors-file"
            )
        with gr.Column(scale=2, min_width=300):
            gates = [choice for choice in GATE_CHOICES if choice[1] != FIXED]
            gate = gr.Dropdown(gates, value="soft", label="Gate", elem_id="errors-gate")
            named = [(f"{number + 1}: {name}", number) for number, name in enumerate(checkpoints)]
            checkpoint = gr.Dropdown(named, value=0, label="Checkpoint", visible=len(named) > 1)
    with gr.Row():
        start = gr.Button("Read the data set", variant="primary", elem_id="errors-start")
        stop = gr.Button("Stop, and keep what is read", visible=False, elem_id="errors-stop")
        go_on = gr.Button("Read the rest", visible=False, elem_id="errors-go-on")
    message = gr.HTML(visible=False, elem_id="errors-message")
    progress = gr.HTML(visible=False, elem_id="errors-progress")
    timer = gr.Timer(1.0, active=False)
    return Source(file, gate, checkpoint, start, stop, go_on, message, progress, timer)


def draw_charts() -> Charts:
    """Figures and tables of the whole run."""
    head = gr.HTML(elem_id="errors-head")
    with gr.Row():
        with gr.Column(min_width=300):
            kinds = gr.BarPlot(
                x="kind",
                y="names",
                sort=MISTAKE_NAMES,
                label="Kinds of mistakes: how many names",
                y_title="names",
                x_label_angle=-20,
                height=340,
                buttons=["export"],
                elem_id="errors-kinds",
                elem_classes="errors-plot",
            )
        with gr.Column(min_width=300):
            picture = gr.BarPlot(
                x="gate",
                y="names",
                color="picture",
                sort=list(GATES),
                color_map=PICTURE_COLOURS,
                label="What the picture did, by how far the gate let it in",
                x_title="gate (0 to 1)",
                y_title="names",
                x_label_angle=-20,
                height=340,
                buttons=["export"],
                elem_id="errors-picture",
                elem_classes="errors-plot",
            )
            choices = [("what came out, right or wrong", "outcome"), ("probability, by 0.05 or more", "moved")]
            by = gr.Radio(choices, value="outcome", label="Counted by", elem_id="errors-by")
    told = gr.HTML(elem_id="errors-told")
    slices_told = gr.HTML(elem_id="errors-slices-told")
    with gr.Accordion("Slices: where is it worse?", open=False, elem_id="errors-slices-box"):
        slices = _dataframe(
            view.SLICE_HEADERS,
            "Each slice against the rest; choose a row to filter",
            "errors-slices",
            column_widths=SLICE_WIDTHS,
        )
    with gr.Accordion("Scores", open=False, elem_id="errors-metrics-box"):
        metrics = _dataframe(METRIC_HEADERS, "Scores of the names, from 0 to 1", "errors-metrics")
        relations = gr.HTML()
    with gr.Accordion("Which type is taken for which?", open=False, elem_id="errors-confusion-box"):
        diagonal = gr.Checkbox(True, label="Show what is right (the diagonal)", elem_id="errors-diagonal")
        heads = ["", *(f"found: {view.type_words(kind)}" for kind in (*ENTITY_TYPES, NOT_A_NAME))]
        confusion = _dataframe(
            heads,
            "How many names; choose a cell to filter",
            "errors-confusion",
            column_widths=["200px", *["120px"] * 5],
        )
    with gr.Accordion("Can its confidence be trusted?", open=False, elem_id="errors-calibration-box"):
        gr.HTML(
            "<p>Each point is a tenth of the confidence scale. Trustworthy confidences lie on the diagonal: of names "
            "with confidence 0.8, four in five are exactly right.</p>"
        )
        calibration = gr.ScatterPlot(
            x="confidence",
            y="right",
            label="Share of names exactly right, by mean confidence",
            x_title="mean confidence (0 to 1)",
            y_title="share right",
            x_lim=[0, 1],
            y_lim=[0, 1],
            tooltip="all",
            height=300,
            buttons=["export"],
            elem_id="errors-calibration",
            elem_classes="errors-plot",
        )
    return Charts(
        head, kinds, picture, told, by, metrics, relations, slices_told, slices, diagonal, confusion, calibration
    )


def _dataframe(headers: list[str], label: str, name: str, **settings: Any) -> gr.Dataframe:
    return gr.Dataframe(
        headers=headers, datatype="str", label=label, interactive=False, wrap=True, elem_id=name, **settings
    )


def draw_controls() -> Controls:
    """The filters."""
    gr.HTML("<h2>Row by row</h2>")
    with gr.Accordion("Filters", open=True, elem_id="errors-filters"):
        with gr.Row():
            kind = _choice([filtering.ANY, filtering.MISTAKEN, *KINDS.values()], "What happened", "errors-kind")
            gold_type = _choice(TYPES, "Annotated as", "errors-gold")
            found_type = _choice(TYPES, "Found as", "errors-found")
            picture = _choice([filtering.ANY, *EFFECTS.values()], "The picture", "errors-effect")
        with gr.Row():
            column = _choice([filtering.NO_SLICE, *SLICES.values()], "Slice", "errors-column")
            value = _choice([filtering.ANY], "of which", "errors-value")
            tenth = _choice([filtering.ANY, *filtering.TENTHS], "Confidence", "errors-tenth")
            tag = _choice([filtering.ANY], "Tag", "errors-tag")
        with gr.Row():
            text = gr.Textbox(label="Words in the tweet", elem_id="errors-text")
            sort = _choice(list(filtering.SORTS), "Sorted by", "errors-sort")
    return Controls(kind, gold_type, found_type, picture, column, value, tenth, tag, text, sort)


def _choice(choices: list[Any], label: str, name: str) -> gr.Dropdown:
    first = choices[0]
    value = first[1] if isinstance(first, tuple) else first
    return gr.Dropdown(choices, value=value, label=label, min_width=150, elem_id=name)


def draw_table() -> Table:
    """Table, open row, exports."""
    with gr.Row():
        clear = gr.Button("Clear all filters", size="sm", elem_id="errors-clear")
    count = gr.HTML(elem_id="errors-count")
    page = gr.Slider(1, 2, value=1, step=1, label="Page", visible=False, elem_id="errors-page")  # one page needs none
    rows = gr.Dataframe(
        headers=view.TABLE_HEADERS,
        datatype=["number", "html", "html", "str", "str", "str", "str", "str", "str"],
        label="Names, one a row",
        interactive=False,
        wrap=True,
        max_height=620,
        column_widths=["60px", "110px", "320px", "130px", "140px", "140px", "125px", "120px", "110px"],
        elem_id="errors-rows",
    )
    detail = gr.HTML("<p class='empty'>Choose a row to see all readings of its tweet.</p>", elem_id="errors-detail")
    with gr.Row():
        tags = gr.Textbox(label="Your tags for this row, with commas between them", elem_id="errors-tags")
        note = gr.Textbox(label="Your note", elem_id="errors-note")
    with gr.Row():
        keep = gr.Button("Keep tags and note", size="sm", elem_id="errors-keep")
        analyse = gr.Button("Open this tweet on the tab Analyse", size="sm", elem_id="errors-analyse")
    with gr.Accordion("Take it with you", open=False, elem_id="errors-export"):
        with gr.Row():
            csv = gr.Button("These rows as CSV", size="sm", elem_id="errors-csv")
            jsonl = gr.Button("These rows as JSONL", size="sm", elem_id="errors-jsonl")
            results = gr.Button("All results, to load again", size="sm", elem_id="errors-results")
            report = gr.Button("The report with these rows, as a web page", size="sm", elem_id="errors-report")
        thumbnails = gr.Checkbox(
            False,
            label="Put the pictures into the web page; ask whoever is in them first",
            elem_id="errors-thumbnails",
        )
        file = gr.Textbox(visible=False)
    return Table(
        clear, count, page, rows, detail, tags, note, keep, analyse, csv, jsonl, results, report, thumbnails, file
    )


def draw_comparing() -> Comparing:
    """The comparison of two runs."""
    with gr.Accordion("Compare with another run of the same data", open=False, elem_id="errors-compare-box"):
        gr.HTML(
            "<p>Read the data set again with another gate or checkpoint, or take the results of an earlier run.</p>"
        )
        with gr.Row():
            earlier = gr.Dropdown([], label="A: a run of yours before this one", elem_id="errors-earlier")
            file = gr.File(label="… or its results (.jsonl)", file_types=[".jsonl"], height=160, elem_id="errors-other")
        start = gr.Button("Compare A with the run above (B)", elem_id="errors-compare")
        told = gr.HTML(elem_id="errors-compared")
        change = gr.Radio(["fixed", "broken", "both wrong"], value="fixed", label="Show", elem_id="errors-change")
        names = _dataframe(["Tweet", "Name", "Type"], "Annotated names; choose a row to open it", "errors-names")
    return Comparing(earlier, file, start, told, change, names)
