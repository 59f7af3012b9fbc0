"""Grad-CAM maps: against the formula worked out with plain autograd, and what must be zero is zero."""

import pytest
import torch

from rpbert.analyzer import Analyzer
from rpbert.explain import RELATION, Target, grad_cam, targets_of
from rpbert.ui.samples import SAMPLES

ASTRONAUT = SAMPLES / "astronaut_eileen_collins.jpg"
TWEET = "Eileen Collins visits Houston #NASA"


def test_relation_map_is_the_formula_of_grad_cam(analyzer: Analyzer) -> None:
    prepared = analyzer.prepare(TWEET, ASTRONAUT)
    assert prepared.regions is not None
    regions = prepared.regions.clone().requires_grad_()
    logits = analyzer.model(**prepared.pieces, regions=regions).image_adds_logits
    (gradient,) = torch.autograd.grad(logits[0, 1] - logits[0, 0], regions)  # (1, 49, C)
    weights = gradient[0].mean(dim=0)  # (C,) one per channel, the mean over all regions
    expected = (prepared.regions[0] * weights).sum(dim=1).reshape(7, 7)
    (explanation,) = grad_cam(analyzer, prepared, [RELATION], "soft")
    torch.testing.assert_close(torch.tensor(explanation.grid), expected, rtol=1e-3, atol=1e-5)


def test_map_holds_both_routes(analyzer: Analyzer) -> None:
    """An entity's map under the soft gate is not its map with the gate held at the same value: the rest is the
    gate's own route."""
    analysis = analyzer.analyze(TWEET, ASTRONAUT)
    prepared = analyzer.prepare(TWEET, ASTRONAUT)
    target = Target(analysis.entities[0])
    (soft,) = grad_cam(analyzer, prepared, [target], "soft")
    (fixed,) = grad_cam(analyzer, prepared, [target], analysis.gate)
    assert soft.grid != fixed.grid


def test_together_equals_one_by_one(analyzer: Analyzer) -> None:
    prepared = analyzer.prepare(TWEET, ASTRONAUT)
    targets = targets_of(analyzer.predict(prepared))
    assert len(targets) >= 3
    for together, target in zip(grad_cam(analyzer, prepared, targets, "soft"), targets, strict=True):
        (single,) = grad_cam(analyzer, prepared, [target], "soft")
        torch.testing.assert_close(torch.tensor(together.grid), torch.tensor(single.grid), rtol=1e-3, atol=1e-5)


def test_closed_gate_leaves_no_effect_on_a_name(analyzer: Analyzer) -> None:
    prepared = analyzer.prepare(TWEET, ASTRONAUT)
    analysis = analyzer.predict(prepared, "closed")
    relation, *names = grad_cam(analyzer, prepared, targets_of(analysis), "closed")
    assert relation.strength > 0
    assert [explanation.strength for explanation in names] == [0.0] * len(analysis.entities)


def test_a_map_needs_a_picture(analyzer: Analyzer) -> None:
    with pytest.raises(AssertionError, match="picture"):
        grad_cam(analyzer, analyzer.prepare(TWEET, None), [RELATION], "soft")
