"""The app: builds the page on the first example, serves it."""

from importlib.util import find_spec
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from rpbert.errors import UserError
from rpbert.explain.methods import DEFAULT_METHOD
from rpbert.ui import keys
from rpbert.ui.about import add_about_tab
from rpbert.ui.analyse import view
from rpbert.ui.analyse.events import AnalyseEvents
from rpbert.ui.analyse.layout import draw_examples, draw_experts, draw_inputs, draw_outputs
from rpbert.ui.api import add_endpoints
from rpbert.ui.common import FORGET_AFTER, SWEEP_EVERY
from rpbert.ui.compare.events import add_compare_tab
from rpbert.ui.errors.events import add_errors_tab
from rpbert.ui.samples import Sample, load_samples
from rpbert.ui.share.sharing import Sharing
from rpbert.ui.share.snippet import add_snippet
from rpbert.ui.templating import render, static_text
from rpbert.ui.upload_limits import UploadLimits
from rpbert.ui.uploads import upload_folder
from rpbert.ui.walkthrough.events import add_walkthrough_tab
from rpbert.ui.what_if.events import add_what_if_tab
from rpbert.ui.workbench import ScreenState, Workbench

# A font that the computer has: of gradio's own, the half-bold cuts lack letters, so that bold text would mix two fonts.
THEME = gr.themes.Default(font=["Helvetica Neue", "Arial", "sans-serif"], font_mono=["ui-monospace", "monospace"])

SCRIPTS = ("walk.js", "tips.js", "uploads.js", "page.js")


def build_demo(bench: Workbench) -> gr.Blocks:
    """The page on the first example, analysed and explained by the first checkpoint."""
    samples = load_samples()
    first = bench.analyse(samples[0].text, samples[0].picture, sample=samples[0].picture_id)
    with gr.Blocks(
        title="RpBERT: names in a tweet and its picture",
        analytics_enabled=False,
        delete_cache=(SWEEP_EVERY, FORGET_AFTER - SWEEP_EVERY),  # what is older goes at the next sweep
    ) as demo:
        add_endpoints(bench)  # first: a later handler of the same name gets another one, even a private handler
        footer = gr.HTML(view.footer(first.analysis, bench.analyzers[0].trained), elem_id="footer", render=False)
        with gr.Column(elem_id="page"):
            gr.HTML(render("title.html"), elem_id="title")
            back = gr.Button("Back to the table of errors", visible=False, size="sm", elem_id="errors-back")
            # Not inside its tab: gradio draws a tab when it is opened, and only then would read what the browser kept.
            # Its secret is no secret, but the same after a restart: the page can then say that a run is gone.
            runs = gr.BrowserState([], storage_key="rpbert-error-runs", secret="rpbert-error-runs")
            with gr.Tabs(elem_id="tabs") as tabs:
                events, sharing = _add_analyse_tab(bench, first, samples, footer, tabs)
                add_what_if_tab(bench, events.state)
                add_compare_tab(bench, events.state)
                add_walkthrough_tab(bench, events.state)
                add_errors_tab(bench, events, tabs, back, runs)
                add_about_tab(bench)
            footer.render()
        sharing.wire_arrival(demo)
    return demo


def _add_analyse_tab(
    bench: Workbench, first: ScreenState, samples: list[Sample], footer: gr.HTML, tabs: gr.Tabs
) -> tuple[AnalyseEvents, Sharing]:
    explained = list(zip(keys.keys_of(first.analysis), bench.explanations(first, DEFAULT_METHOD), strict=False))
    outputs = draw_outputs(first, samples[0].alt, explained, footer)
    with gr.Tab("Analyse", id="analyse"):
        examples = draw_examples(samples)
        outputs.message.render()
        with gr.Row(elem_id="stage"):
            with gr.Column(scale=5, min_width=320):
                inputs = draw_inputs(samples, examples)
                outputs.figure.render()
            with gr.Column(scale=7, min_width=320):
                for part in (
                    outputs.names,
                    outputs.relation,
                    outputs.cards,
                    outputs.details,
                    outputs.ask,
                    outputs.maps,
                ):
                    part.render()
        experts = draw_experts(first)
        events = AnalyseEvents(bench, (inputs, outputs, experts), samples, first)
        sharing = Sharing(bench, events, tabs, samples)
        sharing.draw()
        add_snippet(events.state, events.address)
        events.wire()
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
        theme=THEME,
        css=static_text("page.css"),
        head="".join(f"<script>{static_text(name)}</script>" for name in SCRIPTS),
        footer_links=["api", "settings"],
        run_history=False,
        max_file_size="300mb",  # of a data set with its pictures; the middleware allows a picture less
        app_kwargs={"middleware": [Middleware(UploadLimits, folder=Path(get_upload_folder()))]},
        ssr_mode=False,
        quiet=not block,
        mcp_server=mcp,
    )
    return str(url)


def run(bench: Workbench, host: str | None, port: int | None, mcp: bool) -> None:
    """Build and serve until somebody ends it; then the uploads are deleted."""
    with upload_folder():
        serve(build_demo(bench), host, port, mcp=mcp)
