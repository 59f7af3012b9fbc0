"""The HTTP API: named endpoints beside the page, with documented parameters and JSON results."""

from typing import Any

import gradio as gr

from rpbert.errors import UserError
from rpbert.ui.events import MODEL
from rpbert.ui.page import picture_input
from rpbert.ui.workbench import Workbench


def add_endpoints(bench: Workbench) -> None:
    """`/analyze`; call inside the page's `gr.Blocks`."""

    def analyze(text: str, image: str | None, gate: str) -> dict[str, Any]:
        """Names, text-image relation and gate of a tweet, as `python -m rpbert predict --json` prints them.

        `image` may be missing; `gate` is soft, hard, open, closed or a number from 0 to 1.
        """
        try:
            return bench.analyzers[0].analyze(text, image, gate or "soft").to_json()
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error

    # gradio checks uploads for components only, so the endpoint has some, which are never shown.
    text = gr.Textbox(label="text", visible=False)
    image = picture_input(label="image", visible=False)
    gate = gr.Textbox("soft", label="gate", visible=False)
    result = gr.JSON(label="analysis", visible=False)
    gr.Button(visible=False).click(analyze, [text, image, gate], result, api_name="analyze", **MODEL)
