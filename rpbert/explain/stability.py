"""How far a map can be relied on: infidelity and maximum sensitivity (Yeh et al. 2019), computed by Captum.

Infidelity asks whether the scores add up. Half of the features (cells, and lines of words) are taken away at random,
and the sum of their scores is what the map says the target falls by; infidelity is the mean squared difference to what
it does fall by. The input is how much of each feature is there, 1 in the picture as it is: the perturbation of one that
is taken away is 1, and its attribution is its score, whatever the method.

Maximum sensitivity asks whether the map stays when the picture hardly changes: uniform noise of at most 2 % is added to
what the CNN found in the picture, ahead of the projection, because Grad-CAM looks there. The words stay as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from captum.metrics import infidelity, sensitivity_max
from torch import Tensor

from rpbert.analyzer import Analyzer, Prepared
from rpbert.explain.methods import Explanation, explain
from rpbert.explain.perturbed import PerturbedModel
from rpbert.model.gates import Gate

HALVES = 100  # random halves of the cells for infidelity
NOISES = 10  # noisy pictures for sensitivity
RADIUS = 0.02  # largest noise on a number of the regions, as a share of their root mean square
STEADY, UNSTEADY = 0.1, 0.5  # sensitivities that the sentence tells apart


@dataclass(frozen=True)
class Stability:
    """What the two tests say of one map."""

    infidelity: float  # nats squared; 0 when the scores of cells always add up to the effect of taking them away
    infidelity_of_zeros: float  # nats squared; that of a map of zeros, which says that no cell matters
    sensitivity: float  # largest change of the map under noise, as a share of its length; 0 when it does not change

    def sentence(self) -> str:
        """For beside the map."""
        better = "better than" if self.infidelity < self.infidelity_of_zeros else "no better than"
        moves = "moves visibly"
        if self.sensitivity < STEADY:
            moves = "is steady"
        elif self.sensitivity >= UNSTEADY:
            moves = "is not steady, do not read single cells"
        return (
            f"Half of the cells together ({HALVES} random halves): the sum of their scores foretells what they do "
            f"{better} a map of zeros, infidelity {self.infidelity:.3g} against {self.infidelity_of_zeros:.3g} nats "
            "squared (0 is best; scores also fail to add up where cells can replace each other). Under noise of "
            f"{100 * RADIUS:.0f} % on what the CNN found ({NOISES} tries) the map {moves}: it changes by at most "
            f"{100 * self.sensitivity:.1f} % of its length."
        )


def measure_stability(
    analyzer: Analyzer,
    prepared: Prepared,
    explanation: Explanation,
    gate: Gate = "soft",
    pause: Callable[[], None] = lambda: None,
) -> Stability:
    """Both tests of one map, seeded.

    Args:
        prepared, gate: what the map was made of. explanation: from `rpbert.explain.methods`; its method runs `NOISES`
            more times, which takes minutes for a slow one. pause: as in `rpbert.explain.perturbed.PerturbedModel`.
    """
    assert prepared.pictures is not None, "a map needs a picture"
    pictures = prepared.pictures
    target, method, route = explanation.target, explanation.method, explanation.route
    perturbed = PerturbedModel(analyzer, prepared, [target], gate, pause)
    features = torch.tensor([explanation.features])  # (1, F)

    def scores(regions: Tensor) -> Tensor:
        changed = replace(prepared, pictures=replace(pictures, regions=regions))
        return torch.tensor([explain(analyzer, changed, [target], method, gate, route, pause)[0].cells])  # (1, 49)

    return Stability(
        map_infidelity(perturbed, features, route),
        map_infidelity(perturbed, torch.zeros_like(features), route),
        map_sensitivity(scores, pictures.regions),
    )


def map_infidelity(perturbed: PerturbedModel, features: Tensor, route: str) -> float:
    """Infidelity, in nats squared, of scores (1, F), or of cells alone (1, 49), for the only target of `perturbed`."""
    assert len(perturbed.targets) == 1
    generator = torch.Generator().manual_seed(0)
    count = features.shape[1]

    def target(kept: Tensor) -> Tensor:
        """The target (B,) when so much of each feature is there: kept (B, F), 0 to 1."""
        rest = kept.new_ones(len(kept), perturbed.whole.shape[1] - count)
        return perturbed(torch.cat([kept, rest], dim=1), perturbed.words.expand(len(kept), -1, -1), route)[:, 0]

    def take_half_away(kept: Tensor) -> tuple[Tensor, Tensor]:
        """What is taken away (B, F), 1 at a random half of the features, and what is left."""
        taken = torch.rand(kept.shape, generator=generator).argsort(dim=1) < count // 2
        return taken.to(kept.dtype), kept - taken.to(kept.dtype)

    whole, rows = torch.ones_like(features), min(HALVES, perturbed.rows_at_once)
    found = infidelity(target, take_half_away, whole, features, n_perturb_samples=HALVES, max_examples_per_batch=rows)
    return float(found)


def map_sensitivity(scores: Callable[[Tensor], Tensor], regions: Tensor) -> float:
    """Largest relative change of a map when noise is added to the regions.

    Args:
        scores: the map (1, 49) of regions (1, 49, C). regions: (1, 49, C), ahead of the projection.

    Returns:
        The largest Euclidean length of the change divided by that of the map, over `NOISES` draws.
    """
    generator = torch.Generator().manual_seed(0)  # of its own: sampling methods set torch's seed
    radius = RADIUS * regions.square().mean().sqrt()

    def noisy(copies: Tensor) -> Tensor:
        return copies + radius * (2 * torch.rand(copies.shape, generator=generator) - 1)

    def maps(copies: Tensor | tuple[Tensor]) -> tuple[Tensor]:
        """(N, 49) in a tuple; Captum hands the regions over in a tuple, but their noisy copies (N, 49, C) without."""
        rows = copies[0] if isinstance(copies, tuple) else copies
        return (torch.cat([scores(row) for row in rows.split(1)]),)

    return float(sensitivity_max(maps, regions, noisy, n_perturb_samples=NOISES))
