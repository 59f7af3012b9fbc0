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
from rpbert.explain.perturbed import ROUTES, PerturbedModel, no_pause
from rpbert.explain.targets import Target
from rpbert.model.configuration import GRID, REGIONS
from rpbert.model.gates import Gate

DEFAULT_METHOD = "occlusion"  # slower than Grad-CAM, but to be believed (benchmarks/faithfulness.py)
STEPS = 32  # of integrated gradients
ORDERS = 25  # orders that Shapley values are averaged over

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


# Nats: a map whose strongest cell is below this shows what float32 rounds away, as where the regions are masked out.
ROUNDING = 1e-5

# A method gives, for T targets, scores of the features (T, F) or of the regions alone (T, 49), word scores (T, W), and
# a delta for each target; None where it has none.
Scores = tuple[Tensor, Tensor | None, Tensor | None]
Method = Callable[[PerturbedModel, str], Scores]


def explain(
    analyzer: Analyzer,
    prepared: Prepared,
    targets: Sequence[Target],
    method: str = DEFAULT_METHOD,
    gate: Gate = "soft",
    route: str = "total",
    pause: Callable[[], None] = no_pause,
) -> list[Explanation]:
    """Explanations of all targets, computed together.

    Args:
        prepared: with a picture. targets: see `rpbert.explain.targets`.
        method: a key of `METHODS`. route: one of `ROUTES`. pause: see `rpbert.explain.perturbed`.
    """
    assert route in ROUTES
    began = time.perf_counter()
    perturbed = PerturbedModel(analyzer, prepared, targets, gate, pause)
    features, words, deltas = METHODS[method](perturbed, route)
    features = features.where(features.abs().amax(dim=1, keepdim=True) > ROUNDING, 0.0)  # (T, F or 49)
    regions, lines = features[:, :REGIONS], features[:, REGIONS:]
    values = perturbed.values()
    seconds = time.perf_counter() - began
    return [
        Explanation(
            target,
            method,
            route,
            tuple(tuple(row) for row in regions[number].view(GRID, GRID).tolist()),
            None if lines.shape[1] < perturbed.lines else tuple(lines[number].tolist()),
            None if words is None else tuple(words[number].tolist()),
            seconds,
            None if deltas is None else float(deltas[number]),
            values[number],
        )
        for number, target in enumerate(targets)
    ]


def grad_cam(perturbed: PerturbedModel, route: str) -> Scores:
    """Grad-CAM (Selvaraju et al. 2017): each CNN channel weighed by the mean gradient of the target.

    It looks at the CNN's channels before the projection, so it has no scores of words, in the picture or the tweet.
    """
    count = len(perturbed.targets)
    whole, words = perturbed.whole.expand(count, -1), perturbed.words.expand(count, -1, -1)
    regions = perturbed.pictures.regions.expand(count, -1, -1).clone()  # (T, 49, C)
    plain = None if route == "total" else perturbed.embed(whole, words)

    def own(copies: Tensor) -> Tensor:
        changed = perturbed.embed(whole, words, copies)
        return perturbed.pick_own(perturbed.targets_of(changed, changed if plain is None else plain, route))

    maps = LayerGradCam(own, perturbed.model.region_map).attribute(regions, relu_attributions=False)
    assert maps.shape == (count, 1, GRID, GRID)
    return maps.detach().flatten(1), None, None  # (T, 1, 7, 7) -> (T, 49)


def gradient_x_input(perturbed: PerturbedModel, route: str) -> Scores:
    """The gradient times the input: the effect of taking each input away, to first order."""
    inputs = _copies(perturbed)
    method = InputXGradient(perturbed.own)
    method.gradient_func = _shared_gradients(perturbed, route)
    scores = method.attribute(inputs, additional_forward_args=route)
    return *_summed(perturbed, scores), None


