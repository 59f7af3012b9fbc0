"""`rpbert predict | explain | evaluate | train | app | publish`; a user's mistake prints one sentence, exit code 2.

One file a command, each with `add_options` and `run`. Only the file of the chosen command is imported: `predict` does
not wait for gradio, Captum or scikit-learn.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

import rpbert
from rpbert.errors import UserError

COMMANDS = {
    "predict": "names and relation of one tweet",
    "explain": "what in picture and words a number of the model rests on",
    "evaluate": "figures of a checkpoint on a labelled file",
    "train": "train a checkpoint by a recipe",
    "app": "the page in a browser, as `python app.py`",
    "publish": "the page as a Hugging Face Space, the checkpoint as a model",
}


EXTRAS = {
    "train": "train",
    "app": "ui",
    "publish": "ui",
}  # what these commands need beside the package's own dependencies


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    try:
        arguments = _parse(list(sys.argv[1:] if argv is None else argv))
        arguments.run(arguments)
    except UserError as error:
        print(f"rpbert: {error}", file=sys.stderr)
        return 2
    return 0


def _parse(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rpbert", description=rpbert.__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if given[:1] == [name]:
            module = _import_command(name)
            module.add_options(command)
            command.set_defaults(run=module.run)
    return parser.parse_args(given)


def _import_command(name: str) -> ModuleType:
    try:
        return import_module(f"rpbert.cli.{name}")
    except ModuleNotFoundError as error:
        if name not in EXTRAS:
            raise
        raise UserError(
            f"The command {name} needs the package {error.name}, which is not installed. Please install it with the "
            f"others of its kind, in the project's folder: pip install '.[{EXTRAS[name]}]'"
        ) from error
