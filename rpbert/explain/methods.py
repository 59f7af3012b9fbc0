"""What a number of the model rests on: signed scores of the 49 regions, of the lines of words in the picture, and of
the words of the tweet, made with Captum.

Every method but Grad-CAM attributes to the same two inputs: how much of each region and line is there (1 each), and the
word embeddings. So all scores share one unit, the target's (nats). A region or line is taken away by setting its visual
tokens to zero, which is what a gate of 0 leaves of them; a word is taken away by [MASK]. Both passes read the same
inputs: Captum's hooks would see the second pass only.

The picture acts by two routes: pass 1 sets the gate's value, pass 2 reads the gated content. With `route` only one of
the passes is attributed to, while the other keeps what it had; the gradients of the two routes add up to the total.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from captum.attr import (
    FeatureAblation,
    InputXGradient,
    IntegratedGradients,
    LayerGradCam,
    ShapleyValueSampling,
)
from torch import Tensor

from rpbert.analyzer import Analyzer, Prepared
from rpbert.explain.targets import Target, target_values
from rpbert.model.configuration import GRID, REGIONS
from rpbert.model.gates import Gate
from rpbert.model.inputs import Embedded

ROUTES = ("total", "gate", "content")
DEFAULT_METHOD = "occlusion"  # slower than Grad-CAM, but to be believed (benchmarks/faithfulness.py)
STEPS = 32  # of integrated gradients
ORDERS = 25  # orders that Shapley values are averaged over
TOKENS_AT_ONCE = 2048  # of all readings in one batch: about half a second on two cores, and little memory

Grid = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Explanation:
    """Signed scores: what is positive raises the target, what is negative lowers it."""

    target: Target
    method: str  # a key of METHODS
    route: str
    grid: Grid  # 7 rows of 7, from the upper left
    lines: tuple[float, ...] | None  # one score per line of `Prepared.scene`; None where a method has none
    words: tuple[float, ...] | None  # one score per word that was read, in the same unit; None where a method has none
    seconds: float  # for all targets that were explained together
    delta: float | None = None  # of integrated gradients: by how much the scores miss the difference they should add to
    value: float | None = None  # the target as it was read, in its unit

    @property
    def strength(self) -> float:
        """The largest absolute value of a cell or line."""
        return max(abs(value) for value in self.features)

    @property
    def cells(self) -> list[float]:
        """The 49 scores, row by row from the upper left."""
        return [value for row in self.grid for value in row]

    @property
    def features(self) -> list[float]:
        """The scores of the cells, then those of the lines where there are any."""
        return [*self.cells, *(self.lines or ())]


def _no_pause() -> None:
    """Nobody else is waiting."""


class Reader:
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
        pause: Callable[[], None] = _no_pause,
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
        self.pause()
        rows = len(kept)
        changed = self.embed(kept, words)
        plain = (
            self.embed(self.whole.expand(rows, -1), self.words.expand(rows, -1, -1)) if route != "total" else changed
        )
        return self.targets_of(changed, plain, route)

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

    def targets_of(self, changed: Embedded, plain: Embedded, route: str) -> Tensor:
        """All targets (B, T) when one or both passes read `changed`, the other `plain`."""
        first, second = {"total": (changed, changed), "gate": (changed, plain), "content": (plain, changed)}[route]
        texts = self.texts.repeated(len(changed.words))
        return target_values(self.model, self.model.two_passes(texts, first, second, self.gate), self.targets)

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


# Nats: a map whose strongest cell is below this shows what float32 rounds away, as where the regions are masked out.
ROUNDING = 1e-5

# A method gives, for T targets, scores of the features (T, F) or of the regions alone (T, 49), word scores (T, W), and
# a delta for each target; None where it has none.
Scores = tuple[Tensor, Tensor | None, Tensor | None]
Method = Callable[[Reader, str], Scores]


def explain(
    analyzer: Analyzer,
    prepared: Prepared,
    targets: Sequence[Target],
    method: str = DEFAULT_METHOD,
    gate: Gate = "soft",
    route: str = "total",
    pause: Callable[[], None] = _no_pause,
) -> list[Explanation]:
    """Explanations of all targets, computed together.

    Args:
        prepared: with a picture. targets: see `rpbert.explain.targets`.
        method: a key of `METHODS`. route: one of `ROUTES`. pause: see `Reader`.
    """
    assert route in ROUTES
    began = time.perf_counter()
    reader = Reader(analyzer, prepared, targets, gate, pause)
    features, words, deltas = METHODS[method](reader, route)
    features = features.where(features.abs().amax(dim=1, keepdim=True) > ROUNDING, 0.0)  # (T, F or 49)
    regions, lines = features[:, :REGIONS], features[:, REGIONS:]
    values = reader.values()
    seconds = time.perf_counter() - began
    return [
        Explanation(
            target,
            method,
            route,
            tuple(tuple(row) for row in regions[number].view(GRID, GRID).tolist()),
            None if lines.shape[1] < reader.lines else tuple(lines[number].tolist()),
            None if words is None else tuple(words[number].tolist()),
            seconds,
            None if deltas is None else float(deltas[number]),
            values[number],
        )
        for number, target in enumerate(targets)
    ]


def grad_cam(reader: Reader, route: str) -> Scores:
    """Grad-CAM (Selvaraju et al. 2017): each CNN channel weighed by the mean gradient of the target.

    It looks at the CNN's channels before the projection, so it has no scores of words, in the picture or the tweet.
    """
    count = len(reader.targets)
    whole, words = reader.whole.expand(count, -1), reader.words.expand(count, -1, -1)
    regions = reader.pictures.regions.expand(count, -1, -1).clone()  # (T, 49, C)
    plain = None if route == "total" else reader.embed(whole, words)

    def own(copies: Tensor) -> Tensor:
        changed = reader.embed(whole, words, copies)
        return reader.pick_own(reader.targets_of(changed, changed if plain is None else plain, route))

    maps = LayerGradCam(own, reader.model.region_map).attribute(regions, relu_attributions=False)
    assert maps.shape == (count, 1, GRID, GRID)
    return maps.detach().flatten(1), None, None  # (T, 1, 7, 7) -> (T, 49)


def gradient_x_input(reader: Reader, route: str) -> Scores:
    """The gradient times the input: the effect of taking each input away, to first order."""
    inputs = _copies(reader)
    scores = InputXGradient(reader.own).attribute(inputs, additional_forward_args=route)
    return *_summed(reader, scores), None


def integrated_gradients(reader: Reader, route: str) -> Scores:
    """Integrated gradients (Sundararajan et al. 2017) from the baseline of `Reader.baselines`."""
    inputs, count = _copies(reader), len(reader.targets)
    baselines = tuple(part.expand(count, *part.shape[1:]) for part in reader.baselines())
    scores, delta = IntegratedGradients(reader.own).attribute(
        inputs,
        baselines,
        additional_forward_args=route,
        n_steps=STEPS,
        internal_batch_size=max(len(reader.targets), reader.rows_at_once),
        return_convergence_delta=True,
    )
    return *_summed(reader, scores), delta


@torch.no_grad()
def occlusion(reader: Reader, route: str) -> Scores:
    """Each region, line and word taken away on its own: how far the target falls."""
    scores = FeatureAblation(reader.__call__).attribute(
        (reader.whole, reader.words),
        **_taken_away(reader, route),
    )
    return *_picked(reader, scores), None


@torch.no_grad()
def shapley(reader: Reader, route: str) -> Scores:
    """Shapley values, sampled over `ORDERS` orders with a fixed seed (Castro et al. 2009; Strumbelj et al. 2010)."""
    torch.manual_seed(0)
    scores = ShapleyValueSampling(reader.__call__).attribute(
        (reader.whole, reader.words),
        n_samples=ORDERS,
        **_taken_away(reader, route),
    )
    return *_picked(reader, (scores[0][0], scores[1][0])), None  # (1, T, F), (1, T, n, d)


def _taken_away(reader: Reader, route: str) -> dict[str, Any]:
    """How Captum's perturbing methods take features away."""
    return {
        "baselines": reader.baselines(),
        "additional_forward_args": route,
        "feature_mask": reader.masks(),
        "perturbations_per_eval": reader.rows_at_once,
    }


