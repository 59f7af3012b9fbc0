"""A row of the table: all readings of its tweet, a person's tags, the way to the tab Analyse and back, and files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd

from rpbert.errors import UserError
from rpbert.evaluation.html_report import Note
from rpbert.evaluation.records import Record
from rpbert.evaluation.run_comparison import Comparison
from rpbert.model.texts import split_words
from rpbert.ui import keys as page_keys
from rpbert.ui.analyse.events import AnalyseEvents
from rpbert.ui.common import PRIVATE, choice_of
from rpbert.ui.errors import export, filtering
from rpbert.ui.errors.components import Parts
from rpbert.ui.errors.detail import row_detail
from rpbert.ui.errors.filters import FilterEvents
from rpbert.ui.errors.jobs import Job, Jobs
from rpbert.ui.share.sharing import SAVE
from rpbert.ui.workbench import ScreenState

SHOW_DETAIL = "() => document.querySelector('#errors-detail').scrollIntoView({block: 'center'})"
CHOOSE_FIRST = "Choose a row of the table first."


class RowEvents:
    """The handlers, on the components that they change."""

    def __init__(
        self,
        jobs: Jobs,
        parts: Parts,
        filters: FilterEvents,
        analyse: AnalyseEvents,
        tabs: gr.Tabs,
        back: gr.Button,
    ) -> None:
        self.jobs, self.parts, self.table, self.filters = jobs, parts, parts.table, filters
        self.analyse, self.tabs, self.back = analyse, tabs, back
        self.opened = [parts.number, parts.table.detail, parts.table.tags, parts.table.note]  # what shows a row

    def wire(self) -> None:
        """Connect everything."""
        table, parts = self.table, self.parts
        opened = table.rows.select(self.open_row, parts.keys, self.opened, **PRIVATE)
        opened.then(None, None, None, js=SHOW_DETAIL, **PRIVATE)
        written = [parts.keys, parts.number, table.tags, table.note]
        kept = table.keep.click(self.keep_note, written, parts.controls.tag, **PRIVATE)
        given = [parts.keys, table.page, *parts.controls.every]
        kept.then(self.filters.refill, given, self.filters.rows, **PRIVATE)
        self._wire_analyse()
        self._wire_exports()

    def _wire_analyse(self) -> None:
        inputs, experts, parts = self.analyse.inputs, self.analyse.experts, self.parts
        fields = [inputs.tweet, inputs.picture, inputs.sample, experts.gate, experts.fixed]
        filled = [*fields, self.tabs, self.back, *self.analyse.results]
        given = [parts.keys, parts.number, experts.method]
        self.table.analyse.click(self.open_in_analyse, given, filled, **PRIVATE)
        returned = self.back.click(self.return_to_table, None, [self.tabs, self.back], **PRIVATE)
        returned.then(None, None, None, js=SHOW_DETAIL, **PRIVATE)

    def _wire_exports(self) -> None:
        table, parts = self.table, self.parts
        given = [parts.keys, *parts.controls.every]
        report = [parts.keys, parts.compared, table.thumbnails, *parts.controls.every]
        writers: list[tuple[gr.Button, Callable[..., str], list[Any]]] = [
            (table.csv, self.csv, given),
            (table.jsonl, self.jsonl, given),
            (table.results, self.results, [parts.keys]),
            (table.report, self.report, report),
        ]
        for button, write, inputs in writers:
            written = button.click(write, inputs, table.file, **PRIVATE)
            written.then(None, table.file, None, js=SAVE, **PRIVATE)

    def open_row(self, keys: list[str], event: gr.SelectData) -> dict[Any, Any]:
        """All readings of the tweet of a row."""
        return self.open(self.jobs.get(keys), int(event.row_value[0]) - 1)

    def open(self, job: Job | None, number: int) -> dict[Any, Any]:
        """All readings of the tweet of a case."""
        if job is None or number not in job.cases.index:
            return {self.parts.number: None}
        note = job.notes.get(number, Note())
        return {
            self.parts.number: number,
            self.table.detail: row_detail(job, number),
            self.table.tags: ", ".join(note.tags),
            self.table.note: note.text,
        }

    def keep_note(self, keys: list[str], number: int | None, tags: str, text: str) -> Any:
        """Remember what a person wrote about the open row."""
        job = self.jobs.get(keys)
        if job is None or number is None:
            gr.Info(CHOOSE_FIRST)
            return gr.skip()
        job.notes[number] = export.note_of(tags, text)
        gr.Info(f"Kept for row {number + 1}. Tags and notes leave with the rows, see “Take it with you”.")
        return gr.update(choices=filtering.tags_of(job))

    def open_in_analyse(self, keys: list[str], number: int | None, method: str) -> dict[Any, Any]:
        """The open row's tweet, picture and gate on the tab Analyse, its name chosen there."""
        job, inputs, experts = self.jobs.get(keys), self.analyse.inputs, self.analyse.experts
        if job is None or job.run is None or number is None:
            gr.Info(CHOOSE_FIRST)
            return {self.back: gr.skip()}
        case, gate = job.cases.loc[number], job.run.header.gate
        record = job.record(case["row"])
        picture = job.picture(record.row)
        self._warn(job, record, picture)
        try:
            state = self.jobs.bench.analyse(record.text, picture, gate)
        except UserError as error:
            raise gr.Error(str(error)) from error
        choice, fixed = choice_of(gate)
        return {
            inputs.tweet: record.text,
            inputs.picture: None if picture is None else str(picture),
            inputs.sample: None,
            experts.gate: choice,
            experts.fixed: gr.update(value=fixed, visible=not isinstance(gate, str)),
            self.tabs: gr.Tabs(selected="analyse"),
            self.back: gr.update(visible=True),
            **self.analyse.show(state, method, _key(state, record, case)),
        }

    def _warn(self, job: Job, record: Record, picture: Path | None) -> None:
        """Why Analyse may say something else than the run."""
        assert job.run is not None
        if picture is None and record.picture is not None:
            gr.Info("Only the results were loaded, so the picture is not here. Analyse reads the text alone.")
        identity = self.jobs.bench.analyzers[0].identity
        if job.run.header.checkpoint != identity:
            gr.Info(f"Analyse reads with the checkpoint {identity}, not with the one of this run.")
        if [word.text for word in split_words(record.text)] != record.words:
            gr.Info("This data set splits words in its own way, so Analyse may find something else.")

    def return_to_table(self) -> dict[Any, Any]:
        """Back to the same place: the tab has kept filters, page and row."""
        return {self.tabs: gr.Tabs(selected="errors"), self.back: gr.update(visible=False)}

    def csv(self, keys: list[str], *filters: Any) -> str:
        """The rows that pass the filters."""
        job = finished(self.jobs, keys)
        return export.csv(job, filtering.filtered(job.cases, filtering.Filters(*filters), job.notes))

    def jsonl(self, keys: list[str], *filters: Any) -> str:
        """The rows that pass the filters."""
        job = finished(self.jobs, keys)
        return export.jsonl(job, filtering.filtered(job.cases, filtering.Filters(*filters), job.notes))

    def results(self, keys: list[str]) -> str:
        """All that the run wrote."""
        return export.results(finished(self.jobs, keys))

    def report(self, keys: list[str], compared: Comparison | None, thumbnails: bool, *filters: Any) -> str:
        """The report, with the rows that pass the filters."""
        job = finished(self.jobs, keys)
        shown = filtering.filtered(job.cases, filtering.Filters(*filters), job.notes)
        return export.report(job, shown, compared, thumbnails)


def finished(jobs: Jobs, keys: list[str]) -> Job:
    """The run on the screen; an error on the page when it was deleted meanwhile."""
    job = jobs.get(keys)
    if job is None or job.run is None:
        raise gr.Error("This run is gone. Please read the data set again.")
    return job


def _key(state: ScreenState, record: Record, case: pd.Series) -> str | None:
    """How Analyse addresses the name of a case; None where it does not find it."""
    starts = [record.offsets[span[0]][0] for span in (case["found_span"], case["gold_span"]) if span is not None]
    found = [number for number, entity in enumerate(state.analysis.entities) if entity.start in starts]
    return page_keys.name_key(found[0]) if found else None
