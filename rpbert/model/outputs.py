"""What the model finds: the relation of B pairs, and the output of one forward pass.

Shapes: B batch, n word pieces, W words, L labels, d hidden size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from transformers.utils import ModelOutput


@dataclass
class RpBertOutput(ModelOutput):
    """What one forward pass found; a field is None when nothing asked for it or no picture came with the batch."""

    emissions: Tensor | None = None  # (B, W, L), logits before the CRF
    word_mask: Tensor | None = None  # (B, W) bool
    states: Tensor | None = None  # (B, >= n, d) what pass 2 makes of the pieces, with a picture also of its tokens
    relation: "Relation | None" = None
    gate: Tensor | None = None  # (B,) the factor on the visual tokens, 0 for a row without a picture


@dataclass(frozen=True)
class Relation:
    """What pass 1 says of B pairs, as calibrated logits (B, 2), [no, yes]."""

    belongs: Tensor | None  # the picture goes with this tweet rather than another; None without `config.belongs`
    image_adds: Tensor  # given that it belongs
    text_represented: Tensor  # given that it belongs
    cosine: Tensor | None  # (B,) of the matching vectors, only with `config.matching`

    def joint(self, task: str) -> Tensor:
        """Logits (B, 2) that the picture belongs and `task` is true of it: of `belongs` itself, of `image_adds` or of
        `text_represented`. Without `belongs` every picture belongs."""
        own: Tensor = getattr(self, task)
        return own if task == "belongs" or self.belongs is None else both(self.belongs, own)

    @property
    def gate_logits(self) -> Tensor:
        """Logits (B, 2) of what opens the gate."""
        return self.joint("image_adds")


def both(one: Tensor, other: Tensor) -> Tensor:
    """Logits (B, 2), [no, yes], that two independent things are true whose logits (B, 2) are given.

    With log-odds a and b, P(both) = 1 / ((1 + e^-a)(1 + e^-b)), so its log-odds are -log(e^-a + e^-b + e^-(a+b)).
    """
    a, b = one[:, 1] - one[:, 0], other[:, 1] - other[:, 0]
    yes = -torch.stack([-a, -b, -a - b]).logsumexp(dim=0)
    return torch.stack([torch.zeros_like(yes), yes], dim=1)
