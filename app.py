"""RpBERT in the browser: `python app.py [--checkpoint FOLDER_OR_HUB_ID] [--host ADDRESS] [--port NUMBER] [--mcp]`."""

import sys

from rpbert.cli import main

if __name__ == "__main__":
    sys.exit(main(["app", *sys.argv[1:]]))
