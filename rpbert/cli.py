"""`python -m rpbert predict | evaluate | train | app`; a user's mistake prints one sentence and exits with code 2."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rpbert.errors import UserError
from rpbert.recipe import read_recipe

RECIPES = Path(__file__).parent / "recipes"


def _train(arguments: argparse.Namespace) -> None:
    from rpbert.training import train  # accelerate is needed for this command alone

    train(
        read_recipe(arguments.recipe),
        arguments.data,
        arguments.output,
        arguments.text_weights,
        arguments.vision_weights,
        arguments.resume,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rpbert", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    train = commands.add_parser("train", help="train a checkpoint by a recipe")
    train.add_argument("--recipe", type=Path, default=RECIPES / "mini.toml", help="TOML file (default: mini)")
    train.add_argument("--data", type=Path, required=True, help="folder that the recipe's paths are relative to")
    train.add_argument("--output", type=Path, required=True, help="folder for checkpoint, state and record")
    train.add_argument("--text-weights", help="folder or Hub id of the text encoder (default: the preset's Hub id)")
    train.add_argument("--vision-weights", help="safetensors file or Hub id of the CNN (default: the preset's Hub id)")
    train.add_argument("--resume", action="store_true", help="go on after the last whole epoch in --output")
    train.set_defaults(run=_train)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except UserError as error:
        print(f"rpbert: {error}", file=sys.stderr)
        return 2
    return 0
