"""All cases of a run as a pandas table, one row a name, with the slices that each belongs to as columns of words."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import regex

from rpbert.evaluation.mistakes import EFFECTS, KINDS, Case, cases_of
from rpbert.evaluation.records import Record, Run
from rpbert.model.crf import Span
from rpbert.model.scene_text import shared_words

GATE_EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
NO_PICTURE = "no picture"
UNRELATED = "does not belong to the text"
RELATION_NAMES = {
    (True, True): "shows the text, adds",
    (True, False): "does not show the text, adds",
    (False, True): "shows the text, adds nothing",
    (False, False): "does not show the text, adds nothing",
}
# What the columns of slices are called where a person reads them. A value None means: not known of this one.
TWEET_SLICES = {
    "relation": "relation, as the model sees it",
    "relation_gold": "relation, as annotated",
    "gate": "gate",
    "length": "length of the tweet",
    "hashtags": "hashtags",
    "language": "language",
}
NAME_SLICES = {  # known of annotated names only
    "visible": "name depicted",
    "seen": "name in the training file",
    "in_scene": "name in the picture as words",
}
SLICES = {**TWEET_SLICES, **NAME_SLICES}


def gate_bin(record: Record) -> str:
    """Which fifth of 0..1 the gate is in."""
    if record.picture is None:
        return NO_PICTURE
    upper = next(index for index, edge in enumerate(GATE_EDGES[1:], 1) if record.gate <= edge or edge == 1.0)
    return f"{GATE_EDGES[upper - 1]:.1f} to {GATE_EDGES[upper]:.1f}"


def length_bin(words: int) -> str:
    """Which third of what tweets are, in words."""
    return "1 to 10 words" if words <= 10 else "11 to 20 words" if words <= 20 else "more than 20 words"


def relation_name(adds: float | None, shows: float | None) -> str | None:
    """The four text-image relations (Vempala and Preotiuc-Pietro, ACL 2019), from labels or probabilities."""
    return None if adds is None or shows is None else RELATION_NAMES[adds > 0.5, shows > 0.5]


def relation_seen(record: Record) -> str:
    """What the model takes the pair for."""
    if record.belongs is not None and record.belongs <= 0.5:
        return UNRELATED
    return relation_name(record.adds, record.shows) or NO_PICTURE


def language(record: Record) -> str | None:
    """As far as the data set says."""
    return None if record.english is None else "English" if record.english else "another language"


TWEET_VALUES: dict[str, Callable[[Record], str | None]] = {
    "relation": relation_seen,
    "relation_gold": lambda record: relation_name(record.image_adds, record.text_represented),
    "gate": gate_bin,
    "length": lambda record: length_bin(len(record.offsets)),
    "hashtags": lambda record: "with a hashtag" if regex.search(r"#\w", record.text) else "without a hashtag",
    "language": language,
}


def name_value(record: Record, column: str, span: Span) -> str | None:
    """The value of an annotated name in a column of `NAME_SLICES`."""
    if column == "visible":
        visible = None if record.visible is None else record.visible[span[0]]
        return None if visible is None else "depicted" if visible else "not depicted"
    if column == "seen":
        if record.seen is None:
            return None
        return "in the training file" if record.seen[record.gold.index(span)] else "not in the training file"
    if not record.scene:  # nobody looked, or there are no words in the picture at all
        return None
    shared = {word for line in record.scene for word in shared_words(record.words, line)}
    there = any(word in shared for word in range(span[0], span[1]))
    return "stands in the picture" if there else "does not stand in the picture"


def case_table(run: Run) -> pd.DataFrame:
    """One row a case, in the order of the data set; the index is the case's number from 0."""
    rows = [_row(record, case) for record in run.records for case in cases_of(record)]
    table = pd.DataFrame(rows)
    for column in ("confidence", "p_gold", "gain", "gain_over_other", "loss", "gate_value"):
        table[column] = pd.to_numeric(table[column]).astype(np.float64)
    return table


def _row(record: Record, case: Case) -> dict[str, object]:
    gold, found = case.gold, case.found
    values: dict[str, object] = {
        "row": record.row,
        "id": record.id,
        "text": record.text,
        "kind": KINDS[case.kind],
        "gold": None if gold is None else record.name(gold),
        "gold_type": None if gold is None else gold[2],
        "found": None if found is None else record.name(found),
        "found_type": None if found is None else found[2],
        # of what was found; of a missed name there is none, and an avoided one was not found with its picture
        "confidence": None if found is None or case.kind == "avoided" else record.chance(found).own,
        "p_gold": None if gold is None else record.chance(gold).own,
        "outcome": None if case.outcome is None else EFFECTS[case.outcome],
        "moved": None if case.moved is None else EFFECTS[case.moved],
        "gain": case.gain,
        "gain_over_other": case.gain_over_other,
        "loss": record.loss,
        "gate_value": record.gate if record.picture is not None else None,
        "picture": record.picture,
        "gold_span": gold,
        "found_span": found,
    }
    values |= {column: value(record) for column, value in TWEET_VALUES.items()}
    values |= {column: None if gold is None else name_value(record, column, gold) for column in NAME_SLICES}
    return values
