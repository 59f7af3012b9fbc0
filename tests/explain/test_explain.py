"""Maps and word scores: against formulas worked out by hand, and what must add up does."""

from dataclasses import replace

import pytest
import torch
from passes import line
from torch import Tensor

from rpbert.analyzer import Analyzer, Prepared
from rpbert.explain.methods import METHODS, ROUNDING, STEPS, explain
from rpbert.explain.perturbed import ROUTES, PerturbedModel
from rpbert.explain.targets import ADDS, BELONGS, SHOWS, Target, contrast_target, name_target, targets_of
from rpbert.model.configuration import REGIONS
from rpbert.ui.samples import SAMPLES

ASTRONAUT = SAMPLES / "astronaut_eileen_collins.jpg"
TWEET = "Eileen Collins visits Houston #NASA"
GRADIENTS = ("grad_cam", "gradient_x_input")


@pytest.fixture(scope="module")
def prepared(analyzer: Analyzer) -> Prepared:
    """With three lines of words in the picture, of which two echo the tweet."""
    return analyzer.prepare(TWEET, ASTRONAUT, [line("NASA", 0.05), line("Space Shuttle"), line("HOUSTON")])


@pytest.fixture(scope="module")
def targets(analyzer: Analyzer, prepared: Prepared) -> list[Target]:
    """Relations, names, and a contrast."""
    analysis = analyzer.predict(prepared)
    found = [*targets_of(analysis), contrast_target(analysis.entities[-1])]
    assert found[:3] == [BELONGS, ADDS, SHOWS]
    return found


def cells(grid: tuple[tuple[float, ...], ...]) -> Tensor:
    return torch.tensor(grid).flatten()


def test_relation_map_is_the_formula_of_grad_cam(analyzer: Analyzer, prepared: Prepared) -> None:
    assert prepared.pictures is not None
    regions = prepared.pictures.regions.clone().requires_grad_()
    output = analyzer.model.run(prepared.texts, replace(prepared.pictures, regions=regions))
    logits = output.relation.joint("image_adds")
    (gradient,) = torch.autograd.grad(logits[0, 1] - logits[0, 0], regions)  # (1, 49, C)
    weights = gradient[0].mean(dim=0)  # (C,) one per channel, the mean over all regions
    expected = (prepared.pictures.regions[0] * weights).sum(dim=1)
    (explanation,) = explain(analyzer, prepared, [ADDS], "grad_cam")
    torch.testing.assert_close(cells(explanation.grid), expected, rtol=1e-3, atol=1e-5)
    # It looks at the CNN's channels, so it has nothing to say of words.
    assert explanation.lines is explanation.words is None
    assert explanation.features == explanation.cells


def test_reader_says_what_the_model_says(analyzer: Analyzer, prepared: Prepared) -> None:
    analysis = analyzer.predict(prepared)
    perturbed = PerturbedModel(analyzer, prepared, [ADDS, name_target(analysis.entities[0])], "soft")
    assert analysis.relation is not None
    for route in ROUTES:
        adds, name = perturbed(perturbed.whole, perturbed.words, route)[0].tolist()
        assert adds == pytest.approx(torch.tensor(analysis.relation.image_adds).logit().item(), abs=1e-4)
        assert name == pytest.approx(torch.tensor(analysis.entities[0].confidence).log().item(), abs=1e-4)


@pytest.mark.parametrize("method", GRADIENTS)
def test_gradients_of_the_two_routes_add_up(
    analyzer: Analyzer, prepared: Prepared, targets: list[Target], method: str
) -> None:
    total, gate, content = (explain(analyzer, prepared, targets, method, route=route) for route in ROUTES)
    for whole, first, second in zip(total, gate, content, strict=True):
        parts = torch.tensor(first.features) + torch.tensor(second.features)
        # Each of the three may be a map below rounding, which is shown as zero.
        torch.testing.assert_close(parts, torch.tensor(whole.features), rtol=1e-3, atol=2 * ROUNDING)
    relation, name = content[0], gate[-1]
    assert relation.strength == 0  # pass 1 alone decides the relation
    assert name.strength > 0  # but a name also hangs on the gate


