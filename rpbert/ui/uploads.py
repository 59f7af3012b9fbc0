"""Where uploads stand while the app runs, and nowhere after it: nothing that anybody enters is kept."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

PREFIX = "rpbert-uploads-"


@contextmanager
def upload_folder() -> Iterator[Path]:
    """A folder of this process alone, which goes with it, also when it is asked to end (SIGTERM).

    Two apps on one computer would otherwise delete each other's uploads. What a killed app left is deleted at the start
    of the next one.
    """
    delete_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    before = signal.signal(signal.SIGTERM, _leave)
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    elsewhere, tempfile.tempdir = tempfile.tempdir, str(folder)  # the runs of the tab Errors stand there, too
    try:
        yield folder
    finally:
        tempfile.tempdir = elsewhere
        shutil.rmtree(folder, ignore_errors=True)
        signal.signal(signal.SIGTERM, before)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def delete_leftovers() -> None:
    """Delete the folders of apps that no longer run."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        process = folder.name.removeprefix(PREFIX).partition("-")[0]
        if process.isdigit() and not _runs(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
