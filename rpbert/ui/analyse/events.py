"""What happens on the Analyse tab: a tweet and its picture are read, a name is chosen.

The prediction comes first; its maps follow (`rpbert.ui.analyse.explaining`).
"""

import time
from typing import Any

import gradio as gr

from rpbert.errors import UserError
from rpbert.explain.methods import DEFAULT_METHOD
from rpbert.model.gates import Gate
from rpbert.ui import keys
from rpbert.ui.analyse import card, maps, view
from rpbert.ui.analyse.explaining import Explaining
from rpbert.ui.analyse.layout import Experts, Inputs, Outputs, figure_panel
from rpbert.ui.analyse.testing import MapTests
from rpbert.ui.common import (
    AT_ONCE,
    FORGET_AFTER,
    LATEST,
    LONG,
    PRIVATE,
    QUIET,
    SHORT,
    gate_of,
    session_of,
    show_where_it_counts,
)
from rpbert.ui.samples import Sample
from rpbert.ui.share.links import Place, to_query
from rpbert.ui.workbench import ScreenState, Workbench

Update = dict[Any, Any]


class AnalyseEvents:
    """The handlers, on the components that they change."""

    def __init__(
        self, bench: Workbench, parts: tuple[Inputs, Outputs, Experts], samples: list[Sample], first: ScreenState
    ) -> None:
        self.bench = bench
        self.inputs, self.outputs, self.experts = parts
        self.explaining = Explaining(bench, self.outputs)
        self.map_tests = MapTests(bench)
        self.samples = {sample.id: sample for sample in samples}
        self.state = gr.State(first, time_to_live=FORGET_AFTER)
        self.chosen = gr.State(keys.first_key(first.analysis))
        self.fresh = gr.State(first.key)  # its change asks for the maps of what was just read
        self.address = gr.Textbox(elem_id="address", elem_classes=["script-only"], container=False, label="Address")
        self.given = [
            self.inputs.tweet,
            self.inputs.picture,
            self.inputs.sample,
            self.experts.gate,
            self.experts.fixed,
            self.experts.method,
        ]
        self.asked = [self.state, self.chosen, self.experts.reading, self.experts.method, self.experts.route]
        self.tests = [self.experts.attention, self.experts.methods, self.experts.stability]
        shown = [
            self.outputs.message,
            self.outputs.figure,
            self.outputs.names,
            self.outputs.relation,
            self.outputs.cards,
            self.outputs.maps,
        ]
        shown += [self.outputs.details, self.outputs.ask, self.outputs.footer]
        with_picture = [self.experts.box, self.inputs.remove]
        states = [self.state, self.chosen, self.fresh, self.address]
        self.results = [*states, self.experts.reading, *with_picture, *shown, *self.tests]
        self.explained = [self.outputs.maps, self.outputs.cards, self.outputs.details, self.outputs.footer]

    def wire(self) -> None:
        """Connect everything; call inside the page's `gr.Blocks`."""
        inputs, outputs, experts = self.inputs, self.outputs, self.experts
        asked = [inputs.analyse.click, inputs.tweet.submit, experts.gate.input, experts.fixed.release]
        gr.on(asked, self.analyse, self.given, self.results, **LATEST, **QUIET, **SHORT)
        inputs.rested.click(self.analyse_quietly, [self.state, *self.given], self.results, **LATEST, **QUIET, **SHORT)
        inputs.typed.click(self.read_words, [inputs.tweet, self.state], outputs.names, **LATEST, **QUIET, **SHORT)
        fields = [inputs.tweet, inputs.picture, inputs.sample]
        settings = [experts.gate, experts.fixed, experts.method]
        inputs.examples.select(self.show_example, settings, [*fields, *self.results], **QUIET, **SHORT)
        texts = [inputs.tweet, *settings]
        inputs.upload.upload(self.take, [inputs.upload, *texts], [*fields, *self.results], **QUIET, **SHORT)
        inputs.remove.click(self.take_away, texts, [*fields, *self.results], **QUIET, **SHORT)
        show_where_it_counts(experts.gate, experts.fixed)

        self.fresh.change(self.explaining.explain, self.asked, self.explained, **AT_ONCE, **QUIET, **LONG)
        outputs.ask.click(self.explaining.explain_asked, self.asked, [*self.explained, outputs.ask], **QUIET, **LONG)
        picked = [self.chosen, self.address, experts.reading, *self.tests]
        for panel in (outputs.names, outputs.relation):
            chosen = panel.select(self.choose, [self.state, experts.method], picked, **QUIET, **SHORT)
            chosen.then(self.explaining.explain_chosen, self.asked, self.explained, **AT_ONCE, **QUIET, **LONG)
        changed = [experts.reading.input, experts.method.input, experts.route.input]
        gr.on(changed, self.explaining.explain_chosen, self.asked, self.explained, **AT_ONCE, **QUIET, **LONG)

        experts.attend.click(self.map_tests.attend, self.asked[:2], experts.attention, **SHORT)
        experts.steady.click(self.map_tests.stability, self.asked, experts.stability, **LONG)
        experts.compare.click(self.map_tests.compare_methods, self.asked[:3], experts.methods, **LONG)
        experts.stop.click(self.stop, None, outputs.details, queue=False, **PRIVATE)
        self.address.change(None, self.address, None, js="query => window.rpbert.follow(query)", **PRIVATE)

    # ---- reading --------------------------------------------------------------------------------------------------

    def analyse(
        self, text: str, picture: str | None, sample: str | None, choice: str, fixed: float, method: str
    ) -> Update:
        """The prediction; a mistake changes the message alone, and what is on the screen stays."""
        try:
            state = self.bench.analyse(text, picture, gate_of(choice, fixed), sample=sample)
        except UserError as error:
            return self.mistake(str(error))
        return self.show(state, method)

    def analyse_quietly(
        self,
        state: ScreenState,
        text: str,
        picture: str | None,
        sample: str | None,
        choice: str,
        fixed: float,
        method: str,
    ) -> Any:
        """As `analyse`, when typing rests: what is not finished yet is no mistake, and what is read keeps its maps."""
        found = self.analyse(text, picture, sample, choice, fixed, method)
        if self.state not in found:
            return gr.skip()
        if found[self.state].key == state.key:
            return {output: found[output] for output in (self.outputs.names, self.outputs.message)}
        return found

    def read_words(self, text: str, state: ScreenState) -> Any:
        """The names by the words alone, while somebody types."""
        if text == state.analysis.text:
            return view.names_panel(state, keys.first_key(state.analysis))
        try:
            return view.words_panel(self.bench.words_alone(text))
        except UserError:
            return gr.skip()

    def show_example(self, choice: str, fixed: float, method: str, event: gr.EventData) -> Update:
        """An example, read at once."""
        sample = self.samples[event.key]
        path = None if sample.picture is None else str(sample.picture)
        fields = {self.inputs.tweet: sample.text, self.inputs.picture: path, self.inputs.sample: sample.picture_id}
        return fields | self.analyse(sample.text, path, sample.picture_id, choice, fixed, method)

    def take(self, path: str, text: str, choice: str, fixed: float, method: str) -> Update:
        """An uploaded picture, read at once; one that cannot be read leaves everything as it was."""
        try:
            self.bench.open(path)
        except UserError as error:
            return self.mistake(str(error))
        fields = {self.inputs.picture: path, self.inputs.sample: None}
        return fields | self.analyse(text, path, None, choice, fixed, method)

    def take_away(self, text: str, choice: str, fixed: float, method: str) -> Update:
        """The tweet without its picture."""
        fields = {self.inputs.picture: None, self.inputs.sample: None}
        return fields | self.analyse(text, None, None, choice, fixed, method)

    def mistake(self, message: str) -> Update:
        """A mistake at the top; the script fills in whose result still stands below."""
        return {self.outputs.message: gr.update(value=view.mistake(message), visible=True)}

    def show(self, state: ScreenState, method: str = DEFAULT_METHOD, wanted: str | None = None) -> Update:
        """An analysis on the components, its maps to come."""
        outputs, analysis = self.outputs, state.analysis
        chosen = keys.known_key(analysis, wanted or "")
        sample = self.samples.get(state.sample or "")
        empty = maps.empty_sentence(state, relation=True)
        pending = empty or (card.UNJUDGED if state.explained_unasked else card.NOT_ASKED)
        return {
            self.state: state,
            self.chosen: chosen,
            self.fresh: f"{state.key} {time.monotonic_ns()}",  # the same analysis once more empties its maps, too
            self.address: to_query(place_of(state, chosen, method)),
            self.experts.reading: gr.update(choices=keys.readings_of(analysis, chosen), value=keys.AS_FOUND),
            self.experts.box: gr.update(visible=state.picture is not None),
            self.inputs.remove: gr.update(visible=state.picture is not None),
            outputs.message: gr.update(value="", visible=False),
            outputs.figure: figure_panel(state, "" if sample is None else sample.alt),
            outputs.names: view.names_panel(state, chosen),
            outputs.relation: view.relation_panel(state),
            outputs.cards: card.cards_panel(state, []),
            outputs.maps: maps.maps_panel(state, []),
            outputs.details: "" if empty else card.pending_details(pending),
            outputs.ask: gr.update(visible=state.picture is not None and not state.explained_unasked),
            outputs.footer: self.explaining.footer(state),
            **dict.fromkeys(self.tests, ""),
        }

    def choose(self, state: ScreenState, method: str, event: gr.EventData) -> Any:
        """A name or a relation was chosen."""
        if event.key not in keys.keys_of(state.analysis):  # of words that are not read with their picture yet
            return gr.skip()
        return {
            self.chosen: event.key,
            self.address: to_query(place_of(state, event.key, method)),
            self.experts.reading: gr.update(choices=keys.readings_of(state.analysis, event.key), value=keys.AS_FOUND),
            **dict.fromkeys(self.tests, ""),
        }

    def stop(self, request: gr.Request | None = None) -> str:
        """End all that this page has running."""
        self.bench.stops.stop(session_of(request))
        return card.pending_details(card.STOPPED)


def place_of(state: ScreenState, chosen: str, method: str, tab: str = "analyse") -> Place:
    """Where somebody is who sees this analysis: all of it from the result, not from what the controls now say."""
    gate: Gate = state.analysis.gate_setting
    return Place(state.analysis.text, state.sample, gate, tab, keys.name_number(chosen), method, state.uploaded)
