"""Is a map to be believed? Deletion and insertion curves over its features, against random orders.

A map says which cells of the picture, and which lines of words in it, matter for a target. So take them away in the
map's order, those that raise the target most first, and watch the target: if the map is right it falls at once
(deletion, Petsiuk et al. 2018; here of regions, not pixels). Put them back in that order into a picture with none, and
it rises at once (insertion). They are taken away as in `rpbert.explain.methods`. The mean of a curve is in the target's
unit (nats); how good a mean is, only other orders can tell: random ones, the same for every map of a tweet.

Twenty orders decide the clear cases, fifty the others (a sequential test, Besag and Clifford 1991). Whoever beats all
twenty would do so by chance once in 22 times; whoever beats fewer than twelve has no prospect of beating 38 of fifty.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rpbert.explain.methods import Explanation
from rpbert.explain.perturbed import PerturbedModel
from rpbert.model.configuration import REGIONS

FIRST_ORDERS, RANDOM_ORDERS = 20, 50  # even: with each order comes its opposite
HOPELESS = 0.6  # share of the first orders; with less, the others are not read
FEATURES_A_STEP = 7  # taken away at once: seven steps from 49 cells to none


@dataclass(frozen=True)
class Verdict:
    """Where a map stands; all means in the target's unit."""

    deletion: float  # mean of the target while cells are taken away in the map's order; lower is better
    deletion_random: float  # mean over the random orders
    insertion: float  # mean while they are put back; higher is better
    insertion_random: float
    beaten: int  # random orders whose insertion mean minus deletion mean is smaller
    orders: int

    @property
    def decided(self) -> bool:
        """Whether more random orders would not change what is said."""
        clear = self.beaten == self.orders or self.beaten < HOPELESS * self.orders
        return clear or self.orders >= RANDOM_ORDERS

    @property
    def better_than_95(self) -> bool:
        """Whether the map beats at least 95 % of the random orders."""
        return self.beaten >= 0.95 * self.orders

    def sentence(self) -> str:
        """For beside the map."""
        if self.better_than_95:
            return f"Better than {self.beaten} of {self.orders} random orders."
        if self.beaten >= 0.75 * self.orders:
            return f"Better than {self.beaten} of {self.orders} random orders: weak evidence."
        return f"Better than only {self.beaten} of {self.orders} random orders: no better than chance, do not read it."


class PerturbationCurves:
    """What becomes of all targets of a perturbed while features are taken away; the random orders are read once.

    Args:
        lines: whether lines of words are features too. Otherwise they stay, and only the F = 49 cells are taken away.
    """

    def __init__(self, perturbed: PerturbedModel, lines: bool = True, seed: int = 0) -> None:
        self.perturbed = perturbed
        self.features = REGIONS + (perturbed.lines if lines else 0)  # F
        with torch.no_grad():  # where every curve begins and ends: the whole picture and none, (2, T)
            self.ends = self._read(torch.stack([torch.ones(self.features), torch.zeros(self.features)]))
        generator = torch.Generator().manual_seed(seed)
        self.half = torch.stack([torch.randperm(self.features, generator=generator) for _ in range(RANDOM_ORDERS // 2)])
        self.there, self.back = self._there_and_back(self.half[: FIRST_ORDERS // 2])  # (orders / 2, T) each

    def _there_and_back(self, orders: Tensor) -> tuple[Tensor, Tensor]:
        """The means (N, T) of orders (N, F) and of their opposites.

        Putting cells back in an order is taking them away in the opposite one. So one reading serves both curves.
        """
        there, back = self.means(torch.cat([orders, orders.flip(1)])).chunk(2)
        return there, back

    @property
    def random_deletion(self) -> Tensor:
        """(orders, T), each order's mean while its features are taken away."""
        return torch.cat([self.there, self.back])

    @property
    def random_insertion(self) -> Tensor:
        """(orders, T), each order's mean while they are put back."""
        return torch.cat([self.back, self.there])

    def with_all_orders(self) -> "PerturbationCurves":
        """A copy that has also read the orders that are only needed where the first ones do not decide."""
        more = copy.copy(self)
        there, back = self._there_and_back(self.half[len(self.there) :])
        more.there, more.back = torch.cat([self.there, there]), torch.cat([self.back, back])
        return more

    @torch.no_grad()
    def means(self, orders: Tensor) -> Tensor:
        """Mean of each target (N, T) over the curve of each order (N, F), first feature first taken away.

        The curve runs from the whole picture to none in steps of `FEATURES_A_STEP`, both ends included.
        """
        rank = orders.argsort(dim=1)  # (N, F), when each feature goes
        counts = torch.arange(FEATURES_A_STEP, self.features, FEATURES_A_STEP)  # (S,) taken away, between the ends
        kept = rank.unsqueeze(1) >= counts.view(1, -1, 1)  # (N, S, F)
        flat = kept.flatten(0, 1).to(self.ends.dtype)  # (N * S, F)
        values = torch.cat([self._read(rows) for rows in flat.split(self.perturbed.rows_at_once)])  # (N * S, T)
        between = values.view(len(orders), len(counts), -1).sum(dim=1)  # (N * S, T) -> (N, T)
        return (between + self.ends.sum(dim=0)) / (len(counts) + len(self.ends))

    def _read(self, kept: Tensor) -> Tensor:
        """All targets (B, T) with what is kept (B, F) of the features."""
        rest = kept.new_ones(len(kept), REGIONS + self.perturbed.lines - self.features)
        return self.perturbed(torch.cat([kept, rest], dim=1), self.perturbed.words.expand(len(kept), -1, -1))

    def verdicts(self, explanations: Sequence[Explanation]) -> list[Verdict]:
        """Of maps of some of the perturbed's targets, by all orders where the first ones do not decide."""
        found = self.by_these_orders(explanations)
        if all(verdict.decided for verdict in found):
            return found
        every = self.with_all_orders().by_these_orders(explanations)
        return [first if first.decided else last for first, last in zip(found, every, strict=True)]

    def by_these_orders(self, explanations: Sequence[Explanation]) -> list[Verdict]:
        """Of maps of some targets, by the orders that were read; with or without lines, as the curves are."""
        columns = [list(self.perturbed.targets).index(explanation.target) for explanation in explanations]
        scores = torch.tensor([explanation.features for explanation in explanations])  # (T, F)
        assert scores.shape[1] == self.features, "curves and maps have other features"
        orders = scores.argsort(dim=1, descending=True, stable=True)
        rows = range(len(orders))
        both = self.means(torch.cat([orders, orders.flip(1)]))  # (2T, targets)
        deletion, insertion = (part[rows, columns] for part in both.chunk(2))  # (T,)
        random_deletion, random_insertion = self.random_deletion[:, columns], self.random_insertion[:, columns]
        beaten = (random_insertion - random_deletion < insertion - deletion).sum(dim=0)  # (orders, T) -> (T,)
        return [
            Verdict(
                float(deletion[row]),
                float(random_deletion[:, row].mean()),
                float(insertion[row]),
                float(random_insertion[:, row].mean()),
                int(beaten[row]),
                len(random_deletion),
            )
            for row in rows
        ]
