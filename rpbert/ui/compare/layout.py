"""What stands where on the Compare tab; what happens there is in `rpbert.ui.compare.events`."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from rpbert.explain.overlays import MAX_SIDE
from rpbert.ui.common import GATE_CHOICES
from rpbert.ui.picture_input import PictureInput, picture_input
from rpbert.ui.templating import render
from rpbert.ui.workbench import Workbench

INTRODUCTION = (
    "Hold one result against another: two pictures for one tweet, two tweets for one picture, two gates, or two "
    f"checkpoints. Change one side, then press Compare. Larger pictures are brought to {MAX_SIDE} pixels."
)


@dataclass(frozen=True)
class Side:
    """The inputs of A or of B."""

    take: gr.Button
    tweet: gr.Textbox
    picture: PictureInput
    gate: gr.Radio
    fixed: gr.Slider
    checkpoint: gr.Dropdown

    @property
    def given(self) -> list[Any]:
        """What decides an analysis."""
        return [self.tweet, self.picture, self.gate, self.fixed, self.checkpoint]


@dataclass(frozen=True)
class Results:
    """What a comparison fills."""

    message: gr.HTML
    result: gr.HTML


@dataclass(frozen=True)
class Buttons:
    """What starts a comparison."""

    compare: gr.Button
    swap: gr.Button


def draw_compare(bench: Workbench) -> tuple[Side, Side, Buttons, Results]:
    """All components, empty; call inside the tab."""
    gr.HTML(render("note.html", note=INTRODUCTION))
    with gr.Row():
        a, b = _draw_side("A", bench), _draw_side("B", bench)
    if len(bench.analyzers) == 1:
        gr.HTML(render("only_checkpoint.html", identity=bench.analyzers[0].identity))
    gr.HTML(render("terms.html", words=["gate", "soft", "hard"]))
    with gr.Row():
        compare = gr.Button("Compare", variant="primary", elem_id="compare")
        swap = gr.Button("Swap A and B", elem_id="compare-swap")
    message = gr.HTML(visible=False, elem_id="compare-message")
    result = gr.HTML(elem_id="compare-result")
    return a, b, Buttons(compare, swap), Results(message, result)


def _draw_side(name: str, bench: Workbench) -> Side:
    checkpoints = [(f"{number + 1}: {one.identity}", number) for number, one in enumerate(bench.analyzers)]
    low = name.lower()
    with gr.Column(min_width=320):
        gr.HTML(render("heading.html", heading=name))
        take = gr.Button(f"Take what is on the Analyse tab as {name}", size="sm", elem_id=f"compare-take-{low}")
        tweet = gr.Textbox(label=f"{name}: tweet", lines=2, max_lines=6, elem_id=f"compare-tweet-{low}")
        picture = picture_input(
            label=f"{name}: picture (optional)",
            sources=["upload", "clipboard"],
            buttons=["fullscreen"],
            format="png",  # a picture that was taken over must not change on its way to the browser and back
            height=220,
            elem_id=f"compare-picture-{low}",
            alt_text=f"The picture of {name}",
            placeholder="Drop a JPEG, PNG, WebP, GIF or BMP here, or click to choose one",
        )
        gate = gr.Radio(GATE_CHOICES, value="soft", label=f"{name}: gate", elem_id=f"compare-gate-{low}")
        fixed = gr.Slider(0, 1, value=0.5, step=0.05, label=f"{name}: gate value (0 to 1)", visible=False)
        checkpoint = gr.Dropdown(
            checkpoints,
            value=0,
            label=f"{name}: checkpoint",
            visible=len(checkpoints) > 1,
            elem_id=f"compare-checkpoint-{low}",
        )
    return Side(take, tweet, picture, gate, fixed, checkpoint)
