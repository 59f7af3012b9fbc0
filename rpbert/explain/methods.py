"""What a number of the model rests on: signed maps over the 49 regions and scores per word, made with Captum.

Every method but Grad-CAM attributes to the same two inputs, the visual tokens V and the word embeddings, so that
regions and words share one unit, the target's (nats). A region is taken away by setting its visual token to zero, which
is what a gate of 0 leaves of it; a word is taken away by [MASK]. Both passes read the same two tensors: Captum's hooks
would see the second pass only.

The picture acts by two routes: pass 1 sets the gate's value, pass 2 reads the gated content. With `route` only one of
the passes is attributed to, while the other keeps what it had; the gradients of the two routes add up to the total.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from rpbert.model.modeling import View

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
    words: tuple[float, ...] | None  # one score per word that was read, in the same unit; None where a method has none
    seconds: float  # for all targets that were explained together
    delta: float | None = None  # of integrated gradients: by how much the scores miss the difference they should add to
    value: float | None = None  # the target as it was read, in its unit

    @property
    def strength(self) -> float:
        """The largest absolute value of a cell."""
        return max(abs(value) for row in self.grid for value in row)

    @property
    def cells(self) -> list[float]:
        """The 49 scores, row by row from the upper left."""
        return [value for row in self.grid for value in row]


def _no_pause() -> None:
    """Nobody else is waiting."""


class Reader:
    """The model as a function of one tweet's visual tokens and word embeddings, for any number of altered copies.

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
        assert prepared.regions is not None, "a map needs a picture"
        self.model, self.pieces, self.targets, self.gate = analyzer.model, prepared.pieces, targets, gate
        self.pause = pause
        self.regions = prepared.regions  # (1, 49, C)
        with torch.no_grad():
            self.visual = self.model.project(prepared.regions)  # (1, 49, d)
            embeddings = self.model.text_encoder.embeddings.word_embeddings
            self.words = embeddings(prepared.pieces["input_ids"])  # (1, n, d)
            self.mask_word = embeddings(torch.tensor(analyzer.tokenizer.mask_token_id))  # (d,)

    @property
    def word_count(self) -> int:
        """Words that were read."""
        return int(self.pieces["word_index"].max()) + 1

    @property
    def rows_at_once(self) -> int:
        """Copies in one batch, by `TOKENS_AT_ONCE`: few of a long tweet, at least one."""
        return max(1, TOKENS_AT_ONCE // (self.words.shape[1] + self.visual.shape[1]))

    @torch.no_grad()
    def values(self) -> list[float]:
        """All targets as the tweet is, nothing altered."""
        return self(self.visual, self.words)[0].tolist()

    def __call__(self, visual: Tensor, words: Tensor, route: str = "total") -> Tensor:
        """All targets (B, T) of B copies: visual tokens (B, 49, d), word embeddings (B, n, d)."""
        self.pause()
        rows = len(visual)
        changed = View(words, visual)
        plain = View(self.words.expand(rows, -1, -1), self.visual.expand(rows, -1, -1))
        first, second = {"total": (changed, changed), "gate": (changed, plain), "content": (plain, changed)}[route]
        # Only a name needs pass 2.
        unread = {"input_ids"} if any(target.span for target in self.targets) else {"input_ids", "word_index"}
        others = {
            name: tensor.expand(rows, *tensor.shape[1:]) for name, tensor in self.pieces.items() if name not in unread
        }
        output = self.model.two_passes(first, second, gate=self.gate, **others)
        return target_values(self.model, output, self.targets)

    def own(self, visual: Tensor, words: Tensor, route: str) -> Tensor:
        """(B,) where row k is asked for target k; Captum repeats the rows in this order, whole batch by whole batch."""
        values = self(visual, words, route)  # (B, T)
        rows = torch.arange(len(values))
        return values[rows, rows % len(self.targets)]

    def masks(self) -> tuple[Tensor, Tensor]:
        """Which feature each element of V (1, 49, 1) and of the word embeddings (1, n, 1) belongs to.

        The regions are 0..48, the words follow. [CLS] and [SEP] go with the first word, but stay as they are when it is
        taken away; see `baselines`.
        """
        regions = torch.arange(REGIONS).view(1, REGIONS, 1)
        words = self.pieces["word_index"].clamp(min=0) + REGIONS  # (1, n)
        return regions, words.unsqueeze(2)

    def baselines(self) -> tuple[Tensor, Tensor]:
        """What stands for "not there": zero regions (1, 49, d), [MASK] for every word's pieces (1, n, d)."""
        inside = (self.pieces["word_index"] >= 0).unsqueeze(2)  # (1, n, 1)
        return torch.zeros_like(self.visual), torch.where(inside, self.mask_word, self.words)


# Nats: a map whose strongest cell is below this shows what float32 rounds away, as where the regions are masked out.
ROUNDING = 1e-5

# A method gives, for T targets, region scores (T, 49) and word scores (T, W), and a delta for each target or None.
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
    regions, words, deltas = METHODS[method](reader, route)
    regions = regions.where(regions.abs().amax(dim=1, keepdim=True) > ROUNDING, 0.0)  # (T, 49)
    values = reader.values()
    seconds = time.perf_counter() - began
    return [
        Explanation(
            target,
            method,
            route,
            tuple(tuple(row) for row in regions[number].view(GRID, GRID).tolist()),
            None if words is None else tuple(words[number].tolist()),
            seconds,
            None if deltas is None else float(deltas[number]),
            values[number],
        )
        for number, target in enumerate(targets)
    ]


def grad_cam(reader: Reader, route: str) -> Scores:
    """Grad-CAM (Selvaraju et al. 2017): each CNN channel weighed by the mean gradient of the target.

    It looks at the CNN's channels before the projection, so it has no scores of words.
    """
    count = len(reader.targets)
    words = reader.words.expand(count, -1, -1)
    regions = reader.regions.expand(count, -1, -1).clone()  # (T, 49, C)
    maps = LayerGradCam(
        lambda copies: reader.own(reader.model.project(copies), words, route), reader.model.region_map
    ).attribute(regions, relu_attributions=False)
    assert maps.shape == (count, 1, GRID, GRID)
    return maps.detach().flatten(1), None, None  # (T, 1, 7, 7) -> (T, 49)


def gradient_x_input(reader: Reader, route: str) -> Scores:
    """The gradient times the input: the effect of taking each input away, to first order."""
    inputs = _copies(reader)
    scores = InputXGradient(reader.own).attribute(inputs, additional_forward_args=route)
    return *_summed(reader, scores), None


def integrated_gradients(reader: Reader, route: str) -> Scores:
    """Integrated gradients (Sundararajan et al. 2017) from the baseline of `Reader.baselines`."""
    inputs, baselines = _copies(reader), tuple(part.expand(len(reader.targets), -1, -1) for part in reader.baselines())
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
    """Each region and each word taken away on its own: how far the target falls."""
    scores = FeatureAblation(reader.__call__).attribute(
        (reader.visual, reader.words),
        **_taken_away(reader, route),
    )
    return *_picked(reader, scores), None


@torch.no_grad()
def shapley(reader: Reader, route: str) -> Scores:
    """Shapley values, sampled over `ORDERS` orders with a fixed seed (Castro et al. 2009; Strumbelj et al. 2010)."""
    torch.manual_seed(0)
    scores = ShapleyValueSampling(reader.__call__).attribute(
        (reader.visual, reader.words),
        n_samples=ORDERS,
        **_taken_away(reader, route),
    )
    return *_picked(reader, (scores[0][0], scores[1][0])), None  # (1, T, 49, d), (1, T, n, d)


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
    copies = reader.visual.repeat(count, 1, 1), reader.words.repeat(count, 1, 1)
    return copies[0].requires_grad_(), copies[1].requires_grad_()


def _summed(reader: Reader, scores: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Scores of single numbers (T, 49, d), (T, n, d) to those of regions (T, 49) and words (T, W)."""
    pieces = scores[1].detach().sum(dim=2)  # (T, n)
    index = reader.pieces["word_index"].clamp(min=0).expand_as(pieces)  # (T, n)
    real = (reader.pieces["word_index"] >= 0).to(pieces.dtype)
    words = pieces.new_zeros(len(pieces), reader.word_count).scatter_add(1, index, pieces * real)
    return scores[0].detach().sum(dim=2), words


def _picked(reader: Reader, scores: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Scores that are the same for all numbers of a feature, (T, 49, d), (T, n, d), to (T, 49) and (T, W)."""
    index = reader.pieces["word_index"][0].tolist()
    first_piece = [index.index(word) for word in range(reader.word_count)]
    return scores[0][:, :, 0], scores[1][:, first_piece, 0]


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
