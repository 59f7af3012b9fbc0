"""The app: loads a checkpoint, builds the page on the first example, launches it."""

from pathlib import Path

import gradio as gr

from rpbert.analyzer import Analyzer
from rpbert.ui import analyse
from rpbert.ui.events import add_endpoints, wire
from rpbert.ui.page import TITLE, draw_inputs, draw_outputs
from rpbert.ui.samples import load_samples

STYLE = Path(__file__).parents[2] / "assets" / "style.css"
FORGET_AFTER = 3600  # seconds until uploads and session state are deleted


def build_demo(analyzer: Analyzer) -> gr.Blocks:
    """The page, opened on the first example, which is analysed here."""
    samples = load_samples()
    shown = analyse.run(analyzer, samples[0].text, samples[0].picture, "soft")
    with gr.Blocks(
        title="RpBERT: names in a tweet and its picture",
        analytics_enabled=False,
        delete_cache=(FORGET_AFTER, FORGET_AFTER),
    ) as demo:
        state = gr.State(shown, time_to_live=FORGET_AFTER)
        with gr.Column(elem_id="page"):
            gr.Markdown(TITLE, elem_id="title")
            with gr.Row():
                with gr.Column(scale=4, min_width=320):
                    inputs = draw_inputs(samples)
                with gr.Column(scale=5, min_width=320):
                    outputs = draw_outputs(shown)
        wire(analyzer, samples, inputs, outputs, state)
        add_endpoints(analyzer)
    return demo


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


def launch(checkpoint: str, host: str | None = None, port: int | None = None) -> None:
    """Load, build, serve. Raises `UserError` for a checkpoint that cannot be loaded."""
    serve(build_demo(Analyzer.from_pretrained(checkpoint)), host, port)