def _copies(reader: Reader) -> tuple[Tensor, Tensor]:
    """One copy of both inputs for each target."""
    count = len(reader.targets)
    copies = reader.whole.repeat(count, 1), reader.words.repeat(count, 1, 1)
    return copies[0].requires_grad_(), copies[1].requires_grad_()


def _summed(reader: Reader, scores: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Scores of single numbers (T, F), (T, n, d) to those of features (T, F) and words (T, W)."""
    pieces = scores[1].detach().sum(dim=2)  # (T, n)
    index = reader.word_index.clamp(min=0).expand_as(pieces)  # (T, n)
    real = (reader.word_index >= 0).to(pieces.dtype)
    words = pieces.new_zeros(len(pieces), reader.word_count).scatter_add(1, index, pieces * real)
    return scores[0].detach(), words


def _picked(reader: Reader, scores: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Scores (T, F) and those (T, n, d) that are the same for all numbers of a word, to (T, F) and (T, W)."""
    index = reader.word_index[0].tolist()
    first_piece = [index.index(word) for word in range(reader.word_count)]
    return scores[0], scores[1][:, first_piece, 0]


METHODS: dict[str, Method] = {
    "grad_cam": grad_cam,
    "gradient_x_input": gradient_x_input,
    "integrated_gradients": integrated_gradients,
    "occlusion": occlusion,
    "shapley": shapley,
}
METHOD_NAMES = {
    "grad_cam": "Grad-CAM",
    "gradient_x_input": "Gradient x input",
    "integrated_gradients": "Integrated gradients",
    "occlusion": "Occlusion",
    "shapley": "Shapley values (sampled)",
}
assert METHOD_NAMES.keys() == METHODS.keys()
