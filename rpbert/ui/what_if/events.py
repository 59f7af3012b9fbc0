"""The What-if tab: other words, another picture, another gate, hidden cells; all against the analysis on the screen.

All changes combine in one reading, `WhatIf.read`. The components are in `rpbert.ui.what_if.layout`, what they show is
made in `rpbert.ui.what_if.view`.
"""

from dataclasses import fields
from typing import Any

import gradio as gr
from PIL import Image

from rpbert.analyzer import Prepared
from rpbert.errors import UserError
from rpbert.explain.methods import DEFAULT_METHOD
from rpbert.explain.overlays import MAX_SIDE
from rpbert.explain.what_if import blank_picture
from rpbert.model.gates import Gate
from rpbert.model.pictures import open_picture
from rpbert.ui.analyse import card
from rpbert.ui.analyse import view as analyse
from rpbert.ui.analyse.events import MODEL, PRIVATE
from rpbert.ui.analyse.layout import FIXED
from rpbert.ui.what_if import view
from rpbert.ui.what_if.layout import Controls, Others, Results, draw_what_if
from rpbert.ui.workbench import Shown, Workbench

QUIET: dict[str, Any] = {"show_progress": "minimal"}  # nothing is greyed out while a reading is compared with another


def add_what_if_tab(bench: Workbench, state: gr.State) -> None:
    """Draw the tab and connect it; call inside `gr.Tabs`."""
    with gr.Tab("What if", id="what-if") as tab:
        WhatIf(bench, state, *draw_what_if()).wire(tab)


