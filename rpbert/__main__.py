"""`python -m rpbert`."""

import sys

from rpbert.cli import main

if __name__ == "__main__":
    sys.exit(main())
