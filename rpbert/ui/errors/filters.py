"""The filters of the tab "Errors": chosen by hand, or by a bar, a point, a cell or a row of the charts."""

from typing import Any

import gradio as gr

from rpbert.evaluation import summary
from rpbert.evaluation.case_table import SLICES
from rpbert.ui.common import PRIVATE
from rpbert.ui.errors import filtering, layout, view
from rpbert.ui.errors.components import Parts
from rpbert.ui.errors.jobs import Job, Jobs

GONE = "<p>This run is gone. Please read the data set again.</p>"
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
    box.dispatchEvent(new Event('input', {bubbles: true}));
  });
}"""
SHOW_TABLE = "() => document.querySelector('#errors-filters').scrollIntoView({block: 'start'})"


class FilterEvents:
    """The handlers, on the components that they change."""

    def __init__(self, jobs: Jobs, parts: Parts) -> None:
        self.jobs, self.parts, self.charts, self.controls = jobs, parts, parts.charts, parts.controls
        self.rows = [parts.table.count, parts.table.page, parts.table.rows]  # what shows the filtered cases

    def wire(self, tab: gr.Tab) -> None:
        """Connect everything."""
        charts, controls, keys, table = self.charts, self.controls, self.parts.keys, self.parts.table
        every = controls.every
        given = [keys, *every]
        tab.select(None, None, None, js=CLICKS, **PRIVATE)
        chosen = [
            self.parts.clicked.change(self.choose_mark, self.parts.clicked, every, **PRIVATE),
            charts.confusion.select(self.choose_cell, None, every, **PRIVATE),
            charts.slices.select(self.choose_slice, keys, every, **PRIVATE),
            charts.kinds.select(self.choose_kinds, None, every, **PRIVATE),
        ]
        for event in chosen:
            refreshed = event.then(self.refresh, given, self.rows, **PRIVATE)
            refreshed.then(None, None, None, js=SHOW_TABLE, **PRIVATE)
        table.clear.click(self.clear, None, every, **PRIVATE).then(self.refresh, given, self.rows, **PRIVATE)
        named = controls.column.input(self.name_values, [keys, controls.column], controls.value, **PRIVATE)
        named.then(self.refresh, given, self.rows, **PRIVATE)
        others = [control.input for control in every if control not in (controls.column, controls.text)]
        gr.on([*others, controls.text.submit, controls.text.blur], self.refresh, given, self.rows, **PRIVATE)
        table.page.release(self.refill, [keys, table.page, *every], self.rows, **PRIVATE)
        charts.by.input(self.count_picture_by, [keys, charts.by], charts.picture, **PRIVATE)
        charts.diagonal.input(self.show_diagonal, [keys, charts.diagonal], charts.confusion, **PRIVATE)

    def refresh(self, keys: list[str], *filters: Any) -> dict[Any, Any]:
        """The first page of what passes the filters."""
        return self.refill(keys, 1, *filters)

    def refill(self, keys: list[str], page: int, *filters: Any) -> dict[Any, Any]:
        """A page of what passes the filters."""
        job = self.jobs.get(keys)
        if job is None or job.run is None:
            return {self.parts.table.count: GONE}
        return self.fill(job, page, filtering.Filters(*filters))

    def fill(self, job: Job, page: int, filters: filtering.Filters) -> dict[Any, Any]:
        """A page of the cases of a run."""
        table = self.parts.table
        shown = filtering.filtered(job.cases, filters, job.notes)
        pages = filtering.pages(shown)
        page = min(max(1, int(page)), pages)
        return {
            table.count: view.count_sentence(job, shown, page),
            table.page: gr.update(maximum=max(2, pages), value=page, visible=pages > 1),
            table.rows: view.table_rows(job, filtering.page_of(shown, page)),
        }

    def clear(self) -> dict[Any, Any]:
        """No filter at all."""
        values = dict(zip(self.controls.every, vars(filtering.Filters()).values(), strict=True))
        return {**values, self.controls.value: gr.update(choices=[filtering.ANY], value=filtering.ANY)}

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
            effect = gr.update(value=values.get("picture", filtering.ANY))
            return self._only({**self._slice(SLICES["gate"], gate or filtering.ANY), controls.picture: effect})
        if plot == "errors-calibration":
            confidence = float(values.get("mean confidence (0 to 1)", values.get("confidence", "0")))
            return self._only({controls.tenth: filtering.TENTHS[min(int(confidence * 10), 9)]})
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
        return gr.update(choices=_values(self.jobs.get(keys), column), value=filtering.ANY)

    def _slice(self, column: str, value: str, choices: list[str] | None = None) -> dict[Any, Any]:
        chosen = gr.update(choices=choices or [filtering.ANY, *summary.GATES], value=value)
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


def _values(job: Job | None, column: str) -> list[str]:
    """What a slice can be in this run."""
    keys = [key for key, name in SLICES.items() if name == column]
    if job is None or not keys:
        return [filtering.ANY]
    return [filtering.ANY, *sorted(job.cases[keys[0]].dropna().unique())]
