"""What happens on the page: handlers between the components of `rpbert.ui.page` and `rpbert.ui.analyse`."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from PIL import Image

from rpbert.analyzer import Analyzer
from rpbert.errors import UserError
from rpbert.gates import Gate
from rpbert.ui import analyse
from rpbert.ui.page import FIXED, Inputs, Outputs, picture_input
from rpbert.ui.samples import Sample

# One model, so one of these at a time; the page's own events are no part of the API.
MODEL: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1}
PRIVATE: dict[str, Any] = {"api_visibility": "private"}


def wire(analyzer: Analyzer, samples: list[Sample], inputs: Inputs, outputs: Outputs, state: gr.State) -> None:
    """Connect everything; call inside the page's `gr.Blocks`."""
    analyse_tweet = _analyse_handler(analyzer, inputs, outputs, state)
    given = [inputs.tweet, inputs.picture, inputs.gate, inputs.fixed]
    results = {state, inputs.message, *vars(outputs).values()}
    gr.on(
        [inputs.button.click, inputs.tweet.submit, inputs.fixed.release, inputs.gate.input],
        analyse_tweet,
        given,
        results,
        **MODEL,
        **PRIVATE,
    )
    for sample, button in zip(samples, inputs.samples, strict=True):
        button.click(_sample_handler(sample), None, [inputs.tweet, inputs.picture, inputs.described], **PRIVATE).then(
            analyse_tweet, given, results, **MODEL, **PRIVATE
        )
    inputs.gate.change(lambda choice: gr.update(visible=choice == FIXED), inputs.gate, inputs.fixed, **PRIVATE)

    gr.on([inputs.picture.upload, inputs.picture.clear], lambda: "", None, inputs.described, **PRIVATE)

    picture = [outputs.overlay, outputs.caption]
    outputs.target.input(_explain_choice, [state, outputs.target], picture, **PRIVATE)
    outputs.spans.select(_choose_span, state, [outputs.target, *picture], **PRIVATE)
    outputs.names.select(_choose_row, state, [outputs.target, *picture], **PRIVATE)


def add_endpoints(analyzer: Analyzer) -> None:
    """The HTTP API: `/analyze`."""

    def analyze(text: str, image: str | None, gate: str) -> dict[str, Any]:
        """Names, text-image relation and gate of a tweet, as `python -m rpbert predict --json` prints them.

        `image` may be missing; `gate` is soft, hard, open, closed or a number from 0 to 1.
        """
        try:
            return analyzer.analyze(text, image, gate or "soft").to_json()
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error

    # gradio checks uploads for components only, so the endpoint has some, which are never shown.
    text = gr.Textbox(label="text", visible=False)
    image = picture_input(label="image", visible=False)
    gate = gr.Textbox("soft", label="gate", visible=False)
    result = gr.JSON(label="analysis", visible=False)
    gr.Button(visible=False).click(analyze, [text, image, gate], result, api_name="analyze", **MODEL)


def _sample_handler(sample: Sample) -> Callable[[], tuple[Any, ...]]:
    path = None if sample.picture is None else str(sample.picture)
    return lambda: (sample.text, path, analyse.described(sample.alt))


def _analyse_handler(
    analyzer: Analyzer, inputs: Inputs, outputs: Outputs, state: gr.State
) -> Callable[..., dict[Any, Any]]:
    def analyse_tweet(text: str, picture: str | None, choice: str, fixed: float) -> dict[Any, Any]:
        gate: Gate = fixed if choice == FIXED else choice
        try:
            shown = analyse.run(analyzer, text, picture, gate)
        except UserError as error:
            # Only the message changes: what is on the screen stays.
            return {inputs.message: gr.update(value=analyse.mistake(str(error)), visible=True)}
        image, caption = analyse.heatmap(shown, 0)
        return {
            state: shown,
            inputs.message: gr.update(value="", visible=False),
            outputs.summary: analyse.summary(shown.analysis),
            outputs.spans: analyse.highlighted(shown.analysis),
            outputs.relation: analyse.relation_panel(shown.analysis),
            outputs.target: gr.update(choices=analyse.target_choices(shown.analysis), value=0),
            outputs.overlay: _overlay(shown, 0, image),
            outputs.caption: caption,
            outputs.names: analyse.table(shown.analysis),
            outputs.footer: analyse.footer(shown),
        }

    return analyse_tweet


def _explain_choice(shown: analyse.Shown, choice: int) -> tuple[Any, str]:
    image, caption = analyse.heatmap(shown, choice)
    return _overlay(shown, choice, image), caption


def _overlay(shown: analyse.Shown, choice: int, image: Image.Image | None) -> Any:
    return gr.update(value=image, visible=image is not None, alt_text=analyse.map_text(shown, choice))


def _choose_span(shown: analyse.Shown, event: gr.SelectData) -> tuple[Any, ...]:
    return _choose(shown, analyse.entity_at(shown.analysis, event.index))


def _choose_row(shown: analyse.Shown, event: gr.SelectData) -> tuple[Any, ...]:
    row = event.index[0]
    return _choose(shown, row if row < len(shown.analysis.entities) else None)


def _choose(shown: analyse.Shown, entity: int | None) -> tuple[Any, ...]:
    if entity is None:
        return gr.skip(), gr.skip(), gr.skip()
    return entity + 1, *_explain_choice(shown, entity + 1)
