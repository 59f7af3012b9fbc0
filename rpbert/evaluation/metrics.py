"""Strict and lenient F1 of the names, and what the relation outputs are worth (the paper's first task).

`seqeval` scores the names: strict counts only valid IOB2 spans (the convention of Twitter-2015 papers differs, since
its annotation has spans that begin with I-), lenient is the CoNLL-2003 script's reading, where these count too.
"""

from collections.abc import Sequence
from typing import Any

from seqeval.metrics import classification_report
from seqeval.scheme import IOB2
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Caption, Example
from rpbert.evaluation.calibration import exactly_right, expected_calibration_error
from rpbert.evaluation.prediction import Prediction, Regions, predict
from rpbert.model.configuration import ENTITY_TYPES
from rpbert.model.gates import Gate
from rpbert.model.modeling import RpBert
from rpbert.model.texts import split_words

SCORES = ("belongs", "similarity", "gate", "image_adds", "text_represented")  # fields of `Prediction`
SWAPS = 4  # each tweet's own picture is held against those of the next four tweets of the file


def ner_scores(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, Any]:
    """`strict` and `lenient`, each precision, recall and f1 over all types and per type, with gold counts."""
    scores: dict[str, Any] = {"tweets": len(gold)}
    truth, found = [list(labels) for labels in gold], [list(labels) for labels in predicted]
    settings: dict[str, dict[str, Any]] = {"strict": {"mode": "strict", "scheme": IOB2}, "lenient": {}}
    for name, setting in settings.items():
        report = classification_report(truth, found, output_dict=True, zero_division=0, **setting)
        total = _figures(report["micro avg"])
        scores[name] = {**total, "per_type": {kind: _figures(report.get(kind, {})) for kind in ENTITY_TYPES}}
    return scores


def _figures(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "precision": float(row.get("precision", 0.0)),
        "recall": float(row.get("recall", 0.0)),
        "f1": float(row.get("f1-score", 0.0)),
        "gold": int(row.get("support", 0)),
    }


def binary_scores(labels: Sequence[int], probabilities: Sequence[float]) -> dict[str, Any]:
    """AUC, accuracy and F1 at the threshold 0.5, calibration error (`ece`), counts; AUC is None for one class alone."""
    decided = [int(probability > 0.5) for probability in probabilities]
    return {
        "auc": _auc(labels, probabilities),
        "accuracy": float(accuracy_score(labels, decided)),
        "f1": float(f1_score(labels, decided, zero_division=0)),
        "ece": expected_calibration_error(probabilities, labels),
        "n": len(labels),
        "positive": int(sum(labels)),
    }


def _auc(labels: Sequence[int], scores: Sequence[float]) -> float | None:
    return float(roc_auc_score(labels, scores)) if len(set(labels)) == 2 else None


def swapped_scores(own: Sequence[Prediction], swapped: Sequence[Sequence[Prediction]]) -> dict[str, float | None]:
    """True-versus-swapped AUC by each score: every pair against its tweet with the pictures of the next `SWAPS`."""
    others = [prediction for shift in swapped for prediction in shift]
    return auc_by_score([1] * len(own) + [0] * len(others), [*own, *others])


def auc_by_score(truth: Sequence[int], predictions: Sequence[Prediction]) -> dict[str, float | None]:
    """AUC by each score that tells whether a picture belongs to its text (`truth` 1) and that the model has."""
    found = {}
    for name in SCORES:
        values = [getattr(prediction, name) for prediction in predictions]
        if None not in values:
            found[name] = _auc(truth, values)
    return found


def _headline(by: dict[str, float | None]) -> float | None:
    """The AUC by the first of `SCORES` that the model has: it was trained for this comparison."""
    return next(by[name] for name in SCORES if name in by)


def gate_swapped_auc_where_adds(
    examples: Sequence[Example], own: Sequence[Prediction], swapped: Sequence[Sequence[Prediction]]
) -> float | None:
    """True-versus-swapped AUC of the soft gate over the tweets whose own picture adds: those that have something to
    lose by a wrong gate. None where none is known to add."""
    adding = [index for index, example in enumerate(examples) if example.image_adds == 1]
    pairs = [own[index] for index in adding], [[shift[index] for index in adding] for shift in swapped]
    return swapped_scores(*pairs).get("gate") if adding else None


