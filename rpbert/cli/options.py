"""Options that several commands have."""

import argparse
from pathlib import Path

from rpbert.shipped import DEFAULT_CHECKPOINT

CHECKPOINT_VARIABLE = "RPBERT_CHECKPOINT"  # of the environment: how a Space says which checkpoint it shows


def positive(text: str) -> int:
    """An `argparse` type: a whole number above zero."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def add_tweet(parser: argparse.ArgumentParser) -> None:
    """The options of commands that read one tweet."""
    parser.add_argument("--text", required=True, help="the tweet")
    parser.add_argument("--image", type=Path, help="its picture")


def add_gate(parser: argparse.ArgumentParser) -> None:
    """How far the picture is let in."""
    parser.add_argument("--gate", default="soft", help="soft, hard, open, closed or a number from 0 to 1")


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """The checkpoint that answers."""
    parser.add_argument(
        "--checkpoint", default=str(DEFAULT_CHECKPOINT), help="folder or Hub id (default: the checkpoint shipped)"
    )
