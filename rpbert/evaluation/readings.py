"""One reading of a few tweets, and how probable it makes any span and the annotated labels."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example, repair_bio
from rpbert.evaluation.prediction import Regions, best_labels, log_confidences, outputs, relation_of
from rpbert.model.configuration import LABELS
from rpbert.model.crf import Crf, Span, spans_of
from rpbert.model.gates import Gate
from rpbert.model.modeling import RpBert
from rpbert.model.pictures import open_picture, picture_tensor
from rpbert.model.scene_text import SceneLine, SceneTextReader

DIGITS = 6  # of what is written: below that, machines differ
KEPT = 256  # pictures whose regions stay in memory, 250 KB each for `mini`


@dataclass(frozen=True)
class Reading:
    """What the model made of one tweet; the relation is None without a picture."""

    emissions: Tensor  # (W, L) of the words that fitted
    spans: list[Span]
    belongs: float | None  # P(the picture belongs to the text); None too for a model that does not ask
    adds: float | None  # P(the picture adds), given that it belongs
    shows: float | None  # P(the picture shows the text), given that it belongs
    gate: float  # the factor on the picture, 0 without one


class RecentPictures:
    """Regions of pictures, and the words in them, as they are asked for; those of the last `KEPT` pictures are kept.

    Args:
        known: the words in pictures that were read before.
    """

    def __init__(self, model: RpBert, known: Mapping[Path, tuple[SceneLine, ...]] | None = None) -> None:
        self.model, self.known = model, known or {}
        self.kept: OrderedDict[Path, Tensor] = OrderedDict()
        self.lines: OrderedDict[Path, tuple[SceneLine, ...]] = OrderedDict()
        self.reader = SceneTextReader() if model.config.scene_text else None

    def __call__(self, sources: Sequence[Example]) -> Tensor:
        """(B, 49, C), float32, of examples with pictures."""
        paths = [source.picture for source in sources if source.picture is not None]
        missing = [path for path in dict.fromkeys(paths) if path not in self.kept]
        if missing:
            pixels = torch.stack([picture_tensor(open_picture(path), self.model.config) for path in missing])
            regions = self.model.region_encoder.regions(pixels.to(self.model.device)).cpu()
            self.kept.update(zip(missing, regions, strict=True))
        found = torch.stack([self.kept[path] for path in paths])
        _forget(self.kept, paths)
        return found

    def scene(self, path: Path | None) -> tuple[SceneLine, ...]:
        """The words in a picture; none for a model that does not ask for them."""
        if path is None or self.reader is None:
            return ()
        if path in self.known:
            return self.known[path]
        if path not in self.lines:
            self.lines[path] = self.reader.read(open_picture(path).image)
        found = self.lines[path]
        _forget(self.lines, [path])
        return found


def _forget(kept: OrderedDict[Path, Any], used: Sequence[Path]) -> None:
    """Keep what was used last."""
    for path in used:
        kept.move_to_end(path)
    while len(kept) > KEPT:
        kept.popitem(last=False)


@torch.no_grad()
def read(
    model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    regions: Regions | None,
    gate: Gate,
    check: Callable[[], None],
) -> list[Reading]:
    """Read tweets with their pictures, or without any when `regions` is None; `check` is called after every batch."""
    found: dict[int, Reading] = {}
    for rows, output in outputs(model, tokenizer, examples, regions, gate):
        assert output.emissions is not None
        assert output.word_mask is not None
        assert output.gate is not None
        labels = best_labels(model.crf, output.emissions, output.word_mask)
        for index, row in enumerate(rows):
            belongs, adds, shows = relation_of(output.relation, index)[:3] or (None, None, None)
            emissions = output.emissions[index][output.word_mask[index]].cpu()
            factor = round(float(output.gate[index]), DIGITS)
            spans = spans_of(labels[index])
            found[row] = Reading(emissions, spans, _rounded(belongs), _rounded(adds), _rounded(shows), factor)
        check()
    return [found[row] for row in range(len(examples))]


def _rounded(probability: float | None) -> float | None:
    return None if probability is None else round(probability, DIGITS)


def probabilities(crf: Crf, readings: Sequence[Reading], spans: Sequence[Sequence[Span]]) -> list[dict[Span, float]]:
    """P of each span of each tweet; 0 for a name that reaches beyond the words that fitted."""
    if not readings:
        return []
    padded, mask = _padded(readings)
    fitting = [
        [span for span in wanted if span[1] <= len(reading.emissions)]
        for wanted, reading in zip(spans, readings, strict=True)
    ]
    values = iter(log_confidences(crf, padded, mask, fitting).exp().clamp(max=1.0).tolist())
    found = [{span: round(next(values), DIGITS) for span in row} for row in fitting]
    return [{span: known.get(span, 0.0) for span in row} for row, known in zip(spans, found, strict=True)]


@torch.no_grad()
def label_losses(crf: Crf, readings: Sequence[Reading], labels: Sequence[tuple[str, ...] | None]) -> list[float | None]:
    """-log P of the annotated labels of each tweet, nats, over the words that fitted; None where there are none."""
    padded, mask = _padded(readings)
    gold = torch.zeros(mask.shape, dtype=torch.long)
    for row, known in enumerate(labels):
        for word, label in enumerate(repair_bio(known or ())[: int(mask[row].sum())]):
            gold[row, word] = LABELS.index(label)
    values = (-crf.log_likelihood(padded, gold, mask)).tolist()
    return [None if known is None else round(value, DIGITS) for known, value in zip(labels, values, strict=True)]


def _padded(readings: Sequence[Reading]) -> tuple[Tensor, Tensor]:
    """Emissions (B, W, L) and mask (B, W)."""
    emissions = [reading.emissions for reading in readings]
    mask = pad_sequence([torch.ones(len(row), dtype=torch.bool) for row in emissions], batch_first=True)
    return pad_sequence(emissions, batch_first=True), mask
