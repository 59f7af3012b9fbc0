"""The app: loads checkpoints, builds the page on the first example, serves it."""

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from rpbert.analyzer import Analyzer
from rpbert.explain import DEFAULT_METHOD
from rpbert.ui import analyse, card
from rpbert.ui.api import add_endpoints
from rpbert.ui.events import AnalyseEvents
from rpbert.ui.page import TITLE, draw_card, draw_inputs, draw_outputs
from rpbert.ui.samples import Sample, load_samples
from rpbert.ui.sharing import Sharing
from rpbert.ui.workbench import Shown, Workbench

STYLE = Path(__file__).parents[2] / "assets" / "style.css"
FORGET_AFTER = 3600  # seconds until uploads and session state are deleted


def build_demo(analyzers: Sequence[Analyzer]) -> gr.Blocks:
    """The page on the first example, which is analysed here, by the first checkpoint."""
    bench = Workbench(analyzers)
    samples = load_samples()
    shown = bench.analyse(samples[0].text, samples[0].picture)
    with gr.Blocks(
        title="RpBERT: names in a tweet and its picture",
        analytics_enabled=False,
        delete_cache=(FORGET_AFTER, FORGET_AFTER),
    ) as demo:
        state = gr.State(shown, time_to_live=FORGET_AFTER)
        footer = gr.HTML(analyse.footer(shown.analysis, analyzers[0].trained), elem_id="footer", render=False)
        with gr.Column(elem_id="page"):
            gr.Markdown(TITLE, elem_id="title")
            with gr.Tabs(elem_id="tabs") as tabs:
                events, sharing = _add_analyse_tab(bench, shown, samples, state, footer, tabs)
            footer.render()
        events.wire(samples)
        sharing.wire_arrival(demo)
        add_endpoints(bench)
    return demo


def _add_analyse_tab(
    bench: Workbench, shown: Shown, samples: list[Sample], state: gr.State, footer: gr.HTML, tabs: gr.Tabs
) -> tuple[AnalyseEvents, Sharing]:
    explanations = bench.explanations(shown, DEFAULT_METHOD)
    with gr.Tab("Analyse", id="analyse"), gr.Row():
        with gr.Column(scale=4, min_width=320):
            inputs = draw_inputs(samples)
        with gr.Column(scale=5, min_width=320):
            outputs = draw_outputs(shown, footer)
            parts = draw_card(shown, explanations[0], card.scale_of(explanations[0], explanations))
            events = AnalyseEvents(bench, inputs, outputs, parts, state)
            sharing = Sharing(bench, events, tabs, samples)
            sharing.draw()
    return events, sharing


def serve(demo: gr.Blocks, host: str | None = None, port: int | None = None, block: bool = True) -> str:
    """Serve the page; returns its address, at once when `block` is False.

    Without `host` and `port`, gradio's own settings hold: this computer only, or what a Space sets.
    """
    _, url, _ = demo.queue(max_size=32).launch(
        server_name=host,
        server_port=port,
        prevent_thread_lock=not block,
        css_paths=STYLE,
        footer_links=["api", "settings"],
        run_history=False,
        max_file_size="30mb",
        ssr_mode=False,
        quiet=not block,
    )
    return str(url)


def launch(checkpoints: Sequence[str], host: str | None = None, port: int | None = None) -> None:
    """Load, build, serve. Raises `UserError` for a checkpoint that cannot be loaded."""
    serve(build_demo([Analyzer.from_pretrained(checkpoint) for checkpoint in checkpoints]), host, port)
