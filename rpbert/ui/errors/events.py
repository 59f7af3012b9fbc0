"""What happens on the tab "Errors". Every handler returns its components by name.

The runs stand on the server (`rpbert.ui.errors.jobs`); the browser keeps their keys, so that it finds them again after
it was closed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from rpbert.errors import UserError
from rpbert.evaluation import summary
from rpbert.evaluation.case_table import SLICES
from rpbert.evaluation.html_report import Note
from rpbert.evaluation.records import FORMAT, load_run
from rpbert.evaluation.run_comparison import Comparison, compare_runs, comparison_sentences
from rpbert.evaluation.slice_tests import slice_tests, slices_sentence
from rpbert.ui.analyse import card
from rpbert.ui.analyse import view as analyse
from rpbert.ui.analyse.events import PRIVATE, AnalyseEvents
from rpbert.ui.errors import export, layout, view
from rpbert.ui.errors.jobs import ERROR_SET, Job, Jobs
from rpbert.ui.share.sharing import SAVE
from rpbert.ui.workbench import Shown, Workbench

# A click on a bar or a point: gradio's plots tell of areas that are drawn with the mouse only. The mark's own label
# ("kind: missed; names: 3") goes into a hidden box, which the server listens to.
CLICKS = """() => {
  if (window.errorsListen) return;
  window.errorsListen = true;
  document.addEventListener('click', (event) => {
    const mark = event.target.closest('.errors-plot path[aria-label]');
    const box = document.querySelector('#errors-clicked textarea, #errors-clicked input');
    if (!mark || !box) return;
    const plot = mark.closest('.errors-plot').id;
    box.value = plot + '|' + mark.getAttribute('aria-label') + '|' + Date.now();
    box.dispatchEvent(new Event('input'));
  });
}"""
SHOW_TABLE = "() => document.querySelector('#errors-filters').scrollIntoView({block: 'start'})"
SHOW_DETAIL = "() => document.querySelector('#errors-detail').scrollIntoView({block: 'center'})"


def add_errors_tab(bench: Workbench, analyse_events: AnalyseEvents, tabs: gr.Tabs, back: gr.Button) -> None:
    """Draw the tab and connect it; call inside the page's `gr.Tabs`. `back` is seen while a row is open in Analyse."""
    with gr.Tab("Errors", id="errors") as tab:
        source = layout.draw_source([analyzer.identity for analyzer in bench.analyzers])
        with gr.Column(visible=False, elem_id="errors-results-area") as area:
            charts = layout.draw_charts()
            controls = layout.draw_controls()
            table = layout.draw_table()
            comparing = layout.draw_comparing()
        clicked = gr.Textbox(visible="hidden", elem_id="errors-clicked")
        keys = gr.BrowserState([], storage_key="rpbert-error-runs")
        number = gr.State(None)  # the case that is open
        compared = gr.State(None)
    events = ErrorEvents(bench, analyse_events, tabs, source, charts, controls, table, comparing)
    events.wire(tab, area, clicked, keys, number, compared, back)


