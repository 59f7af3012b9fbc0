"""The words in the pictures of a data set: from a file that a reader wrote before, or read now and kept."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rpbert.data.readers import Example, bad_line, lines_of
from rpbert.model.pictures import open_picture
from rpbert.model.scene_text import SceneLine, SceneTextReader, plain

Lines = tuple[SceneLine, ...]


def read_scene_file(path: Path) -> dict[str, Lines]:
    """The lines of each picture by the id of its pair, from a JSONL with `id` and `lines` of `text`, `score`, `area`.

    Raises `UserError` with the line number for a row that is not of this form.
    """
    found: dict[str, Lines] = {}
    for number, row in lines_of(path):
        try:
            record = json.loads(row)
            lines = [
                SceneLine(str(line["text"]), float(line["score"]), float(line["area"])) for line in record["lines"]
            ]
            found[str(record["id"])] = tuple(line for line in lines if plain(line.text))
        except (ValueError, KeyError, TypeError) as error:
            raise bad_line(path, number, "expected id and lines of text, score and area") from error
    return found


def with_scenes(examples: Sequence[Example], known: Mapping[str, Lines], cache: Path | None = None) -> list[Example]:
    """The examples with the words in their pictures: those that are `known` by id, the others read from the picture.

    Args:
        cache: a folder that keeps what was read.

    Raises:
        UserError: there are pictures to be read, and no reader or a broken picture.
    """
    unread = [example.picture for example in examples if example.picture is not None and example.id not in known]
    read = read_scenes(unread, cache)
    return [
        example
        if example.picture is None
        else replace(example, scene=known[example.id] if example.id in known else read[example.picture])
        for example in examples
    ]


def read_scenes(pictures: Iterable[Path], cache: Path | None = None) -> dict[Path, Lines]:
    """The words in each picture, by the reader; raises `UserError` as `with_scenes` does."""
    paths = sorted(set(pictures))
    if not paths:
        return {}
    file = None if cache is None else cache / f"scene-text-{_fingerprint(paths)}.json"
    if file is not None and file.is_file():
        return dict(zip(paths, (_lines(rows) for rows in json.loads(file.read_text("utf-8"))), strict=True))
    reader, found = SceneTextReader(), {}
    for path in tqdm(paths, desc="words in pictures", unit="picture"):
        found[path] = reader.read(open_picture(path).image)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        rows = [[asdict(line) for line in found[path]] for path in paths]
        new = file.with_suffix(".new")  # renamed when it is whole: a run may be killed while it writes
        new.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
        new.rename(file)
    return found


def _lines(rows: list[dict[str, Any]]) -> Lines:
    quads = [tuple((x, y) for x, y in row["quad"]) for row in rows]
    return tuple(SceneLine(**{**row, "quad": quad}) for row, quad in zip(rows, quads, strict=True))


def _fingerprint(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]
