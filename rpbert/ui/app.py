"""The app: loads checkpoints, builds the page on the first example, serves it."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from tempfile import TemporaryDirectory

import gradio as gr

from rpbert.analyzer import Analyzer
from rpbert.errors import UserError
from rpbert.explain.methods import DEFAULT_METHOD
from rpbert.shipped import PACKAGE
from rpbert.ui.about import add_about_tab
from rpbert.ui.analyse import card
from rpbert.ui.analyse import view as analyse
from rpbert.ui.analyse.events import AnalyseEvents
from rpbert.ui.analyse.layout import TITLE, draw_card, draw_inputs, draw_outputs
from rpbert.ui.api import add_endpoints
from rpbert.ui.compare.events import add_compare_tab
from rpbert.ui.samples import Sample, load_samples
from rpbert.ui.share.sharing import Sharing
from rpbert.ui.share.snippet import add_snippet
from rpbert.ui.walkthrough.events import add_walkthrough_tab
from rpbert.ui.what_if.events import add_what_if_tab
from rpbert.ui.workbench import Shown, Workbench

STYLE = PACKAGE / "ui" / "static" / "page.css"
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
        add_endpoints(bench)  # first: a later handler of the same name gets another one, even a private handler
        state = gr.State(shown, time_to_live=FORGET_AFTER)
        footer = gr.HTML(analyse.footer(shown.analysis, analyzers[0].trained), elem_id="footer", render=False)
        with gr.Column(elem_id="page"):
            gr.Markdown(TITLE, elem_id="title")
            with gr.Tabs(elem_id="tabs") as tabs:
                events, sharing = _add_analyse_tab(bench, shown, samples, state, footer, tabs)
                add_what_if_tab(bench, state)
                add_compare_tab(bench, state)
                add_walkthrough_tab(bench, state)
                add_about_tab(bench)
            footer.render()
        sharing.wire_arrival(demo)
        events.wire(samples)
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
            add_snippet(state, inputs.sample, outputs)
    return events, sharing


def serve(
    demo: gr.Blocks, host: str | None = None, port: int | None = None, block: bool = True, mcp: bool = False
) -> str:
    """Serve the page; returns its address, at once when `block` is False.

    Without `host` and `port`, gradio's own settings hold: this computer only, or what a Space sets. With `mcp`, the API
    is also an MCP server, at gradio_api/mcp/ below the address.

    Raises:
        UserError: the packages that `mcp` needs are not installed.
    """
    if mcp and find_spec("mcp") is None:
        raise UserError("The MCP server needs further packages. Please install them: pip install 'gradio[mcp]'")
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
        mcp_server=mcp,
    )
    return str(url)


def launch(checkpoints: Sequence[str], host: str | None = None, port: int | None = None, mcp: bool = False) -> None:
    """Load, build, serve. Raises `UserError` for a checkpoint that cannot be loaded.

    Uploads stand in a folder of this run alone, which goes with it: two apps on one computer would otherwise delete
    each other's.
    """
    analyzers = [Analyzer.from_pretrained(checkpoint) for checkpoint in checkpoints]
    with TemporaryDirectory(prefix="rpbert-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        serve(build_demo(analyzers), host, port, mcp=mcp)
