"""What the model is given: B tweets as `Texts`, their pictures as `Pictures`.

Shapes: B batch, n word pieces, W words, R = 49 regions, C channels of the CNN, K lines of words in a picture, s their
pieces.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase

from rpbert.errors import UserError
from rpbert.model.configuration import GRID, REGIONS
from rpbert.model.scene_text import COUNTS, SceneLine, line_counts, shared_words
from rpbert.model.texts import Pieces


class _Rows:
    """Tensors with one row for each tweet; those that a model does not need are None."""

    def changed(self, change: Any) -> Self:
        """Every tensor as `change` makes it."""
        present = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return type(self)(**{name: None if part is None else change(part) for name, part in present.items()})

    def to(self, device: torch.device) -> Self:
        """On a device."""
        return self.changed(lambda part: part.to(device))

    def repeated(self, rows: int) -> Self:
        """One row, so many times, without a copy."""
        return self.changed(lambda part: part.expand(rows, *part.shape[1:]))


@dataclass(frozen=True)
class Texts(_Rows):
    """B tweets as word pieces, padded on the right; made by `collate_pieces`."""

    input_ids: Tensor  # (B, n), with [CLS] and [SEP]
    attention_mask: Tensor  # (B, n)
    word_index: Tensor | None = None  # (B, n) the word of each piece, -1 at [CLS], [SEP] and padding
    case_ids: Tensor | None = None  # (B, n) index into `CASES`
    characters: Tensor | None = None  # (B, W, k) and
    static_ids: Tensor | None = None  # (B, W), from `WordFeatures.inputs` where the configuration asks for them

    @property
    def words_read(self) -> int:
        """Words of the longest tweet."""
        assert self.word_index is not None
        return int(self.word_index.max()) + 1


@dataclass(frozen=True)
class Pictures(_Rows):
    """B pictures as regions and as the words in them."""

    regions: Tensor  # (B, 49, C) from `RegionEncoder`
    present: Tensor  # (B,) bool; a row without a picture is masked in both passes
    cells: Tensor  # (B, 49) how much of each region is there: 1, and 0 where it is hidden
    lines: Tensor  # (B, K) the same of each line of words
    scene_ids: Tensor  # (B, s) pieces of the words
    scene_line: Tensor  # (B, s) the line of each piece, -1 at padding
    line_counts: Tensor  # (B, K, 6) from `rpbert.model.scene_text`
    echo: Tensor  # (B, n, K) 1 where the word of a tweet's piece stands in a line

    @classmethod
    def of(cls, regions: Tensor, present: Tensor | None = None, **words: Tensor) -> "Pictures":
        """Whole pictures: regions (B, 49, C), and `words` from `collate_scenes`, none by default."""
        batch = len(regions)
        if present is None:
            present = torch.ones(batch, dtype=torch.bool, device=regions.device)
        if not words:
            words = {
                "scene_ids": torch.zeros(batch, 0, dtype=torch.long),
                "scene_line": torch.zeros(batch, 0, dtype=torch.long),
                "line_counts": torch.zeros(batch, 0, COUNTS),
                "echo": torch.zeros(batch, 1, 0),
            }
            words = {name: part.to(regions.device) for name, part in words.items()}
        lines = regions.new_ones(words["line_counts"].shape[:2])
        return cls(regions, present, regions.new_ones(batch, REGIONS), lines, **words)

    def without(self, cells: Collection[int] = (), lines: Collection[int] = ()) -> "Pictures":
        """With some cells (0..48, row by row from the upper left) and lines hidden.

        What is hidden has no content left: its tokens are zero in both passes, but keep their positions and their share
        of attention. So hiding everything is not the same as a closed gate.

        Raises `UserError` for a cell or line that the picture does not have.
        """
        wrong = [cell for cell in cells if cell not in range(REGIONS)]
        if wrong:
            raise UserError(
                f"The picture has no cell {wrong[0]}. Please choose cells from 0 to {REGIONS - 1}: {GRID} rows of "
                f"{GRID}, counted from the upper left."
            )
        count = self.lines.shape[1]
        wrong = [line for line in lines if line not in range(count)]
        if wrong:
            raise UserError(f"The picture has no line {wrong[0]}: {count} lines of words were read in it.")
        return replace(self, cells=_cleared(self.cells, cells), lines=_cleared(self.lines, lines))


def _cleared(kept: Tensor, hidden: Collection[int]) -> Tensor:
    kept = kept.clone()
    kept[:, list(hidden)] = 0.0
    return kept


@dataclass(frozen=True)
class Embedded:
    """What the passes read of B tweets and pictures."""

    words: Tensor  # (B, n, d) word embeddings of the pieces, without case
    visual: Tensor  # (B, v, d) visual tokens
    visible: Tensor  # (B, v) bool, False at padding and where there is no picture
    echo: Tensor  # (B, n, 1) 1 at the pieces of words that stand in the picture, 0..1 where its lines are hidden
    pooled: Tensor  # (B, C) mean of the regions that are there
    counts: Tensor  # (B, 6) `line_counts` of all lines that are there
    scene: Tensor  # (B, s, d) word embeddings of the pieces of the words in the picture
    scene_there: Tensor  # (B, s) how much of each piece is there, 0 at padding


@dataclass(frozen=True)
class Scene:
    """The words of one picture beside one tweet, as the model reads them."""

    input_ids: list[int]  # pieces
    line: list[int]  # the line of each piece
    counts: Tensor  # (K, 6)
    echo: Tensor  # (n, K)


def to_scene(
    tokenizer: PreTrainedTokenizerBase, words: Sequence[str], tweet: Pieces, lines: Sequence[SceneLine]
) -> Scene:
    """The words of a picture as pieces, beside a tweet's `words` and their pieces; of lines as `kept_lines` gives."""
    spelled = [_spelled(tokenizer, line.text) for line in lines]
    shared = [shared_words(words[: tweet.words], line.text) for line in lines]
    echo = torch.zeros(len(tweet.input_ids), len(lines))
    for column, members in enumerate(shared):
        there = set(members)
        echo[:, column] = torch.tensor([float(word in there) for word in tweet.word_index])
    counts = [line_counts(line, words, members) for line, members in zip(lines, shared, strict=True)]
    return Scene(
        [piece for pieces in spelled for piece in pieces],
        [number for number, pieces in enumerate(spelled) for _ in pieces],
        torch.stack(counts) if counts else torch.zeros(0, COUNTS),
        echo,
    )


