"""Infidelity and sensitivity against values worked out by hand, and on real maps."""

import pytest
import torch
from passes import line
from torch import Tensor

from rpbert.analyzer import Analyzer
from rpbert.explain.methods import explain
from rpbert.explain.perturbed import PerturbedModel
from rpbert.explain.stability import HALVES, NOISES, RADIUS, Stability, map_infidelity, map_sensitivity
from rpbert.explain.stability import measure_stability as measure
from rpbert.explain.targets import ADDS, targets_of
from rpbert.model.configuration import REGIONS
from rpbert.ui.samples import SAMPLES

TWEET, PICTURE = "Eileen Collins visits Houston #NASA", SAMPLES / "astronaut_eileen_collins.jpg"


TAKEN = REGIONS // 2  # of the cells, in each random half


class SumOfFeatures:
    """The target is the sum over features of their worth; by the gate's route it is twice that."""

    words = torch.zeros(1, 2, 1)
    targets = (ADDS,)
    rows_at_once = 64

    def __init__(self, worth: Tensor) -> None:
        self.worth = worth  # (F,)
        self.whole = torch.ones(1, len(worth))

    def __call__(self, kept: Tensor, words: Tensor, route: str) -> Tensor:
        assert len(kept) == len(words)
        return {"total": 1, "gate": 2}[route] * (kept * self.worth).sum(dim=1, keepdim=True)  # (B, 1)


def infidelity(worth: Tensor, features: Tensor, route: str = "total") -> float:
    return map_infidelity(SumOfFeatures(worth), features.unsqueeze(0), route)  # type: ignore[arg-type]


def test_lines_are_features_too() -> None:
    worth = torch.arange(REGIONS + 3) - 20.0
    assert infidelity(worth, worth) == pytest.approx(0, abs=1e-3)
    dear = torch.zeros(REGIONS + 3)
    dear[REGIONS] = 6.0  # one line is all that matters, and a map of zeros misses it when it is taken away
    assert 0.25 * 36 < infidelity(dear, torch.zeros(REGIONS + 3)) < 0.75 * 36


def test_a_map_without_lines_is_not_asked_about_them() -> None:
    """As Grad-CAM's: the lines stay whatever is taken away, so their worth is no miss."""
    dear = torch.zeros(REGIONS + 3)
    dear[REGIONS:] = 6.0
    assert infidelity(dear, torch.zeros(REGIONS)) == pytest.approx(0, abs=1e-9)


def test_the_exact_map_has_no_infidelity() -> None:
    worth = torch.arange(REGIONS) - 20.0
    assert infidelity(worth, worth) == pytest.approx(0, abs=1e-3)
    assert infidelity(worth, 2 * worth, "gate") == pytest.approx(0, abs=1e-3)


def test_infidelity_of_wrong_maps_by_hand() -> None:
    ones = torch.ones(REGIONS)
    fall = TAKEN  # of the target, when cells worth 1 are taken away
    assert infidelity(ones, torch.zeros(REGIONS)) == pytest.approx(fall**2)
    assert infidelity(ones, 3 * ones) == pytest.approx((3 * fall - fall) ** 2)
    assert infidelity(ones, -ones) == pytest.approx((2 * fall) ** 2)  # the sign counts
    assert infidelity(ones, torch.zeros(REGIONS), "gate") == pytest.approx((2 * fall) ** 2)


def test_each_cell_is_taken_away_about_as_often() -> None:
    """A map of zeros that misses one cell worth 1 has as infidelity the share of halves in which that cell goes."""
    shares = [infidelity(worth, torch.zeros(REGIONS)) for worth in torch.eye(REGIONS)]
    assert sum(shares) == pytest.approx(TAKEN, abs=1e-4)
    assert len({round(share * HALVES) for share in shares}) > 3  # the halves are different ones
    assert all(0.25 < share < 0.75 for share in shares)


def test_a_map_that_ignores_the_picture_is_not_sensitive() -> None:
    assert map_sensitivity(lambda regions: torch.arange(49.0).unsqueeze(0), torch.rand(1, REGIONS, 8)) == 0


def test_sensitivity_by_hand() -> None:
    """Noise uniform in -r..r has a root mean square of r / sqrt(3); the regions' own is what r is a share of."""
    regions = 5 * torch.randn(1, REGIONS, 200, generator=torch.Generator().manual_seed(1))
    expected = RADIUS / 3**0.5
    assert map_sensitivity(lambda changed: changed.flatten(1), regions) == pytest.approx(expected, rel=0.03)
    squared = map_sensitivity(lambda changed: (changed**2).flatten(1), regions)
    assert squared == pytest.approx(2 * expected / 3**0.5, rel=0.1)  # |2 x noise| / |x^2|, of a normal x


