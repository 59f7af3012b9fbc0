"""Is a map to be believed? Deletion and insertion curves over the 49 cells, against random orders.

A map says which cells matter for a target. So take the cells away in the map's order, those that raise the target most
first, and watch the target: if the map is right it falls at once (deletion, Petsiuk et al. 2018; here of regions, not
pixels). Put them back in that order into a picture with none, and it rises at once (insertion). A cell is taken away as
in `rpbert.explain.methods`: its visual token becomes zero. The mean of a curve is in the target's unit (nats); how
good a mean is, only other orders can tell: 50 random ones, the same for every map of a tweet.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rpbert.explain.methods import Explanation, Reader
from rpbert.model.configuration import REGIONS

RANDOM_ORDERS = 50
CELLS_A_STEP = 7  # cells taken away at once: seven steps from the whole picture to none


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
    def better_than_95(self) -> bool:
        """Whether the map beats at least 95 % of the random orders."""
        return self.beaten >= 0.95 * self.orders

    def sentence(self) -> str:
        """For beside the map."""
        if self.better_than_95:
            return f"Better than {self.beaten} of {self.orders} random orders of the cells."
        if self.beaten >= 0.75 * self.orders:
            return f"Better than {self.beaten} of {self.orders} random orders: weak evidence."
        return f"Better than only {self.beaten} of {self.orders} random orders: no better than chance, do not read it."


class Curves:
    """What becomes of all targets of a reader while cells are taken away; the random orders are read once."""

    def __init__(self, reader: Reader, seed: int = 0) -> None:
        self.reader = reader
        with torch.no_grad():  # where every curve begins and ends: the whole picture and none, (2, T)
            self.ends = self._read(torch.stack([torch.ones(REGIONS), torch.zeros(REGIONS)]))
        generator = torch.Generator().manual_seed(seed)
        half = torch.stack([torch.randperm(REGIONS, generator=generator) for _ in range(RANDOM_ORDERS // 2)])
        # Putting cells back in an order is taking them away in the opposite one. So with each order comes its opposite,
        # and one reading of all serves both curves.
        self.random_deletion = self.means(torch.cat([half, half.flip(1)]))  # (orders, T)
        self.random_insertion = self.random_deletion.roll(RANDOM_ORDERS // 2, dims=0)

    @torch.no_grad()
    def means(self, orders: Tensor) -> Tensor:
        """Mean of each target (N, T) over the curve of each order (N, 49), first cell first taken away.

        The curve runs from the whole picture to none in steps of `CELLS_A_STEP`, both ends included.
        """
        rank = orders.argsort(dim=1)  # (N, 49), when each cell goes
        counts = torch.arange(CELLS_A_STEP, REGIONS, CELLS_A_STEP)  # (S,) cells taken away, between the ends
        kept = rank.unsqueeze(1) >= counts.view(1, -1, 1)  # (N, S, 49)
        flat = kept.flatten(0, 1).to(self.ends.dtype)  # (N * S, 49)
        values = torch.cat([self._read(rows) for rows in flat.split(self.reader.rows_at_once)])  # (N * S, T)
        between = values.view(len(orders), len(counts), -1).sum(dim=1)  # (N * S, T) -> (N, T)
        return (between + self.ends.sum(dim=0)) / (len(counts) + len(self.ends))

    def _read(self, kept: Tensor) -> Tensor:
        visual = self.reader.visual * kept.unsqueeze(2)  # (B, 49, d)
        return self.reader(visual, self.reader.words.expand(len(kept), -1, -1))

    def verdict(self, explanation: Explanation) -> Verdict:
        """Of one map of one of the reader's targets."""
        return self.verdicts([explanation])[0]

    def verdicts(self, explanations: Sequence[Explanation]) -> list[Verdict]:
        """Of maps of some of the reader's targets, all read together."""
        columns = [list(self.reader.targets).index(explanation.target) for explanation in explanations]
        cells = torch.tensor([explanation.cells for explanation in explanations])  # (T, 49)
        orders = cells.argsort(dim=1, descending=True, stable=True)
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
                RANDOM_ORDERS,
            )
            for row in rows
        ]