def integrated_gradients(perturbed: PerturbedModel, route: str) -> Scores:
    """Integrated gradients (Sundararajan et al. 2017) from the baseline of `PerturbedModel.baselines`."""
    inputs, count = _copies(perturbed), len(perturbed.targets)
    baselines = tuple(part.expand(count, *part.shape[1:]) for part in perturbed.baselines())
    method = IntegratedGradients(perturbed.own)
    method.gradient_func = _shared_gradients(perturbed, route)
    scores, delta = method.attribute(
        inputs,
        baselines,
        additional_forward_args=route,
        n_steps=STEPS,
        internal_batch_size=count * perturbed.rows_at_once,  # each copy stands there once for every target
        return_convergence_delta=True,
    )
    return *_summed(perturbed, scores), delta


@torch.no_grad()
def occlusion(perturbed: PerturbedModel, route: str) -> Scores:
    """Each region, line and word taken away on its own: how far the target falls."""
    scores = FeatureAblation(perturbed.__call__).attribute(
        (perturbed.whole, perturbed.words),
        **_taken_away(perturbed, route),
    )
    return *_picked(perturbed, scores), None


@torch.no_grad()
def shapley(perturbed: PerturbedModel, route: str) -> Scores:
    """Shapley values, sampled over `ORDERS` orders with a fixed seed (Castro et al. 2009; Strumbelj et al. 2010)."""
    torch.manual_seed(0)
    scores = ShapleyValueSampling(perturbed.__call__).attribute(
        (perturbed.whole, perturbed.words),
        n_samples=ORDERS,
        **_taken_away(perturbed, route),
    )
    return *_picked(perturbed, (scores[0][0], scores[1][0])), None  # (1, T, F), (1, T, n, d)


def _taken_away(perturbed: PerturbedModel, route: str) -> dict[str, Any]:
    """How Captum's perturbing methods take features away."""
    return {
        "baselines": perturbed.baselines(),
        "additional_forward_args": route,
        "feature_mask": perturbed.masks(),
        "perturbations_per_eval": perturbed.rows_at_once,
    }


def _shared_gradients(perturbed: PerturbedModel, route: str) -> Callable[..., tuple[Tensor, ...]]:
    """In place of Captum's gradient function, which would read every copy once for each target."""
    count = len(perturbed.targets)

    def gradients(
        forward_fn: Any, inputs: tuple[Tensor, Tensor], target_ind: Any = None, additional_forward_args: Any = None
    ) -> tuple[Tensor, ...]:
        kept, words = (part[::count] for part in inputs)  # rows k to k + T - 1 are the same, one for each target
        by_input = perturbed.gradients(kept, words, route)
        return tuple(part.flatten(0, 1) for part in by_input)  # (B, T, ...) -> (B * T, ...)

    return gradients


def _copies(perturbed: PerturbedModel) -> tuple[Tensor, Tensor]:
    """One copy of both inputs for each target."""
    count = len(perturbed.targets)
    copies = perturbed.whole.repeat(count, 1), perturbed.words.repeat(count, 1, 1)
    return copies[0].requires_grad_(), copies[1].requires_grad_()


def _summed(perturbed: PerturbedModel, scores: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Scores of single numbers (T, F), (T, n, d) to those of features (T, F) and words (T, W)."""
    pieces = scores[1].detach().sum(dim=2)  # (T, n)
    index = perturbed.word_index.clamp(min=0).expand_as(pieces)  # (T, n)
    real = (perturbed.word_index >= 0).to(pieces.dtype)
    words = pieces.new_zeros(len(pieces), perturbed.word_count).scatter_add(1, index, pieces * real)
    return scores[0].detach(), words


def _picked(perturbed: PerturbedModel, scores: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Scores (T, F) and those (T, n, d) that are the same for all numbers of a word, to (T, F) and (T, W)."""
    index = perturbed.word_index[0].tolist()
    first_piece = [index.index(word) for word in range(perturbed.word_count)]
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
