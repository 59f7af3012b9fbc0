"""What a map means in plain probability: how probable its target is, and with one cell or line of words hidden.

A score of `occlusion` is the fall of the target when a cell is taken away, in nats; so the probability without that
cell follows from it. Scores of other methods are shares of an effect, not falls, and have no such reading.
"""

import math

from rpbert.explain.methods import Explanation
from rpbert.explain.targets import Target

MATTERS = 0.02  # a change of a probability that is worth a person's attention


def probability(target: Target, value: float) -> float | None:
    """The probability that a target's value (nats) stands for; None for a contrast, which is none."""
    if target.against:
        return None
    if target.span is None:
        return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
    return min(1.0, math.exp(value))


def probability_now(explanation: Explanation) -> float | None:
    """How probable the target is as the tweet was read; None for a contrast."""
    return None if explanation.value is None else probability(explanation.target, explanation.value)


def probabilities_hidden(explanation: Explanation) -> list[float] | None:
    """How probable the target is with each of the cells, then each line, hidden alone; None where it is not known."""
    if explanation.method != "occlusion" or explanation.value is None or explanation.target.against:
        return None
    after = (probability(explanation.target, explanation.value - score) for score in explanation.features)
    return [one for one in after if one is not None]


def largest_change(explanation: Explanation) -> float | None:
    """The largest change of the probability, up or down, that hiding one cell makes; None where it is not known."""
    now, hidden = probability_now(explanation), probabilities_hidden(explanation)
    if now is None or hidden is None:
        return None
    return max(abs(one - now) for one in hidden)


def matters(explanation: Explanation) -> bool:
    """Whether some cell moves the target by enough to matter: `MATTERS` in probability, or as much in nats.

    Asked of the three decimals that are shown, so that no 0.020 is said to be below 0.02.
    """
    change = largest_change(explanation)
    return round(explanation.strength if change is None else change, 3) >= MATTERS
