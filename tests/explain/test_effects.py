"""What a map means in plain probability, held against readings with the cell truly hidden; and slices that can end."""

import pytest
import torch
from made_up import a_map, flat
from passes import line

from rpbert.analyzer import Analyzer
from rpbert.explain.effects import largest_change, matters, probabilities_hidden, probability_now
from rpbert.explain.methods import Explanation, explain
from rpbert.explain.perturbed import TOKENS_AT_ONCE, PerturbedModel
from rpbert.explain.targets import ADDS, SHOWS, contrast_target, name_target
from rpbert.model.configuration import REGIONS
from rpbert.ui.samples import SAMPLES

TWEET = "Eileen Collins visits Houston"
ASTRONAUT = SAMPLES / "astronaut_eileen_collins.jpg"


def test_the_probability_of_a_hidden_cell_is_that_of_the_model(analyzer: Analyzer) -> None:
    prepared = analyzer.prepare(TWEET, ASTRONAUT, [line("NASA"), line("HOUSTON")])
    analysis = analyzer.predict(prepared)
    name = analysis.entities[0]
    relation, named = explain(analyzer, prepared, [ADDS, name_target(name)])
    assert analysis.relation is not None
    assert probability_now(relation) == pytest.approx(analysis.relation.image_adds, abs=1e-4)
    assert probability_now(named) == pytest.approx(name.confidence, abs=1e-4)
    hidden = probabilities_hidden(relation)
    assert hidden is not None
    for cell in (0, 24, 40):
        other = analyzer.predict(prepared, cells=[cell]).relation
        assert other is not None
        assert hidden[cell] == pytest.approx(other.image_adds, abs=1e-4)
    for number in (0, 1):  # the lines of words follow the cells
        other = analyzer.predict(prepared, lines=[number]).relation
        assert other is not None
        assert hidden[REGIONS + number] == pytest.approx(other.image_adds, abs=1e-4)


def occluded(value: float, strongest: float, lines: tuple[float, ...] = ()) -> Explanation:
    grid = ((strongest, *(0.0,) * 6), *flat(0.0)[1:])
    return Explanation(SHOWS, "occlusion", "total", grid, lines, None, 0.1, value=value)


def test_by_hand() -> None:
    even = occluded(value=0.0, strongest=1.0)  # log-odds 0 is 0.5; one nat less is 1 / (1 + e)
    assert probability_now(even) == 0.5
    assert probabilities_hidden(even) == pytest.approx([0.2689, *[0.5] * 48], abs=1e-4)
    assert largest_change(even) == pytest.approx(0.2311, abs=1e-4)
    assert matters(even)
    assert not matters(occluded(value=0.0, strongest=0.008))
    assert not matters(occluded(value=9.0, strongest=1.0))  # from 0.9999 to 0.9997
    assert largest_change(occluded(0.0, 0.008, lines=(0.0, -1.0))) == pytest.approx(0.2311, abs=1e-4)
    assert matters(occluded(0.0, 0.008, lines=(0.0, -1.0)))  # of the picture only the words matter


def test_a_contrast_and_other_methods_have_no_probability(analyzer: Analyzer) -> None:
    name = analyzer.analyze(TWEET).entities[0]
    assert probability_now(a_map(contrast_target(name), flat(1.0))) is None
    assert probabilities_hidden(a_map(ADDS, flat(1.0), method="grad_cam")) is None
    assert matters(a_map(ADDS, flat(1.0), method="grad_cam"))
    assert not matters(a_map(ADDS, flat(0.01), method="grad_cam"))
    assert matters(a_map(ADDS, flat(0.0196), method="grad_cam"))  # shown as 0.020
    assert not matters(a_map(ADDS, flat(0.0194), method="grad_cam"))


class EnoughError(Exception):
    pass


def test_work_comes_in_slices_of_bounded_size_and_ends_between_them(analyzer: Analyzer) -> None:
    prepared = analyzer.prepare(" ".join([TWEET] * 20), ASTRONAUT, [line("a long line of words " * 2)])
    sizes: list[int] = []

    def look() -> None:
        if len(sizes) == 3:
            raise EnoughError
        sizes.append(0)

    perturbed = PerturbedModel(analyzer, prepared, [ADDS], "soft", look)
    assert prepared.pictures is not None
    tokens = perturbed.words.shape[1] + 49 + prepared.pictures.scene_ids.shape[1]
    assert prepared.pictures.scene_ids.shape[1] >= 10
    assert tokens < perturbed.rows_at_once * tokens <= TOKENS_AT_ONCE
    with pytest.raises(EnoughError):
        explain(analyzer, prepared, [ADDS], pause=look)
    assert len(sizes) == 3
    assert torch.is_grad_enabled()
