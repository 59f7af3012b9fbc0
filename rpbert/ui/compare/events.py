"""The Compare tab: one result is held against another, of another tweet, picture, gate or checkpoint."""

import html
from dataclasses import dataclass
from typing import Any

import gradio as gr

from rpbert.errors import UserError
from rpbert.explain.overlays import MAX_SIDE
from rpbert.model.gates import Gate
from rpbert.model.pictures import open_picture
from rpbert.ui.analyse import view as analyse
from rpbert.ui.analyse.events import MODEL, PRIVATE
from rpbert.ui.analyse.layout import FIXED, GATE_CHOICES, picture_input
from rpbert.ui.compare.view import comparison
from rpbert.ui.workbench import Shown, Workbench, scaled

INTRODUCTION = f"""<p>Hold one result against another: two pictures for one tweet, two tweets for one picture, two
gates, or two checkpoints. Change one side, then press Compare. Larger pictures are brought to {MAX_SIDE} pixels.</p>"""


@dataclass(frozen=True)
class Side:
    """The inputs of A or of B."""

    take: gr.Button
    tweet: gr.Textbox
    picture: gr.Image
    gate: gr.Radio
    fixed: gr.Slider
    checkpoint: gr.Dropdown

    @property
    def given(self) -> list[Any]:
        """What decides an analysis, in the order of `values_of`."""
        return [self.tweet, self.picture, self.gate, self.fixed, self.checkpoint]


def add_compare_tab(bench: Workbench, state: gr.State) -> None:
    """Draw the tab and connect it; call inside the page's `gr.Tabs`."""
    with gr.Tab("Compare", id="compare") as tab:
        gr.HTML(INTRODUCTION)
        with gr.Row():
            a, b = _draw_side("A", bench), _draw_side("B", bench)
        if len(bench.analyzers) == 1:
            gr.HTML(_only_checkpoint(bench.analyzers[0].identity))
        with gr.Row():
            button = gr.Button("Compare", variant="primary", elem_id="compare")
            swap = gr.Button("Swap A and B", elem_id="compare-swap")
        message = gr.HTML(visible=False, elem_id="compare-message")
        result = gr.HTML(elem_id="compare-result")
        # Whether this session has seen the tab: it is filled once. Directly in `gr.Tabs` a state hangs the browser.
        opened = gr.State(False)
    CompareEvents(bench, a, b, message, result).wire(tab, button, swap, state, opened)


def _draw_side(name: str, bench: Workbench) -> Side:
    checkpoints = [(f"{number + 1}: {one.identity}", number) for number, one in enumerate(bench.analyzers)]
    low = name.lower()
    with gr.Column(min_width=320):
        gr.HTML(f"<h2>{name}</h2>")
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


def _only_checkpoint(identity: str) -> str:
    return (
        f'<p class="key">Both sides are read by the only checkpoint that is loaded, {html.escape(identity)}. '
        "To compare two, start the app with <code>python app.py --checkpoint A B</code>.</p>"
    )


def values_of(shown: Shown) -> list[Any]:
    """An analysis as the values of a side's inputs."""
    setting = shown.analysis.gate_setting
    choice, fixed = (setting, 0.5) if isinstance(setting, str) else (FIXED, setting)
    return [shown.analysis.text, shown.picture, choice, fixed, shown.checkpoint]


class CompareEvents:
    """The handlers, on the components that they change."""

    def __init__(self, bench: Workbench, a: Side, b: Side, message: gr.HTML, result: gr.HTML) -> None:
        self.bench, self.sides = bench, (a, b)
        self.given = [*a.given, *b.given]
        self.results = [message, result]

    def wire(self, tab: gr.Tab, button: gr.Button, swap: gr.Button, state: gr.State, opened: gr.State) -> None:
        """Connect everything."""
        everything = [opened, *self.given, *self.results]
        tab.select(self.open, [state, opened], everything, **MODEL, **PRIVATE)
        asked = [button.click]
        for side in self.sides:
            asked += [side.tweet.submit, side.gate.input, side.fixed.release, side.checkpoint.input]
            side.gate.change(lambda choice: gr.update(visible=choice == FIXED), side.gate, side.fixed, **PRIVATE)
            self.compared_after(side.take.click(values_of, state, side.given, **PRIVATE))
        gr.on(asked, self.compare, self.given, self.results, **MODEL, **PRIVATE)
        self.compared_after(swap.click(_swapped, self.given, self.given, **PRIVATE))

    def compared_after(self, event: Any) -> None:
        """Compare once the inputs have changed."""
        event.then(self.compare, self.given, self.results, **MODEL, **PRIVATE)

    def open(self, shown: Shown, opened: bool) -> Any:
        """Fill both sides with what is on the Analyse tab, the first time; later, leave what stands there."""
        if opened:
            return gr.skip()
        values = values_of(shown)
        return [True, *values, *values, *self.compare(*values, *values)]

    def compare(self, *given: Any) -> tuple[Any, Any]:
        """Message and result; a mistake changes the message alone."""
        half, shown = len(given) // 2, []
        for name, values in (("A", given[:half]), ("B", given[half:])):
            try:
                shown.append(self.read(*values))
            except UserError as error:
                return gr.update(value=analyse.mistake(f"Side {name}: {error}"), visible=True), gr.skip()
        return gr.update(value="", visible=False), comparison(*shown)

    def read(self, text: str, source: Any, choice: str, fixed: float, checkpoint: int) -> Shown:
        """One side's analysis, of its picture at the size that the Analyse tab hands over.

        A picture that was taken over and the same one uploaded would otherwise be two pictures. Raises `UserError` as
        `Workbench.analyse` does.
        """
        gate: Gate = fixed if choice == FIXED else choice
        picture = None if source is None else scaled(open_picture(source).image)
        return self.bench.analyse(text, picture, gate, checkpoint)


def _swapped(*given: Any) -> tuple[Any, ...]:
    half = len(given) // 2
    return given[half:] + given[:half]
