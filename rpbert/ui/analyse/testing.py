"""Tests of a map that somebody asks for: attention beside it, its stability, and all methods side by side."""

from collections.abc import Iterator

import gradio as gr

from rpbert.explain.methods import METHODS
from rpbert.ui import keys
from rpbert.ui.analyse import card, maps
from rpbert.ui.analyse.methods import method_row
from rpbert.ui.common import PROGRESS, session_of
from rpbert.ui.turns import StoppedError
from rpbert.ui.workbench import ScreenState, Workbench


class MapTests:
    """The handlers of the folded tests."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    def attend(self, state: ScreenState, chosen: str) -> str:
        """The chosen name's attention in both passes."""
        entity = keys.entity_of(state.analysis, chosen)
        if state.picture is None:
            return card.pending_details(maps.NO_PICTURE)
        if entity is None:
            return card.pending_details("Choose a name above: attention is shown for the words of a name.")
        return card.attention_panel(state, self.bench.attention(state)[state.analysis.entities.index(entity)])

    def stability(
        self, state: ScreenState, chosen: str, reading: str, method: str, route: str, request: gr.Request | None = None
    ) -> str:
        """Infidelity and maximum sensitivity of the map that is shown."""
        empty = maps.empty_sentence(state, relation=chosen in keys.RELATIONS)
        if empty is not None:
            return card.pending_details(empty)
        stopped = self.bench.stops.begin(session_of(request), "stability")
        target = keys.target_of(state.analysis, chosen, reading)
        try:
            explanation = self.bench.explanation(state, target, method, route, stopped)
            return card.stability_panel(explanation, self.bench.stability(state, explanation, stopped))
        except StoppedError as ended:  # by somebody, or because its time was over, which says so
            return card.pending_details(str(ended) or card.STOPPED)

    def compare_methods(
        self,
        state: ScreenState,
        chosen: str,
        reading: str,
        progress: gr.Progress = PROGRESS,
        request: gr.Request | None = None,
    ) -> Iterator[str]:
        """All methods on the chosen target, one after the other; each is shown when it is done."""
        empty = maps.empty_sentence(state, relation=chosen in keys.RELATIONS)
        if empty is not None:
            yield card.pending_details(empty)
            return
        target, judged = keys.target_of(state.analysis, chosen, reading), []
        stopped = self.bench.stops.begin(session_of(request), "methods")
        try:
            for method in progress.tqdm(METHODS, desc="methods", unit="method"):
                explanation = self.bench.explanation(state, target, method, stopped=stopped)
                judged.append((explanation, self.bench.verdict(state, explanation, stopped)))
                yield method_row(state, judged)
        except StoppedError:
            yield gr.skip()  # at its end a generator's last values are sent once more, over what is newer
