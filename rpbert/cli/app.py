"""`rpbert app`: the page in a browser."""

import argparse
import os

from rpbert.cli.options import CHECKPOINT_VARIABLE, positive
from rpbert.shipped import DEFAULT_CHECKPOINT
from rpbert.ui.memory import check_memory, free_megabytes, share_arenas
from rpbert.ui.start import launch


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "--checkpoint",
        nargs="+",
        default=[os.environ.get(CHECKPOINT_VARIABLE) or str(DEFAULT_CHECKPOINT)],
        help="folders or Hub ids; the first one analyses, all can be compared (default: what the variable "
        f"{CHECKPOINT_VARIABLE} names, else the checkpoint shipped)",
    )
    parser.add_argument("--host", help="address to listen on (default: this computer only)")
    parser.add_argument("--port", type=positive, help="port (default: the first free one from 7860)")
    parser.add_argument("--mcp", action="store_true", help="also serve the API to AI assistants, as an MCP server")


def run(arguments: argparse.Namespace) -> None:
    """The command. Raises `UserError` for a checkpoint that cannot be loaded, and for too little memory."""
    check_memory(free_megabytes())
    share_arenas()
    launch(arguments.checkpoint, arguments.host, arguments.port, arguments.mcp)