def name_calibration(gold: Sequence[Sequence[str]], predictions: Sequence[Prediction]) -> float | None:
    """Expected calibration error of the confidences of all spans found; None when there are none."""
    right = [
        hit
        for labels, prediction in zip(gold, predictions, strict=True)
        for hit in exactly_right(labels, prediction.labels)
    ]
    claimed = [confidence for prediction in predictions for confidence in prediction.confidences]
    return expected_calibration_error(claimed, right) if claimed else None


def evaluate(
    model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    regions: Regions | None = None,
    gate: Gate = "soft",
) -> dict[str, Any]:
    """All figures that the labels of `examples` allow; docs/results.md says what they mean."""
    own = predict(model, tokenizer, examples, regions, gate)
    result: dict[str, Any] = {"tweets": len(examples), "gate": gate, "pictures": regions is not None}
    named = [index for index, example in enumerate(examples) if example.labels is not None]
    if named:
        gold, found = [examples[i].labels or () for i in named], [own[i] for i in named]
        result["ner"] = ner_scores(gold, [prediction.labels for prediction in found])
        result["ner"]["ece"] = name_calibration(gold, found)
    if regions is not None:
        pictured = [index for index, example in enumerate(examples) if example.picture is not None]
        relation = _relation_scores([examples[i] for i in pictured], [own[i] for i in pictured])
        if len(pictured) > SWAPS:
            tweets = [examples[index] for index in pictured]
            shifts = [[*tweets[shift:], *tweets[:shift]] for shift in range(1, SWAPS + 1)]
            swapped = [predict(model, tokenizer, tweets, regions, gate, pictures=shift) for shift in shifts]
            mine = [own[index] for index in pictured]
            by = swapped_scores(mine, swapped)
            relation |= {"swapped_auc": _headline(by), "swapped_auc_by": by}
            relation["gate_swapped_auc_where_adds"] = gate_swapped_auc_where_adds(tweets, mine, swapped)
            if "belongs" in by:
                relation["belongs"] = _belongs_scores(mine, swapped, model.config.belongs_prior)
        if relation:
            result["relation"] = relation
    return result


def evaluate_captions(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, captions: Sequence[Caption], regions: Regions
) -> dict[str, Any]:
    """How well captions of their own photograph are told from captions of another; no gate has a part in it."""
    examples = [
        Example(str(number), tuple(word.text for word in split_words(caption.text)), picture=caption.picture)
        for number, caption in enumerate(captions, start=1)
    ]
    truth = [int(caption.match) for caption in captions]
    by = auc_by_score(truth, predict(model, tokenizer, examples, regions, pictures=examples))
    matched = {"auc": _headline(by), "n": len(truth), "positive": sum(truth)}
    return {"captions": len(captions), "relation": {"matched": matched, "matched_auc_by": by}}


def _relation_scores(examples: Sequence[Example], own: Sequence[Prediction]) -> dict[str, Any]:
    """Of own pictures, given that they belong."""
    scores = {}
    for task in ("image_adds", "text_represented"):
        known = [index for index, example in enumerate(examples) if getattr(example, task) is not None]
        if known:
            labels = [getattr(examples[index], task) for index in known]
            scores[task] = binary_scores(labels, [getattr(own[index], task) for index in known])
    return scores


def _belongs_scores(
    own: Sequence[Prediction], swapped: Sequence[Sequence[Prediction]], prior: float
) -> dict[str, float]:
    """Calibration of P(belongs): own and swapped pictures weighted so that `prior` is the share of own ones."""
    others = [prediction for shift in swapped for prediction in shift]
    claimed = [prediction.belongs or 0.0 for prediction in (*own, *others)]
    true = [1] * len(own) + [0] * len(others)
    weights = [prior / len(own)] * len(own) + [(1 - prior) / len(others)] * len(others)
    return {"ece": expected_calibration_error(claimed, true, weights=weights), "prior": prior}