def _spelled(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """The pieces of a line. A bracket stands alone: "[SEP]" in a picture is text, and no sign of the tokenizer's."""
    sound = text.encode("utf-8", "ignore").decode()  # half an emoji is no text to the tokenizer
    pieces: list[int] = tokenizer(sound.replace("[", " [ "), add_special_tokens=False)["input_ids"]
    return pieces


def kept_lines(tokenizer: PreTrainedTokenizerBase, lines: Sequence[SceneLine], limit: int) -> tuple[SceneLine, ...]:
    """The largest lines whose pieces together are at most `limit`, in reading order."""
    kept, room = set(), limit
    for index in sorted(range(len(lines)), key=lambda number: -lines[number].area):
        length = len(_spelled(tokenizer, lines[index].text))
        if 0 < length <= room:
            kept.add(index)
            room -= length
    return tuple(line for index, line in enumerate(lines) if index in kept)


def scene_tensors(
    tokenizer: PreTrainedTokenizerBase,
    limit: int,
    tweets: Sequence[tuple[Sequence[str], Pieces]],
    scenes: Sequence[Sequence[SceneLine]],
) -> dict[str, Tensor]:
    """`collate_scenes` of tweets, as words and pieces, beside the words of B pictures, at most `limit` pieces each."""
    kept = [kept_lines(tokenizer, lines, limit) for lines in scenes]
    rows = zip(tweets, kept, strict=True)
    return collate_scenes([to_scene(tokenizer, words, tweet, lines) for (words, tweet), lines in rows])


def collate_scenes(scenes: Sequence[Scene]) -> dict[str, Tensor]:
    """The fields of `Pictures` that speak of words, padded on the right."""
    pieces = max(len(scene.echo) for scene in scenes)
    lines = max(len(scene.counts) for scene in scenes)
    echo = torch.zeros(len(scenes), pieces, lines)
    counts = torch.zeros(len(scenes), lines, COUNTS)
    for row, scene in enumerate(scenes):
        echo[row, : scene.echo.shape[0], : scene.echo.shape[1]] = scene.echo
        counts[row, : len(scene.counts)] = scene.counts
    return {
        "scene_ids": pad_sequence([torch.tensor(scene.input_ids, dtype=torch.long) for scene in scenes], True),
        "scene_line": pad_sequence([torch.tensor(scene.line, dtype=torch.long) for scene in scenes], True, -1),
        "line_counts": counts,
        "echo": echo,
    }


def once(rows: Tensor) -> Tensor:
    """One row (1, ...) in place of B equal ones (B, ...): what maps ask about copies of one tweet is read once.

    With gradients only where `expand` made the copies, which shows without a look at them: of others, each row may be
    asked for a gradient of its own.
    """
    copied = rows.stride(0) == 0 or (not torch.is_grad_enabled() and torch.equal(rows, rows[:1].expand_as(rows)))
    return rows[:1] if copied else rows
