"""`rpbert train`: a checkpoint by a recipe."""

import argparse
from pathlib import Path

from rpbert.shipped import RECIPES
from rpbert.training import loop
from rpbert.training.recipe import read_recipe


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--recipe", type=Path, default=RECIPES / "mini.toml", help="TOML file (default: mini)")
    parser.add_argument("--data", type=Path, required=True, help="folder that the recipe's paths are relative to")
    parser.add_argument("--output", type=Path, required=True, help="folder for checkpoint, state and record")
    parser.add_argument("--text-weights", help="folder or Hub id of the text encoder (default: the preset's Hub id)")
    parser.add_argument("--vision-weights", help="safetensors file or Hub id of the CNN (default: the preset's Hub id)")
    parser.add_argument("--teacher-weights", help="folder or Hub id of the teacher (default: the recipe's Hub id)")
    parser.add_argument("--start", type=Path, help="folder of a checkpoint to go on from (default: new heads)")
    parser.add_argument("--resume", action="store_true", help="go on after the last whole epoch in --output")


def run(arguments: argparse.Namespace) -> None:
    """The command. Raises `UserError` for a recipe, data or weights that cannot be used."""
    loop.train(
        read_recipe(arguments.recipe),
        arguments.data,
        arguments.output,
        arguments.text_weights,
        arguments.vision_weights,
        arguments.teacher_weights,
        arguments.resume,
        arguments.start,
    )
