"""The start of the app: the first example is read and explained while gradio, which takes as long, is imported."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

from rpbert.analyzer import Analyzer
from rpbert.explain.methods import DEFAULT_METHOD
from rpbert.ui.memory import give_back
from rpbert.ui.samples import load_samples
from rpbert.ui.workbench import Workbench


def launch(checkpoints: Sequence[str], host: str | None = None, port: int | None = None, mcp: bool = False) -> None:
    """Load, build, serve. Raises `UserError` for a checkpoint that cannot be loaded."""
    bench = Workbench([Analyzer.from_pretrained(checkpoint) for checkpoint in checkpoints])
    with ThreadPoolExecutor(1) as beside:
        first = beside.submit(read_first_example, bench)
        page = import_module("rpbert.ui.app")
        first.result()
    give_back()
    page.run(bench, host, port, mcp)


def read_first_example(bench: Workbench) -> None:
    """Leave in the workbench's memory what the page opens on."""
    sample = load_samples()[0]
    bench.explanations(bench.analyse(sample.text, sample.picture, sample=sample.picture_id), DEFAULT_METHOD)
