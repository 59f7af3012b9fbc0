"""The one door to the model: a tweet as pasted and a picture in, spans and probabilities out.

    analyzer = Analyzer.from_pretrained("checkpoints/rpbert-mini")
    analysis = analyzer.analyze("Sunrise over the Picos de Europa", "picos.jpg")

The page, the command line and the API all go through it.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.analysis import Alternative, Analysis, Entity, PairRelation
from rpbert.errors import UserError
from rpbert.model.checkpoint import checkpoint_identity, load_checkpoint
from rpbert.model.configuration import ENTITY_TYPES
from rpbert.model.crf import spans_of
from rpbert.model.gates import Gate, parse_gate
from rpbert.model.inputs import Pictures, Texts, kept_lines, scene_tensors
from rpbert.model.languages import guess_language
from rpbert.model.modeling import RpBert
from rpbert.model.outputs import Relation
from rpbert.model.pictures import Picture, PictureSource, open_picture, picture_tensor
from rpbert.model.scene_text import SceneLine, SceneTextReader
from rpbert.model.texts import Word, collate_pieces, mostly_foreign, split_words, to_pieces

CACHED_PICTURES = 64  # 250 KB each for `mini`


@dataclass(frozen=True)
class Prepared:
    """A tweet and its picture as tensors, batch size 1."""

    text: str
    words: tuple[Word, ...]
    texts: Texts  # one row
    pictures: Pictures | None  # one row; None without a picture
    scene: tuple[SceneLine, ...]  # the lines of words that `pictures` holds
    warnings: tuple[str, ...]
    seconds: float  # spent on reading tweet and picture, CNN and text reader included
    seen: "Seen | None" = None  # the picture, for another text beside it


class Seen(NamedTuple):
    """What is remembered of a picture."""

    regions: Tensor  # (1, 49, C)
    lines: tuple[SceneLine, ...] | None  # all that were read, of which the model takes the largest; None: not yet read
    unread: str | None  # why its words could not be read, if so
    frames: int = 1  # of its file


class Analyzer:
    """A loaded checkpoint."""

    def __init__(self, model: RpBert, tokenizer: PreTrainedTokenizerBase, identity: str) -> None:
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.identity = identity
        self._seen: OrderedDict[str, Seen] = OrderedDict()
        self._lock = threading.Lock()
        self._reader: SceneTextReader | None = None

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

    def predict(
        self, prepared: Prepared, gate: Gate = "soft", cells: Collection[int] = (), lines: Collection[int] = ()
    ) -> Analysis:
        """As `analyze`, of what `prepare` made, without a CNN pass.

        Args:
            cells, lines: what of the picture is hidden, as in `Pictures.without`.

        Raises:
            UserError: an unknown gate, a cell or line that does not exist, or something to hide and no picture.
        """
        gate = parse_gate(gate)
        began = time.perf_counter()
        pictures = prepared.pictures
        if cells or lines:
            if pictures is None:
                raise UserError("There is no picture in which something could be hidden. Please add a picture.")
            pictures = pictures.without(cells, lines)
        with torch.no_grad():
            output: Any = self.model.run(prepared.texts, pictures, gate)
            alone = self.model.run(prepared.texts, None) if pictures is not None else output
        entities = self._entities(prepared, output.emissions, alone.emissions)
        return Analysis(
            text=prepared.text,
            words=prepared.words,
            entities=entities,
            relation=None if output.relation is None else pair_relation(output.relation),
            gate_setting=gate,
            gate=float(output.gate[0]),
            scene_text=prepared.scene,
            warnings=prepared.warnings,
            seconds={"reading": prepared.seconds, "model": time.perf_counter() - began},
            checkpoint=self.identity,
        )

    def prepare(self, text: str, image: PictureSource | None, scene: Sequence[SceneLine] | None = None) -> Prepared:
        """Words, pieces, regions and the words in the picture; those of a picture seen before come from a cache.

        Args:
            scene: lines to take for the words in the picture instead of reading them.

        Raises `UserError` as `analyze` does.
        """
        began = time.perf_counter()
        if image is None:
            return self._put_together(text, None, began)
        picture = open_picture(image)
        seen = self._look_at(picture, read=self.model.config.scene_text and scene is None)
        return self._put_together(text, seen._replace(frames=picture.frames), began, scene)

    def changed(self, prepared: Prepared, text: str, scene: Sequence[SceneLine] | None = None) -> Prepared:
        """The same picture (or none) beside another text, or with other words in it; without a CNN pass."""
        return self._put_together(text, prepared.seen, time.perf_counter(), scene)

    def _put_together(
        self, text: str, seen: Seen | None, began: float, scene: Sequence[SceneLine] | None = None
    ) -> Prepared:
        """A text beside a picture that was seen, with `scene` in place of the lines that were read in it."""
        config = self.model.config
        if seen is not None and scene is not None:
            seen = seen._replace(lines=tuple(scene), unread=None)
        words = split_words(text)
        limit = config.text.max_position_embeddings if seen is None else config.max_pieces
        tweet = to_pieces(self.tokenizer, [word.text for word in words], limit)
        read = [word.text for word in words[: tweet.words]]
        texts = Texts(**collate_pieces([tweet]), **self.model.word_features.inputs([read]))
        pictures: Pictures | None = None
        lines: tuple[SceneLine, ...] = ()
        if seen is not None:
            tensors: dict[str, Tensor] = {}
            if config.scene_text:
                lines = kept_lines(self.tokenizer, seen.lines or (), config.scene_pieces)
                tensors = scene_tensors(self.tokenizer, config.scene_pieces, [(read, tweet)], [lines])
            pictures = Pictures.of(seen.regions, **tensors)
        warnings = (*_text_warnings(text, words, tweet.words), *_picture_warnings(seen))
        return Prepared(text, tuple(words), texts, pictures, lines, warnings, time.perf_counter() - began, seen)

    def forget_pictures(self) -> None:
        """Empty the cache of pictures."""
        with self._lock:
            self._seen.clear()

    def _look_at(self, picture: Picture, read: bool) -> Seen:
        """Regions and, with `read`, words of a picture, from the cache what was seen before."""
        with self._lock:
            seen = self._seen.get(picture.key)
        if seen is None:
            pixels = picture_tensor(picture, self.model.config)
            seen = Seen(self.model.region_encoder.regions(pixels.unsqueeze(0)), None, None)
        if read and seen.lines is None:
            try:
                seen = seen._replace(lines=self._scene_reader().read(picture.image))
            except UserError as error:
                seen = seen._replace(lines=(), unread=f"{error} The tweet is read with the picture's regions alone.")
        with self._lock:
            self._seen[picture.key] = seen
            self._seen.move_to_end(picture.key)
            while len(self._seen) > CACHED_PICTURES:
                self._seen.popitem(last=False)
        return seen

    def _scene_reader(self) -> SceneTextReader:
        """The reader of words in pictures, started when the first picture comes; raises `UserError` without one."""
        with self._lock:
            if self._reader is None:
                self._reader = SceneTextReader()
            return self._reader

    def _entities(self, prepared: Prepared, emissions: Tensor, alone: Tensor) -> tuple[Entity, ...]:
        mask = torch.ones(1, emissions.shape[1], dtype=torch.bool)
        (path,) = self.model.crf.viterbi(emissions, mask)
        spans = spans_of([self.model.config.labels[label] for label in path])
        readings: list[str | None] = [*ENTITY_TYPES, None]
        asked = [(first, end, reading) for first, end, _ in spans for reading in readings]
        known = dict(zip(asked, self._probabilities(emissions, mask, asked), strict=True))
        without = self._probabilities(alone, mask, spans)
        entities = []
        for (first, end, kind), confidence_alone in zip(spans, without, strict=True):
            others = {other: known[first, end, other] for other in readings if other != kind}
            second = max(others, key=lambda other: others[other])
            start, stop = prepared.words[first].start, prepared.words[end - 1].end
            entities.append(
                Entity(
                    text=prepared.text[start:stop],
                    start=start,
                    end=stop,
                    type=kind,
                    confidence=known[first, end, kind],
                    runner_up=Alternative(second, others[second]),
                    confidence_without_picture=confidence_alone,
                    first_word=first,
                    end_word=end,
                )
            )
        return tuple(entities)

    @torch.no_grad()
    def _probabilities(
        self, emissions: Tensor, mask: Tensor, spans: Sequence[tuple[int, int, str | None]]
    ) -> list[float]:
        """Of each (first word, end word, type or None for no name), all in one pass of the CRF."""
        if not spans:
            return []
        firsts, ends, readings = zip(*spans, strict=True)
        row = torch.zeros(len(spans), dtype=torch.long)
        places = torch.tensor(firsts), torch.tensor(ends)
        logs = self.model.crf.span_log_probability(emissions, mask, row, *places, list(readings))
        return logs.exp().clamp(max=1.0).tolist()


def pair_relation(relation: Relation) -> PairRelation:
    """The probabilities of the first pair of a batch; adds and shows jointly with belongs."""

    def yes(task: str) -> float:
        return float(relation.joint(task)[0].softmax(dim=0)[1])

    belongs = None if relation.belongs is None else yes("belongs")
    return PairRelation(belongs, yes("image_adds"), yes("text_represented"))


def _text_warnings(text: str, words: Sequence[Word], read: int) -> list[str]:
    """What a person should know of a tweet of which the first `read` words were read."""
    warnings = []
    if read < len(words):
        warnings.append(
            f"The tweet is too long for the model: it read the first {read} of {len(words)} words, up to "
            f"“{words[read - 1].text}”."
        )
    if mostly_foreign(text):
        warnings.append(
            "Most of this tweet is not in Latin letters. The model learned from English tweets: expect it to miss "
            "names here, or to guess."
        )
    elif (language := guess_language([word.text for word in words])) != "English":
        warnings.append(
            f"This tweet seems to be in {language}. The model learned from English tweets: expect it to miss names "
            "here, or to guess."
        )
    return warnings


def _picture_warnings(seen: Seen | None) -> list[str]:
    """What a person should know of a picture."""
    warnings = []
    if seen is not None and seen.frames > 1:
        warnings.append(f"The picture is animated: only the first of its {seen.frames} frames was read.")
    if seen is not None and seen.unread is not None:
        warnings.append(seen.unread)
    return warnings
