"""The walkthrough: what must add up does, the runner-up against brute force, and all of it against the prediction."""

import ast
import copy
import itertools
import math
from collections.abc import Callable

import pytest
import torch
from passes import line
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.analyzer import Analyzer, Prepared
from rpbert.errors import UserError
from rpbert.explain.walkthrough import STEPS, Grid, walk
from rpbert.explain.walkthrough import Path as LabelPath
from rpbert.model.configuration import LABELS, RpBertConfig
from rpbert.model.crf import Crf, spans_of
from rpbert.model.modeling import RpBert
from rpbert.shipped import PACKAGE
from rpbert.ui.samples import SAMPLES

ROOT = PACKAGE.parent
ASTRONAUT = SAMPLES / "astronaut_eileen_collins.jpg"
TWEET = "Eileen Collins, the first woman to command a Space Shuttle, visits Houston today 🚀 #NASA"


@pytest.fixture(scope="module")
def prepared(analyzer: Analyzer) -> Prepared:
    return analyzer.prepare(TWEET, ASTRONAUT, [line("NASA", 0.05), line("Space Shuttle"), line("EXIT")])


@pytest.fixture(scope="module")
def tiny(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> Analyzer:
    """For long tweets, which take the shipped model seconds."""
    return Analyzer(copy.deepcopy(tiny_model), tokenizer, "tiny")


def ranked(crf: Crf, rows: list[list[float]]) -> list[tuple[float, tuple[int, ...]]]:
    """Score and labels of every path that BIO allows, best first, by the definition of a score."""
    start, end, steps = (p.tolist() for p in (crf.start_transitions, crf.end_transitions, crf.transitions))
    scores = []
    for path in itertools.product(range(len(LABELS)), repeat=len(rows)):
        names = [LABELS[label] for label in path]
        before = ["O", *names]
        if all(n[0] != "I" or (b[0] != "O" and b[2:] == n[2:]) for b, n in zip(before, names, strict=False)):
            total = start[path[0]] + end[path[-1]] + sum(row[label] for row, label in zip(rows, path, strict=True))
            scores.append((total + sum(steps[one][two] for one, two in itertools.pairwise(path)), path))
    return sorted(scores, reverse=True)


def random_crf(generator: torch.Generator) -> Crf:
    crf = Crf(LABELS)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(2 * torch.randn(parameter.shape, generator=generator))
    return crf


@pytest.mark.parametrize("words", [1, 2, 3, 4])
def test_runner_up_is_the_second_of_all_paths(words: int) -> None:
    generator = torch.Generator().manual_seed(words)
    apart = []
    for _ in range(12):
        crf = random_crf(generator)
        emissions = 2 * torch.randn(1, words, len(LABELS), generator=generator)
        (_, best), (_, second), *_ = ranked(crf, emissions[0].tolist())
        assert crf.runner_up(emissions) == list(second)
        apart.append(sum(one != two for one, two in zip(best, second, strict=True)))
    assert words == 1 or max(apart) > 1, "some runner-ups must need more than one change, or the test is too easy"


def test_runner_up_of_a_model_that_hates_everything() -> None:
    """Scores far below what usually stands for "forbidden": the best path must not come back."""
    crf = random_crf(torch.Generator().manual_seed(0))
    emissions = torch.full((1, 3, len(LABELS)), -1e6)
    emissions[:, :, 0] = -1e5
    (best,) = crf.viterbi(emissions, torch.ones(1, 3, dtype=torch.bool))
    assert best == [0, 0, 0]
    second = crf.runner_up(emissions)
    assert sum(label != 0 for label in second) == 1
    assert LABELS[max(second)].startswith("B-")


def parts(path: LabelPath) -> float:
    return path.start + sum(path.emissions) + sum(path.transitions) + path.end


def test_scores_are_sums_of_their_parts_and_probabilities_those_of_the_crf(
    analyzer: Analyzer, prepared: Prepared
) -> None:
    steps = walk(analyzer, prepared)
    emissions = torch.tensor([steps.emissions])
    for path in (steps.crf.best, steps.crf.runner_up):
        assert len(path.emissions) == len(path.transitions) + 1 == len(path.labels)
        assert path.score == pytest.approx(parts(path), abs=1e-4)
        chosen = [steps.labels.index(label) for label in path.labels]
        assert path.emissions == tuple(row[label] for row, label in zip(steps.emissions, chosen, strict=True))
        mask = torch.ones(emissions.shape[:2], dtype=torch.bool)
        expected = analyzer.model.crf.log_likelihood(emissions, torch.tensor([chosen]), mask)
        assert path.log_probability == pytest.approx(float(expected), abs=1e-4)


def test_the_two_paths_of_a_short_tweet_are_the_first_two_of_all(analyzer: Analyzer) -> None:
    steps = walk(analyzer, analyzer.prepare("Merkel visits Paris today", ASTRONAUT))
    every = ranked(analyzer.model.crf, [list(row) for row in steps.emissions])
    log_z = math.log(sum(math.exp(score - every[0][0]) for score, _ in every)) + every[0][0]
    for path, (score, labels) in zip((steps.crf.best, steps.crf.runner_up), every, strict=False):
        assert path.labels == tuple(LABELS[label] for label in labels)
        assert path.score == pytest.approx(score, abs=1e-4)
        assert path.log_probability == pytest.approx(score - log_z, abs=1e-4)
    both = zip(steps.crf.best.labels, steps.crf.runner_up.labels, strict=True)
    assert steps.crf.differs == tuple(word for word, (one, two) in enumerate(both) if one != two) != ()


@pytest.mark.parametrize("gate", ["soft", "hard", "open", "closed", 0.3])
def test_best_path_is_the_prediction(analyzer: Analyzer, prepared: Prepared, gate: str | float) -> None:
    steps, analysis = walk(analyzer, prepared, gate), analyzer.predict(prepared, gate)
    found = [(entity.first_word, entity.end_word, entity.type) for entity in analysis.entities]
    assert spans_of(steps.crf.best.labels) == found
    assert steps.gate is not None
    assert steps.relation is not None
    assert analysis.relation is not None
    assert (steps.gate.setting, steps.gate.value) == (gate, analysis.gate)
    relation = steps.relation
    assert relation.belongs is not None
    # The step has both given that the picture belongs; the analysis says them together with that.
    assert relation.belongs.probability == pytest.approx(analysis.relation.belongs, abs=1e-5)
    for given, joint in (
        (relation.image_adds, analysis.relation.image_adds),
        (relation.text_represented, analysis.relation.text_represented),
    ):
        assert given.probability * relation.belongs.probability == pytest.approx(joint, abs=1e-5)
    assert steps.crf.temperature == analyzer.model.config.span_temperature


def flat(grid: Grid) -> Tensor:
    assert [len(row) for row in grid] == [7] * 7
    return torch.tensor(grid).flatten()


@pytest.mark.parametrize("gate", ["soft", "open", "closed", 0.25])
def test_the_gate_shortens_every_region_alike(analyzer: Analyzer, prepared: Prepared, gate: str | float) -> None:
    steps = walk(analyzer, prepared, gate)
    assert steps.regions is not None
    assert steps.gate is not None
    assert prepared.pictures is not None
    projection = analyzer.model.projection  # V_k of each region, by hand
    vectors = prepared.pictures.regions[0] @ projection.weight.T + projection.bias  # (49, d)
    torch.testing.assert_close(flat(steps.regions.before), vectors.square().sum(dim=1).sqrt(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(flat(steps.regions.after), steps.gate.value * flat(steps.regions.before))
    assert steps.gate.masked is (gate == "closed")


def test_a_gate_of_zero_is_not_the_closed_gate(analyzer: Analyzer, prepared: Prepared) -> None:
    zero, closed = walk(analyzer, prepared, 0.0), walk(analyzer, prepared, "closed")
    assert zero.gate is not None
    assert closed.gate is not None
    assert zero.gate.value == closed.gate.value == 0.0
    assert not zero.gate.masked
    assert closed.gate.masked
    assert zero.emissions != closed.emissions


def test_parts_of_the_relation_add_up(analyzer: Analyzer, prepared: Prepared) -> None:
    relation = walk(analyzer, prepared).relation
    assert relation is not None
    for score in (relation.belongs, relation.image_adds, relation.text_represented):
        assert score is not None
        assert score.from_pair is not None
        assert score.log_odds == pytest.approx(score.from_cls + score.from_pair, abs=1e-4)
        assert score.probability == pytest.approx(1 / (1 + math.exp(-score.log_odds)), abs=1e-5)
        assert score.from_pair != 0  # in what ships the pair itself speaks of all three


def test_similarity_is_the_cosine_and_the_pair_s_part_of_belongs_is_made_of_it_and_of_counts(
    analyzer: Analyzer, prepared: Prepared
) -> None:
    output = analyzer.model.run(prepared.texts, prepared.pictures)
    cosine = output.relation.cosine
    relation = walk(analyzer, prepared).relation
    assert relation is not None
    assert relation.similarity == pytest.approx(float(cosine), abs=1e-5)
    matching, config = analyzer.model.matching, analyzer.model.config
    assert matching is not None
    assert prepared.pictures is not None
    assert relation.said is not None
    cosines = torch.tensor([[float(cosine), relation.said]])
    numbers = matching.pair_numbers(cosines, prepared.pictures.line_counts.sum(dim=1))
    no, yes = matching.belongs_logits(numbers)[0].tolist()
    assert prepared.pictures.line_counts[0, :, 4].tolist() == [1, 2, 0]  # NASA; Space, Shuttle
    assert relation.belongs is not None
    assert relation.belongs.from_pair == pytest.approx((yes - no) / config.belongs_temperature, abs=1e-4)


def test_words_in_the_picture_are_a_step_of_their_own(analyzer: Analyzer, prepared: Prepared) -> None:
    nasa, shuttle, other = walk(analyzer, prepared).scene
    assert (nasa.text, nasa.pieces, nasa.shared) == ("NASA", ("nasa",), ("NASA",))
    assert (shuttle.text, shuttle.shared) == ("Space Shuttle", ("Space", "Shuttle"))
    assert shuttle.pieces == ("space", "shuttle")
    assert (other.text, other.shared) == ("EXIT", ())
    assert walk(analyzer, analyzer.prepare(TWEET, None)).scene == ()


def test_without_matching_the_head_alone_decides(
    tiny_config: RpBertConfig, build_model: Callable[[RpBertConfig], RpBert], tokenizer: PreTrainedTokenizerBase
) -> None:
    config = copy.deepcopy(tiny_config)
    config.matching = config.belongs = False
    config.image_adds_temperature, config.image_adds_bias = 2.0, 0.7
    plain = Analyzer(build_model(config), tokenizer, "plain")
    relation = walk(plain, plain.prepare("meet obama in paris", ASTRONAUT)).relation
    assert relation is not None
    assert relation.similarity is relation.belongs is None
    assert relation.image_adds.from_pair is None
    assert relation.image_adds.log_odds == pytest.approx(relation.image_adds.from_cls, abs=1e-5)


def test_without_a_picture_there_is_only_text(analyzer: Analyzer) -> None:
    prepared = analyzer.prepare(TWEET, None)
    steps = walk(analyzer, prepared)
    assert (steps.regions, steps.relation, steps.gate) == (None, None, None)
    found = [(entity.first_word, entity.end_word, entity.type) for entity in analyzer.predict(prepared).entities]
    assert spans_of(steps.crf.best.labels) == found


def test_pieces_spell_the_words(analyzer: Analyzer, prepared: Prepared) -> None:
    steps = walk(analyzer, prepared)
    assert steps.special == ("[CLS]", "[SEP]")
    assert [word.text for word in steps.pieces] == [word.text for word in prepared.words]
    for word in steps.pieces:
        assert not word.cut_off
        spelled = word.pieces[0] + "".join(piece.removeprefix("##") for piece in word.pieces[1:])
        assert spelled in (word.text.lower(), "[UNK]")
    assert len(steps.emissions) == len(prepared.words)


def test_words_beyond_the_limit_are_marked(tiny: Analyzer) -> None:
    prepared = tiny.prepare("rt " * 600, ASTRONAUT)
    steps = walk(tiny, prepared)
    read = len(steps.emissions)
    assert 0 < read < len(prepared.words) == len(steps.pieces)
    assert [word.cut_off for word in steps.pieces] == [False] * read + [True] * (600 - read)
    assert [word.pieces for word in steps.pieces] == [("rt",)] * read + [()] * (600 - read)


def test_one_word_that_is_too_long_is_marked_though_it_was_begun(tiny: Analyzer) -> None:
    (word,) = walk(tiny, tiny.prepare("中" * 900, ASTRONAUT)).pieces
    assert word.cut_off
    assert 0 < len(word.pieces) < 900


def test_an_unknown_gate_is_refused(analyzer: Analyzer, prepared: Prepared) -> None:
    with pytest.raises(UserError, match="choose soft"):
        walk(analyzer, prepared, "ajar")


def test_steps_name_code_that_exists() -> None:
    assert len({step.title for step in STEPS}) == len(STEPS)
    for step in STEPS:
        file, name = step.code.split(": ")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}, step.code
        assert step.sentence.endswith(".")
        assert step.sentence.count(". ") == 0, "one sentence each"
