"""The runs of the tab Errors, without a browser: whose turn it is, how a run ends, what is told of it."""

import copy
import errno
import html
import itertools
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from corpus import seeing
from made_up_runs import ANA, record, run_of
from transformers import PreTrainedTokenizerBase

from rpbert.analyzer import Analyzer
from rpbert.errors import UserError
from rpbert.evaluation.records import to_line
from rpbert.evaluation.run import Runner
from rpbert.model.modeling import RpBert
from rpbert.ui.errors import view
from rpbert.ui.errors.events import RunEvents
from rpbert.ui.errors.jobs import ERROR_SET, FAILED, STOPPED, Job, Jobs
from rpbert.ui.workbench import Workbench

RUN = "rpbert.ui.errors.jobs.Runner.run"
TWEETS = 40  # more than two chunks


@pytest.fixture
def jobs(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> Jobs:
    model = seeing(tiny_model)
    model.config = copy.deepcopy(model.config)
    model.config.scene_text = False  # these tests have no words in pictures to wait for
    return Jobs(Workbench([Analyzer(model, tokenizer, "toy")]))


@pytest.fixture
def tweets(tmp_path: Path) -> Path:
    """A data set without pictures."""
    path = tmp_path / "tweets.jsonl"
    path.write_text("".join(json.dumps({"text": f"Paris {n}"}) + "\n" for n in range(TWEETS)), encoding="utf-8")
    return path


@pytest.fixture
def busy(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The one that reads holds up the line until this is set."""
    done, read = threading.Event(), jobs._read

    def wait_and_read(job: Job) -> None:
        assert done.wait(60)
        read(job)

    monkeypatch.setattr(jobs, "_read", wait_and_read)
    yield done
    done.set()


def started(jobs: Jobs, path: Path) -> Job:
    job = jobs.get([jobs.start(path, "soft", 0)])
    assert job is not None
    return job


def ended(jobs: Jobs, job: Job) -> Job:
    """Wait for it."""
    deadline = time.monotonic() + 300
    while job in jobs.line:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return job


def told(jobs: Jobs, job: Job) -> str:
    """What the page says while it waits or reads."""
    return view.progress_bar(job, jobs.line.before(job))


class Page(SimpleNamespace):
    """Stands for the components: each is its own name."""

    def __getattr__(self, name: str) -> str:
        return name


def polled(jobs: Jobs, keys: list[str], drawn: Any = None) -> dict[Any, Any]:
    """What changes on the page of these keys."""
    parts: Any = Page(source=Page(), charts=Page())
    filters: Any = None
    return RunEvents(jobs, parts, filters).poll(keys, drawn)


def test_first_come_first_served(
    jobs: Jobs, tweets: Path, busy: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, order = jobs._read, []
    monkeypatch.setattr(jobs, "_read", lambda job: (order.append(job), read(job)))
    runs = [started(jobs, tweets) for _ in range(4)]
    assert [jobs.line.before(run) for run in runs] == [0, 1, 2, 3]
    assert "Waiting for the run before it." in told(jobs, runs[1])
    assert "Waiting for the 3 runs before it." in told(jobs, runs[3])
    jobs.stop(runs[1])
    assert jobs.line.before(runs[3]) == 2
    jobs.go_on(runs[1])  # whoever left goes to the end
    busy.set()
    for run in runs:
        assert ended(jobs, run).run is not None
    assert order == [runs[0], runs[2], runs[3], runs[1]]


def test_a_run_that_waits_stops_at_once_and_one_that_opens_pictures_soon(jobs: Jobs, busy: threading.Event) -> None:
    opening, waiting = started(jobs, ERROR_SET), started(jobs, ERROR_SET)
    jobs.stop(waiting)
    assert waiting not in jobs.line
    jobs.stop(opening)
    busy.set()
    for job in (ended(jobs, opening), waiting):
        assert job.run is None
        assert job.why_empty == STOPPED


def test_no_more_than_so_many_runs_wait(jobs: Jobs, busy: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rpbert.ui.errors.line.MAX_RUNS", 2)
    full = "2 data sets are being read or wait already"
    first, second = started(jobs, ERROR_SET), started(jobs, ERROR_SET)
    with pytest.raises(UserError, match=full):
        jobs.start(ERROR_SET, "soft", 0)
    jobs.stop(second)
    third = started(jobs, ERROR_SET)  # there is room again
    with pytest.raises(UserError, match=full):
        jobs.go_on(second)
    jobs.go_on(third)  # it waits already: a second click begins no second reading
    jobs.stop(third)
    assert third not in jobs.line
    jobs.stop(first)


def test_a_run_that_is_stopped_keeps_what_it_read_and_goes_on(
    jobs: Jobs, tweets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(tweets, "soft", 0)
    asked = iter([False] * 30 + [True] * 1000)
    monkeypatch.setattr(job, "stopping", SimpleNamespace(is_set=lambda: next(asked), clear=lambda: None))
    jobs._work(job)
    assert job.run is not None
    assert 0 < len(job.run.records) < TWEETS
    assert "It was stopped: " in view.head(job)
    first = job.run.records
    asked = iter([False] * 1000)
    jobs.go_on(job)
    ended(jobs, job)
    assert len(job.run.records) == TWEETS
    assert job.run.records[: len(first)] == first
    assert not any(one.labels for one in job.run.records)


def test_a_run_whose_time_is_over_keeps_what_it_read_and_goes_on(
    jobs: Jobs, tweets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = itertools.count()  # every look at the clock takes a second
    monkeypatch.setattr("rpbert.ui.errors.jobs.time", SimpleNamespace(monotonic=lambda: next(looks)))
    monkeypatch.setattr("rpbert.ui.errors.jobs.LONGEST", 30)
    job = Job(tweets, "soft", 0)
    jobs._work(job)
    assert job.run is not None
    assert 0 < len(job.run.records) < TWEETS
    rest = TWEETS - len(job.run.records)
    sentence = (
        f"It was ended after 2 hours, so that others get their turn: {rest} tweets are not read yet. “Read the rest”"
    )
    assert sentence in view.head(job)
    monkeypatch.setattr("rpbert.ui.errors.jobs.LONGEST", 1000)
    jobs.go_on(job)
    ended(jobs, job)
    assert len(job.run.records) == TWEETS
    assert "2 hours" not in view.head(job)


def test_a_run_whose_time_is_over_before_its_first_tweets_says_so(
    jobs: Jobs, tweets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpbert.ui.errors.jobs.LONGEST", 0)
    job = ended(jobs, started(jobs, tweets))
    assert job.run is None
    assert job.why_empty.startswith("After 2 hours the run was ended, before its first tweets were read.")


@pytest.mark.parametrize("kind", [ValueError, SystemExit, MemoryError])
def test_what_nobody_expected_is_told_and_logged_without_words_and_the_next_run_is_read(
    kind: type[BaseException],
    jobs: Jobs,
    tweets: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise kind("Ana Lima is secretly in " + "Paris")

    with monkeypatch.context() as patch:
        patch.setattr(RUN, fail)
        key = jobs.start(tweets, "soft", 0)
        ended(jobs, jobs.jobs[key])
    page = polled(jobs, [key])
    assert FAILED in html.unescape(page["message"]["value"])
    assert f"A run ended with {kind.__name__}" in caplog.text
    assert "in fail" in caplog.text
    assert "Ana Lima is secretly in Paris" not in caplog.text
    following = ended(jobs, started(jobs, tweets)).run
    assert following is not None
    assert len(following.records) == TWEETS


def test_what_fails_in_the_middle_keeps_what_was_read(
    jobs: Jobs, tweets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Runner.read

    def fail_later(self: Runner, begin: int) -> Any:
        if begin > 0:
            raise ValueError
        return read(self, begin)

    with monkeypatch.context() as patch:
        patch.setattr("rpbert.ui.errors.jobs.Runner.read", fail_later)
        key = jobs.start(tweets, "soft", 0)
        job = ended(jobs, jobs.jobs[key])
    assert job.run is not None
    drawn = (job.path.as_posix(), len(job.run.records))
    page = polled(jobs, [key], drawn)
    assert "server's log" in html.unescape(page["message"]["value"])
    assert page["go_on"]["visible"]
    jobs.go_on(job)
    assert len(ended(jobs, job).run.records) == TWEETS
    assert "message" not in polled(jobs, [key], (job.path.as_posix(), TWEETS))


def test_a_bad_upload_is_told_and_the_next_run_is_not_held_up(jobs: Jobs, tmp_path: Path, tweets: Path) -> None:
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"PK")
    job = ended(jobs, started(jobs, bad))
    assert job.run is None
    assert "cannot be opened as a ZIP" in job.why_empty
    assert ended(jobs, started(jobs, tweets)).run is not None


def test_a_full_disk_is_told_and_the_next_run_goes_on(
    jobs: Jobs, tweets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("rpbert.ui.errors.jobs.TemporaryDirectory", full)
        with pytest.raises(UserError, match="disk of this server is full"):
            jobs.start(ERROR_SET, "soft", 0)
    with monkeypatch.context() as patch:
        patch.setattr(RUN, full)
        assert "disk of this server is full" in ended(jobs, started(jobs, ERROR_SET)).why_empty
    assert ended(jobs, started(jobs, tweets)).run is not None


def test_too_long_a_data_set_is_refused_in_a_sentence(
    jobs: Jobs, tweets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpbert.ui.errors.jobs.MAX_TWEETS", 1)
    assert f"has {TWEETS} tweets; at most 1 can be read here" in ended(jobs, started(jobs, tweets)).why_empty


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The file of a finished run."""
    run = run_of(record([ANA], [ANA], [ANA]))
    path = tmp_path / "results.jsonl"
    path.write_text(to_line(run.header) + "".join(to_line(one) for one in run.records), encoding="utf-8")
    return path


def test_results_are_loaded_without_the_model(jobs: Jobs, results: Path, tmp_path: Path) -> None:
    jobs.bench = None  # type: ignore[assignment]
    loaded = jobs.get([jobs.load(results)])
    assert loaded is not None
    assert loaded.run == run_of(record([ANA], [ANA], [ANA]))
    assert loaded.picture(0) is None
    other = tmp_path / "other.jsonl"
    other.write_text("{}\n")
    with pytest.raises(UserError):
        jobs.load(other)


def test_runs_are_forgotten_an_hour_after_somebody_looked(jobs: Jobs, results: Path) -> None:
    old, new = jobs.load(results), jobs.load(results)
    assert jobs.get([old, "unknown"]) is jobs.jobs[old]
    folder = Path(jobs.jobs[old].folder.name)
    jobs.jobs[old].seen -= 4000
    jobs.forget()
    assert jobs.get([old]) is None
    assert not folder.exists()
    assert jobs.get([old, new]) is jobs.jobs[new]
    page = polled(jobs, [old])
    assert "The run is no longer here" in page["message"]["value"]
    assert page["keys"] == []
    assert "message" not in polled(jobs, [])
