"""The HTTP API: named endpoints beside the page, with JSON results; the same ones are the tools of an MCP server.

The docstrings of the endpoints are what a client reads of them. gradio takes one line for each parameter.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict
from inspect import Parameter, signature
from threading import Event
from typing import Any

import gradio as gr

from rpbert.analyzer import Prepared
from rpbert.errors import UserError
from rpbert.explain.methods import DEFAULT_METHOD, METHODS, explain
from rpbert.explain.perturbed import ROUTES
from rpbert.explain.requests import JudgedMap, check_method_and_route, explanations_to_json, requested_targets
from rpbert.explain.walkthrough import walk
from rpbert.explain.what_if import blank_picture, differences
from rpbert.model.configuration import REGIONS
from rpbert.ui.picture_input import PictureInput, picture_input
from rpbert.ui.what_if.view import AS_ANALYSED, BLANK, CELLS, WITHOUT, changed_scene
from rpbert.ui.workbench import Workbench

# Long work takes turns with everybody else's (`rpbert.ui.turns`). It stands in a line of its own: behind eight maps, a
# reading would wait for all of them.
RUN: dict[str, Any] = {"concurrency_id": "api", "concurrency_limit": 8}
RUN_LONG: dict[str, Any] = {"concurrency_id": "api-maps", "concurrency_limit": 8}
# Seconds. gradio ends a generator at its next value when the client has gone; a function it lets compute to the end.
HEARTBEAT = 0.5
# What a parameter may be; a gate may also be a number, so its description says it.
CHOICES: dict[str, tuple[str, ...]] = {
    "method": tuple(METHODS),
    "route": ROUTES,
    "picture_after": (AS_ANALYSED, WITHOUT, BLANK),
}


@contextmanager
def mistakes_told() -> Iterator[None]:
    """A user's mistake becomes the error that gradio's clients get; as a decorator, for a whole function."""
    try:
        yield
    except UserError as error:
        raise gr.Error(str(error), print_exception=False) from error


class Endpoints:
    """What can be asked of the first checkpoint."""

    def __init__(self, bench: Workbench) -> None:
        self.analyzer, self.turns = bench.analyzers[0], bench.turns

    @mistakes_told()
    def analyze(self, text: str, image: str | None = None, gate: str = "soft") -> dict[str, Any]:
        """Find the names in a tweet (person, place, organisation, other), helped by its picture, and say how the two
        relate: the same result as `python -m rpbert predict --json`. All numbers are probabilities from 0 to 1.

        Args:
            text: the tweet
            image: its picture (JPEG, PNG, WebP, GIF or BMP); may be missing
            gate: how much of the picture is let in: soft, hard, open, closed or a number from 0 to 1
        """
        with self.turns.short():
            return self.analyzer.analyze(text, image, gate or "soft").to_json()

    def explain(
        self,
        text: str,
        image: str | None = None,
        gate: str = "soft",
        method: str = DEFAULT_METHOD,
        route: str = "total",
        target: str = "",
    ) -> Iterator[Any]:
        """Say what in a tweet and its picture a number of the model rests on: the same result as
        `python -m rpbert explain --json`. The grid has 7 rows of 7 cells of the picture from the upper left; what is
        positive raises the target, what is negative lowers it; all scores are in nats.

        Args:
            text: the tweet
            image: its picture (JPEG, PNG, WebP, GIF or BMP)
            gate: how much of the picture is let in: soft, hard, open, closed or a number from 0 to 1
            method: grad_cam, gradient_x_input, integrated_gradients, occlusion or shapley
            route: which way the picture acts: total, gate (pass 1 only) or content (pass 2 only)
            target: adds, shown, NAME, NAME=PER (LOC, ORG, MISC, none) or NAME=contrast; empty: relations and all names
        """
        stopped, pool = Event(), ThreadPoolExecutor(1)
        work = pool.submit(self._explain, text, image, gate, method, route, target, stopped)
        try:
            while not wait([work], HEARTBEAT).done:
                yield gr.skip()
            with mistakes_told():
                result = work.result()
            yield result
        finally:
            stopped.set()
            pool.shutdown(wait=False)

    def _explain(
        self, text: str, image: str | None, gate: str, method: str, route: str, target: str, stopped: Event
    ) -> dict[str, Any]:
        if image is None:
            raise UserError("A map needs a picture. Please give one as the image.")
        check_method_and_route(method, route)
        with self.turns.short():
            prepared = self.analyzer.prepare(text, image)
            analysis = self.analyzer.predict(prepared, gate or "soft")
        targets = requested_targets([target.strip()] if target.strip() else None, analysis, prepared)
        with self.turns.long(stopped) as pause:
            maps = explain(self.analyzer, prepared, targets, method, analysis.gate_setting, route, pause)
        return explanations_to_json(analysis, [JudgedMap(one) for one in maps])

    @mistakes_told()
    def what_if(
        self,
        text: str,
        image: str | None = None,
        gate_before: str = "soft",
        gate_after: str = "",
        picture_after: str = AS_ANALYSED,
        hidden_cells: str = "",
        scene_text_after: str = AS_ANALYSED,
    ) -> dict[str, Any]:
        """Read a tweet twice, the second time with another gate, without its picture, with a blank one, with cells of
        its picture hidden, or with other words in it, and say what became of each name: same, relabelled, appeared or
        lost.

        Args:
            text: the tweet
            image: its picture (JPEG, PNG, WebP, GIF or BMP); may be missing
            gate_before: gate of the first reading: soft, hard, open, closed or a number from 0 to 1
            gate_after: gate of the second reading; empty: the same
            picture_after: picture of the second reading: same, without or blank (plain grey)
            hidden_cells: cells hidden in the second reading, as A1 B3 (column A to G, row 1 to 7) or numbers 0 to 48
            scene_text_after: words in the picture in the second reading, a line each; empty: none; same: as they are
        """
        hidden = parse_cells(hidden_cells)
        with self.turns.short():
            prepared = self.analyzer.prepare(text, image)
            changed = self._changed(prepared, picture_after, scene_text_after)
            before = self.analyzer.predict(prepared, gate_before or "soft")
            after = self.analyzer.predict(changed, gate_after or before.gate_setting, hidden)
        return {
            "before": before.to_json(),
            "after": after.to_json(),
            "differences": [asdict(difference) for difference in differences(before, after)],
        }

    def _changed(self, prepared: Prepared, picture: str, words: str) -> Prepared:
        """The tweet of `prepared` with the picture of the second reading, and the words in it."""
        if picture not in CHOICES["picture_after"]:
            raise UserError(f"The picture {picture!r} is not known: choose one of {AS_ANALYSED}, {WITHOUT}, {BLANK}.")
        changed = prepared
        if picture != AS_ANALYSED:
            changed = self.analyzer.prepare(prepared.text, blank_picture() if picture == BLANK else None)
        if words == AS_ANALYSED:
            return changed
        if changed.pictures is None:
            raise UserError("There is no picture whose words could be changed. Please add a picture.")
        scene = changed_scene(changed.scene, words)
        return changed if scene is None else self.analyzer.changed(changed, changed.text, scene)

    @mistakes_told()
    def walk(self, text: str, image: str | None = None, gate: str = "soft") -> dict[str, Any]:
        """Give the numbers of every step of the model for one tweet: word pieces, the lengths of the 49 region vectors
        before and after the gate, both relations, the gate, emissions and the two best label paths of the CRF.

        Args:
            text: the tweet
            image: its picture (JPEG, PNG, WebP, GIF or BMP); may be missing
            gate: how much of the picture is let in: soft, hard, open, closed or a number from 0 to 1
        """
        with self.turns.short():
            return asdict(walk(self.analyzer, self.analyzer.prepare(text, image), gate or "soft"))


def parse_cells(text: str) -> list[int]:
    """Cells 0..48 from their names or numbers, with spaces or commas between. Raises `UserError` for other words."""
    numbers = {name: cell for cell, name in enumerate(CELLS)} | {str(cell): cell for cell in range(REGIONS)}
    words = text.upper().replace(",", " ").split()
    wrong = [word for word in words if word not in numbers]
    if wrong:
        raise UserError(
            f"The picture has no cell {wrong[0][:40]!r}. Please write names from {CELLS[0]} to {CELLS[-1]} or numbers "
            f"from 0 to {REGIONS - 1}, with spaces between them."
        )
    return sorted({numbers[word] for word in words})


def add_endpoints(bench: Workbench) -> None:
    """`/analyze`, `/explain`, `/what_if` and `/walk` of the first checkpoint; call inside the page's `gr.Blocks`."""
    endpoints = Endpoints(bench)
    # gradio checks uploads for components only, so the endpoints have some, which are never shown.
    result = gr.JSON(label="result", visible=False)
    for endpoint in (endpoints.analyze, endpoints.explain, endpoints.what_if, endpoints.walk):
        given = [_field(parameter) for parameter in signature(endpoint).parameters.values()]
        run = RUN_LONG if endpoint == endpoints.explain else RUN
        gr.Button(visible=False).click(endpoint, given, result, api_name=endpoint.__name__, **run)


def _field(parameter: Parameter) -> PictureInput | gr.Dropdown | gr.Textbox:
    """What a parameter is sent through; clients are told its value as the default and its choices.

    Other values are let through to the endpoint, whose mistakes are told in sentences.
    """
    if parameter.name == "image":
        return picture_input(label="image", visible=False)
    default = None if parameter.default is Parameter.empty else parameter.default
    if parameter.name in CHOICES:
        choices = list(CHOICES[parameter.name])
        return gr.Dropdown(choices, value=default, label=parameter.name, visible=False, allow_custom_value=True)
    return gr.Textbox(default, label=parameter.name, visible=False)
