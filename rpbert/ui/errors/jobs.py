"""Runs in the background: they outlive the browser's tab, and are found again by a key that the browser keeps.

One run reads at a time, the others wait in the order in which they came. Everything of a run stands in one temporary
folder and goes with it, an hour after it was last looked at.
"""

import math
import secrets
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from rpbert.data.uploads import DataSet, open_upload, read_data_set, read_table
from rpbert.errors import UserError
from rpbert.evaluation.case_table import case_table
from rpbert.evaluation.html_report import Note
from rpbert.evaluation.readings import RecentPictures
from rpbert.evaluation.records import Record, Run, load_run
from rpbert.evaluation.run import Progress, Runner, names_of
from rpbert.model.gates import Gate
from rpbert.shipped import ASSETS
from rpbert.ui.common import FORGET_AFTER, SWEEP_EVERY
from rpbert.ui.disk import full_disk_told
from rpbert.ui.errors.line import Line
from rpbert.ui.workbench import Workbench

ERROR_SET = ASSETS / "error_set"
MAX_TWEETS = 10_000  # about an hour on two cores
LONGEST = 2 * 3600  # seconds of reading: twice what the longest data set takes, then the next one has its turn
HOURS = f"{LONGEST // 3600} hours"
STOPPED = "The run was stopped before its first tweets were read, so it has no results. Please read the data set again."
LATE = f"After {HOURS} the run was ended, before its first tweets were read. Please read a smaller data set."
FAILED = "Something went wrong in this run that is not your mistake; the server's log has it."


class Job:
    """One run, from the upload to its results."""

    def __init__(self, source: Path, gate: Gate, checkpoint: int) -> None:
        self.source, self.gate, self.checkpoint = source, gate, checkpoint
        self.folder = TemporaryDirectory(prefix="rpbert-errors-")
        self.path = Path(self.folder.name) / "results.jsonl"
        self.told = "Beginning."
        self.progress: Progress | None = None
        self.mistake: str | None = None  # what is wrong with the upload, or went wrong in the run
        self.data: DataSet | None = None  # None for results that were loaded
        self.run: Run | None = None
        self.cases = pd.DataFrame()
        self.notes: dict[int, Note] = {}
        self.stopping = threading.Event()
        self.end = math.inf  # when the time of its reading is over
        self.late = False  # whether it was ended by that
        self.seen = time.monotonic()

    def picture(self, row: int) -> Path | None:
        """The picture of a tweet; None too where only the results were loaded."""
        return None if self.data is None else self.data.examples[row].picture

    def record(self, row: int) -> Record:
        """A tweet by its place in the data set."""
        assert self.run is not None
        return next(record for record in self.run.records if record.row == row)

    def begin(self) -> None:
        """Its turn has come: from here on its time counts."""
        self.end = time.monotonic() + LONGEST

    def over(self) -> bool:
        """Whether it is to end: somebody stopped it, or its time is over."""
        return self.stopping.is_set() or time.monotonic() > self.end

    def check(self) -> None:
        """Raises `UserError` when it is to end before any tweet was read."""
        if self.over():
            raise UserError(STOPPED if self.stopping.is_set() else LATE)

    def finish(self) -> None:
        """Take what is written so far as the results, however the run ended."""
        self.late = time.monotonic() > self.end and not self.stopping.is_set()
        if self.path.is_file():
            with suppress(UserError):  # it ended before its first tweets were read
                run = load_run(self.path)
                self.cases, self.run = case_table(run), run

    @property
    def why_empty(self) -> str:
        """Why a run that has ended has no results."""
        return self.mistake or (LATE if self.late else STOPPED)

    @property
    def name(self) -> str:
        """How the run is told from others."""
        if self.run is None:
            return self.source.name
        header = self.run.header
        return f"{header.data}, checkpoint {header.checkpoint}, gate {header.gate}"


