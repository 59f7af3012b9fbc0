"""The line of runs: first come, first served, by one thread that outlives whatever goes wrong in a run."""

import logging
import threading
import traceback
from collections.abc import Callable
from typing import Generic, TypeVar

from rpbert.errors import UserError

MAX_RUNS = 8  # that read or wait at one time

Run = TypeVar("Run")


class Line(Generic[Run]):
    """Runs in the order in which they came; `read` is called with each when its turn has come."""

    def __init__(self, read: Callable[[Run], None]) -> None:
        self._read = read
        self._runs: list[Run] = []  # the first one reads
        self._changed = threading.Condition()
        self._worker: threading.Thread | None = None  # begins with the first run

    def join(self, run: Run) -> None:
        """Go to the end of the line; who stands there already keeps the place. Raises `UserError` when it is full."""
        with self._changed:
            if run in self._runs:
                return
            if len(self._runs) >= MAX_RUNS:
                raise UserError(
                    f"{MAX_RUNS} data sets are being read or wait already. Please try again in some minutes."
                )
            if self._worker is None:
                self._worker = threading.Thread(target=self._serve, daemon=True)
                self._worker.start()
            self._runs.append(run)
            self._changed.notify()

    def leave(self, run: Run) -> None:
        """Wait no longer; who reads already stays until that has ended."""
        with self._changed:
            if run in self._runs[1:]:
                self._runs.remove(run)

    def before(self, run: Run) -> int:
        """How many have their turn before this one; 0 for one that reads, or is not in the line."""
        with self._changed:
            return self._runs.index(run) if run in self._runs else 0

    def __contains__(self, run: Run) -> bool:
        with self._changed:
            return run in self._runs

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._runs)
                run = self._runs[0]
            try:
                self._read(run)
            except BaseException as error:  # whatever it is, the others get their turn
                _log(error)
            finally:
                with self._changed:
                    self._runs.pop(0)


def _log(error: BaseException) -> None:
    """What failed and where; without the error's message, which may hold people's words."""
    places = "".join(traceback.format_tb(error.__traceback__))
    logging.getLogger(__name__).error("A run ended with %s:\n%s", type(error).__name__, places)
