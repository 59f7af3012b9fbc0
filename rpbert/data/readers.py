"""Readers: CoNLL with `IMGID:` lines, pair JSONL, caption TSV; strict about bad lines.

Every reader raises `UserError` with the file, the line number and what is wrong with it. Those that take a `report`
hand the error to it instead, leave the bad tweet out and go on; a tweet whose picture is not there is then read without
one.
"""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from rpbert.errors import UserError
from rpbert.model.configuration import ENTITY_TYPES, LABELS
from rpbert.model.scene_text import SceneLine
from rpbert.model.texts import Word, has_text, split_words

# Other data sets' names for the four types.
SAME_TYPE = {
    "OTHER": "MISC",
    "PERSON": "PER",
    "LOCATION": "LOC",
    "CORPORATION": "ORG",
    "GROUP": "ORG",
    "PRODUCT": "MISC",
    "CREATIVE-WORK": "MISC",
}


@dataclass(frozen=True)
class Example:
    """A tweet with whatever is known about it; a field is None where its data set does not say."""

    id: str
    words: tuple[str, ...]
    labels: tuple[str, ...] | None = None  # one of LABELS per word, as annotated (not always valid BIO)
    picture: Path | None = None
    image_adds: int | None = None
    text_represented: int | None = None
    visible: tuple[bool | None, ...] | None = None  # per word: is the entity it belongs to depicted
    english: bool | None = None
    scene: tuple[SceneLine, ...] = ()  # the words in its picture, where they were read; see rpbert.data.scene_lines
    text: str | None = None  # as pasted; None where only the words are known


@dataclass(frozen=True)
class Caption:
    """A photograph and a sentence that describes it, or describes another (`match` False)."""

    text: str
    picture: Path
    match: bool


Report = Callable[[UserError], None]


def refuse(error: UserError) -> None:
    """The report of whoever wants no bad line at all: raises it."""
    raise error


