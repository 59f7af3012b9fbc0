"""The figures of the shipped checkpoint: measured, kept in one file beside it, written into the tables that show them.

    python benchmarks/figures.py evaluate --data DATA     run every command of `COMMANDS`, collect, write
    python benchmarks/figures.py collect FILE [FILE …]    take in files that `rpbert evaluate` or a benchmark wrote with
                                                          `--json FILE`, then write
    python benchmarks/figures.py write                    rewrite the tables from checkpoints/rpbert-mini/figures.json

A table stands in Markdown between `<!-- figures:NAME -->` and `<!-- /figures -->`; NAME is one of `TABLES` in
`benchmarks/figure_tables.py`, or a benchmark. `tests/test_figures.py` fails when a table is not what the file says.
"""

import argparse
import io
import json
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT))  # run as a script, the package stands one folder up

from benchmarks.figure_tables import TABLES, benchmark_table
from rpbert.cli import main as rpbert
from rpbert.model.checkpoint import checkpoint_identity
from rpbert.shipped import ASSETS, DEFAULT_CHECKPOINT

FIGURES = DEFAULT_CHECKPOINT / "figures.json"
COMMANDS = (
    "twitter2015/valid.txt",
    "twitter2017/valid.txt",
    "tweetpairs/dev.jsonl",
    "tweetpairs/dev.jsonl --gate closed",
    "flickr8k/dev.tsv",
)
EXAMPLE = (
    'predict --text "Jordan was amazing up in the mountains, back in London now" '
    "--image assets/samples/picos_de_europa.jpg"
)
BLOCK = re.compile(r"(<!-- figures:(\w+) -->\n).*?(<!-- /figures -->)", re.DOTALL)

Figures = dict[str, Any]


def pages() -> list[Path]:
    """The Markdown files that have tables of figures."""
    files = [PROJECT / "README.md", DEFAULT_CHECKPOINT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
    return [file for file in files if BLOCK.search(file.read_text(encoding="utf-8"))]


def read_figures() -> Figures:
    """What figures.json says."""
    figures: Figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    return figures


def collect(files: Sequence[Path]) -> None:
    """Merge results into figures.json, which begins anew with a new checkpoint, and run the example of README.

    Exits with a sentence for a result of another checkpoint.
    """
    identity = checkpoint_identity(DEFAULT_CHECKPOINT)
    figures = read_figures()
    shown = {"command": f"rpbert {EXAMPLE}", "output": example_output()}
    figures["example"] = shown
    if figures["checkpoint"] != identity:
        kept = {name: known for name, known in figures["benchmarks"].items() if "checkpoint" not in known}
        figures = {"checkpoint": identity, "example": shown, "evaluations": {}, "benchmarks": kept}
    for file in files:
        result = json.loads(file.read_text(encoding="utf-8"))
        if result.get("checkpoint", identity) != identity:  # an ablation is of no checkpoint that ships
            raise SystemExit(
                f"{file} is of checkpoint {result['checkpoint']}; {identity} ships. Please evaluate the one that ships."
            )
        if "benchmark" in result:
            figures["benchmarks"][result["benchmark"]] = result
        else:
            figures["evaluations"][command_of(result)] = {**result, "path": data_path(result)}
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def example_output() -> list[str]:
    """What README's command prints."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        rpbert(shlex.split(EXAMPLE.replace("assets", str(ASSETS))))
    return printed.getvalue().splitlines()


def data_path(result: Figures) -> str:
    """The evaluated file as seen from the data folder."""
    return "/".join(Path(result["path"]).parts[-2:])


def command_of(result: Figures) -> str:
    """What stands behind `rpbert evaluate DATA/` in the command that made a result."""
    gate = result.get("gate", "soft") if result.get("pictures") else "soft"  # without pictures no gate plays a part
    return data_path(result) + (f" --gate {gate}" if gate != "soft" else "")


def rendered(text: str, figures: Figures, history: Figures) -> str:
    """A page's text with all its tables made anew."""

    def table(block: re.Match[str]) -> str:
        start, name, end = block.groups()
        make: Callable[[Figures, Figures], str] | None = TABLES.get(name)
        body = benchmark_table(figures["benchmarks"].get(name)) if make is None else make(figures, history)
        return f"{start}\n{body}\n\n{end}"  # the empty lines are for Markdown readers that want them

    return BLOCK.sub(table, text)


def stale() -> dict[Path, str]:
    """The pages whose tables are not what figures.json says, and what they ought to be."""
    history = json.loads((DEFAULT_CHECKPOINT / "history.json").read_text(encoding="utf-8"))
    now = {page: page.read_text(encoding="utf-8") for page in pages()}
    due = {page: rendered(text, read_figures(), history) for page, text in now.items()}
    return {page: text for page, text in due.items() if text != now[page]}


def write() -> None:
    """Rewrite the tables that have changed."""
    for page, text in stale().items():
        page.write_text(text, encoding="utf-8")
        print(f"{page.relative_to(PROJECT)}: written")


def evaluate(data: Path) -> None:
    """Run every command on the checkpoint that ships; about ten minutes on two cores."""
    with TemporaryDirectory() as folder:
        for number, command in enumerate(COMMANDS):
            path, *options = command.split()
            file = Path(folder) / f"{number}.json"
            if rpbert(["evaluate", str(data / path), *options, "--json", str(file), "--cache", folder]):
                raise SystemExit(f"rpbert evaluate DATA/{command} failed.")
            collect([file])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    commands.add_parser("evaluate").add_argument("--data", type=Path, required=True)
    commands.add_parser("collect").add_argument("files", type=Path, nargs="+")
    commands.add_parser("write")
    arguments = parser.parse_args()
    if arguments.command == "evaluate":
        evaluate(arguments.data)
    elif arguments.command == "collect":
        collect(arguments.files)
    write()


if __name__ == "__main__":
    main()
