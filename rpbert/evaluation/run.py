"""A run over a whole data set: each tweet is read with its picture, without, and with another tweet's.

Tweets go through in chunks, in the order of the data set; a chunk that is done is written, so that a run which was
stopped or killed goes on after its last whole chunk. Memory holds one chunk and some regions, however many tweets there
are. Under `accelerate launch` each process takes every n-th chunk; the chunks are the same, and so is the result.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example, repair_bio
from rpbert.data.uploads import DataSet
from rpbert.evaluation.prediction import Regions
from rpbert.evaluation.readings import Reading, RecentPictures, label_losses, probabilities, read
from rpbert.evaluation.records import Chance, Header, Record, fingerprint, to_line
from rpbert.evaluation.run_files import CHUNK, part_of, whole_chunks
from rpbert.model.crf import spans_of
from rpbert.model.gates import Gate
from rpbert.model.modeling import RpBert
from rpbert.model.texts import split_words


class StoppedError(Exception):
    """Raised inside a chunk when the run is to stop: the chunk is dropped."""


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    done: int
    tweets: int
    per_second: float  # tweets, of this session
    seconds_left: float


class Triple(NamedTuple):
    """The three readings of a tweet."""

    own: Reading
    without: Reading
    swapped: Reading | None  # None where there is no picture, or no other one


class Runner:
    """A model on a data set.

    Args:
        identity: the checkpoint's. training_names: names in the file that the model was trained on, lower-cased; None
            when nobody gave one. stop: asked several times a second whether to stop.
    """

    def __init__(
        self,
        model: RpBert,
        tokenizer: PreTrainedTokenizerBase,
        identity: str,
        data: DataSet,
        gate: Gate = "soft",
        training_names: frozenset[str] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.model, self.tokenizer, self.data, self.gate, self.stop = model, tokenizer, data, gate, stop
        self.training_names = training_names
        self.pictures = RecentPictures(model)
        self.others = other_pictures(data.examples)
        self.header = Header(data.name, fingerprint(data.examples), len(data.examples), identity, gate, data.problems)

    def run(self, path: Path, rank: int = 0, processes: int = 1) -> Iterator[Progress]:
        """Read what `path` does not have yet and write it there; the progress after each chunk.

        With several processes each writes a part beside `path`; see `join`.

        Raises:
            UserError: `path` holds another run, or something else.
        """
        chunks = range(0, len(self.data.examples), CHUNK)
        done = whole_chunks(path, self.header, rank == 0)
        mine = [begin for begin in chunks if begin not in done][rank::processes]
        target = path if processes == 1 else part_of(path, rank)
        began, finished, known = time.monotonic(), 0, sum(len(self.chunk(begin)) for begin in done)
        yield Progress(known, len(self.data.examples), 0.0, 0.0)
        if not mine:
            return
        with target.open("a", encoding="utf-8", newline="\n") as file:
            if file.tell() == 0:
                file.write(to_line(self.header))
            for begin in mine:
                try:
                    records = self.read(begin)
                except StoppedError:
                    return
                file.writelines(map(to_line, records))
                file.flush()
                finished += len(records)
                speed = processes * finished / max(time.monotonic() - began, 1e-6)
                left = len(self.data.examples) - known - processes * finished
                yield Progress(known + finished, len(self.data.examples), speed, max(left, 0) / speed)

    def chunk(self, begin: int) -> Sequence[Example]:
        """The tweets of the chunk that begins at a row."""
        return self.data.examples[begin : begin + CHUNK]

    def read(self, begin: int) -> list[Record]:
        """All three readings of a chunk."""
        examples, others = self.chunk(begin), self.others[begin : begin + CHUNK]
        examples = [self._with_scene(example) for example in examples]
        own = self._readings(examples, self.pictures)
        without = self._readings(examples, None)
        exchanged = [replace(one, picture=other) for one, other in zip(examples, others, strict=True) if other]
        exchanged = [self._with_scene(example) for example in exchanged]
        read_so = iter(self._readings(exchanged, self.pictures) if exchanged else [])
        swapped = [next(read_so) if other else None for other in others]
        triples = [Triple(*readings) for readings in zip(own, without, swapped, strict=True)]
        chances = self._chances(examples, triples)
        losses = label_losses(self.model.crf, own, [example.labels for example in examples])
        return [
            self._record(begin + row, example, triples[row], chances[row], losses[row])
            for row, example in enumerate(examples)
        ]

    def _with_scene(self, example: Example) -> Example:
        self._check()  # a picture takes the reader of words half a second
        return replace(example, scene=self.pictures.scene(example.picture))

    def _readings(self, examples: Sequence[Example], regions: Regions | None) -> list[Reading]:
        self._check()
        return read(self.model, self.tokenizer, examples, regions, self.gate, self._check)

    def _check(self) -> None:
        if self.stop():
            raise StoppedError

    def _chances(self, examples: Sequence[Example], triples: Sequence[Triple]) -> list[tuple[Chance, ...]]:
        """The probabilities of every annotated span and every span of any reading."""
        crf, spans = self.model.crf, []
        for example, triple in zip(examples, triples, strict=True):
            swapped = [] if triple.swapped is None else triple.swapped.spans
            gold = spans_of(repair_bio(example.labels or ()))
            spans.append(list(dict.fromkeys([*gold, *triple.own.spans, *triple.without.spans, *swapped])))
        own = probabilities(crf, [triple.own for triple in triples], spans)
        without = probabilities(crf, [triple.without for triple in triples], spans)
        rows = [row for row, triple in enumerate(triples) if triple.swapped is not None]
        readings = [triple.swapped for triple in triples if triple.swapped is not None]
        swapped_by_row = dict(zip(rows, probabilities(crf, readings, [spans[row] for row in rows]), strict=True))
        return [
            tuple(
                Chance(span, own[row][span], without[row][span], swapped_by_row.get(row, {}).get(span))
                for span in every
            )
            for row, every in enumerate(spans)
        ]

    def _record(
        self, row: int, example: Example, triple: Triple, chances: tuple[Chance, ...], loss: float | None
    ) -> Record:
        other = self.others[row]
        return Record(
            row=row,
            id=example.id,
            text=example.text or " ".join(example.words),
            offsets=word_offsets(example),
            labels=example.labels,
            visible=example.visible,
            seen=self._seen(example),
            image_adds=example.image_adds,
            text_represented=example.text_represented,
            english=example.english,
            picture=None if example.picture is None else example.picture.name,
            other=None if other is None else other.name,
            scene=tuple(line.text for line in example.scene) if self.model.config.scene_text else None,
            belongs=triple.own.belongs,
            adds=triple.own.adds,
            shows=triple.own.shows,
            gate=triple.own.gate,
            own=tuple(triple.own.spans),
            without=tuple(triple.without.spans),
            swapped=None if triple.swapped is None else tuple(triple.swapped.spans),
            chances=chances,
            loss=loss,
        )

    def _seen(self, example: Example) -> tuple[bool, ...] | None:
        if self.training_names is None or example.labels is None:
            return None
        spans = spans_of(repair_bio(example.labels))
        return tuple(name_key(example.words[start:end]) in self.training_names for start, end, _ in spans)


def name_key(words: Sequence[str]) -> str:
    """How names are compared with those of a training file: the words, without case."""
    return " ".join(words).casefold()


def names_of(examples: Sequence[Example]) -> frozenset[str]:
    """The annotated names, as `name_key`."""
    return frozenset(
        name_key(example.words[start:end])
        for example in examples
        for start, end, _ in spans_of(repair_bio(example.labels or ()))
    )


def other_pictures(examples: Sequence[Example]) -> list[Path | None]:
    """For each tweet with a picture that of the next tweet whose picture is another file, round the end; else None."""
    pictured = [index for index, example in enumerate(examples) if example.picture is not None]
    others: list[Path | None] = [None] * len(examples)
    following: Path | None = None  # the nearest picture behind that differs from the one at hand
    nearest: Path | None = None
    for index in [*reversed(pictured), *reversed(pictured)]:  # the second time round, what follows the last is known
        picture = examples[index].picture
        if picture != nearest:
            following, nearest = nearest, picture
        others[index] = following
    return others


def word_offsets(example: Example) -> tuple[tuple[int, int], ...]:
    """Characters of each word in the tweet's text, which is its words with spaces where only these are known."""
    if example.text is not None:
        words = split_words(example.text)
        if tuple(word.text for word in words) == example.words:
            return tuple((word.start, word.end) for word in words)
    offsets, position = [], 0
    for word in example.words:
        offsets.append((position, position + len(word)))
        position += len(word) + 1
    return tuple(offsets)
