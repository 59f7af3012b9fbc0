"""A run as one HTML page that needs nothing else: no script, no network, and no picture unless one asks for them.

Everything that people wrote goes through the template's autoescape.
"""

import base64
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rpbert.errors import UserError
from rpbert.evaluation import summary
from rpbert.evaluation.case_table import SLICES
from rpbert.evaluation.mistakes import KINDS
from rpbert.evaluation.records import Record, Run
from rpbert.evaluation.run_comparison import Comparison, comparison_sentences
from rpbert.evaluation.slice_tests import slice_tests, slices_sentence, training_sentence
from rpbert.model.crf import Span
from rpbert.model.pictures import open_picture

TEMPLATES = Path(__file__).parent / "templates"
THUMBNAIL = 96  # pixels, the longer side


@dataclass(frozen=True)
class Note:
    """What a person wrote about a case."""

    tags: tuple[str, ...] = ()
    text: str = ""


def pieces(record: Record, spans: tuple[Span, ...]) -> list[tuple[str, str | None]]:
    """The tweet cut into pieces of (text, type or None), the spans in their order."""
    cut: list[tuple[str, str | None]] = []
    position = 0
    for span in sorted(spans):
        start, end = record.offsets[span[0]][0], record.offsets[span[1] - 1][1]
        cut += [(record.text[position:start], None), (record.text[start:end], span[2])]
        position = end
    cut.append((record.text[position:], None))
    return [piece for piece in cut if piece[0]]


def thumbnail(path: Path | None, side: int = THUMBNAIL) -> str | None:
    """A small JPEG as a data address; None for no picture, or one that cannot be opened any more."""
    if path is None:
        return None
    try:
        picture = open_picture(path).image.copy()
    except UserError:
        return None
    picture.thumbnail((side, side))
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=75)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def html_report(
    run: Run,
    cases: pd.DataFrame,
    shown: pd.DataFrame,
    notes: Mapping[int, Note],
    comparison: Comparison | None = None,
    pictures: Callable[[int], Path | None] | None = None,
) -> str:
    """The page.

    Args:
        cases: all of the run. shown: those of its rows that are listed one by one.
        notes: by the index of the case.
        pictures: the picture of a record by its row, when thumbnails are wanted; None leaves them out.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["score"] = lambda value: "–" if value is None or pd.isna(value) else f"{value:.3f}"
    scores = slice_tests(run.records)
    labelled = any(record.labels is not None for record in run.records)
    gates = {by: summary.picture_by_gate(cases, by) for by in ("outcome", "moved")}
    return environment.get_template("report.html").render(
        header=run.header,
        tweets=len(run.records),
        labelled=labelled,
        metrics=summary.metrics(run.records).to_dict("records") if labelled else [],
        readings=summary.readings(run.records).to_dict("records"),
        relations=summary.relations(run.records),
        kinds=summary.kind_counts(cases).to_dict("records"),
        picture_sentence=summary.picture_sentence(cases),
        gates={by: table.pivot(index="gate", columns="picture", values="names") for by, table in gates.items()},
        slices=scores,
        slice_names=SLICES,
        slices_sentence=slices_sentence(scores),
        training_sentence=training_sentence(run.records),
        confusion=summary.confusion(cases),
        calibration=summary.calibration(cases).to_dict("records"),
        comparison=None if comparison is None else comparison_sentences(comparison),
        rows=_rows(run, shown, notes, pictures),
    )


def _rows(
    run: Run, shown: pd.DataFrame, notes: Mapping[int, Note], pictures: Callable[[int], Path | None] | None
) -> list[dict[str, object]]:
    records = {record.row: record for record in run.records}
    rows = []
    for index, case in shown.iterrows():
        record = records[case["row"]]
        rows.append(
            {
                "number": index + 1,
                "id": record.id,
                "kind": case["kind"],
                "annotated": pieces(record, record.gold) if record.labels is not None else None,
                "found": pieces(record, record.own),
                "confidence": case["confidence"],
                "outcome": None if pd.isna(case["outcome"]) else case["outcome"],
                "gain": case["gain"],
                "note": notes.get(index, Note()),
                "thumbnail": None if pictures is None else thumbnail(pictures(record.row)),
            }
        )
    return rows


def mistakes_only(cases: pd.DataFrame) -> pd.DataFrame:
    """The cases in which something went wrong; all of them where nothing is annotated."""
    wrong = cases[cases["kind"].isin(summary.MISTAKE_NAMES)]
    return wrong if len(wrong) else cases[cases["kind"] == KINDS["unjudged"]]
