"""The What-if tab: other words, another picture, another gate, hidden cells; all against the analysis on the screen.

All changes combine in one reading, `WhatIf.read`. The components are in `rpbert.ui.what_if.layout`, what they show is
made in `rpbert.ui.what_if.view`.
"""

from typing import Any

import gradio as gr
from PIL import Image

from rpbert.analyzer import Prepared
from rpbert.errors import UserError
from rpbert.explain.methods import DEFAULT_METHOD
from rpbert.explain.what_if import blank_picture
from rpbert.model.scene_text import SceneLine
from rpbert.ui import keys
from rpbert.ui.analyse import maps
from rpbert.ui.analyse import view as analyse
from rpbert.ui.common import FIXED, LATEST, LONG, PRIVATE, QUIET, SHORT, choice_of, gate_of, show_where_it_counts
from rpbert.ui.difference import BEFORE_AND_AFTER, difference_table
from rpbert.ui.what_if import view
from rpbert.ui.what_if.layout import Controls, Others, Results, draw_what_if
from rpbert.ui.workbench import ScreenState, Workbench, page_size

Update = dict[Any, Any]


def add_what_if_tab(bench: Workbench, state: gr.State) -> None:
    """Draw the tab and connect it; call inside `gr.Tabs`."""
    with gr.Tab("What if", id="what-if") as tab:
        WhatIf(bench, state, *draw_what_if()).wire(tab)


