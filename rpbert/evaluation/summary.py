"""What a run comes to: scores with intervals, counts of mistakes, what the picture did, confusion, calibration."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from seqeval.scheme import IOB2, Entities

from rpbert.evaluation.case_table import GATE_EDGES, NO_PICTURE
from rpbert.evaluation.mistakes import EFFECTS, KINDS, MISTAKES
from rpbert.evaluation.records import Record
from rpbert.evaluation.slices import INTERVAL, f1_of, resampled
from rpbert.model.configuration import ENTITY_TYPES
from rpbert.model.crf import Span

RESAMPLES = 4_000
NOT_A_NAME = "not a name"
MISTAKE_NAMES = [KINDS[kind] for kind in MISTAKES]
JUDGED = [*MISTAKE_NAMES, KINDS["correct"]]
CALIBRATION_EDGES = np.linspace(0, 1, 11)
GATES = (NO_PICTURE, *(f"{low:.1f} to {high:.1f}" for low, high in itertools.pairwise(GATE_EDGES)))
READINGS = {"own": "its own picture", "without": "no picture", "swapped": "another tweet's picture"}


def strict_spans(labels: Sequence[str]) -> set[Span]:
    """The spans that a strict IOB2 scorer counts: those that begin with B-."""
    return {(entity.start, entity.end, entity.tag) for entity in Entities([list(labels)], IOB2).entities[0]}


def metrics(records: Sequence[Record], seed: int = 0) -> pd.DataFrame:
    """Precision, recall and F1 with its 95 % interval, strict and lenient, over all types and per type.

    Strict leaves out annotated names that begin with I-, lenient counts them; see `rpbert.evaluation.metrics`.
    """
    labelled = [record for record in records if record.labels is not None]
    rows = []
    for scoring in ("strict", "lenient"):
        gold = [strict_spans(record.labels or ()) if scoring == "strict" else set(record.gold) for record in labelled]
        found = [set(record.own) for record in labelled]
        for kind in ("all", *ENTITY_TYPES):
            counts = _counts(gold, found, kind)
            correct, predicted, annotated = counts.sum(0)
            low, high = np.percentile(f1_of(resampled(counts, RESAMPLES, seed)), INTERVAL)
            rows.append(
                {
                    "scoring": scoring,
                    "type": kind,
                    "precision": correct / max(predicted, 1),
                    "recall": correct / max(annotated, 1),
                    "F1": float(f1_of(counts.sum(0))),
                    "low": low,
                    "high": high,
                    "annotated": int(annotated),
                    "found": int(predicted),
                }
            )
    return pd.DataFrame(rows)


def _counts(gold: Sequence[set[Span]], found: Sequence[set[Span]], kind: str) -> np.ndarray:
    """Correct, found and annotated names of each tweet (N, 3), of one type or of all."""
    chosen = [
        ({span for span in one if kind in ("all", span[2])}, {span for span in other if kind in ("all", span[2])})
        for one, other in zip(gold, found, strict=True)
    ]
    return np.array([(len(one & other), len(other), len(one)) for one, other in chosen])


def readings(records: Sequence[Record], seed: int = 0) -> pd.DataFrame:
    """Lenient F1 of the three readings, of the labelled tweets that have all, and own minus each with its interval."""
    complete = [record for record in records if record.labels is not None and record.swapped is not None]
    if not complete:
        return pd.DataFrame(columns=["reading", "F1", "own minus this", "low", "high"])
    gold = [set(record.gold) for record in complete]
    counts = np.stack(
        [_counts(gold, [set(getattr(record, name)) for record in complete], "all") for name in READINGS], axis=1
    )  # (N, 3 readings, 3)
    scores, drawn = f1_of(counts.sum(0)), f1_of(resampled(counts, RESAMPLES, seed))
    rows = []
    for index, name in enumerate(READINGS.values()):
        low, high = np.percentile(drawn[:, 0] - drawn[:, index], INTERVAL)
        rows.append(
            {
                "reading": name,
                "F1": scores[index],
                "own minus this": scores[0] - scores[index],
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows)


def kind_counts(cases: pd.DataFrame) -> pd.DataFrame:
    """How many names there are of each kind of mistake."""
    counts = cases["kind"].value_counts()
    return pd.DataFrame({"kind": MISTAKE_NAMES, "names": [int(counts.get(name, 0)) for name in MISTAKE_NAMES]})


def picture_by_gate(cases: pd.DataFrame, by: str) -> pd.DataFrame:
    """How many names the picture helped, hurt or left alone, by the gate; `by` is "outcome" or "moved"."""
    judged = cases[cases[by].notna()]
    counts = judged.groupby(["gate", by]).size()
    rows = [
        {"gate": gate, "picture": effect, "names": int(counts.get((gate, effect), 0))}
        for gate in GATES[1:]
        for effect in EFFECTS.values()
    ]
    return pd.DataFrame(rows)


def picture_sentence(cases: pd.DataFrame) -> str:
    """What the pictures did to the names, in one sentence."""
    counts = cases["outcome"].value_counts()
    helped, hurt, neutral = (int(counts.get(effect, 0)) for effect in EFFECTS.values())
    total = helped + hurt + neutral
    if not total:
        return "No annotated tweet has a picture, so nothing can be said of what pictures do."
    moved = cases["moved"].value_counts()
    return (
        f"Of {total} names, the picture turned {helped} from wrong to right and {hurt} from right to wrong; {neutral} "
        f"came out the same. In probability, it moved {int(moved.get('helped', 0))} towards what is right and "
        f"{int(moved.get('hurt', 0))} away from it, by 0.05 or more."
    )


def confusion(cases: pd.DataFrame) -> pd.DataFrame:
    """Annotated type (rows) by found type (columns), names that lack the other side under "not a name".

    A name that was found with other words counts by its types.
    """
    judged = cases[cases["kind"].isin(JUDGED)]
    kinds = [*ENTITY_TYPES, NOT_A_NAME]
    pairs = pd.crosstab(judged["gold_type"].fillna(NOT_A_NAME), judged["found_type"].fillna(NOT_A_NAME))
    return pairs.reindex(index=kinds, columns=kinds, fill_value=0)


def calibration(cases: pd.DataFrame) -> pd.DataFrame:
    """Mean confidence and share exactly right of the names found, by tenths of the confidence; empty tenths are left
    out."""
    found = cases[cases["confidence"].notna() & (cases["kind"] != KINDS["unjudged"])]
    tenth = np.clip(np.digitize(found["confidence"], CALIBRATION_EDGES) - 1, 0, 9)
    rows = []
    for index in sorted(set(tenth)):
        members = found[tenth == index]
        rows.append(
            {
                "confidence": members["confidence"].mean(),
                "right": (members["kind"] == KINDS["correct"]).mean(),
                "names": len(members),
                "low": CALIBRATION_EDGES[index],
                "high": CALIBRATION_EDGES[index + 1],
            }
        )
    return pd.DataFrame(rows, columns=["confidence", "right", "names", "low", "high"])


def relations(records: Sequence[Record]) -> dict[str, dict[str, Any]]:
    """AUC, accuracy, F1 and calibration error of each relation that is annotated, of tweets with a picture."""
    # With it comes scikit-learn: half a second that the start of the app need not wait for.
    from rpbert.evaluation.metrics import binary_scores  # noqa: PLC0415

    scores = {}
    for name, label, probability in (
        ("the picture adds", "image_adds", "adds"),
        ("the picture shows the text", "text_represented", "shows"),
    ):
        known = [r for r in records if getattr(r, label) is not None and getattr(r, probability) is not None]
        if known:
            scores[name] = binary_scores([getattr(r, label) for r in known], [getattr(r, probability) for r in known])
    return scores
