"""What a model says of many tweets, in batches, in the order they were asked for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example
from rpbert.model.crf import Crf, Span, spans_of
from rpbert.model.gates import Gate
from rpbert.model.inputs import scene_tensors
from rpbert.model.modeling import RpBert
from rpbert.model.outputs import Relation, RpBertOutput
from rpbert.model.texts import collate_pieces, to_pieces

BATCH = 32

# Regions (B, 49, C) of the pictures of some examples.
Regions = Callable[[Sequence[Example]], Tensor]


@dataclass(frozen=True)
class Prediction:
    """What the model says of one tweet; probabilities are None without a picture."""

    labels: tuple[str, ...]
    confidences: tuple[float, ...]  # P of each of `spans_of(labels)`, exactly these words with exactly this type
    belongs: float | None = None  # None too for a model that does not ask
    image_adds: float | None = None  # given that the picture belongs
    text_represented: float | None = None  # given that it belongs
    gate: float | None = None  # the soft gate: P(belongs and adds)
    similarity: float | None = None  # cosine of the matching vectors, None too for a model without them


@torch.no_grad()
def predict(
    model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    regions: Regions | None = None,
    gate: Gate = "soft",
    pictures: Sequence[Example] | None = None,
    batch_size: int = BATCH,
) -> list[Prediction]:
    """Predictions in the order of `examples`.

    Args:
        regions: where pictures come from; None runs text only.
        pictures: take the picture of this example instead, one for each (for swapped pairs), and find the relation
            only: `labels` and `confidences` stay empty.
    """
    found: dict[int, Prediction] = {}
    for rows, output in outputs(model, tokenizer, examples, regions, gate, pictures, batch_size):
        names = _names(model, output) or [((), ())] * len(rows)
        for index, row in enumerate(rows):
            labels, confidences = names[index]
            if labels:
                labels += ("O",) * (len(examples[row].words) - len(labels))  # words that did not fit
            found[row] = Prediction(labels, confidences, *relation_of(output.relation, index))
    return [found[index] for index in range(len(examples))]


def outputs(
    model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    regions: Regions | None = None,
    gate: Gate = "soft",
    pictures: Sequence[Example] | None = None,
    batch_size: int = BATCH,
) -> Iterator[tuple[list[int], RpBertOutput]]:
    """The model's output for batches of tweets of about one length, and which of `examples` the rows are.

    Arguments as for `predict`. Leaves the model in eval mode.
    """
    model.eval()
    pieces = [to_pieces(tokenizer, example.words, model.config.max_pieces) for example in examples]
    sources = pictures or examples
    seen = [regions is not None and source.picture is not None for source in sources]
    for pictured in (True, False):  # never in one batch: a neighbour's missing picture is not one's own
        group = [index for index in range(len(examples)) if seen[index] == pictured]
        group.sort(key=lambda index: len(pieces[index].input_ids))
        for begin in range(0, len(group), batch_size):
            rows = group[begin : begin + batch_size]
            batch = collate_pieces([pieces[row] for row in rows])
            if pictures is not None:
                del batch["word_index"]
            else:
                batch |= model.word_features.inputs([examples[row].words[: pieces[row].words] for row in rows])
            if regions is not None and pictured:
                chosen = [sources[row] for row in rows]
                batch["regions"] = regions(chosen)
                if model.config.scene_text:
                    tweets = [(examples[row].words, pieces[row]) for row in rows]
                    lines = [source.scene for source in chosen]
                    batch |= scene_tensors(tokenizer, model.config.scene_pieces, tweets, lines)
            yield rows, model(**{name: tensor.to(model.device) for name, tensor in batch.items()}, gate=gate)


def _names(model: RpBert, output: RpBertOutput) -> list[tuple[tuple[str, ...], tuple[float, ...]]]:
    """Labels and confidences of each row; nothing when pass 2 was left out."""
    if output.emissions is None or output.word_mask is None:
        return []
    labels = best_labels(model.crf, output.emissions, output.word_mask)
    spans = [spans_of(row) for row in labels]
    confidences = log_confidences(model.crf, output.emissions, output.word_mask, spans).exp().clamp(max=1.0)
    per_row = confidences.split([len(row) for row in spans])
    return [(names, tuple(values.tolist())) for names, values in zip(labels, per_row, strict=True)]


def relation_of(relation: Relation | None, row: int) -> tuple[float | None, ...]:
    """What pass 1 says of a row, in the order of `Prediction`."""
    if relation is None:
        return ()
    belongs = None if relation.belongs is None else _yes(relation.belongs, row)
    cosine = None if relation.cosine is None else float(relation.cosine[row])
    given = _yes(relation.image_adds, row), _yes(relation.text_represented, row)
    return belongs, *given, _yes(relation.gate_logits, row), cosine


def _yes(logits: Tensor, row: int) -> float:
    """P(yes) of a row of logits (B, 2)."""
    return float(logits[row].softmax(dim=0)[1])


def best_labels(crf: Crf, emissions: Tensor, mask: Tensor) -> list[tuple[str, ...]]:
    """The most probable labels of B tweets, from emissions (B, W, L) and mask (B, W)."""
    return [tuple(crf.labels[label] for label in path) for path in crf.viterbi(emissions, mask)]


def log_confidences(crf: Crf, emissions: Tensor, mask: Tensor, spans: Sequence[Sequence[Span]]) -> Tensor:
    """log P (S,) of all S spans of B tweets, tweet after tweet, from emissions (B, W, L) and mask (B, W)."""
    rows = [row for row, found in enumerate(spans) for _ in found]
    every = [span for found in spans for span in found]
    starts, ends = [start for start, _, _ in every], [end for _, end, _ in every]
    row, start, end = torch.tensor([rows, starts, ends], dtype=torch.long)
    return crf.span_log_probability(emissions, mask, row, start, end, [kind for _, _, kind in every])