class WhatIf:
    """The handlers of the tab."""

    def __init__(self, bench: Workbench, state: gr.State, controls: Controls, results: Results, others: Others) -> None:
        self.bench, self.state, self.controls, self.results, self.others = bench, state, controls, results, others
        self.seen = gr.State("")  # key of the analysis that the controls were filled from
        self.given = {state, *vars(controls).values()}  # a set: handlers get one dictionary of component and value

    def wire(self, tab: gr.Tab) -> None:
        """Connect everything."""
        controls, others = self.controls, self.others
        filled = [self.seen, *vars(controls).values(), others.target, *vars(self.results).values()]
        opened = tab.select(self.open, [self.state, self.seen], filled, **QUIET, **SHORT)
        opened.then(self.chart, self.state, others.chart, **QUIET, **SHORT)
        others.reset.click(self.fill, self.state, filled, **QUIET, **SHORT)
        show_where_it_counts(controls.gate, controls.fixed)

        # Of a text gradio tells `input` at a key press only: words pasted by mouse or spoken would be missed.
        texts = [controls.text.change, controls.scene.change, controls.text.submit]
        chosen = [part.input for part in (controls.picture, controls.gate, controls.cells)]
        self.read_after(gr.on, [*texts, *chosen], **LATEST)
        self.read_after(controls.other.upload(lambda: view.OTHER, None, controls.picture, **PRIVATE).then)
        self.read_after(controls.fixed.release)
        self.read_after(others.show.click(lambda: [], None, controls.cells, **PRIVATE).then)
        changed = [controls.picture, controls.cells, *vars(self.results).values()]
        self.results.grid.select(self.toggle, self.given, changed, trigger_mode="multiple", **QUIET, **SHORT)
        others.hide.click(self.hide, self.given | {others.target}, changed, **QUIET, **LONG)

    def read_after(self, event: Any, *triggers: Any, **settings: Any) -> None:
        """Read the changed tweet on an event or after one."""
        event(*triggers, self.read, self.given, list(vars(self.results).values()), **settings, **QUIET, **SHORT)

    def open(self, state: ScreenState, seen: str) -> Any:
        """Fill the tab when there is another analysis; what was changed of the same one stays."""
        return gr.skip() if state.key == seen else self.fill(state)

    def fill(self, state: ScreenState) -> Update:
        """The analysis on the screen, with nothing changed."""
        controls, others, analysis = self.controls, self.others, state.analysis
        choice, fixed = choice_of(analysis.gate_setting)
        given: Update = {
            controls.text: analysis.text,
            controls.picture: view.AS_ANALYSED,
            controls.other: None,
            controls.gate: choice,
            controls.fixed: fixed,
            controls.cells: [],
            controls.scene: view.scene_words(state.prepared.scene),
        }
        words = self.bench.analyzer(state).model.config.scene_text and state.picture is not None
        choices = [(keys.target_of(analysis, key).describe(), key) for key in keys.keys_of(analysis)]
        return {
            self.seen: state.key,
            **given,
            controls.fixed: gr.update(value=fixed, visible=choice == FIXED),
            controls.scene: gr.update(value=given[controls.scene], visible=words),
            others.target: gr.update(choices=choices, value=keys.first_key(analysis)),
            **self.read({self.state: state, **given}),
        }

    def read(self, given: Update) -> Update:
        """The changed tweet against the analysis; a mistake changes the message alone."""
        controls, results, state = self.controls, self.results, given[self.state]
        before, hidden, choice = state.analysis, given[controls.cells], given[controls.picture]
        try:
            prepared, picture = self.prepare(given)
            gate = gate_of(given[controls.gate], given[controls.fixed])
            with self.bench.turns.short():
                after = self.bench.analyzer(state).predict(prepared, gate, hidden if picture is not None else [])
        except UserError as error:
            return self.mistake(str(error))
        return {
            results.message: gr.update(value="", visible=False),
            results.changes: view.changes(before, after, choice, hidden, self.scene(given) is not None),
            results.tweets: view.tweets(before, after),
            results.table: difference_table(before, after, BEFORE_AND_AFTER),
            results.grid: _grid(picture, hidden),
        }

    def prepare(self, given: Update) -> tuple[Prepared, Image.Image | None]:
        """The changed tweet for the model, and its picture for the page."""
        state, text, choice = given[self.state], given[self.controls.text], given[self.controls.picture]
        analyzer = self.bench.analyzer(state)
        scene = self.scene(given)
        if choice == view.AS_ANALYSED and text == state.analysis.text and scene is None:
            return state.prepared, state.picture
        picture = self.picture(given)
        if choice == view.AS_ANALYSED and picture is not None:
            # The page keeps the picture scaled down only: it would give other regions, and cost a CNN pass.
            return analyzer.changed(state.prepared, text, scene), picture
        if choice == view.BLANK:
            return analyzer.prepare(text, picture, scene or ()), picture
        return analyzer.prepare(text, picture), None if picture is None else page_size(picture)

    def scene(self, given: Update) -> list[SceneLine] | None:
        """The words in the picture as they were changed; None where they were not, or are those of another picture."""
        if given[self.controls.picture] not in (view.AS_ANALYSED, view.BLANK):
            return None
        return view.changed_scene(given[self.state].prepared.scene, given[self.controls.scene])

    def picture(self, given: Update) -> Image.Image | None:
        """The picture of a choice of `view.PICTURES`. Raises `UserError` when there is none yet, or none to read."""
        choice, other = given[self.controls.picture], given[self.controls.other]
        if choice == view.OTHER:
            if other is None:
                raise UserError("There is no other picture yet. Please drop one into the box “Another picture”.")
            return self.bench.open(other).image
        return {view.AS_ANALYSED: given[self.state].picture, view.WITHOUT: None, view.BLANK: blank_picture()}[choice]

    def toggle(self, given: Update, event: gr.SelectData) -> Update:
        """Hide the clicked cell, or show it again, and read the tweet."""
        try:
            picture = self.picture(given)
        except UserError as error:
            return self.mistake(str(error))
        if picture is None:
            return {}
        clicked = view.cell_at(event.index[0], event.index[1], page_size(picture).size)
        cells = sorted({*given[self.controls.cells]} ^ {clicked})
        return {self.controls.cells: cells, **self.read({**given, self.controls.cells: cells})}

    def hide(self, given: Update) -> Update:
        """Hide the strongest cells of a map of the picture as analysed, and read the tweet with that picture."""
        state, key = given[self.state], given[self.others.target]
        problem = maps.empty_sentence(state, relation=key in keys.RELATIONS)
        if problem is not None:
            return self.mistake(problem)
        explanation = self.bench.explanation(state, keys.target_of(state.analysis, key), DEFAULT_METHOD)
        cells = view.strongest_cells(explanation)
        if not cells:
            return self.mistake("No cell of this map raises its number, so there is none to hide.")
        changed = {self.controls.picture: view.AS_ANALYSED, self.controls.cells: cells}
        return {**changed, **self.read({**given, **changed})}

    def mistake(self, message: str) -> Update:
        """Why nothing was read; what is on the screen stays."""
        return {self.results.message: gr.update(value=analyse.mistake(message), visible=True)}

    def chart(self, state: ScreenState) -> str:
        """All names against the gate."""
        return view.gate_section(self.bench.scans(state), state.analysis)


def _grid(picture: Image.Image | None, hidden: list[int]) -> Any:
    if picture is None:
        return gr.update(value=None, visible=False)
    names = view.cell_names(hidden) or "none"
    text = f"The picture in 7 rows of 7 cells, A1 to G7. Hidden cells: {names}."
    return gr.update(value=view.grid_picture(picture, hidden), visible=True, alt_text=text)
