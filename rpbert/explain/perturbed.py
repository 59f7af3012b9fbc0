"""The model as a function of what is there of a picture and of its tweet's words: what every map rests on.

A region or a line of words is taken away by setting its visual tokens to zero, which is what a gate of 0 leaves of
them; a word is taken away by [MASK]. The picture acts by two routes: pass 1 sets the gate's value, pass 2 reads the
gated content. With one route only, the other pass keeps what it had.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from rpbert.analyzer import Analyzer, Prepared
from rpbert.explain.targets import Target, target_columns
from rpbert.model.configuration import REGIONS
from rpbert.model.gates import Gate
from rpbert.model.inputs import Embedded

ROUTES = ("total", "gate", "content")
TOKENS_AT_ONCE = 2048  # of all copies in one batch: about half a second on two cores, and little memory


def no_pause() -> None:
    """Nobody else is waiting."""


class PerturbedModel:
    """The model as a function of what is there of one picture and of its tweet's word embeddings, for any number of
    altered copies. A picture has F = 49 + K features: its regions and its lines of words.

    `pause` is called before every batch: whoever shares the machine may wait in it, or end the work by raising.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        prepared: Prepared,
        targets: Sequence[Target],
        gate: Gate,
        pause: Callable[[], None] = no_pause,
    ) -> None:
        assert prepared.pictures is not None, "a map needs a picture"
        self.model, self.targets, self.gate, self.pause = analyzer.model, targets, gate, pause
        # Only a name needs pass 2.
        names = any(target.span for target in targets)
        self.texts = prepared.texts if names else replace(prepared.texts, word_index=None)
        self.pictures = prepared.pictures
        assert prepared.texts.word_index is not None
        self.word_index = prepared.texts.word_index  # (1, n)
        self.word_count = prepared.texts.words_read
        self.lines = prepared.pictures.lines.shape[1]
        self.whole = torch.ones(1, REGIONS + self.lines)  # (1, F)
        with torch.no_grad():
            embeddings = self.model.text_encoder.embeddings.word_embeddings
            self.words = embeddings(prepared.texts.input_ids)  # (1, n, d)
            self.mask_word = embeddings(torch.tensor(analyzer.tokenizer.mask_token_id))  # (d,)

    def __call__(self, kept: Tensor, words: Tensor, route: str = "total") -> Tensor:
        """All targets (B, T) of B copies: what is there (B, F), word embeddings (B, n, d)."""
        return torch.stack(self.columns(kept, words, route), dim=1)

    def columns(self, kept: Tensor, words: Tensor, route: str) -> list[Tensor]:
        """As a call, one (B,) for each target."""
        self.pause()
        rows = len(kept)
        changed = self.embed(kept, words)
        plain = (
            self.embed(self.whole.expand(rows, -1), self.words.expand(rows, -1, -1)) if route != "total" else changed
        )
        return self._columns_of(changed, plain, route)

    @property
    def rows_at_once(self) -> int:
        """Copies in one batch, by `TOKENS_AT_ONCE`: few of a long tweet, at least one."""
        tokens = self.words.shape[1] + REGIONS + self.pictures.scene_ids.shape[1]
        return max(1, TOKENS_AT_ONCE // tokens)

    @torch.no_grad()
    def values(self) -> list[float]:
        """All targets as the tweet is, nothing altered."""
        values: list[float] = self(self.whole, self.words)[0].tolist()
        return values

    def embed(self, kept: Tensor, words: Tensor, regions: Tensor | None = None) -> Embedded:
        """What the passes read of the copies; `regions` (B, 49, C) in place of the picture's own."""
        rows = len(kept)
        pictures = self.pictures.repeated(rows)
        if regions is not None:
            pictures = replace(pictures, regions=regions)
        pictures = replace(pictures, cells=kept[:, :REGIONS], lines=kept[:, REGIONS:])
        return replace(self.model.embed(self.texts.repeated(rows), pictures), words=words)

    def gradients(self, kept: Tensor, words: Tensor, route: str) -> tuple[Tensor, Tensor]:
        """Of every target by both inputs: (B, T, F), (B, T, n, d). The copies are read once for all targets."""
        inputs = kept.detach().requires_grad_(), words.detach().requires_grad_()
        found = []
        with torch.enable_grad():
            columns = self.columns(*inputs, route)
        for column in columns:
            self.pause()
            if column.requires_grad:
                sums = torch.autograd.grad(column.sum(), inputs, retain_graph=True, materialize_grads=True)
            else:  # the route does not lead to this target
                sums = tuple(torch.zeros_like(part) for part in inputs)
            found.append(sums)
        by_kept, by_words = zip(*found, strict=True)
        return torch.stack(by_kept, dim=1), torch.stack(by_words, dim=1)

    def targets_of(self, changed: Embedded, plain: Embedded, route: str) -> Tensor:
        """All targets (B, T) when one or both passes read `changed`, the other `plain`."""
        return torch.stack(self._columns_of(changed, plain, route), dim=1)

    def _columns_of(self, changed: Embedded, plain: Embedded, route: str) -> list[Tensor]:
        first, second = {"total": (changed, changed), "gate": (changed, plain), "content": (plain, changed)}[route]
        texts = self.texts.repeated(len(changed.words))
        return target_columns(self.model, self.model.two_passes(texts, first, second, self.gate), self.targets)

    def own(self, kept: Tensor, words: Tensor, route: str) -> Tensor:
        """(B,) where row k is asked for target k; Captum repeats the rows in this order, whole batch by whole batch."""
        return self.pick_own(self(kept, words, route))

    def pick_own(self, values: Tensor) -> Tensor:
        """Of all targets (B, T) that of each row (B,)."""
        rows = torch.arange(len(values))
        return values[rows, rows % len(self.targets)]

    def masks(self) -> tuple[Tensor, Tensor]:
        """Which feature each number (1, F) and each element of the word embeddings (1, n, 1) belongs to.

        Regions and lines are 0..F-1, the words follow. [CLS] and [SEP] go with the first word, but stay as they are
        when it is taken away; see `baselines`.
        """
        count = self.whole.shape[1]
        words = self.word_index.clamp(min=0) + count  # (1, n)
        return torch.arange(count).unsqueeze(0), words.unsqueeze(2)

    def baselines(self) -> tuple[Tensor, Tensor]:
        """What stands for "not there": zero (1, F), [MASK] for every word's pieces (1, n, d)."""
        inside = (self.word_index >= 0).unsqueeze(2)  # (1, n, 1)
        return torch.zeros_like(self.whole), torch.where(inside, self.mask_word, self.words)
