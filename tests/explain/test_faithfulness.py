"""Curves and verdicts, on readers whose curves can be worked out by hand."""

from collections.abc import Sequence

import pytest
import torch
from passes import line
from torch import Tensor

from rpbert.analyzer import Analyzer
from rpbert.explain.faithfulness import FEATURES_A_STEP, FIRST_ORDERS, RANDOM_ORDERS, PerturbationCurves, Verdict
from rpbert.explain.methods import Explanation, explain
from rpbert.explain.perturbed import PerturbedModel
from rpbert.explain.targets import ADDS, SHOWS, Target
from rpbert.model.configuration import GRID, REGIONS
from rpbert.ui.samples import SAMPLES, load_samples


class SumOfFeatures:
    """Target 0 is the sum of feature k times k, target 1 its negative: the best order is known."""

    words = torch.zeros(1, 2, 1)
    targets = (ADDS, SHOWS)
    rows_at_once = 64

    def __init__(self, lines: int = 0) -> None:
        self.lines = lines
        self.worth = torch.arange(REGIONS + lines).float()

    def __call__(self, kept: Tensor, words: Tensor) -> Tensor:
        assert len(kept) == len(words)
        value = (kept * self.worth).sum(dim=1)
        return torch.stack([value, -value], dim=1)


def a_map(values: Tensor, target: Target = ADDS, lines: bool = True) -> Explanation:
    grid = tuple(tuple(row) for row in values[:REGIONS].view(GRID, GRID).tolist())
    return Explanation(
        target, "occlusion", "total", grid, tuple(values[REGIONS:].tolist()) if lines else None, None, 0.0
    )


@pytest.fixture
def curves() -> PerturbationCurves:
    return PerturbationCurves(SumOfFeatures())  # type: ignore[arg-type]


def test_curve_by_hand(curves: PerturbationCurves) -> None:
    left = [sum(range(REGIONS - taken)) for taken in range(0, REGIONS + 1, FEATURES_A_STEP)]  # the dearest go first
    order = torch.arange(REGIONS).flip(0).unsqueeze(0)
    assert curves.means(order)[0].tolist() == pytest.approx([sum(left) / len(left), -sum(left) / len(left)])


def test_curve_over_cells_and_lines_by_hand() -> None:
    """With 49 cells and 3 lines the last step is shorter, and its end is none of them."""
    curves = PerturbationCurves(SumOfFeatures(lines=3))  # type: ignore[arg-type]
    assert curves.features == REGIONS + 3
    left = [sum(range(52 - taken)) for taken in (0, 7, 14, 21, 28, 35, 42, 49, 52)]
    order = torch.arange(52).flip(0).unsqueeze(0)
    assert curves.means(order)[0].tolist() == pytest.approx([sum(left) / 9, -sum(left) / 9])
    verdict = curves.by_these_orders([a_map(torch.arange(52).float())])[0]
    assert verdict.beaten == FIRST_ORDERS
    lines_last = torch.arange(52).float()
    lines_last[REGIONS:] = -1.0  # the dearest features of all, and the map puts them last
    assert curves.by_these_orders([a_map(lines_last)])[0].insertion < verdict.insertion


def test_without_lines_as_features_these_stay() -> None:
    """As for Grad-CAM, which has no scores of lines: only the cells are taken away, down to the lines alone."""
    curves = PerturbationCurves(SumOfFeatures(lines=3), lines=False)  # type: ignore[arg-type]
    assert curves.features == REGIONS
    stay = 49 + 50 + 51
    assert curves.ends.tolist() == [[sum(range(52)), -sum(range(52))], [stay, -stay]]
    assert curves.by_these_orders([a_map(torch.arange(49).float(), lines=False)])[0].beaten == FIRST_ORDERS


def test_a_map_of_other_features_than_the_curves_is_refused() -> None:
    curves = PerturbationCurves(SumOfFeatures(lines=3))  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="other features"):
        curves.by_these_orders([a_map(torch.arange(49).float(), lines=False)])[0]


def test_right_map_beats_every_random_order_and_its_opposite_none(curves: PerturbationCurves) -> None:
    worth = SumOfFeatures().worth
    right, wrong = curves.verdicts([a_map(worth), a_map(worth, SHOWS)])  # for the second target the sign is wrong
    assert (right.beaten, wrong.beaten) == (FIRST_ORDERS, 0)
    assert (right.orders, wrong.orders) == (FIRST_ORDERS, FIRST_ORDERS)  # clear cases: no more was read
    assert right.deletion < right.deletion_random
    assert right.insertion > right.insertion_random
    assert right.better_than_95
    assert not wrong.better_than_95


