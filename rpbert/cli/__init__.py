"""`rpbert predict | explain | evaluate | train | app`; a user's mistake prints one sentence, exit code 2.

One file a command, each with `add_options` and `run`. Only the file of the chosen command is imported: `predict` does
not wait for gradio, Captum or scikit-learn.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

import rpbert
from rpbert.errors import UserError

COMMANDS = {
    "predict": "names and relation of one tweet",
    "explain": "what in picture and words a number of the model rests on",
    "evaluate": "figures of a checkpoint on a labelled file",
    "train": "train a checkpoint by a recipe",
    "app": "the page in a browser, as `python app.py`",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="rpbert", description=rpbert.__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if given[:1] == [name]:
            module = import_module(f"rpbert.cli.{name}")
            module.add_options(command)
            command.set_defaults(run=module.run)
    arguments = parser.parse_args(given)
    try:
        arguments.run(arguments)
    except UserError as error:
        print(f"rpbert: {error}", file=sys.stderr)
        return 2
    return 0