def test_sensitivity_is_the_largest_of_different_draws() -> None:
    regions = torch.rand(1, REGIONS, 3)
    lengths: list[float] = []

    def scores(changed: Tensor) -> Tensor:
        torch.manual_seed(0)  # as a sampling method does; the draws must differ all the same
        lengths.append(float((changed - regions).norm() / regions.norm()))
        return changed.flatten(1)

    found = map_sensitivity(scores, regions)
    assert len(set(lengths[1:])) == NOISES  # the first is the map without noise
    assert lengths[0] == 0
    assert found == pytest.approx(max(lengths), rel=1e-4)


@pytest.mark.parametrize(
    ("stability", "told"),
    [
        (Stability(0.1, 0.4, 0.01), ["they do better than", "0.1 against 0.4 nats squared", "is steady", "1.0 %"]),
        (Stability(0.5, 0.4, 0.2), ["no better", "moves visibly", "20.0 %"]),
        (Stability(0.0, 0.0, 0.7), ["no better", "not steady"]),
    ],
)
def test_sentences(stability: Stability, told: list[str]) -> None:
    assert all(part in stability.sentence() for part in told)


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough to see what is asked here, in a second."""
    monkeypatch.setattr("rpbert.explain.stability.HALVES", 8)
    monkeypatch.setattr("rpbert.explain.perturbed.TOKENS_AT_ONCE", 400)
    monkeypatch.setattr("rpbert.explain.stability.NOISES", 2)


@pytest.mark.usefixtures("few_draws")
def test_occlusion_is_exact_where_one_cell_goes_but_not_where_many_do(analyzer: Analyzer) -> None:
    """Its scores are what the real model loses with a single cell, and the model is not linear in the cells."""
    prepared = analyzer.prepare(TWEET, PICTURE, [line("NASA", 0.05), line("Space Shuttle")])
    (explanation,) = explain(analyzer, prepared, [ADDS], "occlusion")
    perturbed, features = PerturbedModel(analyzer, prepared, [ADDS], "soft"), torch.tensor([explanation.features])
    assert features.shape == (1, REGIONS + 2)
    halves = map_infidelity(perturbed, features, "total")
    zeros = map_infidelity(perturbed, torch.zeros_like(features), "total")
    with torch.no_grad():
        whole = perturbed(perturbed.whole, perturbed.words)
        single = torch.cat(
            [
                whole - perturbed(perturbed.whole - one, perturbed.words)
                for one in torch.eye(REGIONS + 2)[[0, 24, 48, 49, 50]]
            ]
        )  # (5, 1) what is lost with each alone
    miss = (single[:, 0] - features[0, [0, 24, 48, 49, 50]]).square().mean()
    assert float(miss) < 1e-4 * zeros
    assert halves > 100 * float(miss)


@pytest.mark.usefixtures("few_draws")
@pytest.mark.parametrize("method", ["grad_cam", "occlusion"])
def test_real_map_moves_a_little_with_the_noise(analyzer: Analyzer, method: str) -> None:
    prepared = analyzer.prepare(TWEET, PICTURE)
    (explanation,) = explain(analyzer, prepared, [ADDS], method)
    stability = measure(analyzer, prepared, explanation)
    assert 0 < stability.sensitivity < 1
    assert 0 < stability.infidelity != stability.infidelity_of_zeros > 0


@pytest.mark.usefixtures("few_draws")
def test_both_are_the_same_every_time(analyzer: Analyzer) -> None:
    prepared = analyzer.prepare(TWEET, PICTURE)
    (explanation,) = explain(analyzer, prepared, [ADDS], "grad_cam")
    assert measure(analyzer, prepared, explanation) == measure(analyzer, prepared, explanation)


@pytest.mark.usefixtures("few_draws")
def test_closed_gate_leaves_nothing_to_miss_and_nothing_to_move(analyzer: Analyzer) -> None:
    prepared = analyzer.prepare(TWEET, PICTURE)
    name = next(target for target in targets_of(analyzer.predict(prepared)) if target.span is not None)
    (explanation,) = explain(analyzer, prepared, [name], "grad_cam", "closed")
    stability = measure(analyzer, prepared, explanation, "closed")
    assert stability == Stability(pytest.approx(0, abs=1e-9), pytest.approx(0, abs=1e-9), 0.0)