def repair_bio(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Valid BIO: an I-X that continues nothing becomes B-X (Twitter-2015 has some 200 of these)."""
    fixed: list[str] = []
    for label in labels:
        before = fixed[-1] if fixed else "O"
        orphan = label.startswith("I-") and (before == "O" or before[2:] != label[2:])
        fixed.append(f"B-{label[2:]}" if orphan else label)
    return tuple(fixed)


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of a UTF-8 file, from 1, without their ends. Raises `UserError` where it cannot be read."""
    if not path.is_file():
        raise UserError(f"There is no file {path}. Please check the path.")
    try:
        with path.open(encoding="utf-8", newline="\n") as file:  # not "\r" or U+2028: tweets contain them
            for number, line in enumerate(file, start=1):
                yield number, line.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text ({error.reason}). Please convert it.") from error


def bad_line(path: Path, number: int, what: str) -> UserError:
    """The mistake in a line of a file."""
    return UserError(f"{path}, line {number}: {what}")


def _label(path: Path, number: int, label: str) -> str:
    prefix, _, kind = label.partition("-")
    known = f"{prefix}-{SAME_TYPE.get(kind.upper(), kind.upper())}" if kind else label
    if known not in LABELS:
        raise bad_line(path, number, f"the label {label!r} is none of O, B- or I- with {', '.join(ENTITY_TYPES)}")
    return known


def _find_picture(path: Path, number: int, images: Path | None, name: str) -> Path | None:
    if images is None:
        return None
    picture = images / name
    outside = any(path.is_absolute() or ".." in path.parts for path in (PurePosixPath(name), PureWindowsPath(name)))
    if outside or not picture.is_file():  # whoever wrote the file may not choose among all files of this computer
        raise bad_line(path, number, f"there is no picture {name!r} in {images}")
    return picture


def read_conll(path: Path, images: Path | None = None, report: Report = refuse) -> list[Example]:
    """A CoNLL file: word and label a line (first and last column), blank lines between tweets.

    `IMGID:17_06_4705` before a tweet names its picture, `images/17_06_4705.jpg`. Without `images` the pictures are
    left alone. `-DOCSTART-` lines are skipped.
    """
    examples: list[Example] = []
    words: list[str] = []
    labels: list[str] = []
    name, picture, sound = "", None, True

    def finish() -> None:
        if words and sound:
            examples.append(Example(name or str(len(examples) + 1), tuple(words), tuple(labels), picture))
        words.clear()
        labels.clear()

    for number, line in lines_of(path):
        if line.startswith("IMGID:"):
            finish()
            name, sound = line.removeprefix("IMGID:").strip(), True
            picture = _picture_or_none(path, number, images, f"{name}.jpg", report)
        elif not line.strip() or line.startswith("-DOCSTART-"):
            finish()
            name, picture, sound = "", None, True
        else:
            try:
                word, label = _word_and_label(path, number, line)
            except UserError as error:
                report(error)
                sound = False
                continue
            words.append(word)
            labels.append(label)
    finish()
    if not examples:
        raise UserError(f"{path} has no tweets in it.")
    return examples


def _picture_or_none(path: Path, number: int, images: Path | None, name: str, report: Report) -> Path | None:
    try:
        return _find_picture(path, number, images, name)
    except UserError as error:
        report(error)
        return None


def _word_and_label(path: Path, number: int, line: str) -> tuple[str, str]:
    columns = line.split("\t")
    if len(columns) < 2:
        raise bad_line(path, number, f"expected a word, a tab and a label, found {line[:60]!r}")
    return columns[0], _label(path, number, columns[-1].strip())


def read_lines(path: Path) -> list[Example]:
    """Tweets without labels, one a line; lines with nothing to read are left out."""
    examples = []
    for number, line in lines_of(path):
        if has_text(line):
            examples.append(Example(str(number), tuple(word.text for word in _words(path, number, line))))
    if not examples:
        raise UserError(f"{path} has no tweets in it.")
    return examples


def _words(path: Path, number: int, text: str) -> list[Word]:
    try:
        return split_words(text)
    except UserError as error:
        raise bad_line(path, number, f"the tweet or caption cannot be used. {error}") from error


def _field(path: Path, number: int, row: Any, name: str, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(row, dict) or name not in row:
        raise bad_line(path, number, f"the field {name!r} is missing")
    if not isinstance(row[name], kind):
        raise bad_line(path, number, f"the field {name!r} has a wrong value: {row[name]!r}")
    return row[name]


def _binary(path: Path, number: int, row: dict[str, Any], name: str) -> int | None:
    if row.get(name) is None:
        return None
    if row[name] not in (0, 1):
        raise bad_line(path, number, f"the field {name!r} must be 0 or 1, found {row[name]!r}")
    return int(row[name])


def read_pairs(path: Path, images: Path | None = None) -> list[Example]:
    """A pair JSONL: one object a line with `id`, `image`, `text` and optionally `image_adds`, `text_represented`,
    `lang`, `entities` (character offsets).

    Pictures are looked for in `images`, or in the folder `images` beside the file.

    An entity that begins or ends inside a word (8 of 3,127 in TweetPairs) is widened to whole words.
    """
    folder = images or path.parent / "images"
    examples = []
    for number, line in lines_of(path):
        if line.strip():
            row = _object(path, number, line)
            example = _pair(path, number, row)
            picture = _find_picture(path, number, folder, _field(path, number, row, "image", str))
            examples.append(replace(example, picture=picture))
    if not examples:
        raise UserError(f"{path} has no pairs in it.")
    return examples


def read_tweets(path: Path, images: Path | None = None, report: Report = refuse) -> list[Example]:
    """Tweets that need no more than a `text`: JSONL with the fields of `read_pairs`, or CSV with `text`, `image`, `id`.

    A tweet without an `id` is called after its line, one without an `image` has no picture.
    """
    folder = images or path.parent / "images"
    rows = _csv_rows(path) if path.suffix == ".csv" else ((number, line) for number, line in lines_of(path))
    examples = []
    for number, content in rows:
        if isinstance(content, str) and not content.strip():
            continue
        try:
            row = _object(path, number, content) if isinstance(content, str) else content
            example = _pair(path, number, {"id": number, **row} if isinstance(row, dict) else row)
            name = row.get("image") or None
            if name is not None:
                name = _field(path, number, row, "image", str)
        except UserError as error:
            report(error)
            continue
        picture = None if name is None else _picture_or_none(path, number, folder, name, report)
        examples.append(replace(example, picture=picture))
    if not examples:
        raise UserError(f"{path} has no tweets in it.")
    return examples


def _object(path: Path, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        raise bad_line(path, number, f"not a JSON object: {what}") from error


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row with the number of its last line."""
    reader = csv.DictReader(f"{line}\n" for _, line in lines_of(path))
    try:
        if "text" not in (reader.fieldnames or []):
            raise UserError(f"{path} has no column 'text'. Please name the columns in the first line.")
        for row in reader:
            yield (
                reader.line_num,
                {name: value for name, value in row.items() if name in ("id", "text", "image") and value},
            )
    except csv.Error as error:
        raise bad_line(path, reader.line_num, f"not a row of a CSV: {error}") from error


def _pair(path: Path, number: int, row: Any) -> Example:
    """A row of a pair JSONL, without its picture."""
    text = _field(path, number, row, "text", str)
    words = _words(path, number, text)
    labels = ["O"] * len(words)
    visible: list[bool | None] = [None] * len(words)
    entities = row.get("entities")
    if not isinstance(entities, list | None):
        raise bad_line(path, number, f"the field 'entities' must be a list, found {entities!r}")
    for entity in entities or []:
        start = _field(path, number, entity, "start", int)
        end = _field(path, number, entity, "end", int)
        kind = _label(path, number, f"B-{_field(path, number, entity, 'type', str)}")[2:]
        if not 0 <= start < end <= len(text):
            raise bad_line(path, number, f"the entity {start}..{end} lies outside the text of {len(text)} characters")
        covered = [index for index, word in enumerate(words) if word.start < end and word.end > start]
        for index in covered:
            labels[index] = f"I-{kind}" if index > covered[0] else f"B-{kind}"
            visible[index] = entity.get("visible")
    return Example(
        id=str(_field(path, number, row, "id", (str, int))),
        words=tuple(word.text for word in words),
        labels=None if entities is None else tuple(labels),
        image_adds=_binary(path, number, row, "image_adds"),
        text_represented=_binary(path, number, row, "text_represented"),
        visible=tuple(visible),
        english=None if row.get("lang") is None else row["lang"] == "en",
        text=text,
    )


def read_captions(path: Path, images: Path | None = None) -> list[Caption]:
    """The TSV of Flickr8k: picture file, caption, `match` or `no-match`."""
    folder = images or path.parent / "images"
    captions = []
    for number, line in lines_of(path):
        columns = line.split("\t")
        if len(columns) != 3 or columns[2] not in ("match", "no-match"):
            raise bad_line(path, number, "expected a file name, a caption and match or no-match, separated by tabs")
        _words(path, number, columns[1])
        picture = _find_picture(path, number, folder, columns[0])
        assert picture is not None
        captions.append(Caption(columns[1], picture, columns[2] == "match"))
    if not captions:
        raise UserError(f"{path} has no captions in it.")
    return captions