class ErrorEvents:
    """The handlers, on the components that they change."""

    def __init__(
        self,
        bench: Workbench,
        analyse_events: AnalyseEvents,
        tabs: gr.Tabs,
        source: layout.Source,
        charts: layout.Charts,
        controls: layout.Controls,
        table: layout.Table,
        comparing: layout.Comparing,
    ) -> None:
        self.jobs, self.analyse, self.tabs = Jobs(bench), analyse_events, tabs
        self.source, self.charts, self.controls, self.table, self.comparing = source, charts, controls, table, comparing

    def wire(
        self,
        tab: gr.Tab,
        area: gr.Column,
        clicked: gr.Textbox,
        keys: gr.BrowserState,
        number: gr.State,
        compared: gr.State,
        back: gr.Button,
    ) -> None:
        """Connect everything."""
        self.area, self.keys, self.number, self.compared, self.back = area, keys, number, compared, back
        source, charts, controls, table = self.source, self.charts, self.controls, self.table
        running = [*vars(source).values(), area, keys, number, *vars(charts).values(), *controls.every]
        running += [table.count, table.page, table.rows, table.detail, table.tags, table.note, self.comparing.earlier]
        tab.select(None, None, None, js=CLICKS, **PRIVATE)
        tab.select(self.poll, keys, running, show_progress="hidden", **PRIVATE)
        source.timer.tick(self.poll, keys, running, show_progress="hidden", **PRIVATE)
        asked = [source.file, source.gate, source.checkpoint, keys]
        source.start.click(self.start, asked, running, **PRIVATE)
        source.stop.click(self.stop, keys, [source.progress, source.stop], **PRIVATE)
        source.go_on.click(self.go_on, keys, running, **PRIVATE)

        self._wire_filters(clicked)
        charts.by.input(self.count_picture_by, [keys, charts.by], charts.picture, **PRIVATE)
        charts.diagonal.input(self.show_diagonal, [keys, charts.diagonal], charts.confusion, **PRIVATE)
        opened = [number, table.detail, table.tags, table.note]
        table.rows.select(self.open_row, keys, opened, **PRIVATE).then(None, None, None, js=SHOW_DETAIL, **PRIVATE)
        kept = table.keep.click(self.keep_note, [keys, number, table.tags, table.note], controls.tag, **PRIVATE)
        kept.then(self.refill, [keys, table.page, *controls.every], self.rows, **PRIVATE)
        self._wire_analyse()
        self._wire_exports()
        self._wire_comparing(opened)

    @property
    def rows(self) -> list[Any]:
        """What shows the filtered cases."""
        return [self.table.count, self.table.page, self.table.rows]

    def _wire_filters(self, clicked: gr.Textbox) -> None:
        charts, controls, given = self.charts, self.controls, [self.keys, *self.controls.every]
        every = controls.every
        chosen = [
            clicked.input(self.choose_mark, clicked, every, **PRIVATE),
            charts.confusion.select(self.choose_cell, None, every, **PRIVATE),
            charts.slices.select(self.choose_slice, self.keys, every, **PRIVATE),
            charts.kinds.select(self.choose_kinds, None, every, **PRIVATE),
            self.table.clear.click(self.clear, None, every, **PRIVATE),
        ]
        for event in chosen:
            refreshed = event.then(self.refresh, given, self.rows, **PRIVATE)
            refreshed.then(None, None, None, js=SHOW_TABLE, **PRIVATE)
        named = controls.column.input(self.name_values, [self.keys, controls.column], controls.value, **PRIVATE)
        named.then(self.refresh, given, self.rows, **PRIVATE)
        others = [control.input for control in every if control not in (controls.column, controls.text)]
        gr.on([*others, controls.text.submit, controls.text.blur], self.refresh, given, self.rows, **PRIVATE)
        self.table.page.release(self.refill, [self.keys, self.table.page, *every], self.rows, **PRIVATE)

    def _wire_analyse(self) -> None:
        inputs = self.analyse.inputs
        fields = [inputs.tweet, inputs.picture, inputs.described, inputs.sample, inputs.gate, inputs.fixed]
        opened = self.table.analyse.click(
            self.open_in_analyse, [self.keys, self.number], [*fields, self.tabs, self.back], **PRIVATE
        )
        analysed = self.analyse.analysed_after(opened.then)
        parts = self.analyse.card
        aim = [self.keys, self.number, self.analyse.state]
        self.analyse.explained_after(analysed.then(self.aim, aim, [parts.target, parts.reading], **PRIVATE).then)
        returned = self.back.click(self.return_to_table, None, [self.tabs, self.back], **PRIVATE)
        returned.then(None, None, None, js=SHOW_DETAIL, **PRIVATE)

    def _wire_exports(self) -> None:
        table, given = self.table, [self.keys, *self.controls.every]
        writers: list[tuple[gr.Button, Callable[..., str], list[Any]]] = [
            (table.csv, self.csv, given),
            (table.jsonl, self.jsonl, given),
            (table.results, self.results, [self.keys]),
            (table.report, self.report, [self.keys, self.compared, table.thumbnails, *self.controls.every]),
        ]
        for button, write, inputs in writers:
            written = button.click(write, inputs, table.file, **PRIVATE)
            written.then(None, table.file, None, js=SAVE, **PRIVATE)

    def _wire_comparing(self, opened: list[Any]) -> None:
        comparing = self.comparing
        given = [self.keys, comparing.earlier, comparing.file, comparing.change]
        told = [self.compared, comparing.told, comparing.names]
        comparing.start.click(self.compare, given, told, **PRIVATE)
        comparing.change.input(self.show_change, [self.compared, comparing.change], comparing.names, **PRIVATE)
        chosen = comparing.names.select(
            self.open_change, [self.keys, self.compared, comparing.change], opened, **PRIVATE
        )
        chosen.then(None, None, None, js=SHOW_DETAIL, **PRIVATE)

    # ---- the run --------------------------------------------------------------------------------------------------

    def start(self, file: str | None, gate: str, checkpoint: int, keys: list[str]) -> dict[Any, Any]:
        """Begin a run, or load the results of one."""
        try:
            if file is not None and _is_run(Path(file)):
                key = self.jobs.load(Path(file))
            else:
                key = self.jobs.start(ERROR_SET if file is None else Path(file), gate, checkpoint)
        except UserError as error:
            return {self.source.message: gr.update(value=analyse.mistake(str(error)), visible=True)}
        return {**self.poll([*keys, key]), self.keys: [*keys, key][-5:]}

    def stop(self, keys: list[str]) -> dict[Any, Any]:
        """Ask the run to stop; within two seconds it does."""
        job = self.jobs.get(keys)
        if job is not None:
            job.stopping.set()
        told = '<p role="status">Stopping. What is read is kept.</p>'
        return {self.source.progress: told, self.source.stop: gr.update(visible=False)}

    def go_on(self, keys: list[str]) -> dict[Any, Any]:
        """Read what a stopped run left."""
        job = self.jobs.get(keys)
        if job is not None:
            self.jobs.go_on(job)
        return self.poll(keys)

    def poll(self, keys: list[str]) -> dict[Any, Any]:
        """How far the last run is; when it is done, its results."""
        source, job = self.source, self.jobs.get(keys)
        if job is None:
            return {source.timer: gr.Timer(active=False)}
        if job.working:
            return {
                source.timer: gr.Timer(active=True),
                source.message: gr.update(visible=False),
                source.progress: gr.update(value=view.progress_bar(job), visible=True),
                source.stop: gr.update(visible=not job.stopping.is_set()),
                source.start: gr.update(interactive=False),
                source.go_on: gr.update(visible=False),
                self.area: gr.update(visible=False),
            }
        quiet = {
            source.timer: gr.Timer(active=False),
            source.progress: gr.update(visible=False),
            source.stop: gr.update(visible=False),
            source.start: gr.update(interactive=True),
        }
        if job.run is None:
            told = analyse.mistake(job.mistake or "The run has no results.").replace("Not analysed.", "Not read.")
            return {**quiet, source.message: gr.update(value=told, visible=True)}
        rest = job.data is not None and len(job.run.records) < job.run.header.tweets
        return {
            **quiet,
            source.message: gr.update(visible=False),
            source.go_on: gr.update(visible=rest),
            **self.show(job, keys),
        }

    def show(self, job: Job, keys: list[str]) -> dict[Any, Any]:
        """The results of a run, its table unfiltered but for the mistakes."""
        assert job.run is not None
        charts, scores = self.charts, slice_tests(job.run.records)
        labelled = any(record.labels is not None for record in job.run.records)
        filters = view.Filters(kind=view.MISTAKEN if labelled else view.ANY)
        relations = "".join(
            f"<p>{name}: AUC {_or_dash(row['auc'])}, accuracy {row['accuracy']:.3f}, F1 {row['f1']:.3f}, calibration "
            f"error {row['ece']:.3f} ({row['n']} tweets, {row['positive']} yes).</p>"
            for name, row in summary.relations(job.run.records).items()
        )
        earlier = [(old.name, key) for key in keys[:-1] if (old := self.jobs.get([key])) and old.run and old is not job]
        return {
            self.area: gr.update(visible=True),
            charts.head: view.head(job),
            charts.kinds: summary.kind_counts(job.cases),
            charts.picture: summary.picture_by_gate(job.cases, "outcome"),
            charts.by: "outcome",
            charts.told: f"<p>{summary.picture_sentence(job.cases)}</p>",
            charts.metrics: view.metrics_rows(job.run),
            charts.relations: relations,
            charts.slices_told: f"<p>{slices_sentence(scores)}</p>",
            charts.slices: view.slice_rows(scores),
            charts.confusion: view.confusion_rows(job.cases, True),
            charts.diagonal: True,
            charts.calibration: summary.calibration(job.cases),
            self.number: None,
            self.table.detail: "<p class='empty'>Choose a row to see all readings of its tweet.</p>",
            self.table.tags: "",
            self.table.note: "",
            self.comparing.earlier: gr.update(choices=earlier, value=earlier[-1][1] if earlier else None),
            **dict(zip(self.controls.every, vars(filters).values(), strict=True)),
            self.controls.tag: gr.update(choices=_tags(job), value=view.ANY),
            **self.refill([keys[-1]], 1, *vars(filters).values()),
        }

    # ---- filters --------------------------------------------------------------------------------------------------

    def refresh(self, keys: list[str], *filters: Any) -> dict[Any, Any]:
        """The first page of what passes the filters."""
        return self.refill(keys, 1, *filters)

    def refill(self, keys: list[str], page: int, *filters: Any) -> dict[Any, Any]:
        """A page of what passes the filters."""
        job = self.jobs.get(keys)
        if job is None or job.run is None:
            return {self.table.count: "<p>This run is gone: it was deleted an hour after its last use.</p>"}
        shown = view.filtered(job.cases, view.Filters(*filters), job.notes)
        page = min(max(1, int(page)), view.pages(shown))
        return {
            self.table.count: view.count_sentence(job, shown, page),
            self.table.page: gr.update(maximum=view.pages(shown), value=page, visible=view.pages(shown) > 1),
            self.table.rows: view.table_rows(job, view.page_of(shown, page)),
        }

    def clear(self) -> dict[Any, Any]:
        """No filter at all."""
        values = dict(zip(self.controls.every, vars(view.Filters()).values(), strict=True))
        return {**values, self.controls.value: gr.update(choices=[view.ANY], value=view.ANY)}

    def choose_mark(self, clicked: str) -> dict[Any, Any]:
        """The filters of the bar or point that was clicked."""
        plot, _, rest = clicked.partition("|")
        label = rest.rpartition("|")[0]
        values = dict(part.split(": ", 1) for part in label.split("; ") if ": " in part)
        controls = self.controls
        if plot == "errors-kinds" and values.get("kind", values.get(" ")) is not None:
            return self._only({controls.kind: values.get("kind", values.get(" "))})
        if plot == "errors-picture":
            gate = values.get("gate", values.get("gate (0 to 1)"))
            effect = gr.update(value=values.get("picture", view.ANY))
            return self._only({**self._slice(SLICES["gate"], gate or view.ANY), controls.picture: effect})
        if plot == "errors-calibration":
            confidence = float(values.get("mean confidence (0 to 1)", values.get("confidence", "0")))
            return self._only({controls.tenth: view.TENTHS[min(int(confidence * 10), 9)]})
        return {controls.kind: gr.skip()}

    def choose_kinds(self, event: gr.SelectData) -> dict[Any, Any]:
        """The filter of an area that was drawn over the bars: its first."""
        kinds = event.value if isinstance(event.value, list) else [event.value]
        return self._only({self.controls.kind: kinds[0]})

    def choose_cell(self, event: gr.SelectData) -> dict[Any, Any]:
        """The filters of a cell of the confusion matrix."""
        kinds = [kind for _, kind in layout.TYPES[1:]]
        row, column = event.index
        values = {self.controls.gold_type: kinds[row]}
        if column > 0:
            values[self.controls.found_type] = kinds[column - 1]
        return self._only(values)

    def choose_slice(self, keys: list[str], event: gr.SelectData) -> dict[Any, Any]:
        """The filters of a row of the slices."""
        column, value = event.row_value[:2]
        job = self.jobs.get(keys)
        return self._only(self._slice(column, value, _values(job, column)))

    def name_values(self, keys: list[str], column: str) -> Any:
        """What a slice can be, after it was chosen by hand."""
        return gr.update(choices=_values(self.jobs.get(keys), column), value=view.ANY)

    def _slice(self, column: str, value: str, choices: list[str] | None = None) -> dict[Any, Any]:
        chosen = gr.update(choices=choices or [view.ANY, *summary.GATES], value=value)
        return {self.controls.column: column, self.controls.value: chosen}

    def _only(self, values: dict[Any, Any]) -> dict[Any, Any]:
        """These filters, and no others."""
        return {**self.clear(), **values}

    def count_picture_by(self, keys: list[str], by: str) -> Any:
        """The chart of what pictures did, by outcome or by probability."""
        job = self.jobs.get(keys)
        return gr.skip() if job is None else summary.picture_by_gate(job.cases, by)

    def show_diagonal(self, keys: list[str], diagonal: bool) -> Any:
        """The confusion matrix with or without what is right."""
        job = self.jobs.get(keys)
        return gr.skip() if job is None else view.confusion_rows(job.cases, diagonal)

    # ---- a row ----------------------------------------------------------------------------------------------------

    def open_row(self, keys: list[str], event: gr.SelectData) -> dict[Any, Any]:
        """All readings of the tweet of a row."""
        return self._open(self.jobs.get(keys), int(event.row_value[0]) - 1)

    def _open(self, job: Job | None, number: int) -> dict[Any, Any]:
        if job is None or number not in job.cases.index:
            return {self.number: None}
        note = job.notes.get(number, Note())
        return {
            self.number: number,
            self.table.detail: view.detail(job, number),
            self.table.tags: ", ".join(note.tags),
            self.table.note: note.text,
        }

    def keep_note(self, keys: list[str], number: int | None, tags: str, text: str) -> Any:
        """Remember what a person wrote about the open row."""
        job = self.jobs.get(keys)
        if job is None or number is None:
            gr.Info("Choose a row of the table first.")
            return gr.skip()
        job.notes[number] = export.note_of(tags, text)
        gr.Info(f"Kept for row {number + 1}. Tags and notes leave with the rows, see “Take it with you”.")
        return gr.update(choices=_tags(job))

    def open_in_analyse(self, keys: list[str], number: int | None) -> dict[Any, Any]:
        """The open row's tweet, picture and gate on the tab Analyse."""
        job, inputs = self.jobs.get(keys), self.analyse.inputs
        if job is None or job.run is None or number is None:
            gr.Info("Choose a row of the table first.")
            return {self.back: gr.skip()}
        record = job.record(job.cases.loc[number, "row"])
        picture = job.picture(record.row)
        if picture is None and record.picture is not None:
            gr.Info("Only the results were loaded, so the picture is not here. Analyse reads the text alone.")
        return {
            inputs.tweet: record.text,
            inputs.picture: None if picture is None else str(picture),
            inputs.described: "",
            inputs.sample: None,
            inputs.gate: job.run.header.gate,
            inputs.fixed: gr.update(visible=False),
            self.tabs: gr.Tabs(selected="analyse"),
            self.back: gr.update(visible=True),
        }

    def aim(self, keys: list[str], number: int | None, shown: Shown) -> dict[Any, Any]:
        """The name of the open row as what is explained, if Analyse finds it."""
        job, parts, choice = self.jobs.get(keys), self.analyse.card, 0
        if job is not None and number is not None:
            case = job.cases.loc[number]
            record = job.record(case["row"])
            starts = [record.offsets[span[0]][0] for span in (case["found_span"], case["gold_span"]) if span]
            entities = [index for index, one in enumerate(shown.analysis.entities) if one.start in starts]
            relations = len(card.target_choices(shown.analysis)) - len(shown.analysis.entities)
            choice = relations + entities[0] if entities else 0
        readings = gr.update(choices=card.reading_choices(shown.analysis, choice), value=card.AS_FOUND)
        return {parts.target: choice, parts.reading: readings}

    def return_to_table(self) -> dict[Any, Any]:
        """Back to the same place: the tab has kept filters, page and row."""
        return {self.tabs: gr.Tabs(selected="errors"), self.back: gr.update(visible=False)}

    # ---- files and comparison -------------------------------------------------------------------------------------

    def csv(self, keys: list[str], *filters: Any) -> str:
        """The rows that pass the filters."""
        job = self._done(keys)
        return export.csv(job, view.filtered(job.cases, view.Filters(*filters), job.notes))

    def jsonl(self, keys: list[str], *filters: Any) -> str:
        """The rows that pass the filters."""
        job = self._done(keys)
        return export.jsonl(job, view.filtered(job.cases, view.Filters(*filters), job.notes))

    def results(self, keys: list[str]) -> str:
        """All that the run wrote."""
        return export.results(self._done(keys))

    def report(self, keys: list[str], compared: Comparison | None, thumbnails: bool, *filters: Any) -> str:
        """The report, with the rows that pass the filters."""
        job = self._done(keys)
        shown = view.filtered(job.cases, view.Filters(*filters), job.notes)
        return export.report(job, shown, compared, thumbnails)

    def _done(self, keys: list[str]) -> Job:
        job = self.jobs.get(keys)
        if job is None or job.run is None:
            raise gr.Error("This run is gone: it was deleted an hour after its last use.")
        return job

    def compare(self, keys: list[str], earlier: str | None, file: str | None, change: str) -> dict[Any, Any]:
        """The last run (B) against another (A)."""
        job, other = self._done(keys), None
        try:
            if file is not None:
                other = load_run(Path(file))
            elif earlier is not None and (old := self.jobs.get([earlier])) is not None:
                other = old.run
            if other is None or job.run is None:
                raise UserError("Choose a run to compare with, or give the file of its results.")
            found = compare_runs(other, job.run)
        except UserError as error:
            told = analyse.mistake(str(error)).replace("Not analysed.", "Not compared.")
            return {self.comparing.told: told, self.comparing.names: [], self.compared: None}
        sentences = "".join(f"<p>{sentence}</p>" for sentence in comparison_sentences(found))
        return {
            self.compared: found,
            self.comparing.told: f'<div role="status">{sentences}</div>',
            self.comparing.names: _change_rows(found, change),
        }

    def show_change(self, found: Comparison | None, change: str) -> Any:
        """The names that were fixed, broken, or are wrong in both."""
        return [] if found is None else _change_rows(found, change)

    def open_change(self, keys: list[str], found: Comparison, change: str, event: gr.SelectData) -> dict[Any, Any]:
        """The case of a name of the comparison."""
        job = self._done(keys)
        row = found.names[found.names["change"] == change].iloc[event.index[0]]
        same = job.cases[(job.cases["row"] == row["row"]) & (job.cases["gold"] == row["name"])]
        return self._open(job, int(same.index[0]))


def _is_run(path: Path) -> bool:
    """Whether an upload holds the results of a run."""
    if path.suffix != ".jsonl":
        return False
    with path.open("rb") as file:
        return FORMAT.encode() in file.readline(100_000)


def _tags(job: Job) -> list[str]:
    return [view.ANY, *sorted({tag for note in job.notes.values() for tag in note.tags})]


def _values(job: Job | None, column: str) -> list[str]:
    """What a slice can be in this run."""
    keys = [key for key, name in SLICES.items() if name == column]
    if job is None or not keys:
        return [view.ANY]
    return [view.ANY, *sorted(job.cases[keys[0]].dropna().unique())]


def _change_rows(found: Comparison, change: str) -> list[list[str]]:
    return found.names[found.names["change"] == change][["text", "name", "type"]].to_numpy().tolist()


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
