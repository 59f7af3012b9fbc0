"""What happens on the Analyse tab: handlers between the components of `rpbert.ui.analyse.layout` and the workbench.

The prediction comes first; the map, and after it the verdict on the map, fill in as they are done.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from rpbert.errors import UserError
from rpbert.explain.methods import METHODS
from rpbert.model.gates import Gate
from rpbert.ui.analyse import card
from rpbert.ui.analyse import view as analyse
from rpbert.ui.analyse.layout import FIXED, Card, Inputs, Outputs
from rpbert.ui.analyse.methods import method_row
from rpbert.ui.samples import Sample
from rpbert.ui.workbench import Shown, Workbench

# One model, so one of these at a time; the page's own events are no part of the API.
MODEL: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1}
SLOW: dict[str, Any] = {"concurrency_id": "slow", "concurrency_limit": 1}  # what nobody who wants a result waits behind
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
LATEST: dict[str, Any] = {"trigger_mode": "always_last"}  # a choice made meanwhile is not lost, as it is by default
PROGRESS = gr.Progress()  # gradio knows it by its type, and hands each call its own


class AnalyseEvents:
    """The handlers, on the components that they change."""

    def __init__(self, bench: Workbench, inputs: Inputs, outputs: Outputs, parts: Card, state: gr.State) -> None:
        self.bench, self.inputs, self.outputs, self.card, self.state = bench, inputs, outputs, parts, state
        self.given = [inputs.tweet, inputs.picture, inputs.gate, inputs.fixed]
        self.chosen = [state, parts.target, parts.reading, parts.method, parts.route]
        self.map_parts = [parts.entity, parts.overlay, parts.caption, parts.verdict, parts.words]
        self.map_parts += [parts.attention, parts.methods, parts.stability, outputs.footer]
        self.slow: list[Any] = []  # what "Stop" ends

    def wire(self, samples: list[Sample]) -> None:
        """Connect everything; call inside the page's `gr.Blocks`."""
        inputs, parts = self.inputs, self.card
        asked = [inputs.button.click, inputs.tweet.submit, inputs.fixed.release, inputs.gate.input]
        self.explained_after(self.analysed_after(gr.on, asked).then)
        for sample, button in zip(samples, inputs.samples, strict=True):
            fields = [inputs.tweet, inputs.picture, inputs.described, inputs.sample]
            filled = button.click(_sample_handler(sample), None, fields, **PRIVATE)
            self.explained_after(self.analysed_after(filled.then).then)
        inputs.gate.change(lambda choice: gr.update(visible=choice == FIXED), inputs.gate, inputs.fixed, **PRIVATE)
        own = [inputs.picture.upload, inputs.picture.clear]
        gr.on(own, lambda: ("", None), None, [inputs.described, inputs.sample], **PRIVATE)

        retarget = gr.on([parts.target.input], _readings, [self.state, parts.target], parts.reading, **PRIVATE)
        self.explained_after(retarget.then)
        choose = [self.outputs.spans.select(_choose_span, self.state, [parts.target, parts.reading], **PRIVATE)]
        choose.append(self.outputs.names.select(_choose_row, self.state, [parts.target, parts.reading], **PRIVATE))
        for event in choose:
            self.explained_after(event.then)
        changed = [parts.reading.input, parts.method.input, parts.route.input]
        self.explained_after(gr.on, changed)
        parts.attend.click(self.attend, [self.state, parts.target], parts.attention, **MODEL, **PRIVATE)
        self.slow += [
            parts.steady.click(self.test_stability, self.chosen, parts.stability, **SLOW, **PRIVATE),
            parts.compare.click(self.compare, self.chosen[:3], parts.methods, **SLOW, **PRIVATE),
        ]
        parts.stop.click(lambda: card.STOPPED, None, parts.verdict, cancels=self.slow, **PRIVATE)

    def analysed_after(self, event: Callable[..., Any], *triggers: Any) -> Any:
        """Analyse on an event or after one."""
        results = [self.state, self.inputs.message, *vars(self.outputs).values(), self.card.target, self.card.reading]
        return event(*triggers, self.analyse, self.given, results, **MODEL, **PRIVATE)

    def explained_after(self, event: Callable[..., Any], *triggers: Any) -> None:
        """Draw the map of what is chosen on an event or after one, then judge it."""
        explained = event(*triggers, self.explain, self.chosen, self.map_parts, **LATEST, **MODEL, **PRIVATE)
        self.slow.append(explained)
        self.judged_after(explained)

    def judged_after(self, event: Any) -> None:
        """Then give the verdict on the map."""
        judged = [self.card.verdict, self.outputs.footer]
        settings = {"show_progress": "minimal", **LATEST, **SLOW, **PRIVATE}
        self.slow.append(event.then(self.judge, self.chosen, judged, **settings))

    def analyse(self, text: str, picture: str | None, choice: str, fixed: float) -> dict[Any, Any]:
        """The prediction; a mistake changes the message alone, and what is on the screen stays."""
        gate: Gate = fixed if choice == FIXED else choice
        try:
            shown = self.bench.analyse(text, picture, gate)
        except UserError as error:
            return {self.inputs.message: gr.update(value=analyse.mistake(str(error)), visible=True)}
        return self.show(shown)

    def show(self, shown: Shown) -> dict[Any, Any]:
        """An analysis on the components."""
        outputs, analysis = self.outputs, shown.analysis
        return {
            self.state: shown,
            self.inputs.message: gr.update(value="", visible=False),
            outputs.summary: analyse.summary(analysis),
            outputs.spans: analyse.highlighted(analysis),
            outputs.relation: analyse.relation_panel(analysis),
            outputs.names: analyse.table(analysis),
            outputs.footer: self.footer(shown),
            self.card.target: gr.update(choices=card.target_choices(analysis), value=0),
            self.card.reading: gr.update(choices=card.reading_choices(analysis, 0), value=card.AS_FOUND),
        }

    def footer(self, shown: Shown, **seconds: float) -> str:
        """The line at the foot of the page."""
        return analyse.footer(shown.analysis, self.bench.analyzer(shown).trained, **seconds)

    def explain(self, shown: Shown, choice: int, reading: str, method: str, route: str) -> list[Any]:
        """The card of what is chosen, its verdict to come."""
        target = card.target_of(shown.analysis, choice, reading)
        empty = card.empty_sentence(shown, target)
        scans = self.bench.scans(shown) if shown.picture is not None else []
        entity = card.entity_panel(shown, choice, scans)
        if empty is not None:
            overlay = gr.update(value=shown.picture, visible=shown.picture is not None, alt_text="")
            return [entity, overlay, f'<p class="empty">{empty}</p>', *[""] * 5, self.footer(shown)]
        explanation = self.bench.explanation(shown, target, method, route)
        scale = card.scale_of(explanation, self.bench.explanations(shown, method, route))
        image, caption = card.heatmap(shown, explanation, scale)
        overlay = gr.update(value=image, visible=True, alt_text=card.map_text(explanation))
        footer = self.footer(shown, maps=explanation.seconds)
        return [entity, overlay, caption, card.UNJUDGED, card.words_panel(shown, explanation), *[""] * 3, footer]

    def judge(self, shown: Shown, choice: int, reading: str, method: str, route: str) -> tuple[Any, Any]:
        """The verdict on the map that is shown, and how long it took."""
        target = card.target_of(shown.analysis, choice, reading)
        if card.empty_sentence(shown, target) is not None:
            return "", gr.skip()
        if route != "total":
            return card.ONE_ROUTE, gr.skip()
        explanation = self.bench.explanation(shown, target, method)
        if explanation.strength == 0:
            return "", gr.skip()
        began = time.perf_counter()
        panel = card.verdict_panel(self.bench.verdict(shown, explanation))
        return panel, self.footer(shown, maps=explanation.seconds, verdict=time.perf_counter() - began)

    def attend(self, shown: Shown, choice: int) -> str:
        """The chosen name's attention in both passes."""
        entity = card.entity_of(shown.analysis, choice)
        if shown.picture is None:
            return f'<p class="empty">{card.NO_PICTURE}</p>'
        if entity is None:
            return '<p class="empty">Choose a name above: attention is shown for the words of a name.</p>'
        return card.attention_panel(shown, self.bench.attention(shown)[shown.analysis.entities.index(entity)])

    def test_stability(self, shown: Shown, choice: int, reading: str, method: str, route: str) -> str:
        """Infidelity and maximum sensitivity of the map that is shown."""
        target = card.target_of(shown.analysis, choice, reading)
        empty = card.empty_sentence(shown, target)
        if empty is not None:
            return f'<p class="empty">{empty}</p>'
        explanation = self.bench.explanation(shown, target, method, route)
        return f"<p>{card.stability_sentence(explanation, self.bench.stability(shown, explanation))}</p>"

    def compare(self, shown: Shown, choice: int, reading: str, progress: gr.Progress = PROGRESS) -> Iterator[str]:
        """All methods on the chosen target, one after the other; each is shown when it is done."""
        target = card.target_of(shown.analysis, choice, reading)
        empty = card.empty_sentence(shown, target)
        if empty is not None:
            yield f'<p class="empty">{empty}</p>'
            return
        judged = []
        for method in progress.tqdm(METHODS, desc="methods", unit="method"):
            explanation = self.bench.explanation(shown, target, method)
            judged.append((explanation, self.bench.verdict(shown, explanation)))
            yield method_row(shown, judged)


def _sample_handler(sample: Sample) -> Callable[[], tuple[Any, ...]]:
    path = None if sample.picture is None else str(sample.picture)
    return lambda: (sample.text, path, analyse.described(sample.alt), None if path is None else sample.id)


def _readings(shown: Shown, choice: int) -> Any:
    return gr.update(choices=card.reading_choices(shown.analysis, choice), value=card.AS_FOUND)


def _choose_span(shown: Shown, event: gr.SelectData) -> tuple[Any, ...]:
    return _choose(shown, analyse.entity_at(shown.analysis, event.index))


def _choose_row(shown: Shown, event: gr.SelectData) -> tuple[Any, ...]:
    row = event.index[0]
    return _choose(shown, row if row < len(shown.analysis.entities) else None)


def _choose(shown: Shown, entity: int | None) -> tuple[Any, ...]:
    if entity is None:
        return gr.skip(), gr.skip()
    choice = entity + len(card.RELATIONS)
    return choice, _readings(shown, choice)
