"""What pass 1 says, in probability: two things at once, the prior, and what opens the gate."""

import copy
import math

import pytest
import torch
from passes import TWEETS, BatchOf, random_regions
from torch import Tensor

from rpbert.model.modeling import RpBert
from rpbert.model.outputs import Relation, both


def logits(*probabilities: float, shift: float = 0.0) -> Tensor:
    """Logits (B, 2) of some P(yes); `shift` on both changes nothing."""
    return torch.tensor([[shift, shift + math.log(p / (1 - p))] for p in probabilities])


def yes(found: Tensor) -> list[float]:
    return found.softmax(dim=1)[:, 1].tolist()


def test_both_is_the_product_of_the_probabilities() -> None:
    one, other = logits(0.8, 0.5, 0.01), logits(0.5, 0.5, 0.99, shift=3.0)
    assert yes(both(one, other)) == pytest.approx([0.4, 0.25, 0.0099])
    assert yes(both(other, one)) == pytest.approx([0.4, 0.25, 0.0099])


def test_both_of_very_sure_logits_neither_overflows_nor_forgets() -> None:
    sure, never = torch.tensor([[0.0, 500.0]]), torch.tensor([[0.0, -500.0]])
    assert yes(both(sure, logits(0.3))) == pytest.approx([0.3])
    assert both(never, never).diff(dim=1).item() == pytest.approx(-1000)
    assert both(sure, sure).diff(dim=1).item() == pytest.approx(500 - math.log(2))


def test_gradients_of_both_are_those_of_the_product() -> None:
    one, other = logits(0.7).requires_grad_(), logits(0.4).requires_grad_()
    both(one, other).softmax(dim=1)[0, 1].backward()
    assert one.grad is not None
    assert other.grad is not None
    assert one.grad[0, 1].item() == pytest.approx(0.4 * 0.7 * 0.3)
    assert other.grad[0, 1].item() == pytest.approx(0.7 * 0.4 * 0.6)


def test_joint_with_belongs_and_without() -> None:
    relation = Relation(logits(0.9), logits(0.5), logits(0.2), None)
    assert yes(relation.joint("belongs")) == pytest.approx([0.9])
    assert yes(relation.joint("image_adds")) == pytest.approx([0.45])
    assert yes(relation.joint("text_represented")) == pytest.approx([0.18])
    assert torch.equal(relation.gate_logits, relation.joint("image_adds"))
    paper = Relation(None, logits(0.5), logits(0.2), None)
    assert torch.equal(paper.joint("image_adds"), paper.image_adds)
    assert torch.equal(paper.gate_logits, paper.image_adds)
    assert torch.equal(paper.joint("text_represented"), paper.text_represented)


@torch.no_grad()
def test_the_prior_moves_the_log_odds_of_belongs_alone(tiny_model: RpBert, batch_of: BatchOf) -> None:
    assert tiny_model.config.belongs_prior == 0.5
    even = tiny_model(**batch_of(TWEETS), regions=random_regions(4)).relation
    model = copy.deepcopy(tiny_model)
    model.config.belongs_prior = 0.8
    likely = model(**batch_of(TWEETS), regions=random_regions(4)).relation
    moved = likely.belongs.diff(dim=1) - even.belongs.diff(dim=1)
    torch.testing.assert_close(moved, torch.full((4, 1), math.log(4)))
    assert torch.equal(likely.image_adds, even.image_adds)
    assert torch.equal(likely.text_represented, even.text_represented)


@torch.no_grad()
def test_calibration_divides_by_the_temperature_and_adds_bias_and_prior(tiny_model: RpBert) -> None:
    model = copy.deepcopy(tiny_model)
    config = model.config
    config.belongs_temperature, config.belongs_bias, config.belongs_prior = 2.0, 0.25, 0.75
    config.image_adds_temperature, config.image_adds_bias = 4.0, -1.0
    raw = torch.tensor([[1.0, 3.0]])
    assert model.calibrated(raw, "belongs").diff(dim=1).item() == pytest.approx(1.0 + 0.25 + math.log(3))
    assert model.calibrated(raw, "image_adds").diff(dim=1).item() == pytest.approx(0.5 - 1.0)
    assert torch.equal(model.calibrated(raw, "text_represented"), raw)
    for _ in range(2):  # the prior is not added up
        assert model.calibrated(raw, "belongs").diff(dim=1).item() == pytest.approx(1.25 + math.log(3))
