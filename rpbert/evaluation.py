"""Strict and lenient F1 of the names, and what the relation outputs are worth (the paper's first task).

`seqeval` scores the names: strict counts only valid IOB2 spans (the convention of Twitter-2015 papers differs, since
its annotation has spans that begin with I-), lenient is the CoNLL-2003 script's reading, where these count too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.configuration import ENTITY_TYPES
from rpbert.data import Example
from rpbert.gates import Gate
from rpbert.modeling import RpBert, RpBertOutput
from rpbert.processing import collate_pieces, to_pieces

SWAPS = 4  # each tweet's own picture is held against those of the next four tweets of the file

# Regions (B, 49, C) of the pictures of some examples.
Regions = Callable[[Sequence[Example]], Tensor]


@dataclass(frozen=True)
class Prediction:
    """What the model says of one tweet; probabilities are None without a picture."""

    labels: tuple[str, ...]
    image_adds: float | None
    text_represented: float | None
    similarity: float | None  # cosine of the matching vectors, None too for a model without them


@torch.no_grad()
def predict(
    model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    regions: Regions | None = None,
    gate: Gate = "soft",
    pictures: Sequence[Example] | None = None,
    batch_size: int = 32,
) -> list[Prediction]:
    """Predictions in the order of `examples`.

    Args:
        regions: where pictures come from; None runs text only.
        pictures: take the picture of this example instead, one for each (for swapped pairs), and find the relation
            only: `labels` stay empty.
    """
    model.eval()
    pieces = [to_pieces(tokenizer, example.words, model.config.max_pieces) for example in examples]
    sources = pictures or examples
    seen = [regions is not None and source.picture is not None for source in sources]
    found: dict[int, Prediction] = {}
    for pictured in (True, False):  # never in one batch: a neighbour's missing picture is not one's own
        group = [index for index in range(len(examples)) if seen[index] == pictured]
        group.sort(key=lambda index: len(pieces[index].input_ids))
        for begin in range(0, len(group), batch_size):
            rows = group[begin : begin + batch_size]
            batch = collate_pieces([pieces[row] for row in rows])
            if pictures is not None:
                del batch["word_index"]
            if regions is not None and pictured:
                batch["regions"] = regions([sources[row] for row in rows])
            output = model(**{name: tensor.to(model.device) for name, tensor in batch.items()}, gate=gate)
            for index, row in enumerate(rows):
                found[row] = _prediction(model, output, index, len(examples[row].words))
    return [found[index] for index in range(len(examples))]


def _prediction(model: RpBert, output: RpBertOutput, row: int, words: int) -> Prediction:
    labels: list[str] = []
    if output.emissions is not None and output.word_mask is not None:
        (path,) = model.crf.viterbi(output.emissions[row : row + 1], output.word_mask[row : row + 1])
        labels = [model.config.labels[label] for label in path]
        labels += ["O"] * (words - len(labels))  # words that did not fit
    if output.image_adds_logits is None or output.text_represented_logits is None:
        return Prediction(tuple(labels), None, None, None)
    similarity = None
    if output.text_vector is not None and output.picture_vector is not None:
        similarity = float(output.text_vector[row] @ output.picture_vector[row])
    return Prediction(
        labels=tuple(labels),
        image_adds=float(output.image_adds_logits[row].softmax(0)[1]),
        text_represented=float(output.text_represented_logits[row].softmax(0)[1]),
        similarity=similarity,
    )


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
    """AUC, and accuracy and F1 at the threshold 0.5, with counts; AUC is None when only one class is there."""
    decided = [int(probability > 0.5) for probability in probabilities]
    return {
        "auc": float(roc_auc_score(labels, probabilities)) if len(set(labels)) == 2 else None,
        "accuracy": float(accuracy_score(labels, decided)),
        "f1": float(f1_score(labels, decided, zero_division=0)),
        "n": len(labels),
        "positive": int(sum(labels)),
    }


def relatedness(prediction: Prediction) -> float:
    """How strongly the relation outputs relate a picture to its tweet at all: P(adds or shows), were the two
    independent."""
    assert prediction.image_adds is not None
    assert prediction.text_represented is not None
    return 1 - (1 - prediction.image_adds) * (1 - prediction.text_represented)


def swapped_scores(own: Sequence[Prediction], swapped: Sequence[Sequence[Prediction]]) -> dict[str, Any]:
    """True-versus-swapped AUC by each score: every pair against its tweet with the pictures of the next `SWAPS`."""
    others = [prediction for shift in swapped for prediction in shift]
    truth = [1] * len(own) + [0] * len(others)
    scores: dict[str, Callable[[Prediction], Any]] = {
        "related": relatedness,
        "image_adds": lambda prediction: prediction.image_adds,
        "text_represented": lambda prediction: prediction.text_represented,
        "similarity": lambda prediction: prediction.similarity,
    }
    found = {}
    for name, score in scores.items():
        values = [score(prediction) for prediction in [*own, *others]]
        if None not in values:
            found[name] = float(roc_auc_score(truth, np.array(values, dtype=float)))
    return found


def evaluate(
    model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    regions: Regions | None = None,
    gate: Gate = "soft",
) -> dict[str, Any]:
    """All figures that the labels of `examples` allow; see README for what each key means."""
    own = predict(model, tokenizer, examples, regions, gate)
    result: dict[str, Any] = {"tweets": len(examples), "gate": gate, "pictures": regions is not None}
    named = [index for index, example in enumerate(examples) if example.labels is not None]
    if named:
        result["ner"] = ner_scores([examples[i].labels or () for i in named], [own[i].labels for i in named])
    if regions is not None:
        pictured = [index for index, example in enumerate(examples) if example.picture is not None]
        relation = _relation_scores([examples[i] for i in pictured], [own[i] for i in pictured])
        if len(pictured) > SWAPS:
            tweets = [examples[index] for index in pictured]
            shifts = [[*tweets[shift:], *tweets[:shift]] for shift in range(1, SWAPS + 1)]
            swapped = [predict(model, tokenizer, tweets, regions, gate, pictures=shift) for shift in shifts]
            by = swapped_scores([own[index] for index in pictured], swapped)
            # The headline is by what was trained for this comparison, where the model has it.
            relation |= {"swapped_auc": by.get("similarity", by["related"]), "swapped_auc_by": by}
        if relation:
            result["relation"] = relation
    return result


def _relation_scores(examples: Sequence[Example], own: Sequence[Prediction]) -> dict[str, Any]:
    scores = {}
    for task in ("image_adds", "text_represented"):
        known = [index for index, example in enumerate(examples) if getattr(example, task) is not None]
        if known:
            labels = [getattr(examples[index], task) for index in known]
            scores[task] = binary_scores(labels, [getattr(own[index], task) for index in known])
    return scores