@pytest.mark.parametrize("method", ["grad_cam", "gradient_x_input", "integrated_gradients", "occlusion"])
def test_together_equals_one_by_one(
    analyzer: Analyzer, prepared: Prepared, targets: list[Target], method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpbert.explain.methods.STEPS", 4)  # of integrated gradients: few are as equal as many
    chosen = [targets[0], targets[-1]]
    for together, target in zip(explain(analyzer, prepared, chosen, method), chosen, strict=True):
        (single,) = explain(analyzer, prepared, [target], method)
        torch.testing.assert_close(torch.tensor(together.features), torch.tensor(single.features), rtol=1e-2, atol=1e-4)
        assert together.words == (None if single.words is None else pytest.approx(single.words, rel=1e-2, abs=1e-4))


def test_occlusion_is_the_fall_when_a_cell_a_line_or_a_word_is_taken_away(
    analyzer: Analyzer, prepared: Prepared, targets: list[Target]
) -> None:
    perturbed = PerturbedModel(analyzer, prepared, targets, "soft")
    explanations = explain(analyzer, prepared, targets, "occlusion")
    with torch.no_grad():
        whole = perturbed(perturbed.whole, perturbed.words)[0]
        hidden, read = perturbed.whole.clone(), perturbed.whole.clone()
        hidden[0, 24] = 0
        without_cell = perturbed(hidden, perturbed.words)[0]
        read[0, REGIONS + 2] = 0
        without_line = perturbed(read, perturbed.words)[0]
        masked = perturbed.words.clone()
        assert prepared.texts.word_index is not None
        masked[0, prepared.texts.word_index[0] == 3] = perturbed.mask_word
        without_word = perturbed(perturbed.whole, masked)[0]
    for column, explanation in enumerate(explanations):
        assert explanation.grid[3][3] == pytest.approx(float(whole[column] - without_cell[column]), abs=1e-4)
        assert explanation.lines is not None
        assert len(explanation.lines) == 3
        assert explanation.lines[2] == pytest.approx(float(whole[column] - without_line[column]), abs=1e-4)
        assert explanation.features[REGIONS + 2] == explanation.lines[2]
        assert explanation.words is not None
        assert explanation.words[3] == pytest.approx(float(whole[column] - without_word[column]), abs=1e-4)
        assert len(explanation.words) == 6


def log_odds(probability: float) -> float:
    return torch.tensor(probability, dtype=torch.double).logit().item()


def test_a_line_that_is_taken_away_is_a_line_that_is_hidden(analyzer: Analyzer, prepared: Prepared) -> None:
    """What occlusion does inside is what `Pictures.without` does for What if, cell and line alike."""
    name = name_target(analyzer.predict(prepared).entities[0])
    relation, named = explain(analyzer, prepared, [ADDS, name], "occlusion")
    assert relation.value is not None
    assert named.value is not None
    for feature, hiding in ((REGIONS + 1, {"lines": [1]}), (REGIONS, {"lines": [0]}), (30, {"cells": [30]})):
        other = analyzer.predict(prepared, **hiding)
        assert other.relation is not None
        after = relation.value - relation.features[feature]
        assert after == pytest.approx(log_odds(other.relation.image_adds), abs=1e-3)
        same = [e for e in other.entities if (e.first_word, e.end_word, e.type) == (0, 2, "PER")]
        assert name.span is not None
        if same and (name.span.first, name.span.end, name.type) == (0, 2, "PER"):
            after = named.value - named.features[feature]
            assert after == pytest.approx(torch.tensor(same[0].confidence).log().item(), abs=1e-3)


def test_a_picture_without_words_has_no_lines(analyzer: Analyzer) -> None:
    prepared = analyzer.prepare(TWEET, ASTRONAUT, [])
    (explanation,) = explain(analyzer, prepared, [ADDS], "gradient_x_input")
    assert explanation.lines == ()
    assert explanation.features == explanation.cells


def test_integrated_gradients_and_shapley_values_add_up_to_the_difference(
    analyzer: Analyzer, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpbert.explain.methods.ORDERS", 2)
    monkeypatch.setattr("rpbert.explain.methods.STEPS", 16)
    perturbed = PerturbedModel(analyzer, prepared, [ADDS], "soft")
    with torch.no_grad():
        difference = float(perturbed(perturbed.whole, perturbed.words) - perturbed(*perturbed.baselines()))
    (shapley,) = explain(analyzer, prepared, [ADDS], "shapley")
    assert shapley.words is not None
    assert shapley.lines is not None
    assert sum(shapley.features) + sum(shapley.words) == pytest.approx(difference, abs=1e-3)
    (gradients,) = explain(analyzer, prepared, [ADDS], "integrated_gradients")
    assert gradients.words is not None
    assert gradients.delta is not None
    assert gradients.lines is not None
    total = sum(gradients.features) + sum(gradients.words)
    assert total - gradients.delta == pytest.approx(difference, abs=1e-3)
    assert abs(gradients.delta) < 0.2 * abs(difference)


def test_gradients_read_each_altered_copy_once_for_all_targets(
    analyzer: Analyzer, prepared: Prepared, targets: list[Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not once for each target, which would take five times as long."""
    read, gradients = [], PerturbedModel.gradients

    def counted(self: PerturbedModel, kept: Tensor, words: Tensor, route: str) -> tuple[Tensor, Tensor]:
        read.append(len(kept))
        return gradients(self, kept, words, route)

    monkeypatch.setattr(PerturbedModel, "gradients", counted)
    explain(analyzer, prepared, targets, "integrated_gradients")
    assert sum(read) == STEPS


def test_shapley_values_are_the_same_every_time(
    analyzer: Analyzer, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpbert.explain.methods.ORDERS", 1)
    first, second = (explain(analyzer, prepared, [ADDS], "shapley")[0] for _ in range(2))
    assert (first.grid, first.lines, first.words) == (second.grid, second.lines, second.words)


@pytest.mark.parametrize("method", ["grad_cam", "gradient_x_input", "occlusion"])
def test_closed_gate_leaves_no_effect_on_a_name(
    analyzer: Analyzer, prepared: Prepared, targets: list[Target], method: str
) -> None:
    chosen = [targets[1], *[target for target in targets if target.span is not None][:2]]
    relation, *names = explain(analyzer, prepared, chosen, method, gate="closed")
    assert relation.strength > 0
    assert [explanation.strength for explanation in names] == [0.0, 0.0]


def test_contrast_is_the_difference_of_the_two_readings(analyzer: Analyzer, prepared: Prepared) -> None:
    entity = analyzer.predict(prepared).entities[-1]
    runner_up = replace(name_target(entity), type=entity.runner_up.type)
    chosen = [name_target(entity), runner_up, contrast_target(entity)]
    plain, why_not, contrast = explain(analyzer, prepared, chosen, "gradient_x_input")
    gap = torch.tensor(plain.features) - torch.tensor(why_not.features)
    torch.testing.assert_close(gap, torch.tensor(contrast.features), rtol=1e-3, atol=1e-6)


def test_randomised_weights_change_the_map(analyzer: Analyzer, prepared: Prepared) -> None:
    """The sanity check of Adebayo et al. (2018): a map that survives random weights does not show the model."""
    trained = {method: cells(explain(analyzer, prepared, [ADDS], method)[0].grid) for method in GRADIENTS}
    state = {name: tensor.clone() for name, tensor in analyzer.model.state_dict().items()}
    layers = [*analyzer.model.text_encoder.encoder.layer][::-1]
    try:
        torch.manual_seed(0)
        assert analyzer.model.belongs_head is not None
        assert analyzer.model.matching is not None
        for head in (
            analyzer.model.image_adds_head,
            analyzer.model.belongs_head,
            analyzer.model.matching.pair_head[-1],
            analyzer.model.matching.vector_head,
        ):
            head.reset_parameters()
        for layer in layers:  # from the top downwards
            for parameter in layer.parameters():
                if parameter.ndim > 1:
                    parameter.data.normal_(std=float(parameter.std()))
        for method in GRADIENTS:
            random = cells(explain(analyzer, prepared, [ADDS], method)[0].grid)
            ranks = torch.stack([trained[method].argsort().argsort(), random.argsort().argsort()]).float()
            likeness = torch.corrcoef(ranks)  # Spearman's
            assert likeness[0, 1].abs() < 0.7, method
    finally:
        analyzer.model.load_state_dict(state)


@pytest.mark.parametrize("method", METHODS)
def test_a_map_needs_a_picture(analyzer: Analyzer, method: str) -> None:
    with pytest.raises(AssertionError, match="picture"):
        explain(analyzer, analyzer.prepare(TWEET, None), [ADDS], method)
