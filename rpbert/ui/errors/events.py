"""What happens on the tab "Errors": the run, and its results when it is done.

Every handler returns its components by name. The runs stand on the server (`rpbert.ui.errors.jobs`); the browser keeps
their keys, so that it finds them again after it was closed.
"""

from pathlib import Path
from typing import Any

import gradio as gr

from rpbert.errors import UserError
from rpbert.evaluation import summary
from rpbert.evaluation.records import FORMAT
from rpbert.evaluation.slice_tests import slice_tests, slices_sentence, training_sentence
from rpbert.ui.analyse.events import AnalyseEvents
from rpbert.ui.common import PRIVATE
from rpbert.ui.errors import filtering, layout, view
from rpbert.ui.errors.comparing import ComparingEvents
from rpbert.ui.errors.components import Parts
from rpbert.ui.errors.filters import FilterEvents
from rpbert.ui.errors.jobs import ERROR_SET, Job, Jobs
from rpbert.ui.errors.rows import RowEvents
from rpbert.ui.templating import mistake
from rpbert.ui.workbench import Workbench

KEPT_RUNS = 5  # of one browser
GONE = (
    "The run is no longer here: nobody looked at it for an hour, or the server was started again. Please read the data "
    "set again."
)
NO_ROW = "<p class='empty'>Choose a row to see all readings of its tweet.</p>"


def add_errors_tab(
    bench: Workbench, analyse_events: AnalyseEvents, tabs: gr.Tabs, back: gr.Button, keys: gr.BrowserState
) -> None:
    """Draw the tab and connect it; call inside the page's `gr.Tabs`.

    Args:
        back: is seen while a row is open in Analyse. keys: of this browser's runs.
    """
    with gr.Tab("Errors", id="errors") as tab:
        source = layout.draw_source([analyzer.identity for analyzer in bench.analyzers])
        with gr.Column(visible=False, elem_id="errors-results-area") as area:
            charts = layout.draw_charts()
            controls = layout.draw_controls()
            table = layout.draw_table()
            comparing = layout.draw_comparing()
        parts = Parts(
            source,
            charts,
            controls,
            table,
            comparing,
            area,
            clicked=gr.Textbox(visible="hidden", elem_id="errors-clicked"),
            keys=keys,
            drawn=gr.State(None),
            number=gr.State(None),
            compared=gr.State(None),
        )
    jobs = Jobs(bench)
    filters = FilterEvents(jobs, parts)
    rows = RowEvents(jobs, parts, filters, analyse_events, tabs, back)
    RunEvents(jobs, parts, filters).wire(tab)
    filters.wire(tab)
    rows.wire()
    ComparingEvents(jobs, parts, rows).wire()


