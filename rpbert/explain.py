"""Where in the picture the model looked: signed maps over the 49 regions, made with Captum.

A *target* is one differentiable number: the log-odds that the picture adds, or the log-probability of one entity's
span and type. Grad-CAM (Selvaraju et al. 2017) weighs each CNN channel by the mean gradient of the target and sums the
weighted channels at every region. Both passes read the same region tensor, so the map holds the picture's effect
through the gate value and through the gated content alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from captum.attr import LayerGradCam
from torch import Tensor

from rpbert.analyzer import Analysis, Analyzer, Entity, Prepared
from rpbert.configuration import GRID
from rpbert.gates import Gate
from rpbert.modeling import RpBertOutput


@dataclass(frozen=True)
class Target:
    """What is explained: the relation (`entity` None), or one entity."""

    entity: Entity | None = None

    @property
    def unit(self) -> str:
        """The unit of the number, and of each cell's share in it."""
        return "log-odds" if self.entity is None else "log-probability"

    def describe(self) -> str:
        """For a caption: what the number stands for."""
        if self.entity is None:
            return "the picture adds to the tweet"
        return f"“{self.entity.text}” is {self.entity.type}"


RELATION = Target()


@dataclass(frozen=True)
class Explanation:
    """A signed map: positive cells raise the target, negative ones lower it (to first order, in the target's unit)."""

    target: Target
    method: str
    grid: tuple[tuple[float, ...], ...]  # 7 rows of 7, from the upper left

    @property
    def strength(self) -> float:
        """The largest absolute value of a cell."""
        return max(abs(value) for row in self.grid for value in row)


def targets_of(analysis: Analysis) -> list[Target]:
    """The relation and every entity, in this order."""
    return [RELATION, *(Target(entity) for entity in analysis.entities)]


def grad_cam(analyzer: Analyzer, prepared: Prepared, targets: Sequence[Target], gate: Gate) -> list[Explanation]:
    """Grad-CAM of all targets in one batch: row k of the batch is the same tweet, asked for target k.

    The picture must be there (`prepared.regions`); what a closed gate leaves without effect comes out as zeros.
    """
    assert prepared.regions is not None, "a map needs a picture"
    count = len(targets)
    pieces = {name: tensor.expand(count, *tensor.shape[1:]) for name, tensor in prepared.pieces.items()}  # (K, ...)

    def forward(regions: Tensor) -> Tensor:
        output = analyzer.model(**pieces, regions=regions, gate=gate)
        return torch.stack([_value(analyzer, output, row, target) for row, target in enumerate(targets)])  # (K,)

    regions = prepared.regions.expand(count, -1, -1).clone()  # (K, 49, C)
    maps = LayerGradCam(forward, analyzer.model.region_map).attribute(regions, relu_attributions=False)
    assert maps.shape == (count, 1, GRID, GRID)
    return [
        Explanation(target, "Grad-CAM", tuple(tuple(row) for row in grid[0].tolist()))
        for target, grid in zip(targets, maps.detach(), strict=True)
    ]


def _value(analyzer: Analyzer, output: RpBertOutput, row: int, target: Target) -> Tensor:
    """The target's number at a row of the batch, a scalar with a gradient."""
    if target.entity is None:
        assert output.image_adds_logits is not None
        return output.image_adds_logits[row, 1] - output.image_adds_logits[row, 0]
    entity = target.entity
    return analyzer.model.crf.span_log_probability(
        output.emissions,
        output.word_mask,
        torch.tensor([row]),
        torch.tensor([entity.first_word]),
        torch.tensor([entity.end_word]),
        [entity.type],
    )[0]
