"""What the tab shows: plain functions from a run to tables and HTML, without gradio; people's words are escaped."""

import html
from dataclasses import dataclass

import pandas as pd

from rpbert.evaluation import summary
from rpbert.evaluation.case_table import RELATION_NAMES, SLICES, relation_name
from rpbert.evaluation.html_report import Note, pieces, thumbnail
from rpbert.evaluation.mistakes import KINDS, LITTLE
from rpbert.evaluation.records import Chance, Record, Run
from rpbert.evaluation.run import Progress
from rpbert.evaluation.slice_tests import SliceScore
from rpbert.model.crf import Span
from rpbert.ui.errors.jobs import Job
from rpbert.ui.words import TYPE_COLOURS, TYPE_NAMES

PAGE = 25  # rows of the table at a time
ANY = "any"
MISTAKEN = "every mistake"
NO_SLICE = "all tweets"
SORTS = {
    "order of the data": (["row"], True),
    "confidence, highest first": (["confidence"], False),
    "confidence, lowest first": (["confidence"], True),
    "loss of the tweet, highest first": (["loss"], False),
    "most helped by the picture": (["gain"], False),
    "most hurt by the picture": (["gain"], True),
}
TENTHS = [f"{low / 10:.1f} to {(low + 1) / 10:.1f}" for low in range(10)]
TABLE_HEADERS = ["No.", "Picture", "Tweet", "What happened", "Annotated", "Found", "Confidence", "The picture", "Tags"]
SLICE_HEADERS = ["Slice", "Value", "Measure", "Score", "95 % interval", "The rest", "Corrected p", "Names", "Tweets"]


@dataclass(frozen=True)
class Filters:
    """What the table is restricted to, as the controls have it."""

    kind: str = ANY
    gold_type: str = ANY
    found_type: str = ANY
    picture: str = ANY
    column: str = NO_SLICE  # a value of `SLICES`
    value: str = ANY
    tenth: str = ANY
    tag: str = ANY
    text: str = ""
    sort: str = next(iter(SORTS))


def filtered(cases: pd.DataFrame, filters: Filters, notes: dict[int, Note]) -> pd.DataFrame:
    """The cases that pass every filter, sorted."""
    keep = pd.Series(True, index=cases.index)
    if filters.kind == MISTAKEN:
        keep &= cases["kind"].isin(summary.MISTAKE_NAMES)
    elif filters.kind != ANY:
        keep &= cases["kind"] == filters.kind
    for column, wanted in (("gold_type", filters.gold_type), ("found_type", filters.found_type)):
        if wanted == summary.NOT_A_NAME:
            keep &= cases[column].isna() & cases["kind"].isin(summary.JUDGED)
        elif wanted != ANY:
            keep &= (cases[column] == wanted) & cases["kind"].isin([*summary.JUDGED, KINDS["unjudged"]])
    if filters.picture != ANY:
        keep &= cases["outcome"] == filters.picture
    if filters.column != NO_SLICE and filters.value != ANY:
        key = next(key for key, name in SLICES.items() if name == filters.column)
        keep &= cases[key] == filters.value
    if filters.tenth != ANY:
        tenth = TENTHS.index(filters.tenth)
        keep &= (cases["confidence"] * 10).clip(upper=9.99).floordiv(1) == tenth
    if filters.tag != ANY:
        keep &= pd.Series([filters.tag in notes.get(index, Note()).tags for index in cases.index], index=cases.index)
    if filters.text.strip():
        keep &= cases["text"].str.contains(filters.text.strip(), case=False, regex=False)
    by, ascending = SORTS[filters.sort]
    return cases[keep].sort_values(by, ascending=ascending, kind="stable", na_position="last")


def page_of(shown: pd.DataFrame, page: int) -> pd.DataFrame:
    """The rows of a page, from 1."""
    return shown.iloc[(page - 1) * PAGE : page * PAGE]


