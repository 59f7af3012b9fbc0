"""The row that is open: all readings of its tweet, as HTML; people's words are escaped."""

import html

import pandas as pd

from rpbert.evaluation.case_table import RELATION_NAMES, relation_name
from rpbert.evaluation.html_report import thumbnail
from rpbert.evaluation.mistakes import LITTLE
from rpbert.evaluation.records import Chance, Record
from rpbert.model.crf import Span
from rpbert.ui.errors.jobs import Job
from rpbert.ui.errors.view import tweet, type_words


def row_detail(job: Job, number: int) -> str:
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