class WhatIf:
    """The handlers of the tab."""

    def __init__(self, bench: Workbench, state: gr.State, controls: Controls, results: Results, others: Others) -> None:
        self.bench, self.state, self.controls, self.results, self.others = bench, state, controls, results, others
        self.seen = gr.State("")  # key of the analysis that the controls were filled from

    def wire(self, tab: gr.Tab) -> None:
        """Connect everything."""
        controls, others = self.controls, self.others
        filled = [self.seen, *_parts(controls), others.target, others.before, *_parts(self.results)]
        opened = tab.select(self.open, [self.state, self.seen], filled, **MODEL, **PRIVATE)
        opened.then(self.chart, self.state, others.chart, **MODEL, **PRIVATE)
        others.reset.click(self.fill, self.state, filled, **MODEL, **PRIVATE)

        asked = [others.again.click, controls.text.submit]
        asked += [part.input for part in (controls.picture, controls.gate, controls.cells)]
        self.read_after(gr.on, asked, trigger_mode="always_last")
        self.read_after(controls.other.upload(lambda: view.OTHER, None, controls.picture, **PRIVATE).then)
        self.read_after(controls.fixed.release(lambda: FIXED, None, controls.gate, **PRIVATE).then)
        self.read_after(others.show.click(lambda: [], None, controls.cells, **PRIVATE).then)
        given, changed = [self.state, *_parts(controls)], [controls.cells, *_parts(self.results)]
        self.results.grid.select(self.toggle, given, changed, trigger_mode="multiple", **QUIET, **MODEL, **PRIVATE)
        mapped = [self.state, controls.text, controls.gate, controls.fixed, others.target]
        others.hide.click(self.hide, mapped, [controls.picture, *changed], **QUIET, **MODEL, **PRIVATE)

    def read_after(self, event: Any, *triggers: Any, **settings: Any) -> None:
        """Read the changed tweet on an event or after one."""
        given = [self.state, *_parts(self.controls)]
        event(*triggers, self.read, given, _parts(self.results), **settings, **QUIET, **MODEL, **PRIVATE)

    def open(self, shown: Shown, seen: str) -> Any:
        """Fill the tab when there is another analysis; what was changed of the same one stays."""
        return gr.skip() if shown.key == seen else self.fill(shown)

    def fill(self, shown: Shown) -> dict[Any, Any]:
        """The analysis on the screen, with nothing changed."""
        analysis, controls, others = shown.analysis, self.controls, self.others
        setting = analysis.gate_setting
        choices = card.target_choices(analysis)
        return {
            self.seen: shown.key,
            controls.text: analysis.text,
            controls.picture: view.SAME,
            controls.other: None,
            controls.gate: setting if isinstance(setting, str) else FIXED,
            controls.fixed: round(analysis.gate, 2),
            controls.cells: [],
            others.target: gr.update(choices=choices, value=min(len(choices) - 1, len(card.RELATIONS))),
            others.before: analyse.highlighted(analysis),
            **self.read(shown, analysis.text, view.SAME, None, setting, 0, []),
        }

    def read(
        self, shown: Shown, text: str, choice: str, other: str | None, gate: Gate, fixed: float, hidden: list[int]
    ) -> dict[Any, Any]:
        """The changed tweet against the analysis; a mistake changes the message alone."""
        results, before = self.results, shown.analysis
        try:
            prepared, picture = self.prepare(shown, text, choice, other)
            read_hidden = hidden if picture is not None else []
            after = self.bench.analyzer(shown).predict(prepared, fixed if gate == FIXED else gate, read_hidden)
        except UserError as error:
            return self.mistake(str(error))
        return {
            results.message: gr.update(value="", visible=False),
            results.changes: view.changes(before, after, choice, hidden),
            results.spans: analyse.highlighted(after),
            results.table: view.comparison_table(before, after),
            results.grid: _grid(picture, hidden),
        }

    def prepare(self, shown: Shown, text: str, choice: str, other: str | None) -> tuple[Prepared, Image.Image | None]:
        """The changed tweet for the model, and its picture for the page."""
        analyzer = self.bench.analyzer(shown)
        if choice == view.SAME and text == shown.analysis.text:
            return shown.prepared, shown.picture
        picture = self.picture(shown, choice, other)
        if choice == view.SAME and picture is not None:
            # The page keeps the picture scaled down only: it would give other regions, and cost a CNN pass.
            return analyzer.changed(shown.prepared, text), picture
        return analyzer.prepare(text, picture), _scaled(picture)

    def picture(self, shown: Shown, choice: str, other: str | None) -> Image.Image | None:
        """The picture of a choice of `view.PICTURES`. Raises `UserError` when there is none yet, or none to read."""
        if choice == view.OTHER:
            if other is None:
                raise UserError("There is no other picture yet. Please drop one into the box “Another picture”.")
            return open_picture(other).image
        return {view.SAME: shown.picture, view.WITHOUT: None, view.BLANK: blank_picture()}[choice]

    def toggle(
        self,
        shown: Shown,
        text: str,
        choice: str,
        other: str | None,
        gate: Gate,
        fixed: float,
        hidden: list[int],
        event: gr.SelectData,
    ) -> dict[Any, Any]:
        """Hide the clicked cell, or show it again, and read the tweet."""
        try:
            picture = _scaled(self.picture(shown, choice, other))
        except UserError as error:
            return self.mistake(str(error))
        if picture is None:
            return {}
        clicked = view.cell_at(event.index[0], event.index[1], picture.size)
        cells = sorted({*hidden} ^ {clicked})
        return {self.controls.cells: cells, **self.read(shown, text, choice, other, gate, fixed, cells)}

    def hide(self, shown: Shown, text: str, gate: Gate, fixed: float, number: int) -> dict[Any, Any]:
        """Hide the strongest cells of a map of the picture as analysed, and read the tweet with that picture."""
        target = card.target_of(shown.analysis, number)
        problem = card.empty_sentence(shown, target)
        if problem is not None:
            return self.mistake(problem)
        cells = view.strongest_cells(self.bench.explanation(shown, target, DEFAULT_METHOD))
        if not cells:
            return self.mistake("No cell of this map raises its number, so there is none to hide.")
        read = self.read(shown, text, view.SAME, None, gate, fixed, cells)
        return {self.controls.picture: view.SAME, self.controls.cells: cells, **read}

    def mistake(self, message: str) -> dict[Any, Any]:
        """Why nothing was read; what is on the screen stays."""
        return {self.results.message: gr.update(value=analyse.mistake(message), visible=True)}

    def chart(self, shown: Shown) -> str:
        """All names against the gate."""
        return view.gate_section(self.bench.scans(shown) if shown.picture is not None else [], shown.analysis)


def _parts(group: Controls | Results) -> list[Any]:
    return [getattr(group, field.name) for field in fields(group)]


def _scaled(picture: Image.Image | None) -> Image.Image | None:
    """As large as the page shows it."""
    if picture is None:
        return None
    small = picture.copy()
    small.thumbnail((MAX_SIDE, MAX_SIDE))
    return small


def _grid(picture: Image.Image | None, hidden: list[int]) -> Any:
    if picture is None:
        return gr.update(value=None, visible=False)
    names = view.cell_names(hidden) or "none"
    text = f"The picture in 7 rows of 7 cells, A1 to G7. Hidden cells: {names}."
    return gr.update(value=view.grid_picture(picture, hidden), visible=True, alt_text=text)
