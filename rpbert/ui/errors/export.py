"""What leaves the tab: files that are made in the browser, so that none lies on the server's disk."""

import csv as csv_format
import io
import json
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from rpbert.evaluation.html_report import Note, html_report
from rpbert.evaluation.run_comparison import Comparison
from rpbert.ui.errors.jobs import Job

# Columns of the case table that leave with a row; the rest is for the page.
COLUMNS = ["id", "text", "kind", "gold", "gold_type", "found", "found_type", "confidence", "p_gold", "outcome", "moved"]
COLUMNS += [
    "gain",
    "gain_over_other",
    "loss",
    "gate_value",
    "picture",
    "relation",
    "relation_gold",
    "length",
    "hashtags",
]
COLUMNS += ["language", "visible", "seen", "in_scene"]
MAX_TAG = 60  # characters
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def browser_file(name: str, kind: str, text: str) -> str:
    """What the page's script saves as a file."""
    return json.dumps({"name": name, "type": kind, "text": text})


def note_of(tags: str, text: str) -> Note:
    """Tags with commas between them, each once."""
    names = [tag.strip()[:MAX_TAG] for tag in tags.split(",") if tag.strip()]
    return Note(tuple(dict.fromkeys(names)), text.strip())


def _rows(job: Job, shown: pd.DataFrame) -> list[dict[str, Any]]:
    rows = []
    for index, case in shown.iterrows():
        note = job.notes.get(index, Note())
        values = {name: None if pd.isna(case[name]) else case[name] for name in COLUMNS}
        rows.append({"row": index + 1, **values, "tags": list(note.tags), "note": note.text})
    return rows


def csv(job: Job, shown: pd.DataFrame) -> str:
    """The rows as CSV. Text that a spreadsheet would take for a formula gets a quote before it."""
    buffer = io.StringIO()
    writer = csv_format.DictWriter(buffer, ["row", *COLUMNS, "tags", "note"])
    writer.writeheader()
    for row in _rows(job, shown):
        flat = {**row, "tags": ", ".join(row["tags"])}
        writer.writerow({name: _plain(value) for name, value in flat.items()})
    return browser_file("errors.csv", "text/csv", buffer.getvalue())


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def jsonl(job: Job, shown: pd.DataFrame) -> str:
    """The rows as JSONL."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in _rows(job, shown))
    return browser_file("errors.jsonl", "application/jsonl", text)


def results(job: Job) -> str:
    """All that the run wrote, to be loaded again."""
    return browser_file("results.jsonl", "application/jsonl", job.path.read_text(encoding="utf-8"))


def report(job: Job, shown: pd.DataFrame, compared: Comparison | None, thumbnails: bool) -> str:
    """The run as one web page."""
    assert job.run is not None
    page = html_report(job.run, job.cases, shown, job.notes, compared, job.picture if thumbnails else None)
    return browser_file(f"errors-{datetime.now(UTC):%Y-%m-%d}.html", "text/html", page)
