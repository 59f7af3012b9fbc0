"""The disk of the server: that it is full is told in one sentence, wherever it is found out."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rpbert.errors import UserError

FULL = "The disk of this server is full. Please tell whoever runs it, and try again later."


@contextmanager
def full_disk_told() -> Iterator[None]:
    """That the disk has no room left becomes a `UserError`; as a decorator, for a whole function."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise UserError(FULL) from error


def check_room(folder: Path, size: int) -> None:
    """Raises `UserError` when the disk of a folder has fewer than `size` bytes left."""
    if shutil.disk_usage(folder).free < size:
        raise UserError(FULL)
