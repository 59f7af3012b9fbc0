"""Readers: CoNLL with `IMGID:` lines, pair JSONL, caption TSV; strict about bad lines.

Every reader raises `UserError` with the file, the line number and what is wrong with it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
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


@dataclass(frozen=True)
class Caption:
    """A photograph and a sentence that describes it, or describes another (`match` False)."""

    text: str
    picture: Path
    match: bool


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
    if not picture.is_file():
        raise bad_line(path, number, f"there is no picture {name!r} in {images}")
    return picture


def read_conll(path: Path, images: Path | None = None) -> list[Example]:
    """A CoNLL file: word and label a line (first and last column), blank lines between tweets.

    `IMGID:17_06_4705` before a tweet names its picture, `images/17_06_4705.jpg`. Without `images` the pictures are
    left alone. `-DOCSTART-` lines are skipped.
    """
    examples: list[Example] = []
    words: list[str] = []
    labels: list[str] = []
    name, picture = "", None

    def finish() -> None:
        if words:
            examples.append(Example(name or str(len(examples) + 1), tuple(words), tuple(labels), picture))
            words.clear()
            labels.clear()

    for number, line in lines_of(path):
        if line.startswith("IMGID:"):
            finish()
            name = line.removeprefix("IMGID:").strip()
            picture = _find_picture(path, number, images, f"{name}.jpg")
        elif not line.strip() or line.startswith("-DOCSTART-"):
            finish()
            name, picture = "", None
        else:
            columns = line.split("\t")
            if len(columns) < 2:
                raise bad_line(path, number, f"expected a word, a tab and a label, found {line[:60]!r}")
            words.append(columns[0])
            labels.append(_label(path, number, columns[-1].strip()))
    finish()
    if not examples:
        raise UserError(f"{path} has no tweets in it.")
    return examples


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
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise bad_line(path, number, f"not a JSON object: {error.msg}") from error
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
                raise bad_line(
                    path, number, f"the entity {start}..{end} lies outside the text of {len(text)} characters"
                )
            covered = [index for index, word in enumerate(words) if word.start < end and word.end > start]
            for index in covered:
                labels[index] = f"I-{kind}" if index > covered[0] else f"B-{kind}"
                visible[index] = entity.get("visible")
        examples.append(
            Example(
                id=str(_field(path, number, row, "id", (str, int))),
                words=tuple(word.text for word in words),
                labels=None if entities is None else tuple(labels),
                picture=_find_picture(path, number, folder, _field(path, number, row, "image", str)),
                image_adds=_binary(path, number, row, "image_adds"),
                text_represented=_binary(path, number, row, "text_represented"),
                visible=tuple(visible),
                english=None if row.get("lang") is None else row["lang"] == "en",
            )
        )
    if not examples:
        raise UserError(f"{path} has no pairs in it.")
    return examples


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
