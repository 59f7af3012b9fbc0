"""Reader of word vectors in the text format of word2vec, fastText and GloVe: a word and its numbers per line."""

from collections.abc import Collection
from pathlib import Path

import torch
from torch import Tensor

from rpbert.errors import UserError

FREQUENT = 50_000  # words kept of every file: these files begin with the most frequent


def read_static_vectors(path: Path, wanted: Collection[str]) -> tuple[list[str], Tensor]:
    """The words kept and their vectors (words, size): the first `FREQUENT` of the file, and all that are `wanted`.

    A first line "2000000 300" with the size of the table, as word2vec and fastText write it, is skipped.

    Raises:
        UserError: names the line that has no word, too few numbers, or (of a word that is kept) something else.
    """
    vectors: dict[str, list[float]] = {}
    size = 0
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:  # some tables have broken words
            for number, line in enumerate(file, start=1):
                columns = line.split()
                if number == 1 and len(columns) == 2 and all(column.isdigit() for column in columns):
                    continue
                size = size or len(columns) - 1
                word, *values = line.rstrip().rsplit(" ", size) if size > 0 else [""]
                if not word or len(values) != size:
                    raise UserError(f"{path}, line {number}: expected a word and {size} numbers behind it.")
                if len(vectors) >= FREQUENT and word not in wanted:
                    continue
                try:
                    vectors.setdefault(word, [float(value) for value in values])
                except ValueError as error:
                    raise UserError(f"{path}, line {number}: expected {size} numbers behind {word!r}.") from error
    except OSError as error:
        raise UserError(f"There is no file {path}. Please check the path.") from error
    if not vectors:
        raise UserError(f"{path} has no word vectors in it.")
    return list(vectors), torch.tensor(list(vectors.values()))