class RunEvents:
    """The handlers, on the components that they change."""

    def __init__(self, jobs: Jobs, parts: Parts, filters: FilterEvents) -> None:
        self.jobs, self.parts, self.source, self.charts, self.filters = jobs, parts, parts.source, parts.charts, filters

    def wire(self, tab: gr.Tab) -> None:
        """Connect everything."""
        parts, source, table = self.parts, self.source, self.parts.table
        changed = [*vars(source).values(), *vars(self.charts).values(), *parts.controls.every, *self.filters.rows]
        changed += [parts.area, parts.keys, parts.drawn, parts.number, parts.compared]
        changed += [table.detail, table.tags, table.note, *vars(parts.comparing).values()]
        known = [parts.keys, parts.drawn]
        tab.select(self.poll, known, changed, show_progress="hidden", **PRIVATE)
        source.timer.tick(self.poll, known, changed, show_progress="hidden", **PRIVATE)
        source.start.click(self.start, [source.file, source.gate, source.checkpoint, *known], changed, **PRIVATE)
        source.stop.click(self.stop, parts.keys, [source.progress, source.stop], **PRIVATE)
        source.go_on.click(self.go_on, known, changed, **PRIVATE)

    def start(self, file: str | None, gate: str, checkpoint: int, keys: list[str], drawn: Any) -> dict[Any, Any]:
        """Begin a run, or load the results of one."""
        try:
            if file is not None and _is_run(Path(file)):
                key = self.jobs.load(Path(file))
            else:
                key = self.jobs.start(ERROR_SET if file is None else Path(file), gate, checkpoint)
        except UserError as error:
            return {self.source.message: _mistake(str(error))}
        keys = [*keys, key][-KEPT_RUNS:]
        return {self.parts.keys: keys, **self.poll(keys, drawn)}

    def stop(self, keys: list[str]) -> dict[Any, Any]:
        """Ask the run to stop; within two seconds it does."""
        job = self.jobs.get(keys)
        if job is not None:
            self.jobs.stop(job)
        told = '<p role="status">Stopping. What is read is kept.</p>'
        return {self.source.progress: told, self.source.stop: gr.update(visible=False)}

    def go_on(self, keys: list[str], drawn: Any) -> dict[Any, Any]:
        """Read what a run left that was stopped or ended."""
        job = self.jobs.get(keys)
        try:
            if job is not None:
                self.jobs.go_on(job)
        except UserError as error:
            return {self.source.message: _mistake(str(error))}
        return self.poll(keys, drawn)

    def poll(self, keys: list[str], drawn: Any) -> dict[Any, Any]:
        """How far the last run is; when it is done, its results, unless the page shows them already."""
        source, job = self.source, self.jobs.get(keys)
        if job is not None and job in self.jobs.line:
            return {
                source.timer: gr.Timer(active=True),
                source.message: gr.update(visible=False),
                source.progress: gr.update(value=view.progress_bar(job, self.jobs.line.before(job)), visible=True),
                source.stop: gr.update(visible=not job.stopping.is_set()),
                source.start: gr.update(interactive=False),
                source.go_on: gr.update(visible=False),
                self.parts.area: gr.update(visible=False),
            }
        quiet = {
            source.timer: gr.Timer(active=False),
            source.progress: gr.update(visible=False),
            source.stop: gr.update(visible=False),
            source.start: gr.update(interactive=True),
        }
        if job is None:
            return {**quiet, **self._gone()} if keys else quiet
        if job.run is None:  # nothing came of it: what was on the screen before comes back
            others = [key for key in keys if self.jobs.get([key]) not in (job, None)]
            told = {source.message: _mistake(job.why_empty)}
            return {**quiet, **self.poll(others, drawn), **told, self.parts.keys: others}
        results = (job.path.as_posix(), len(job.run.records))
        rest = job.data is not None and len(job.run.records) < job.run.header.tweets
        return {
            **quiet,
            **({source.message: _mistake(job.mistake)} if job.mistake else {}),
            source.go_on: gr.update(visible=rest),
            self.parts.area: gr.update(visible=True),
            **({} if drawn == results else {**self.show(job, keys), self.parts.drawn: results}),
        }

    def _gone(self) -> dict[Any, Any]:
        """No run of this browser is there any more."""
        parts, hidden = self.parts, gr.update(visible=False)
        told = {self.source.message: _mistake(GONE), parts.keys: [], parts.drawn: None}
        return {**told, self.source.go_on: hidden, parts.area: hidden}

    def show(self, job: Job, keys: list[str]) -> dict[Any, Any]:
        """The results of a run; its table begins with the mistakes."""
        assert job.run is not None
        charts, comparing, table = self.charts, self.parts.comparing, self.parts.table
        scores = slice_tests(job.run.records)
        labelled = any(record.labels is not None for record in job.run.records)
        filters = filtering.Filters(kind=filtering.MISTAKEN if labelled else filtering.ANY)
        runs = [(key, self.jobs.get([key])) for key in keys]
        earlier = [(old.name, key) for key, old in runs if old is not None and old.run is not None and old is not job]
        return {
            charts.head: view.head(job),
            charts.kinds: summary.kind_counts(job.cases),
            charts.picture: summary.picture_by_gate(job.cases, "outcome"),
            charts.by: "outcome",
            charts.told: f"<p>{summary.picture_sentence(job.cases)}</p>",
            charts.metrics: view.metrics_rows(job.run),
            charts.relations: view.relation_scores(job.run),
            charts.slices_told: f"<p>{slices_sentence(scores)} {training_sentence(job.run.records)}</p>",
            charts.slices: view.slice_rows(scores),
            charts.confusion: view.confusion_rows(job.cases, True),
            charts.diagonal: True,
            charts.calibration: summary.calibration(job.cases),
            self.parts.number: None,
            self.parts.compared: None,
            table.detail: NO_ROW,
            table.tags: "",
            table.note: "",
            comparing.told: "",
            comparing.names: [],
            comparing.earlier: gr.update(choices=earlier, value=earlier[-1][1] if earlier else None),
            **dict(zip(self.parts.controls.every, vars(filters).values(), strict=True)),
            self.parts.controls.tag: gr.update(choices=filtering.tags_of(job), value=filtering.ANY),
            **self.filters.fill(job, 1, filters),
        }


def _mistake(message: str) -> Any:
    return gr.update(value=mistake("Not read.", message), visible=True)


def _is_run(path: Path) -> bool:
    """Whether an upload holds the results of a run."""
    if path.suffix != ".jsonl":
        return False
    with path.open("rb") as file:
        return FORMAT.encode() in file.readline(100_000)
