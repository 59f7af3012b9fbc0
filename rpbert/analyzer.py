"""The one door to the model: a tweet as pasted and a picture in, spans and probabilities out.

    analyzer = Analyzer.from_pretrained("checkpoints/rpbert-mini")
    analysis = analyzer.analyze("Sunrise over the Picos de Europa", "picos.jpg")

The page, the command line and the API all go through it.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.model.checkpoint import checkpoint_identity, load_checkpoint
from rpbert.model.configuration import ENTITY_TYPES
from rpbert.model.crf import spans_of
from rpbert.model.gates import Gate, parse_gate
from rpbert.model.hiding import read_hiding
from rpbert.model.modeling import RpBert
from rpbert.model.processing import (
    Word,
    collate_pieces,
    mostly_foreign,
    open_picture,
    picture_tensor,
    split_words,
    to_pieces,
)

CACHED_PICTURES = 64  # 250 KB each for `mini`

PictureSource = str | Path | Image.Image


@dataclass(frozen=True)
class Reading:
    """Another reading of a span: its type, or None for "not a name", and its probability."""

    type: str | None
    probability: float


@dataclass(frozen=True)
class Entity:
    """A name in the tweet; `text[start:end]` of the text as pasted."""

    text: str
    start: int
    end: int
    type: str
    confidence: float  # P(exactly this span has exactly this type), from the CRF
    runner_up: Reading  # the best other reading of the same words
    confidence_without_picture: float  # the same probability when the gate is closed
    first_word: int
    end_word: int  # exclusive


@dataclass(frozen=True)
class PairRelation:
    """What pass 1 says of tweet and picture, as probabilities."""

    image_adds: float  # the picture adds to the tweet's meaning; also the soft gate
    text_represented: float  # what the tweet says is shown in the picture


@dataclass(frozen=True)
class Analysis:
    """The result for one tweet."""

    text: str
    words: tuple[Word, ...]
    entities: tuple[Entity, ...]
    relation: PairRelation | None  # None without a picture
    gate_setting: Gate
    gate: float  # the factor on the regions; 0 when closed or without a picture
    warnings: tuple[str, ...]
    seconds: dict[str, float]  # reading (with the CNN) and model (the passes)
    checkpoint: str

    def to_json(self) -> dict[str, Any]:
        """Plain values, as the command line and the API give them."""
        return {
            "entities": [asdict(entity) for entity in self.entities],
            "relation": None if self.relation is None else asdict(self.relation),
            "gate": self.gate,
            "gate_setting": self.gate_setting,
            "text": self.text,
            "words": [asdict(word) for word in self.words],
            "warnings": list(self.warnings),
            "seconds": self.seconds,
            "checkpoint": self.checkpoint,
        }


@dataclass(frozen=True)
class Prepared:
    """A tweet and its picture as tensors, batch size 1."""

    text: str
    words: tuple[Word, ...]
    pieces: dict[str, Tensor]  # all that the model needs to know of the text
    regions: Tensor | None  # (1, 49, C)
    warnings: tuple[str, ...]
    seconds: float  # spent on reading tweet and picture, CNN included


class Analyzer:
    """A loaded checkpoint."""

    def __init__(self, model: RpBert, tokenizer: PreTrainedTokenizerBase, identity: str) -> None:
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.identity = identity
        self._regions: OrderedDict[str, Tensor] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def from_pretrained(cls, source: str | Path) -> "Analyzer":
        """Load a folder or Hugging Face Hub id. Raises `UserError` when it holds no RpBERT checkpoint."""
        model, tokenizer = load_checkpoint(source)
        return cls(model, tokenizer, checkpoint_identity(source))

    @property
    def trained(self) -> bool:
        """Whether the checkpoint says that it comes out of training."""
        return self.model.config.trained

    def analyze(self, text: str, image: PictureSource | None = None, gate: Gate = "soft") -> Analysis:
        """Names, relation and gate of one tweet.

        Args:
            text: as pasted. image: a file or an opened picture. gate: see `rpbert.model.gates`.

        Raises:
            UserError: no text, too much of it, an unreadable picture, an unknown gate.
        """
        return self.predict(self.prepare(text, image), gate)

    def predict(self, prepared: Prepared, gate: Gate = "soft", hidden: Collection[int] = ()) -> Analysis:
        """As `analyze`, of what `prepare` made, without a CNN pass; `hidden` cells as in `rpbert.model.hiding`."""
        gate = parse_gate(gate)
        began = time.perf_counter()
        with torch.no_grad():
            output: Any = read_hiding(self.model, prepared.pieces, prepared.regions, gate, hidden)
            alone = self.model(**prepared.pieces) if prepared.regions is not None else output
        entities = self._entities(prepared, output.emissions, alone.emissions)
        relation = None
        if prepared.regions is not None:
            relation = PairRelation(
                float(output.image_adds_logits.softmax(dim=1)[0, 1]),
                float(output.text_represented_logits.softmax(dim=1)[0, 1]),
            )
        return Analysis(
            text=prepared.text,
            words=prepared.words,
            entities=entities,
            relation=relation,
            gate_setting=gate,
            gate=float(output.gate[0]),
            warnings=prepared.warnings,
            seconds={"reading": prepared.seconds, "model": time.perf_counter() - began},
            checkpoint=self.identity,
        )

    def prepare(self, text: str, image: PictureSource | None) -> Prepared:
        """Words, pieces and regions; the regions of a picture seen before come from a cache."""
        began = time.perf_counter()
        words = split_words(text)
        limit = self.model.config.max_pieces if image is not None else self.model.config.text.max_position_embeddings
        tweet = to_pieces(self.tokenizer, [word.text for word in words], limit)
        warnings = []
        if tweet.words < len(words):
            warnings.append(
                f"The tweet is too long for the model: it read the first {tweet.words} of {len(words)} words, "
                f"up to “{words[tweet.words - 1].text}”."
            )
        if mostly_foreign(text):
            warnings.append(
                "Most of this tweet is not in Latin letters. The model learned from English tweets: expect it to miss "
                "names here, or to guess."
            )
        picture = None if image is None else open_picture(image)
        if picture is not None and picture.info["frames"] > 1:
            warnings.append(f"The picture is animated: only the first of its {picture.info['frames']} frames was read.")
        regions = None if picture is None else self._regions_of(picture)
        seconds = time.perf_counter() - began
        read = [word.text for word in words[: tweet.words]]
        pieces = {**collate_pieces([tweet]), **self.model.word_features.inputs([read])}
        return Prepared(text, tuple(words), pieces, regions, tuple(warnings), seconds)

    def forget_pictures(self) -> None:
        """Empty the cache of regions."""
        with self._lock:
            self._regions.clear()

    def _regions_of(self, picture: Image.Image) -> Tensor:
        pixels = picture_tensor(picture, self.model.config)
        key = hashlib.sha256(pixels.numpy().tobytes()).hexdigest()
        with self._lock:
            if key not in self._regions:
                self._regions[key] = self.model.region_encoder.regions(pixels.unsqueeze(0))
            self._regions.move_to_end(key)
            while len(self._regions) > CACHED_PICTURES:
                self._regions.popitem(last=False)
            return self._regions[key]

    def _entities(self, prepared: Prepared, emissions: Tensor, alone: Tensor) -> tuple[Entity, ...]:
        mask = torch.ones(1, emissions.shape[1], dtype=torch.bool)
        (path,) = self.model.crf.viterbi(emissions, mask)
        spans = spans_of([self.model.config.labels[label] for label in path])
        readings: list[str | None] = [*ENTITY_TYPES, None]
        entities = []
        for first, end, kind in spans:
            probabilities = self._probabilities(emissions, mask, first, end, readings)
            without = self._probabilities(alone, mask, first, end, [kind])
            others = {other: p for other, p in zip(readings, probabilities, strict=True) if other != kind}
            second = max(others, key=lambda other: others[other])
            start, stop = prepared.words[first].start, prepared.words[end - 1].end
            entities.append(
                Entity(
                    text=prepared.text[start:stop],
                    start=start,
                    end=stop,
                    type=kind,
                    confidence=probabilities[readings.index(kind)],
                    runner_up=Reading(second, others[second]),
                    confidence_without_picture=without[0],
                    first_word=first,
                    end_word=end,
                )
            )
        return tuple(entities)

    @torch.no_grad()
    def _probabilities(
        self, emissions: Tensor, mask: Tensor, first: int, end: int, readings: Sequence[str | None]
    ) -> list[float]:
        count = len(readings)
        row = torch.zeros(count, dtype=torch.long)
        logs = self.model.crf.span_log_probability(
            emissions, mask, row, torch.full((count,), first), torch.full((count,), end), list(readings)
        )
        return logs.exp().clamp(max=1.0).tolist()
