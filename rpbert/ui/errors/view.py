"""What the tab shows: plain functions from a run to tables and HTML, without gradio; people's words are escaped."""

import html

import pandas as pd

from rpbert.evaluation import summary
from rpbert.evaluation.case_table import SLICES
from rpbert.evaluation.html_report import Note, pieces, thumbnail
from rpbert.evaluation.records import Record, Run
from rpbert.evaluation.run import Progress
from rpbert.evaluation.slice_tests import SliceScore
from rpbert.model.crf import Span
from rpbert.ui.errors import filtering
from rpbert.ui.errors.jobs import HOURS, Job
from rpbert.ui.words import TYPE_COLOURS, TYPE_NAMES

TABLE_HEADERS = ["No.", "Picture", "Tweet", "What happened", "Annotated", "Found", "Confidence", "The picture", "Tags"]
SLICE_HEADERS = ["Slice", "Value", "Measure", "Score", "95 % interval", "The rest", "Corrected p", "Names", "Tweets"]


def table_rows(job: Job, rows: pd.DataFrame) -> list[list[object]]:
    """Rows in the columns of `TABLE_HEADERS`; pictures and tweets as HTML."""
    found = []
    for index, case in rows.iterrows():
        record = job.record(case["row"])
        source = thumbnail(job.picture(record.row))
        image = f'<img src="{source}" alt="Picture of tweet {html.escape(record.id)}">' if source else "–"
        marked = tuple(span for span in (case["gold_span"] or case["found_span"],) if span is not None)
        confidence = "–" if pd.isna(case["confidence"]) else f"{case['confidence']:.2f}"
        found.append(
            [
                index + 1,
                image,
                tweet(record, marked),
                case["kind"],
                _side(case["gold"], case["gold_type"]),
                _side(case["found"], case["found_type"]),
                confidence,
                "–" if pd.isna(case["outcome"]) else case["outcome"],
                ", ".join(job.notes.get(index, Note()).tags),
            ]
        )
    return found


def _side(name: object, kind: object) -> str:
    return "–" if pd.isna(name) else f"{name} ({kind})"


def tweet(record: Record, spans: tuple[Span, ...]) -> str:
    """A tweet with names marked, their types beside them, as HTML."""
    parts = []
    for text, kind in pieces(record, spans):
        words = html.escape(text)
        if kind is not None:
            words = f'<span class="name" style="--type: {TYPE_COLOURS[kind]}"><bdi>{words}</bdi><b>{kind}</b></span>'
        parts.append(words)
    return f'<span class="marked errors-tweet" dir="auto">{"".join(parts)}</span>'


def count_sentence(job: Job, shown: pd.DataFrame, page: int) -> str:
    """How much of the run the table shows."""
    of = f"{len(shown):,} of {len(job.cases):,} rows, one a name (or a tweet without any)"
    pages = filtering.pages(shown)
    return f'<p role="status">{of}; page {page} of {pages}. Choose a row to see all readings of its tweet.</p>'


def head(job: Job) -> str:
    """What was run, and what was wrong with the data, as HTML."""
    assert job.run is not None
    header, read = job.run.header, len(job.run.records)
    rest = header.tweets - read
    ended = f"ended after {HOURS}, so that others get their turn" if job.late else "stopped"
    unread = f" It was {ended}: {rest:,} tweets are not read yet. “Read the rest” reads them." if rest else ""
    parts = [
        f"<p><strong>{html.escape(header.data)}</strong>: {read:,} of {header.tweets:,} tweets, checkpoint "
        f"{html.escape(header.checkpoint)}, gate {html.escape(str(header.gate))}.{unread}</p>"
    ]
    if header.problems:
        items = "".join(f"<li>{html.escape(problem)}</li>" for problem in header.problems)
        count = f"{len(header.problems):,} problem{'s' if len(header.problems) > 1 else ''}"
        parts.append(f"<details><summary>{count} with the data</summary><ul>{items}</ul></details>")
    if not any(record.labels is not None for record in job.run.records):
        parts.append("<p class='notice'>Nothing is annotated here: names are listed, and none is right or wrong.</p>")
    return "".join(parts)


def progress_bar(job: Job, before: int) -> str:
    """Bar, speed and time left of a run that is going on, as HTML; of one that waits, how many are before it."""
    progress = job.progress
    if before or progress is None:
        waiting = f"Waiting for the {f'{before} runs' if before > 1 else 'run'} before it."
        return f"<p role='status'>{waiting if before else html.escape(job.told)}</p>"
    share = 100 * progress.done / max(progress.tweets, 1)
    return (
        f'<p role="status">{progress.done:,} of {progress.tweets:,} tweets read{_speed(progress)}</p>'
        f'<div class="probability"><div class="bar"><div style="width:{share:.0f}%"></div></div></div>'
    )


def _speed(progress: Progress) -> str:
    if not progress.per_second:
        return "."
    left = progress.seconds_left
    if left < 90:
        time = f"{left:.0f} seconds"
    else:
        time = f"{left / 60:.0f} minutes" if left < 5400 else f"{left / 3600:.1f} hours"
    return f", {progress.per_second:.1f} a second, about {time} left."


def metrics_rows(run: Run) -> list[list[str]]:
    """The scores as the tab's table has them."""
    rows = summary.metrics(run.records).to_dict("records") if any(r.labels is not None for r in run.records) else []
    return [
        [
            row["scoring"],
            "all types" if row["type"] == "all" else f"{row['type']} ({TYPE_NAMES[row['type']]})",
            f"{row['precision']:.3f}",
            f"{row['recall']:.3f}",
            f"{row['F1']:.3f}",
            f"{row['low']:.3f} to {row['high']:.3f}",
            str(row["annotated"]),
            str(row["found"]),
        ]
        for row in rows
    ]


def slice_rows(scores: list[SliceScore]) -> list[list[str]]:
    """The slices in the columns of `SLICE_HEADERS`; one that differs by more than chance has a star."""
    return [
        [
            SLICES[score.column],
            score.value,
            score.measure,
            f"{score.score:.3f}",
            f"{score.low:.3f} to {score.high:.3f}",
            "–" if score.rest is None else f"{score.rest:.3f}",
            "–" if score.corrected is None else f"{score.corrected:.3f}{' *' if score.differs else ''}",
            str(score.names),
            str(score.tweets),
        ]
        for score in scores
    ]


def confusion_rows(cases: pd.DataFrame, diagonal: bool) -> list[list[str]]:
    """Annotated by found type in words; the first column names the row."""
    table = summary.confusion(cases)
    words = {kind: type_words(kind) for kind in table.index}
    return [
        [
            f"annotated: {words[kind]}",
            *("" if kind == other and not diagonal else str(table.loc[kind, other]) for other in table.columns),
        ]
        for kind in table.index
    ]


def type_words(kind: str) -> str:
    """PER (person), or "not a name"."""
    return f"{kind} ({TYPE_NAMES[kind]})" if kind in TYPE_NAMES else kind


def relation_scores(run: Run) -> str:
    """How well the relation is told, where it is annotated, as HTML."""
    told = []
    for name, row in summary.relations(run.records).items():
        auc = "–" if row["auc"] is None else f"{row['auc']:.3f}"
        told.append(
            f"<p>{name}: AUC {auc}, accuracy {row['accuracy']:.3f}, F1 {row['f1']:.3f}, calibration error "
            f"{row['ece']:.3f} ({row['n']} tweets, {row['positive']} yes).</p>"
        )
    return "".join(told)
