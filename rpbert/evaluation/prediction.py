"""What a model says of many tweets, in batches, in the order they were asked for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example
from rpbert.model.crf import Crf, Span, spans_of
from rpbert.model.gates import Gate
from rpbert.model.modeling import RpBert, RpBertOutput
from rpbert.model.processing import collate_pieces, to_pieces

BATCH = 32

# Regions (B, 49, C) of the pictures of some examples.
Regions = Callable[[Sequence[Example]], Tensor]


@dataclass(frozen=True)
class Prediction:
    """What the model says of one tweet; probabilities are None without a picture."""

    labels: tuple[str, ...]
    confidences: tuple[float, ...]  # P of each of `spans_of(labels)`, exactly these words with exactly this type
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
            found[row] = Prediction(labels, confidences, *_relation(output, index))
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
                batch["regions"] = regions([sources[row] for row in rows])
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


def _relation(output: RpBertOutput, row: int) -> tuple[float | None, float | None, float | None]:
    """P(the picture adds), P(the text is shown) and the similarity at a row."""
    if output.image_adds_logits is None or output.text_represented_logits is None:
        return None, None, None
    similarity = None
    if output.text_vector is not None and output.picture_vector is not None:
        similarity = float(output.text_vector[row] @ output.picture_vector[row])
    adds, shown = (logits[row].softmax(0)[1] for logits in (output.image_adds_logits, output.text_represented_logits))
    return float(adds), float(shown), similarity


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
