"""What a run found of each tweet, as a JSONL that loads again without the model.

The first line says what was run; each further line is one tweet. A span is `[first word, end word, type]`, end
exclusive; a probability is that of exactly these words with exactly this type.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rpbert.data.readers import Example, repair_bio
from rpbert.errors import UserError
from rpbert.model.configuration import ENTITY_TYPES, LABELS
from rpbert.model.crf import Span, spans_of
from rpbert.model.gates import Gate

FORMAT = "rpbert-run/1"


@dataclass(frozen=True)
class Header:
    """What was run: two files of one header can be put together, others cannot."""

    data: str  # name of the data set
    fingerprint: str  # of its tweets, labels and pictures' names
    tweets: int
    checkpoint: str
    gate: Gate
    problems: tuple[str, ...] = ()
    format: str = FORMAT


@dataclass(frozen=True)
class Chance:
    """The probability of a span by each reading; None where there was no such reading."""

    span: Span
    own: float
    without: float
    swapped: float | None


@dataclass(frozen=True)
class Record:
    """One tweet: what is known of it, and what the model read with its picture, without, and with another tweet's."""

    row: int  # place in the data set, from 0
    id: str
    text: str
    offsets: tuple[tuple[int, int], ...]  # characters of each word in the text, end exclusive
    labels: tuple[str, ...] | None  # as annotated, one per word
    visible: tuple[bool | None, ...] | None  # per word
    seen: tuple[bool, ...] | None  # per gold name: does it stand in the training file
    image_adds: int | None
    text_represented: int | None
    english: bool | None
    picture: str | None  # file name
    other: str | None  # file name of the other tweet's picture
    scene: tuple[str, ...] | None  # lines read in the picture; None when nobody looked
    belongs: float | None  # P(the picture belongs to the text); None too for a model that does not ask
    adds: float | None  # P(the picture adds), given that it belongs
    shows: float | None  # P(the picture shows the text), given that it belongs
    gate: float  # the factor on the picture, 0 without one
    own: tuple[Span, ...]
    without: tuple[Span, ...]
    swapped: tuple[Span, ...] | None
    chances: tuple[Chance, ...]  # of every gold span and every span of any reading
    loss: float | None  # -log P(the gold labels of the words that fitted), nats

    @property
    def gold(self) -> tuple[Span, ...]:
        """The annotated names; one that begins with I- counts, as in the lenient F1."""
        return () if self.labels is None else tuple(spans_of(repair_bio(self.labels)))

    @property
    def words(self) -> list[str]:
        """As the model reads them."""
        return [self.text[start:end] for start, end in self.offsets]

    def name(self, span: Span) -> str:
        """The words of a span as they stand in the tweet."""
        return self.text[self.offsets[span[0]][0] : self.offsets[span[1] - 1][1]]

    def chance(self, span: Span) -> Chance:
        """The probabilities of a span that some reading, or the annotation, has."""
        return next(chance for chance in self.chances if chance.span == span)


@dataclass(frozen=True)
class Run:
    """A whole or stopped run, in the order of the data set."""

    header: Header
    records: tuple[Record, ...]


def labels_of(spans: Sequence[Span], words: int) -> tuple[str, ...]:
    """BIO labels of `words` words."""
    labels = ["O"] * words
    for start, end, kind in spans:
        labels[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
    return tuple(labels)


def fingerprint(examples: Iterable[Example]) -> str:
    """Twelve hex digits that change with any tweet, label or picture's name."""
    digest = hashlib.sha256()
    for example in examples:
        picture = None if example.picture is None else example.picture.name
        known = (example.id, example.text, example.words, example.labels, picture)
        digest.update(json.dumps(known).encode())
    return digest.hexdigest()[:12]


def to_line(value: Header | Record) -> str:
    """A line of the file, with its line break."""
    return json.dumps(asdict(value), ensure_ascii=True, separators=(",", ":")) + "\n"


def read_records(path: Path) -> tuple[Header, Iterator[Record]]:
    """The header, and the records one by one; a last line that was cut short is left out.

    Raises `UserError` when this is no file of a run, at the first bad line.
    """
    file = path.open(encoding="utf-8", errors="replace", newline="\n")
    try:
        header = _header(json.loads(file.readline()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        file.close()
        raise UserError(f"{path.name} holds no results of a run. Please choose a file that a run wrote.") from error

    def records() -> Iterator[Record]:
        with file:
            for number, line in enumerate(file, start=2):
                if not line.endswith("\n"):
                    return  # the run was killed while it wrote this
                try:
                    yield _record(json.loads(line))
                except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
                    raise UserError(f"{path.name}, line {number}: not a record of a run.") from error

    return header, records()


def load_run(path: Path) -> Run:
    """All of a file. Raises `UserError` as `read_records` does, and for a run without a tweet."""
    header, records = read_records(path)
    run = Run(header, tuple(sorted(records, key=lambda record: record.row)))
    if not run.records:
        raise UserError(f"{path.name} has no tweet in it: the run was stopped before its first. Please run it again.")
    return run


def _header(row: dict[str, Any]) -> Header:
    if row.pop("format") != FORMAT:
        raise ValueError
    header = Header(**{**row, "problems": tuple(map(str, row["problems"]))})
    if not isinstance(header.tweets, int) or not all(
        isinstance(value, str) for value in (header.data, header.fingerprint, header.checkpoint)
    ):
        raise TypeError
    return header


def _record(row: dict[str, Any]) -> Record:
    """A record of anyone's file: what the page relies on is checked here."""
    lists = {"labels", "visible", "seen", "scene"}
    spans = {"own", "without", "swapped"}
    values: dict[str, Any] = {}
    for name, value in row.items():
        if name in lists and value is not None:
            values[name] = tuple(value)
        elif name in spans and value is not None:
            values[name] = tuple(_span(span) for span in value)
        else:
            values[name] = value
    values["offsets"] = tuple((int(start), int(end)) for start, end in row["offsets"])
    values["chances"] = tuple(
        Chance(
            _span(c["span"]),
            float(c["own"]),
            float(c["without"]),
            None if c["swapped"] is None else float(c["swapped"]),
        )
        for c in row["chances"]
    )
    record = Record(**values)
    words = len(record.offsets)
    sound = isinstance(record.text, str) and isinstance(record.row, int) and isinstance(record.id, str)
    labels = record.labels is None or (len(record.labels) == words and set(record.labels) <= set(LABELS))
    every = [*record.own, *record.without, *(record.swapped or ()), *(chance.span for chance in record.chances)]
    known = {chance.span for chance in record.chances}
    inside = all(0 <= start < end <= words for start, end, _ in every)
    if not (sound and labels and inside and set(every) | set(record.gold if labels else ()) <= known):
        raise ValueError
    float(record.gate)
    return record


def _span(value: Sequence[Any]) -> Span:
    start, end, kind = value
    if kind not in ENTITY_TYPES:
        raise ValueError
    return int(start), int(end), str(kind)
