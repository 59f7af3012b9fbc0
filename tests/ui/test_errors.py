"""The results on the tab Errors, without a browser: filters, rows, notes, exports."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_up_runs import ANA, CITY, JORDAN, record, run_of

from rpbert.evaluation.case_table import SLICES, case_table
from rpbert.evaluation.html_report import Note, html_report
from rpbert.evaluation.records import to_line
from rpbert.ui.errors import export, filtering, view
from rpbert.ui.errors.detail import row_detail
from rpbert.ui.errors.jobs import Job

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
