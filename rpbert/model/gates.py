"""The gate: how much of the picture is let into pass 2 (paper, section 3.3, "relation propagation").

A gate setting is `"soft"`, `"hard"`, `"open"`, `"closed"` or a number from 0 to 1. Except for `"closed"`, which masks
the regions out of attention, a gate is a factor on the projected region vectors. Factor 0 is *not* the same as closed:
a zeroed region still has a position, a segment and a share of the attention.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from rpbert.errors import UserError

Gate = str | float

NAMED_GATES = ("soft", "hard", "open", "closed")


def parse_gate(value: Gate) -> Gate:
    """Check a gate setting; a number may come as text. Raises `UserError` for anything else."""
    if isinstance(value, str) and value.strip().lower() in NAMED_GATES:
        return value.strip().lower()
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0.0 <= number <= 1.0:  # also false for nan
        raise UserError(
            f"The gate {str(value)[:40]!r} is not known: choose soft, hard, open or closed, or a number from 0 to 1."
        )
    return number


def gate_value(gate: Gate, relation_logits: Tensor, training: bool = False) -> Tensor:
    """The factor on the regions.

    Args:
        gate: a setting that `parse_gate` accepted.
        relation_logits: (B, 2) logits of what opens the gate, [no, yes].
        training: sample the hard gate (straight-through Gumbel-softmax, Jang et al. 2017) instead of thresholding.

    Returns:
        (B,) factors in 0..1; for `"closed"` zeros, beside which the caller must mask the regions.
    """
    if gate == "soft":
        return F.softmax(relation_logits, dim=-1)[:, 1]
    if gate == "hard" and training:
        return F.gumbel_softmax(relation_logits, tau=1.0, hard=True)[:, 1]
    if gate == "hard":
        return (relation_logits[:, 1] > relation_logits[:, 0]).to(relation_logits.dtype)
    factor = {"open": 1.0, "closed": 0.0}[gate] if isinstance(gate, str) else gate
    return torch.full_like(relation_logits[:, 1], factor)


def closes_regions(gate: Gate, factor: Tensor) -> Tensor:
    """Which pictures (B,) bool are masked out of pass 2: all when closed, those below threshold when hard."""
    if gate == "closed":
        return torch.ones_like(factor, dtype=torch.bool)
    if gate == "hard":
        return factor < 0.5
    return torch.zeros_like(factor, dtype=torch.bool)
