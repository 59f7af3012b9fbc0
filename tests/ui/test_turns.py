"""Short readings never wait for long work, long work shares the machine, and what is stopped ends at its next slice."""

import threading
import time
from contextlib import suppress

import pytest

from rpbert.ui import turns
from rpbert.ui.turns import StoppedError, Stops, TooLongError, Turns

SLICE = 0.02  # seconds


def test_a_short_reading_starts_at_once_and_holds_long_work_back() -> None:
    turns, slices, stopped = Turns(), [], threading.Event()

    def work() -> None:
        with suppress(StoppedError), turns.long(stopped) as pause:
            while True:
                slices.append(time.perf_counter())
                time.sleep(SLICE)
                pause()

    worker = threading.Thread(target=work)
    worker.start()
    while len(slices) < 3:
        time.sleep(SLICE)
    began = time.perf_counter()
    with turns.short():
        assert time.perf_counter() - began < SLICE
        time.sleep(2 * SLICE)  # the slice that runs may end
        before = len(slices)
        time.sleep(10 * SLICE)
        assert len(slices) == before
    while len(slices) == before:
        time.sleep(SLICE)
    stopped.set()
    worker.join(5)
    assert not worker.is_alive()


def test_two_long_works_take_turns() -> None:
    turns, order = Turns(), []

    def work(name: str, slices: int) -> None:
        with turns.long(threading.Event()) as pause:
            for _ in range(slices):
                order.append(name)
                time.sleep(SLICE)
                pause()

    long = threading.Thread(target=work, args=("long", 20))
    long.start()
    while len(order) < 2:
        time.sleep(SLICE / 4)
    short = threading.Thread(target=work, args=("short", 3))
    short.start()
    short.join(5)
    assert order.count("long") < 12  # the short one did not wait for the end of the long one
    long.join(5)
    assert order.count("long") == 20


def test_work_that_waits_can_be_stopped() -> None:
    turns, stopped = Turns(), threading.Event()
    with turns.long(threading.Event()):
        threading.Timer(SLICE, stopped.set).start()
        began = time.perf_counter()
        with pytest.raises(StoppedError), turns.long(stopped):
            pass
        assert time.perf_counter() - began < 1
    with turns.long(threading.Event()):  # nobody is left in the line
        pass


def test_a_new_work_of_a_kind_ends_the_one_before_it() -> None:
    stops = Stops()
    maps, verdict = stops.begin("me", "maps"), stops.begin("me", "verdict")
    others = stops.begin("you", "maps")
    again = stops.begin("me", "maps")
    assert maps.is_set()
    assert not verdict.is_set()
    stops.stop("me")
    assert verdict.is_set()
    assert again.is_set()
    assert not others.is_set()


def test_work_that_takes_too_long_is_ended_and_leaves_the_machine_to_others() -> None:
    turns, began = Turns(longest=5 * SLICE), time.perf_counter()

    def work() -> None:
        with turns.long(threading.Event()) as pause:
            while time.perf_counter() - began < 50 * SLICE:
                time.sleep(SLICE)
                pause()

    with pytest.raises(TooLongError, match="was ended"):
        work()
    assert 5 * SLICE <= time.perf_counter() - began < 50 * SLICE
    with turns.long(threading.Event()) as pause:
        pause()


def test_what_draws_waits_until_what_is_older_has_left() -> None:
    stops, drawn = Stops(), []

    def newer() -> None:
        with stops.drawing("me", "maps") as stopped:
            drawn.append("newer")
            assert not stopped.is_set()

    worker = threading.Thread(target=newer)
    with stops.drawing("me", "maps") as stopped:
        worker.start()
        assert stopped.wait(5)  # asked to leave, it still sends what it has
        time.sleep(5 * SLICE)
        with stops.drawing("you", "maps"):  # nobody else waits
            drawn.append("older")
    worker.join(5)
    assert drawn == ["older", "newer"]


def test_what_never_leaves_is_waited_for_no_longer_than_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 3 * SLICE)
    stops = Stops()
    with stops.drawing("me", "maps"):
        began = time.perf_counter()
        with stops.drawing("me", "maps"):
            assert time.perf_counter() - began >= 3 * SLICE