def pages(shown: pd.DataFrame) -> int:
    """How many pages there are, at least one."""
    return max(1, -(-len(shown) // PAGE))


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


def mistake(what: str, message: str) -> str:
    """A user's mistake, as HTML that screen readers announce."""
    return f'<div class="mistake" role="alert"><strong>{what}</strong> {html.escape(message)}</div>'


def count_sentence(job: Job, shown: pd.DataFrame, page: int) -> str:
    """How much of the run the table shows."""
    of = f"{len(shown):,} of {len(job.cases):,} rows, one a name (or a tweet without any)"
    return f'<p role="status">{of}; page {page} of {pages(shown)}. Choose a row to see all readings of its tweet.</p>'


def head(job: Job) -> str:
    """What was run, and what was wrong with the data, as HTML."""
    assert job.run is not None
    header, read = job.run.header, len(job.run.records)
    rest = header.tweets - read
    stopped = f" It was stopped: {rest:,} tweets are not read yet." if rest else ""
    parts = [
        f"<p><strong>{html.escape(header.data)}</strong>: {read:,} of {header.tweets:,} tweets, checkpoint "
        f"{html.escape(header.checkpoint)}, gate {html.escape(str(header.gate))}.{stopped}</p>"
    ]
    if header.problems:
        items = "".join(f"<li>{html.escape(problem)}</li>" for problem in header.problems)
        count = f"{len(header.problems):,} problem{'s' if len(header.problems) > 1 else ''}"
        parts.append(f"<details><summary>{count} with the data</summary><ul>{items}</ul></details>")
    if not any(record.labels is not None for record in job.run.records):
        parts.append("<p class='notice'>Nothing is annotated here: names are listed, and none is right or wrong.</p>")
    return "".join(parts)


def progress_bar(job: Job) -> str:
    """Bar, speed and time left of a run that is going on, as HTML."""
    progress = job.progress
    if progress is None:
        return f"<p role='status'>{html.escape(job.told)}</p>"
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


def detail(job: Job, number: int) -> str:
    """All readings of the tweet of a case, and its probabilities, as HTML."""
    case = job.cases.loc[number]
    record = job.record(case["row"])
    source = thumbnail(job.picture(record.row), 360)
    image = "<p class='empty'>No picture here.</p>"
    if source is not None:
        image = f'<img src="{source}" alt="The picture of this tweet">'
    lines = []
    if record.labels is not None:
        lines.append(("As annotated", record.gold))
    lines += [("Found with its picture", record.own), ("Found without a picture", record.without)]
    if record.swapped is not None:
        lines.append(("Found with another tweet’s picture", record.swapped))
    rows = "".join(f"<dt>{title}</dt><dd>{tweet(record, spans)}</dd>" for title, spans in lines)
    both = dict.fromkeys([case["gold_span"], case["found_span"]])
    chances = "".join(_chance_row(record, span) for span in both if span is not None)
    table = (
        '<div class="compare-box" tabindex="0" role="group" aria-label="Probabilities"><table class="compare">'
        "<caption>Probability (0 to 1) of exactly these words with exactly this type</caption><thead><tr>"
        '<th scope="col">Name</th><th scope="col">with its picture</th><th scope="col">without</th>'
        f'<th scope="col">another’s picture</th></tr></thead><tbody>{chances}</tbody></table></div>'
        if chances
        else ""
    )
    told = html.escape(f"{picture_words(case)} {relation_words(record)}")
    return (
        f"<h3>Row {number + 1}: {html.escape(case['kind'])}</h3><p>{told}</p>"
        f'<div class="errors-detail"><div>{image}</div><dl>{rows}</dl></div>{table}'
    )


def _chance_row(record: Record, span: Span) -> str:
    chance: Chance = record.chance(span)
    swapped = "–" if chance.swapped is None else f"{chance.swapped:.3f}"
    return (
        f'<tr><th scope="row">{html.escape(record.name(span))} as {type_words(span[2])}</th><td>{chance.own:.3f}</td>'
        f"<td>{chance.without:.3f}</td><td>{swapped}</td></tr>"
    )


def picture_words(case: pd.Series) -> str:
    """What the picture did to a case."""
    if pd.isna(case["gain"]):
        return ""
    size = f"by {abs(case['gain']):.3f}"
    if pd.isna(case["outcome"]):
        return f"With its picture this name is {'more' if case['gain'] > 0 else 'less'} probable, {size}."
    if abs(case["gain"]) < LITTLE:
        moved = f"It moved the probability by less than {LITTLE}"
    else:
        moved = f"It moved the probability {'towards' if case['gain'] > 0 else 'away from'} what is right, {size}"
    outcome = {
        "helped": "The picture made this right: without it, it is wrong.",
        "hurt": "The picture made this wrong: without it, it is right.",
        "changed nothing": "With and without the picture this is equally right or wrong.",
    }[case["outcome"]]
    return f"{outcome} {moved}."


def relation_words(record: Record) -> str:
    """The relation as the model sees it, and as annotated."""
    if record.picture is None:
        return "The tweet has no picture."
    parts = []
    if record.belongs is not None:
        parts.append(f"P(the picture belongs to the text) = {record.belongs:.2f}.")
    if record.adds is not None and record.shows is not None:
        parts.append(f"P(adds) = {record.adds:.2f}, P(shows the text) = {record.shows:.2f}, gate {record.gate:.2f}.")
    gold = relation_name(record.image_adds, record.text_represented)
    if gold is not None:
        assert gold in RELATION_NAMES.values()
        parts.append(f"Annotated: the picture {gold}.")
    return " ".join(parts)


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


def tags_of(job: Job) -> list[str]:
    """What the tag filter offers."""
    return [ANY, *sorted({tag for note in job.notes.values() for tag in note.tags})]
