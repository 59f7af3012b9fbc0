"""Reader of the text-image relation data of Vempala and Preotiuc-Pietro (ACL 2019), as its authors publish it.

`textimage-data.csv` (github.com/danielpreotiuc/text-image-relationship) has the columns `tweet_id`, `tweet`,
`text_is_represented` and `image_adds`, quotes inside a tweet written as `\\"`; the picture of a row is
`T<tweet_id>.jpg`. RpBERT's authors keep it as `data.csv` beside a folder `images` and train on its first 3,576 of 4,471
rows, four fifths.
"""

import csv
import re
import sys
from pathlib import Path

from rpbert.data.readers import Example
from rpbert.errors import UserError
from rpbert.model.texts import split_words

LABELS = ("text_is_represented", "image_adds")
_FINAL_URL = re.compile(r" https?://t\.co/\w+$")  # the picture's own address, no part of the text


def read_relation_csv(path: Path, images: Path | None = None) -> list[Example]:
    """Tweets with both relation labels and their pictures, from `images` or the folder `images` beside the file.

    Rows whose picture is missing are left out and counted on stderr: tweets have been deleted since, so that hardly
    anyone has all of them.

    Args:
        path: the file; with `#train` behind its name its first four fifths alone, with `#test` the rest.

    Raises:
        UserError: names the line of a bad row; also when no picture is there, or the part is none of these.
    """
    folder = images or path.parent / "images"
    name, _, part = path.name.partition("#")
    path = path.with_name(name)
    rows = _rows(path)
    border = len(rows) * 4 // 5
    parts = {"": rows, "train": rows[:border], "test": rows[border:]}
    if part not in parts:
        raise UserError(f"{path} has no part #{part}. Please choose #train or #test, or leave it out.")
    examples = [_example(path, number, row, folder) for number, row in parts[part]]
    found = [example for example in examples if example.picture is not None and example.picture.is_file()]
    if not found:
        raise UserError(f"{path}: of {len(examples)} pictures, named T<tweet_id>.jpg, none is in {folder}.")
    if len(found) < len(examples):
        left_out = len(examples) - len(found)
        print(f"rpbert: {path}: {left_out} of {len(examples)} tweets left out, without a picture.", file=sys.stderr)
    return found


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Each row with the number of its last line."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, doublequote=False, escapechar="\\")
            rows = [(reader.line_num, row) for row in reader]
            columns = set(reader.fieldnames or [])
    except OSError as error:
        raise UserError(f"There is no file {path}. Please check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read as a CSV in UTF-8: {error}") from error
    missing = {"tweet_id", "tweet", *LABELS} - columns
    if missing:
        raise UserError(f"{path} has no column {min(missing)!r}. Please use textimage-data.csv, with the tweets' text.")
    return rows


def _example(path: Path, number: int, row: dict[str, str], folder: Path) -> Example:
    for column in LABELS:
        if row[column] not in ("0", "1"):
            raise UserError(f"{path}, line {number}: {column} must be 0 or 1, found {row[column]!r}")
    try:
        words = split_words(_FINAL_URL.sub("", row["tweet"]))
    except UserError as error:
        raise UserError(f"{path}, line {number}: the tweet cannot be used. {error}") from error
    picture = folder / f"T{row['tweet_id']}.jpg"
    return Example(
        id=row["tweet_id"],
        words=tuple(word.text for word in words),
        picture=picture,
        image_adds=int(row["image_adds"]),
        text_represented=int(row["text_is_represented"]),
    )
