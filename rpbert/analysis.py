"""The result for one tweet, as plain values: what the page, the command line and the API show."""

from dataclasses import asdict, dataclass
from typing import Any

from rpbert.model.gates import Gate
from rpbert.model.scene_text import SceneLine
from rpbert.model.texts import Word


@dataclass(frozen=True)
class Alternative:
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
    runner_up: Alternative  # the best other reading of the same words
    confidence_without_picture: float  # the same probability when the gate is closed
    first_word: int
    end_word: int  # exclusive


@dataclass(frozen=True)
class PairRelation:
    """What pass 1 says of tweet and picture, as probabilities."""

    belongs: float | None  # the picture goes with this tweet; None for a model that does not ask, as the paper's
    image_adds: float  # it belongs and adds to the tweet's meaning; also the soft gate
    text_represented: float  # it belongs and shows what the tweet says


@dataclass(frozen=True)
class Analysis:
    """The result for one tweet."""

    text: str
    words: tuple[Word, ...]
    entities: tuple[Entity, ...]
    relation: PairRelation | None  # None without a picture
    gate_setting: Gate
    gate: float  # the factor on the picture; 0 when closed or without a picture
    scene_text: tuple[SceneLine, ...]  # the words in the picture that the model read
    warnings: tuple[str, ...]
    seconds: dict[str, float]  # reading (with the CNN) and model (the passes)
    checkpoint: str

    def to_json(self) -> dict[str, Any]:
        """Plain values, as the command line and the API give them."""
        return {
            "entities": [asdict(entity) for entity in self.entities],
            "relation": None if self.relation is None else asdict(self.relation),
            "scene_text": [asdict(line) for line in self.scene_text],
            "gate": self.gate,
            "gate_setting": self.gate_setting,
            "text": self.text,
            "words": [asdict(word) for word in self.words],
            "warnings": list(self.warnings),
            "seconds": self.seconds,
            "checkpoint": self.checkpoint,
        }