class Jobs:
    """All runs of this server, by their keys."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.jobs: dict[str, Job] = {}
        self.line = Line(self._work)
        self.watched = False
        self.pictures: dict[int, RecentPictures] = {}  # by checkpoint: a second run over the same pictures is faster

    def get(self, keys: Sequence[str] | None) -> Job | None:
        """The last run of these keys that is still there."""
        for key in reversed(keys or []):
            if key in self.jobs:
                self.jobs[key].seen = time.monotonic()
                return self.jobs[key]
        return None

    @full_disk_told()
    def start(self, source: Path, gate: Gate, checkpoint: int) -> str:
        """Read a data set in the background; returns the key. Raises `UserError` when too many runs wait already."""
        job = Job(source, gate, checkpoint)
        try:
            self.line.join(job)
        except UserError:
            job.folder.cleanup()
            raise
        return self._keep(job)

    @full_disk_told()
    def load(self, results: Path) -> str:
        """Take the results of an earlier run; returns the key. Raises `UserError` for another file."""
        job = Job(results, "soft", 0)
        job.run = load_run(results)
        job.path.write_bytes(results.read_bytes())
        job.cases = case_table(job.run)
        return self._keep(job)

    def stop(self, job: Job) -> None:
        """End a run: at once while it waits, within two seconds while it reads."""
        job.stopping.set()
        self.line.leave(job)

    def go_on(self, job: Job) -> None:
        """Read what a run left, if it does not read already. Raises `UserError` when too many runs wait."""
        if job not in self.line:
            job.stopping.clear()
            job.progress = job.mistake = None
            self.line.join(job)

    def _work(self, job: Job) -> None:
        """Called by the line, which logs what is raised here."""
        job.begin()
        try:
            self._read(job)
        except UserError as error:
            job.mistake = str(error)
        except BaseException:
            job.mistake = FAILED
            raise

    @full_disk_told()
    def _read(self, job: Job) -> None:
        if job.data is None:
            job.data = _open(job)
        analyzer = self.bench.analyzers[job.checkpoint]
        training = job.data.training
        names = None if training is None else names_of(read_table(training))
        runner = Runner(analyzer.model, analyzer.tokenizer, analyzer.identity, job.data, job.gate, names, job.over)
        runner.pictures = self.pictures.setdefault(job.checkpoint, runner.pictures)
        try:
            for progress in runner.run(job.path):
                job.progress = progress
        finally:
            job.finish()

    def _keep(self, job: Job) -> str:
        key = secrets.token_urlsafe(16)
        self.jobs[key] = job
        if not self.watched:
            self.watched = True
            threading.Thread(target=self._watch, daemon=True).start()
        return key

    def _watch(self) -> None:
        while True:
            time.sleep(SWEEP_EVERY)
            self.forget()

    def forget(self) -> None:
        """Delete what nobody has looked at for nearly an hour: by the next sweep it would be more."""
        late = time.monotonic() - (FORGET_AFTER - SWEEP_EVERY)
        for key in [key for key, job in self.jobs.items() if job.seen < late and job not in self.line]:
            self.jobs.pop(key).folder.cleanup()


def _open(job: Job) -> DataSet:
    """The data set of an upload, with a sentence about every table that is not read."""
    job.told = "Opening the data set."
    tables, left_out = open_upload(job.source, Path(job.folder.name) / "data")

    def progress(done: int, pictures: int) -> None:
        job.check()
        job.told = f"Opening the pictures: {done:,} of {pictures:,}."

    data = read_data_set(tables[0], progress=progress)
    if len(data.examples) > MAX_TWEETS:
        raise UserError(
            f"The data set has {len(data.examples):,} tweets; at most {MAX_TWEETS:,} can be read here. Please split "
            "it, or read it with the command `rpbert evaluate`."
        )
    others = ", ".join(table.name for table in tables[1:])
    unread = [f"Read was {tables[0].name}; to read {others}, upload it without the others."] if others else []
    name = "the shipped set" if job.source == ERROR_SET else data.name
    return DataSet(name, data.examples, (*left_out, *unread, *data.problems), data.training)
