"""Curves and verdicts, on readers whose curves can be worked out by hand."""

import pytest
import torch
from torch import Tensor

from rpbert.analyzer import Analyzer
from rpbert.explain.faithfulness import CELLS_A_STEP, RANDOM_ORDERS, Curves, Verdict
from rpbert.explain.methods import Explanation, Reader, explain
from rpbert.explain.targets import ADDS, SHOWN, Target
from rpbert.model.configuration import GRID, REGIONS
from rpbert.ui.samples import load_samples


class SumOfCells:
    """Target 0 is the sum of cell k times k, target 1 its negative: the best order is known."""

    visual = torch.ones(1, REGIONS, 1)
    words = torch.zeros(1, 2, 1)
    worth = torch.arange(REGIONS).float()
    targets = (ADDS, SHOWN)
    rows_at_once = 64

    def __call__(self, visual: Tensor, words: Tensor) -> Tensor:
        assert len(visual) == len(words)
        value = (visual[:, :, 0] * self.worth).sum(dim=1)
        return torch.stack([value, -value], dim=1)


def a_map(values: Tensor, target: Target = ADDS) -> Explanation:
    grid = tuple(tuple(row) for row in values.view(GRID, GRID).tolist())
    return Explanation(target, "occlusion", "total", grid, None, 0.0)


@pytest.fixture
def curves() -> Curves:
    return Curves(SumOfCells())  # type: ignore[arg-type]


def test_curve_by_hand(curves: Curves) -> None:
    left = [sum(range(REGIONS - taken)) for taken in range(0, REGIONS + 1, CELLS_A_STEP)]  # the dearest go first
    order = torch.arange(REGIONS).flip(0).unsqueeze(0)
    assert curves.means(order)[0].tolist() == pytest.approx([sum(left) / len(left), -sum(left) / len(left)])


def test_right_map_beats_every_random_order_and_its_opposite_none(curves: Curves) -> None:
    worth = SumOfCells.worth
    right, wrong = curves.verdicts([a_map(worth), a_map(worth, SHOWN)])  # for the second target the sign is wrong
    assert (right.beaten, wrong.beaten) == (RANDOM_ORDERS, 0)
    assert right.deletion < right.deletion_random
    assert right.insertion > right.insertion_random
    assert right.better_than_95
    assert not wrong.better_than_95


def test_random_maps_beat_about_half_of_the_random_orders(curves: Curves) -> None:
    generator = torch.Generator().manual_seed(3)
    beaten = [curves.verdict(a_map(torch.rand(REGIONS, generator=generator))).beaten for _ in range(40)]
    assert 0.35 < sum(beaten) / (40 * RANDOM_ORDERS) < 0.65


def test_insertion_into_nothing_is_deletion_in_the_opposite_order(curves: Curves) -> None:
    generator = torch.Generator().manual_seed(0)
    first = torch.randperm(REGIONS, generator=generator).unsqueeze(0)  # the first of the random orders
    torch.testing.assert_close(curves.random_deletion[:1], curves.means(first))
    torch.testing.assert_close(curves.random_insertion[:1], curves.means(first.flip(1)))


@pytest.mark.parametrize(
    ("beaten", "word"), [(50, "Better than 50 of 50"), (48, "Better than 48"), (40, "weak"), (20, "do not read it")]
)
def test_sentences(beaten: int, word: str) -> None:
    assert word in Verdict(0.1, 0.2, 0.4, 0.3, beaten, 50).sentence()


def test_occlusion_is_faithful_to_the_real_relation(analyzer: Analyzer) -> None:
    sample = next(sample for sample in load_samples() if sample.id == "pagoda")
    prepared = analyzer.prepare(sample.text, sample.picture)
    targets = [ADDS, SHOWN]
    curves = Curves(Reader(analyzer, prepared, targets, "soft"))
    for verdict in curves.verdicts(explain(analyzer, prepared, targets, "occlusion")):
        assert verdict.better_than_95
        assert verdict.deletion < verdict.deletion_random
        assert verdict.insertion > verdict.insertion_random
