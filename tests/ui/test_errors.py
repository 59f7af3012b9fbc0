"""The tab Errors without a browser: filters, rows, notes, exports, jobs."""

import copy
import csv
import errno
import io
import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from corpus import seeing
from made_up_runs import ANA, CITY, JORDAN, record, run_of
from transformers import PreTrainedTokenizerBase

from rpbert.analyzer import Analyzer
from rpbert.errors import UserError
from rpbert.evaluation.case_table import SLICES, case_table
from rpbert.evaluation.html_report import Note, html_report
from rpbert.evaluation.records import to_line
from rpbert.model.modeling import RpBert
from rpbert.ui.errors import export, filtering, view
from rpbert.ui.errors.detail import row_detail
from rpbert.ui.errors.jobs import ERROR_SET, Job, Jobs
from rpbert.ui.workbench import Workbench

RECORDS = [
    record([ANA, JORDAN, CITY], [ANA, (3, 4, "LOC")], [ANA, JORDAN], {ANA: (0.95, 0.9, 0.9)}),
    record([CITY], [(5, 7, "LOC"), JORDAN], [(5, 7, "LOC")], {JORDAN: (0.42, 0.1, 0.1)}, row=1),
    replace(record([], [], row=2), text="<b>Ana Lima</b> met Jordan in New York City"[:36], english=False),
]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A finished run without pictures."""
    run = run_of(*RECORDS)
    path = tmp_path / "results.jsonl"
    path.write_text(to_line(run.header) + "".join(to_line(one) for one in run.records), encoding="utf-8")
    made = Job(path, "soft", 0)
    made.path.write_bytes(path.read_bytes())
    made.finish()
    made.working = False
    return made


def names(job: Job, **filters: Any) -> list[tuple[Any, Any]]:
    """Annotated and found names that pass."""
    shown = filtering.filtered(job.cases, filtering.Filters(**filters), job.notes)
    return [tuple(None if pd.isna(value) else value for value in row) for row in shown[["gold", "found"]].to_numpy()]


MISSED = ("New York City", None)
SPURIOUS = (None, "Jordan")
TYPED, BOUNDED = ("Jordan", "Jordan"), ("New York City", "New York")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"kind": "missed"}, [MISSED]),
        ({"kind": filtering.MISTAKEN}, [TYPED, MISSED, SPURIOUS, BOUNDED]),
        ({"gold_type": "LOC"}, [MISSED, BOUNDED]),
        ({"gold_type": "not a name"}, [SPURIOUS]),
        ({"found_type": "not a name"}, [MISSED]),
        ({"gold_type": "PER", "found_type": "LOC"}, [TYPED]),
        ({"picture": "hurt"}, [TYPED, SPURIOUS]),
        ({"tenth": "0.9 to 1.0"}, [("Ana Lima", "Ana Lima")]),
        ({"tenth": "0.4 to 0.5"}, [SPURIOUS]),
        ({"column": SLICES["language"], "value": "another language"}, [(None, None)]),
        ({"column": SLICES["language"], "value": filtering.ANY, "kind": "missed"}, [MISSED]),
        ({"text": "<B>ana"}, [(None, None)]),
        ({"tag": "odd"}, [MISSED]),
        ({"kind": filtering.MISTAKEN, "sort": "confidence, lowest first"}, [SPURIOUS, TYPED, BOUNDED, MISSED]),
        ({"kind": filtering.MISTAKEN, "picture": "hurt", "sort": "most hurt by the picture"}, [SPURIOUS, TYPED]),
    ],
)
def test_filters(job: Job, filters: dict[str, Any], expected: list[tuple[Any, Any]]) -> None:
    missed = int(job.cases.index[job.cases["kind"] == "missed"][0])
    job.notes[missed] = Note(("odd",), "")
    found = names(job, **filters)
    assert found == expected if "sort" in filters else sorted(found, key=str) == sorted(expected, key=str)


def test_pages_cover_every_row_once(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filtering, "PAGE", 2)
    shown = filtering.filtered(job.cases, filtering.Filters(), {})
    assert filtering.pages(shown) == 3
    rows = [row[0] for page in (1, 2, 3) for row in view.table_rows(job, filtering.page_of(shown, page))]
    assert rows == [1, 2, 3, 4, 5, 6]


def test_words_of_others_are_escaped_everywhere(job: Job) -> None:
    job.notes[5] = Note(("<i>",), "<script>")
    assert job.run is not None
    page = html_report(job.run, job.cases, job.cases, job.notes)
    rows = view.table_rows(job, job.cases)
    everything = page + "".join(str(row[1]) + str(row[2]) for row in rows) + row_detail(job, 5)
    for markup in ("<b>Ana", "<i>", "<script"):
        assert markup not in everything.replace("<b>PER</b>", "")
    assert "&lt;b&gt;Ana" in everything


def test_the_open_row_tells_all_readings(job: Job) -> None:
    told = row_detail(job, 1)
    assert "Row 2: wrong type" in told
    assert "The picture made this wrong: without it, it is right." in told
    assert told.count("<dt>") == 4
    assert "Jordan as PER (person)" in told
    assert "Annotated: the picture does not show the text, adds." in told


def test_tags_and_notes() -> None:
    assert export.note_of(" sarcasm, , sarcasm,wrong label ", " why? ") == Note(("sarcasm", "wrong label"), "why?")


def file_of(written: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(written)
    return found


def test_exports_hold_the_filtered_rows_with_their_tags(job: Job) -> None:
    shown = filtering.filtered(job.cases, filtering.Filters(kind="spurious"), job.notes)
    number = int(shown.index[0])
    job.notes[number] = Note(("=cmd", "b"), "@home")
    (row,) = [json.loads(line) for line in file_of(export.jsonl(job, shown))["text"].splitlines()]
    assert (row["row"], row["kind"], row["gold"], row["found"]) == (number + 1, "spurious", None, "Jordan")
    assert (row["tags"], row["note"]) == (["=cmd", "b"], "@home")
    (line,) = list(csv.DictReader(io.StringIO(file_of(export.csv(job, shown))["text"])))
    assert (line["tags"], line["note"], line["found"]) == ("'=cmd, b", "'@home", "Jordan")
    assert line["confidence"] == "0.42"
    report = file_of(export.report(job, shown, None, thumbnails=True))
    assert "@home" in report["text"]
    assert "1 name, one by one" in report["text"]
    assert file_of(export.results(job))["text"] == job.path.read_text(encoding="utf-8")


def test_confusion_in_words_with_and_without_the_diagonal(job: Job) -> None:
    whole, off = view.confusion_rows(job.cases, True), view.confusion_rows(job.cases, False)
    assert whole[0] == ["annotated: PER (person)", "1", "1", "0", "0", "0"]
    assert off[0] == ["annotated: PER (person)", "", "1", "0", "0", "0"]
    assert case_table(run_of(*RECORDS)).equals(job.cases)


# ---- jobs ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def jobs(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> Jobs:
    model = seeing(tiny_model)
    model.config = copy.deepcopy(model.config)
    model.config.scene_text = False  # these tests have no words in pictures to wait for
    return Jobs(Workbench([Analyzer(model, tokenizer, "toy")]))


def finished(job: Job) -> Job:
    """Wait for it."""
    deadline = time.monotonic() + 300
    while job.working:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return job


def started(jobs: Jobs, path: Path) -> Job:
    job = jobs.get([jobs.start(path, "soft", 0)])
    assert job is not None
    return job


def test_a_job_that_is_stopped_keeps_what_it_read_and_goes_on(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tweets.jsonl"
    path.write_text("".join(json.dumps({"text": f"Paris {n}"}) + "\n" for n in range(40)), encoding="utf-8")
    job = Job(path, "soft", 0)
    asked = iter([False] * 30 + [True] * 1000)
    monkeypatch.setattr(job, "stopping", SimpleNamespace(is_set=lambda: next(asked), clear=lambda: None))
    jobs._work(job)
    assert job.run is not None
    assert 0 < len(job.run.records) < 40
    first = job.run.records
    asked = iter([False] * 1000)
    jobs.go_on(job)
    finished(job)
    assert len(job.run.records) == 40
    assert job.run.records[: len(first)] == first
    assert not any(one.labels for one in job.run.records)


def test_a_bad_upload_is_told_and_the_next_run_is_not_held_up(jobs: Jobs, tmp_path: Path) -> None:
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"PK")
    job = finished(started(jobs, bad))
    assert job.run is None
    assert "cannot be opened as a ZIP" in (job.mistake or "")
    good = tmp_path / "good.csv"
    good.write_text("text\nParis\n", encoding="utf-8")
    assert finished(started(jobs, good)).run is not None


def test_no_more_than_so_many_runs_wait(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rpbert.ui.errors.jobs.MAX_RUNS", 2)
    told = "2 data sets are being read or wait already"
    jobs.turn.acquire()
    first, second = started(jobs, ERROR_SET), started(jobs, ERROR_SET)
    with pytest.raises(UserError, match=told):
        jobs.start(ERROR_SET, "soft", 0)
    first.stopping.set()
    finished(first)
    third = started(jobs, ERROR_SET)  # there is room again
    with pytest.raises(UserError, match=told):
        jobs.go_on(first)
    threads = threading.active_count()
    jobs.go_on(second)  # it waits already: a second click begins no second reading
    assert threading.active_count() == threads
    for one in (second, third):
        one.stopping.set()
        finished(one)
    jobs.turn.release()


def test_a_full_disk_is_told_and_the_next_run_goes_on(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("rpbert.ui.errors.jobs.TemporaryDirectory", full)
        with pytest.raises(UserError, match="disk of this server is full"):
            jobs.start(ERROR_SET, "soft", 0)
    with monkeypatch.context() as patch:
        patch.setattr("rpbert.ui.errors.jobs.Runner.run", full)
        assert "disk of this server is full" in (finished(started(jobs, ERROR_SET)).mistake or "")
    assert not jobs.turn.locked()


def test_too_long_a_data_set_is_refused_in_a_sentence(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpbert.ui.errors.jobs.MAX_TWEETS", 1)
    table = tmp_path / "two.csv"
    table.write_text("text\nParis\nBerlin\n", encoding="utf-8")
    assert "has 2 tweets; at most 1 can be read here" in (finished(started(jobs, table)).mistake or "")


def test_results_are_loaded_without_the_model(jobs: Jobs, job: Job, tmp_path: Path) -> None:
    jobs.bench = None  # type: ignore[assignment]
    loaded = jobs.get([jobs.load(job.path)])
    assert loaded is not None
    assert loaded.run == job.run
    assert loaded.picture(0) is None
    other = tmp_path / "other.jsonl"
    other.write_text("{}\n")
    with pytest.raises(UserError):
        jobs.load(other)


def test_runs_are_forgotten_an_hour_after_somebody_looked(jobs: Jobs, job: Job) -> None:
    old, new = jobs.load(job.path), jobs.load(job.path)
    assert jobs.get([old, "unknown"]) is jobs.jobs[old]
    folder = Path(jobs.jobs[old].folder.name)
    jobs.jobs[old].seen -= 4000
    jobs.forget()
    assert jobs.get([old]) is None
    assert not folder.exists()
    assert jobs.get([old, new]) is jobs.jobs[new]


def test_a_run_that_waits_or_opens_pictures_stops_at_once(jobs: Jobs) -> None:
    jobs.turn.acquire()
    waiting = started(jobs, ERROR_SET)
    waiting.stopping.set()
    began = time.monotonic()
    assert "stopped before its first tweets" in (finished(waiting).mistake or "")
    assert time.monotonic() - began < 2
    jobs.turn.release()
    opening = Job(ERROR_SET, "soft", 0)
    opening.stopping.set()
    jobs._work(opening)
    assert (opening.mistake, opening.run) == (waiting.mistake, None)
    assert not jobs.turn.locked()
