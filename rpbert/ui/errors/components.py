"""The components of the tab "Errors" by name, and what the tab keeps."""

from dataclasses import dataclass, fields
from typing import Any

import gradio as gr


@dataclass(frozen=True)
class Source:
    """What to read, and how far it is."""

    file: gr.File
    gate: gr.Dropdown
    checkpoint: gr.Dropdown
    start: gr.Button
    stop: gr.Button
    go_on: gr.Button
    message: gr.HTML
    progress: gr.HTML
    timer: gr.Timer


@dataclass(frozen=True)
class Charts:
    """All that is drawn once a run is done."""

    head: gr.HTML
    kinds: gr.BarPlot
    picture: gr.BarPlot
    told: gr.HTML
    by: gr.Radio
    metrics: gr.Dataframe
    relations: gr.HTML
    slices_told: gr.HTML
    slices: gr.Dataframe
    diagonal: gr.Checkbox
    confusion: gr.Dataframe
    calibration: gr.ScatterPlot


@dataclass(frozen=True)
class Controls:
    """The filters, in the order of `filtering.Filters`."""

    kind: gr.Dropdown
    gold_type: gr.Dropdown
    found_type: gr.Dropdown
    picture: gr.Dropdown
    column: gr.Dropdown
    value: gr.Dropdown
    tenth: gr.Dropdown
    tag: gr.Dropdown
    text: gr.Textbox
    sort: gr.Dropdown

    @property
    def every(self) -> list[Any]:
        """All of them."""
        return [getattr(self, field.name) for field in fields(self)]


@dataclass(frozen=True)
class Table:
    """The table, the row that is open, and what can be taken away."""

    clear: gr.Button
    count: gr.HTML
    page: gr.Slider
    rows: gr.Dataframe
    detail: gr.HTML
    tags: gr.Textbox
    note: gr.Textbox
    keep: gr.Button
    analyse: gr.Button
    csv: gr.Button
    jsonl: gr.Button
    results: gr.Button
    report: gr.Button
    thumbnails: gr.Checkbox
    file: gr.Textbox


@dataclass(frozen=True)
class Comparing:
    """The comparison with another run."""

    earlier: gr.Dropdown
    file: gr.File
    start: gr.Button
    told: gr.HTML
    change: gr.Radio
    names: gr.Dataframe


@dataclass(frozen=True)
class Parts:
    """Everything on the tab, and what it keeps."""

    source: Source
    charts: Charts
    controls: Controls
    table: Table
    comparing: Comparing
    area: gr.Column  # what is seen once a run is done
    clicked: gr.Textbox  # hidden: the mark of a plot that was clicked
    keys: gr.BrowserState  # of this browser's runs, the last one is on the screen
    drawn: gr.State  # key and number of tweets of the run that the area shows
    number: gr.State  # of the case that is open, from 0
    compared: gr.State  # the last comparison
