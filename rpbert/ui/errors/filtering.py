"""Which cases the table shows, in which order, and on which page: plain functions, without gradio."""

from dataclasses import dataclass

import pandas as pd

from rpbert.evaluation import summary
from rpbert.evaluation.case_table import SLICES
from rpbert.evaluation.html_report import Note
from rpbert.evaluation.mistakes import KINDS
from rpbert.ui.errors.jobs import Job

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


def tags_of(job: Job) -> list[str]:
    """What the tag filter offers."""
    return [ANY, *sorted({tag for note in job.notes.values() for tag in note.tags})]
