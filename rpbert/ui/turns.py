"""Who may use the machine now: short readings at once, long work in slices, everybody in turn.

Analyses take a tenth of a second and never queue behind maps, which take seconds or minutes. Long work calls its
`pause` before every slice (at most about half a second); there it waits while a short reading runs, lets the next long
work have its slice, and ends when it was stopped.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rpbert.errors import UserError

LONGEST = 300.0  # seconds, waiting included, after which long work is ended
PATIENCE = 2.0  # seconds for which a new work that draws waits until the one before it has left
LOOK = 0.05  # seconds between two looks at whether the work was stopped while it waits


class StoppedError(Exception):
    """Somebody stopped the work, or its page was closed."""


class TooLongError(StoppedError, UserError):
    """The work took longer than anybody may take."""


class Turns:
    """One of these for the whole app; `longest` is in seconds."""

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._changed = threading.Condition()
        self._short = 0  # short readings that run now
        self._line: deque[object] = deque()  # long works; the first one may run
        self._running: object | None = None

    @contextmanager
    def short(self) -> Iterator[None]:
        """Run a short reading: at once, while long work waits at its next pause."""
        with self._changed:
            self._short += 1
        try:
            yield
        finally:
            with self._changed:
                self._short -= 1
                self._changed.notify_all()

    @contextmanager
    def long(self, stopped: threading.Event) -> Iterator[Callable[[], None]]:
        """Run long work, which gets its `pause`.

        Raises there `StoppedError` soon after `stopped` was set, and `TooLongError` when its time is over.
        """
        ticket, end = object(), time.monotonic() + self._longest

        def pause() -> None:
            self._give_up(ticket)
            self._wait(ticket, stopped, end)

        self._wait(ticket, stopped, end)
        try:
            yield pause
        finally:
            self._give_up(ticket)

    def _wait(self, ticket: object, stopped: threading.Event, end: float) -> None:
        with self._changed:
            self._line.append(ticket)
            while not self._ended(stopped, end) and (
                self._short or self._running is not None or self._line[0] is not ticket
            ):
                self._changed.wait(LOOK)
            self._line.remove(ticket)
            if self._ended(stopped, end):
                self._changed.notify_all()
                if stopped.is_set():
                    raise StoppedError
                raise TooLongError(
                    f"This took more than {self._longest:.0f} seconds and was ended, so that others get their turn. "
                    "Please try a shorter tweet, or come back when fewer people are here."
                )
            self._running = ticket

    @staticmethod
    def _ended(stopped: threading.Event, end: float) -> bool:
        return stopped.is_set() or time.monotonic() > end

    def _give_up(self, ticket: object) -> None:
        with self._changed:
            if self._running is ticket:
                self._running = None
                self._changed.notify_all()


class Stops:
    """The long work of every session: a new one of the same kind ends the one before it."""

    def __init__(self) -> None:
        self._events: dict[tuple[str, str], threading.Event] = {}
        self._left: dict[tuple[str, str], threading.Event] = {}  # of the latest work that draws
        self._lock = threading.Lock()

    def begin(self, session: str, kind: str) -> threading.Event:
        """A new work's event, which says when it is to stop."""
        event = threading.Event()
        with self._lock:
            before = self._events.pop((session, kind), None)
            self._events[session, kind] = event
        if before is not None:
            before.set()
        return event

    @contextmanager
    def drawing(self, session: str, kind: str) -> Iterator[threading.Event]:
        """As `begin`, for a generator: its work begins when the one before it has left.

        A generator goes on after a `yield` when what it gave was sent to the page. Without the wait, a new work that
        has its answer at once could be on the page before an older one's, which would then stay there.
        """
        left = threading.Event()
        with self._lock:
            before = self._left.get((session, kind))
            self._left[session, kind] = left
        event = self.begin(session, kind)
        if before is not None:
            before.wait(PATIENCE)
        try:
            yield event
        finally:
            left.set()
            with self._lock:
                if self._left.get((session, kind)) is left:
                    del self._left[session, kind]

    def stop(self, session: str) -> None:
        """End all long work of a session."""
        with self._lock:
            ended = [self._events.pop(key) for key in list(self._events) if key[0] == session]
        for event in ended:
            event.set()