def test_random_maps_beat_about_half_of_the_random_orders(curves: PerturbationCurves) -> None:
    generator = torch.Generator().manual_seed(3)
    beaten = [curves.by_these_orders([a_map(torch.rand(REGIONS, generator=generator))])[0].beaten for _ in range(40)]
    assert 0.35 < sum(beaten) / (40 * FIRST_ORDERS) < 0.65


def test_insertion_into_nothing_is_deletion_in_the_opposite_order(curves: PerturbationCurves) -> None:
    generator = torch.Generator().manual_seed(0)
    first = torch.randperm(REGIONS, generator=generator).unsqueeze(0)  # the first of the random orders
    torch.testing.assert_close(curves.random_deletion[:1], curves.means(first))
    torch.testing.assert_close(curves.random_insertion[:1], curves.means(first.flip(1)))


def test_what_the_first_orders_leave_open_all_decide(curves: PerturbationCurves) -> None:
    worth = SumOfFeatures().worth
    generator = torch.Generator().manual_seed(5)
    maps = [a_map(worth + torch.randn(REGIONS, generator=generator) * spread) for spread in (0, 30, 60, 90, 120, 200)]
    found, first = curves.verdicts(maps), curves.by_these_orders(maps)
    every = curves.with_all_orders().by_these_orders(maps)
    assert {verdict.orders for verdict in found} == {FIRST_ORDERS, RANDOM_ORDERS}
    assert found == [one if one.decided else other for one, other in zip(first, every, strict=True)]


def test_all_orders_begin_with_the_first_ones(curves: PerturbationCurves, monkeypatch: pytest.MonkeyPatch) -> None:
    more = curves.with_all_orders()
    assert len(more.random_deletion) == RANDOM_ORDERS
    assert len(curves.random_deletion) == FIRST_ORDERS  # shared curves stay as they are
    torch.testing.assert_close(more.there[: FIRST_ORDERS // 2], curves.there)
    monkeypatch.setattr("rpbert.explain.faithfulness.FIRST_ORDERS", RANDOM_ORDERS)
    at_once = PerturbationCurves(SumOfFeatures())  # type: ignore[arg-type]
    torch.testing.assert_close(more.random_insertion, at_once.random_insertion)


@pytest.mark.parametrize(
    ("beaten", "orders", "decided"), [(20, 20, True), (19, 20, False), (12, 20, False), (11, 20, True), (30, 50, True)]
)
def test_when_more_orders_are_read(beaten: int, orders: int, decided: bool) -> None:
    assert Verdict(0.1, 0.2, 0.4, 0.3, beaten, orders).decided == decided


@pytest.mark.parametrize(
    ("beaten", "word"), [(50, "Better than 50 of 50"), (48, "Better than 48"), (40, "weak"), (20, "do not read it")]
)
def test_sentences(beaten: int, word: str) -> None:
    assert word in Verdict(0.1, 0.2, 0.4, 0.3, beaten, 50).sentence()


def test_occlusion_is_faithful_to_the_real_relation(analyzer: Analyzer) -> None:
    sample = next(sample for sample in load_samples() if sample.id == "pagoda")
    prepared = analyzer.prepare(sample.text, sample.picture)
    targets = [ADDS, SHOWS]
    curves = PerturbationCurves(PerturbedModel(analyzer, prepared, targets, "soft"))
    for verdict in curves.verdicts(explain(analyzer, prepared, targets, "occlusion")):
        assert verdict.better_than_95
        assert verdict.deletion < verdict.deletion_random
        assert verdict.insertion > verdict.insertion_random


def test_the_real_reader_takes_away_cells_and_lines(analyzer: Analyzer) -> None:
    """The ends of the curves are the whole picture and the picture with everything hidden, lines only where asked."""
    scene = [line("NASA"), line("Houston we have a problem")]
    prepared = analyzer.prepare("Eileen Collins visits Houston", SAMPLES / "astronaut_eileen_collins.jpg", scene)
    perturbed = PerturbedModel(analyzer, prepared, [ADDS], "soft")

    def curves(lines: bool) -> list[float]:
        made = PerturbationCurves.__new__(PerturbationCurves)  # without its random orders
        made.perturbed, made.features = perturbed, REGIONS + (2 if lines else 0)
        with torch.no_grad():
            kept = torch.stack([torch.ones(made.features), torch.zeros(made.features)])
            values: list[float] = made._read(kept)[:, 0].sigmoid().tolist()
        return values

    def adds(cells: Sequence[int] = (), lines: Sequence[int] = ()) -> float:
        relation = analyzer.predict(prepared, cells=cells, lines=lines).relation
        assert relation is not None
        return relation.image_adds

    assert curves(True) == pytest.approx([adds(), adds(range(REGIONS), (0, 1))], abs=1e-4)
    assert curves(False) == pytest.approx([adds(), adds(range(REGIONS))], abs=1e-4)
