"""The Compare tab: one result is held against another, of another tweet, picture, gate or checkpoint."""

from typing import Any

import gradio as gr

from rpbert.errors import UserError
from rpbert.ui.analyse import view as analyse
from rpbert.ui.common import PRIVATE, SHORT, choice_of, gate_of, show_where_it_counts
from rpbert.ui.compare.layout import Buttons, Results, Side, draw_compare
from rpbert.ui.compare.view import comparison
from rpbert.ui.workbench import ScreenState, Workbench

Update = dict[Any, Any]


def add_compare_tab(bench: Workbench, state: gr.State) -> None:
    """Draw the tab and connect it; call inside the page's `gr.Tabs`."""
    with gr.Tab("Compare", id="compare") as tab:
        a, b, buttons, results = draw_compare(bench)
        # Whether this session has seen the tab: it is filled once. Directly in `gr.Tabs` a state hangs the browser.
        opened = gr.State(False)
    CompareEvents(bench, state, a, b, results, opened).wire(tab, buttons)


class CompareEvents:
    """The handlers, on the components that they change."""

    def __init__(self, bench: Workbench, state: gr.State, a: Side, b: Side, results: Results, opened: gr.State) -> None:
        self.bench, self.state, self.results, self.opened = bench, state, results, opened
        self.sides = {"A": a, "B": b}
        self.given = {*a.given, *b.given}  # a set: handlers get one dictionary of component and value
        self.filled = [*a.given, *b.given, results.message, results.result, opened]

    def wire(self, tab: gr.Tab, buttons: Buttons) -> None:
        """Connect everything."""
        tab.select(self.open, [self.state, self.opened], self.filled, **SHORT)
        asked = [buttons.compare.click]
        for name, side in self.sides.items():
            asked += [side.tweet.submit, side.gate.input, side.fixed.release, side.checkpoint.input]
            show_where_it_counts(side.gate, side.fixed)
            taken = side.take.click(self.taker(name), self.state, side.given, **PRIVATE)
            taken.then(self.compare, self.given, self.filled, **SHORT)
        gr.on(asked, self.compare, self.given, self.filled, **SHORT)
        swapped = buttons.swap.click(self.swap, self.given, self.filled, **PRIVATE)
        swapped.then(self.compare, self.given, self.filled, **SHORT)

    def values_of(self, state: ScreenState, name: str) -> Update:
        """An analysis as the values of a side's inputs."""
        side = self.sides[name]
        choice, fixed = choice_of(state.analysis.gate_setting)
        given = {side.tweet: state.analysis.text, side.picture: state.picture, side.gate: choice, side.fixed: fixed}
        return given | {side.checkpoint: state.checkpoint}

    def taker(self, name: str) -> Any:
        """The handler that takes over the Analyse tab's result as one side."""

        def take(state: ScreenState) -> Update:
            return self.values_of(state, name)

        return take

    def open(self, state: ScreenState, opened: bool) -> Any:
        """Fill both sides with what is on the Analyse tab, the first time; later, leave what stands there."""
        if opened:
            return gr.skip()
        values = self.values_of(state, "A") | self.values_of(state, "B")
        return {self.opened: True, **values, **self.compare(values)}

    def compare(self, given: Update) -> Update:
        """Message and result; a mistake changes the message alone."""
        states = []
        for name, side in self.sides.items():
            try:
                states.append(self.read(given, side))
            except UserError as error:
                message = analyse.mistake(f"Side {name}: {error}")
                return {self.results.message: gr.update(value=message, visible=True)}
        message = gr.update(value="", visible=False)
        return {self.results.message: message, self.results.result: comparison(*states)}

    def read(self, given: Update, side: Side) -> ScreenState:
        """One side's analysis, of its picture at the size that the Analyse tab hands over.

        A picture that was taken over and the same one uploaded would otherwise be two pictures. Raises `UserError` as
        `Workbench.analyse` does.
        """
        gate = gate_of(given[side.gate], given[side.fixed])
        picture = self.bench.open_page_size(given[side.picture])
        return self.bench.analyse(given[side.tweet], picture, gate, given[side.checkpoint])

    def swap(self, given: Update) -> Update:
        """A becomes B, and B becomes A."""
        a, b = (side.given for side in self.sides.values())
        return {new: given[old] for new, old in zip([*a, *b], [*b, *a], strict=True)}
