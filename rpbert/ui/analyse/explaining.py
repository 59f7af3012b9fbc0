"""The maps of an analysis: all that come from one computation, then the chosen one, then the verdict on it.

Each fills in as it is done, and what was asked before is stopped by what is asked now (`rpbert.ui.turns`).
"""

import time
from collections.abc import Iterator
from threading import Event
from typing import Any

import gradio as gr

from rpbert.explain.methods import DEFAULT_METHOD, Explanation
from rpbert.explain.targets import Target
from rpbert.ui import keys
from rpbert.ui.analyse import card, maps, view
from rpbert.ui.analyse.layout import Outputs
from rpbert.ui.common import session_of
from rpbert.ui.turns import StoppedError, TooLongError
from rpbert.ui.workbench import ScreenState, Workbench, standard_targets

Update = dict[Any, Any]


class Explaining:
    """The handlers that draw maps and verdicts, on the components that they change."""

    def __init__(self, bench: Workbench, outputs: Outputs) -> None:
        self.bench, self.outputs = bench, outputs

    def footer(self, state: ScreenState, **seconds: float) -> str:
        """The line at the foot of the page."""
        return view.footer(state.analysis, self.bench.analyzer(state).trained, **seconds)

    def explain(
        self, state: ScreenState, chosen: str, reading: str, method: str, route: str, request: gr.Request | None = None
    ) -> Iterator[Any]:
        """All maps of a new analysis, then the verdict on the chosen one; a long tweet waits until somebody asks."""
        if not state.explained_unasked:
            self.bench.stops.stop(session_of(request))
            yield gr.skip()
            return
        yield from self._explain("maps", state, chosen, reading, method, route, request)

    def explain_asked(
        self, state: ScreenState, chosen: str, reading: str, method: str, route: str, request: gr.Request | None = None
    ) -> Iterator[Any]:
        """The maps of a long tweet, which somebody asked for."""
        yield {self.outputs.ask: gr.update(visible=False), self.outputs.details: card.pending_details(card.UNJUDGED)}
        yield from self._explain("maps", state, chosen, reading, method, route, request)

    def explain_chosen(
        self, state: ScreenState, chosen: str, reading: str, method: str, route: str, request: gr.Request | None = None
    ) -> Iterator[Any]:
        """The map of what was chosen, and the verdict on it."""
        if not state.explained_unasked and method == DEFAULT_METHOD and not self._known(state, method, route):
            yield gr.skip()
            return
        yield from self._explain("choice", state, chosen, reading, method, route, request)

    def _known(self, state: ScreenState, method: str, route: str) -> bool:
        return (state.key, "map", method, route, tuple(standard_targets(state.analysis))) in self.bench.cache

    def _explain(
        self,
        kind: str,
        state: ScreenState,
        chosen: str,
        reading: str,
        method: str,
        route: str,
        request: gr.Request | None,
    ) -> Iterator[Any]:
        """The steps of an explanation, until something newer was asked."""
        session, stops = session_of(request), self.bench.stops
        maps_stopped = stops.begin(session, "maps") if kind == "maps" else None
        with stops.drawing(session, "choice") as choice:
            yield from self._until_newer(state, chosen, reading, method, route, maps_stopped or choice, choice)

    def _until_newer(
        self,
        state: ScreenState,
        chosen: str,
        reading: str,
        method: str,
        route: str,
        stopped: Event,
        choice: Event,
    ) -> Iterator[Any]:
        chosen = keys.known_key(state.analysis, chosen)
        empty = maps.empty_sentence(state, relation=chosen in keys.RELATIONS)
        if empty is not None:
            yield {self.outputs.details: card.pending_details(empty)}
            return
        target = keys.target_of(state.analysis, chosen, reading)
        try:
            for update in self._steps(state, chosen, target, method, route, stopped, choice):
                if choice.is_set():  # what is newer draws all that this would
                    break
                yield update
            else:
                return
        except TooLongError as error:
            yield {self.outputs.details: card.pending_details(str(error))}
            return
        except StoppedError:
            pass
        # At its end a generator's last values are sent once more, or None where it gave none: over what is newer.
        yield gr.skip()

    def _steps(
        self,
        state: ScreenState,
        chosen: str,
        target: Target,
        method: str,
        route: str,
        stopped: Event,
        choice: Event,
    ) -> Iterator[Update]:
        """All maps that come together, then the chosen one, then its verdict."""
        explained = self._maps(state, method, route, stopped)
        if explained:
            yield self._drawn(state, explained)
        explanation = self.bench.explanation(state, target, method, route, choice)
        explained = [pair for pair in explained if pair[0] != chosen] + [(chosen, explanation)]
        pending = card.UNJUDGED if route == "total" and explanation.strength else ""
        yield {
            **self._drawn(state, explained),
            self.outputs.details: card.details_panel(state, explanation, None, pending),
            self.outputs.footer: self.footer(state, maps=explanation.seconds),
        }
        yield self._judged(state, explanation, route, choice)

    def _drawn(self, state: ScreenState, explained: list[tuple[str, Explanation]]) -> Update:
        """The maps that are there, and the cards with what the gate does to every name."""
        return {
            self.outputs.maps: maps.maps_panel(state, explained),
            self.outputs.cards: card.cards_panel(state, self.bench.scans(state)),
        }

    def _maps(self, state: ScreenState, method: str, route: str, stopped: Event) -> list[tuple[str, Explanation]]:
        """The maps that come from one computation; for slower methods only what was chosen is computed."""
        if method != DEFAULT_METHOD and not self._known(state, method, route):
            return []
        found = self.bench.explanations(state, method, route, stopped)
        pairs = list(zip(keys.keys_of(state.analysis), found, strict=False))  # a very long tweet has more names
        return [pair for pair in pairs if pair[0] in keys.RELATIONS] if state.closed else pairs

    def _judged(self, state: ScreenState, explanation: Explanation, route: str, stopped: Event) -> Update:
        """The verdict, and how long it took."""
        if route != "total" or explanation.strength == 0:
            note = card.ONE_ROUTE if route != "total" else ""
            return {self.outputs.details: card.details_panel(state, explanation, None, note)}
        began = time.perf_counter()
        verdict = self.bench.verdict(state, explanation, stopped)
        spent = time.perf_counter() - began
        return {
            self.outputs.details: card.details_panel(state, explanation, verdict),
            self.outputs.footer: self.footer(state, maps=explanation.seconds, verdict=spent),
        }
