"""The alignment stage on a toy corpus: plain pictures, and captions that name their colour."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from corpus import COLOURS, classifier, draw_all, seeing
from timm.data import ImageNetInfo
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Caption, Example
from rpbert.data.regions import RegionStore, compute_regions
from rpbert.errors import UserError
from rpbert.model.matching import Matching
from rpbert.model.modeling import RpBert
from rpbert.model.texts import collate_pieces, split_words, to_pieces
from rpbert.training.alignment import (
    CrossFit,
    Matches,
    _batches,
    align,
    begin_matching,
    class_name_projection,
    class_names,
    cross_fit,
    matches_of,
    sentence_vectors,
    set_class_vectors,
)
from rpbert.training.recipe import Alignment


@pytest.fixture(scope="module")
def captions(tmp_path_factory: pytest.TempPathFactory) -> list[Caption]:
    pictures = draw_all(tmp_path_factory.mktemp("images"))
    return [Caption(f"a {name} {thing}", pictures[name], True) for thing in ("wall", "car") for name in COLOURS]


@pytest.fixture(scope="module")
def start(tiny_model: RpBert) -> RpBert:
    return seeing(tiny_model)


@pytest.fixture(scope="module")
def store(start: RpBert, captions: Sequence[Caption]) -> RegionStore:
    return compute_regions(start, [caption.picture for caption in captions])


@pytest.fixture
def model(start: RpBert) -> RpBert:
    return copy.deepcopy(start)


def stage(**changes: float) -> Alignment:
    values = {"epochs": 25, "batch": 8, "learning_rate": 3e-2, "channel_dropout": 0.1, "text_dropout": 0.0, **changes}
    return Alignment(**values)  # type: ignore[arg-type]


def matching_of(model: RpBert) -> Matching:
    assert model.matching is not None
    return model.matching


@pytest.fixture(scope="module")
def matches(start: RpBert, tokenizer: PreTrainedTokenizerBase, store: RegionStore, captions: list[Caption]) -> Matches:
    """All sixteen captions: eight pictures, each in row k and in row k + 8."""
    return matches_of(start, tokenizer, store, captions, 0.0)


def half(matches: Matches) -> Matches:
    """One caption of each colour."""
    return matches.kept(torch.arange(8))


@pytest.fixture(scope="module")
def aligned(start: RpBert, matches: Matches) -> tuple[RpBert, list[float]]:
    model = copy.deepcopy(start)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        losses = list(align(matching_of(model), [half(matches)], matches, stage(), seed=0))
    return model, losses


@torch.no_grad()
def cosines(model: RpBert, matches: Matches) -> Tensor:
    """(8, 8) of each colour's text against each colour's picture."""
    eight = half(matches)
    return eight.texts @ matching_of(model).picture_map(eight.pooled).T


def advantage(matrix: Tensor) -> float:
    """How much more similar true pairs are than swapped ones, on average."""
    own = torch.eye(len(matrix), dtype=torch.bool)
    return float(matrix[own].mean() - matrix[~own].mean())


# ---- texts and pictures -------------------------------------------------------------------------------------------


@torch.no_grad()
def test_the_tower_begins_as_the_pretrained_sentence_encoder(model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    """Mean over all pieces of the last layer, of length one; whatever becomes of the upper layers afterwards."""
    begin_matching(model, classifier(model))
    texts = [["the", "sunrise", "over", "paris"], ["a"], ["james", "of", "rings"], ["zzz"]]
    expected = []
    for words in texts:  # alone, in another order than by length
        ids = torch.tensor([to_pieces(tokenizer, words, 60).input_ids])
        mean = model.text_encoder(ids, torch.ones_like(ids)).last_hidden_state[0].mean(dim=0)
        expected.append(mean / mean.norm())
    found = sentence_vectors(model, tokenizer, texts)
    assert torch.allclose(found, torch.stack(expected), atol=1e-5)
    for parameter in model.text_encoder.encoder.layer[model.config.matching_layer :].parameters():
        parameter.mul_(0.5)  # as the names rewrite them
    assert torch.equal(sentence_vectors(model, tokenizer, texts), found)
    assert (found @ found.T - torch.eye(4)).abs().max() < 0.999  # four texts, four vectors


def test_what_matching_takes_over_as_it_is(start: RpBert, model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    weight, bias = classifier(model)
    begin_matching(model, (weight, bias))
    set_class_vectors(model, tokenizer)
    picture_map = matching_of(model).picture_map
    assert torch.equal(picture_map.classifier.weight, weight)
    assert torch.equal(picture_map.classifier.bias, bias)
    names = class_names()
    assert (len(names), names[0], names[-1]) == (1000, "tench", "toilet tissue")
    assert picture_map.class_vectors.weight.shape == (32, 1000)
    some = [5, 444, 999]
    vectors = sentence_vectors(model, tokenizer, [[word.text for word in split_words(names[index])] for index in some])
    assert torch.allclose(picture_map.class_vectors.weight[:, some].T, vectors, atol=1e-5)
    before, after = start.state_dict(), model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    taken_over = (
        "matching.sentence_layers.",
        "matching.picture_map.classifier.",
        "matching.picture_map.class_vectors.",
        "matching.vector_head.",
    )
    assert not any(parameter.any() for parameter in matching_of(model).vector_head.parameters())  # nothing to say yet
    same = "LayerNorm.weight"  # all ones in the tests' model
    assert {name for name in changed if not name.endswith(same)} == {
        name for name in before if name.startswith(taken_over) and not name.endswith(same)
    }


@torch.no_grad()
def test_matches_are_what_the_model_itself_compares(
    start: RpBert, tokenizer: PreTrainedTokenizerBase, store: RegionStore, captions: list[Caption], matches: Matches
) -> None:
    tweets = [Example(str(row), tuple(c.text.split()), picture=c.picture) for row, c in enumerate(captions)]
    of_tweets = matches_of(start, tokenizer, store, tweets, 0.3)
    assert torch.allclose(of_tweets.texts, matches.texts)
    assert torch.equal(of_tweets.pictures, matches.pictures)
    assert (of_tweets.dropout, matches.dropout) == (0.3, 0.0)
    found = (matches.texts * matching_of(start).picture_map(matches.pooled)).sum(dim=1)
    for row in (0, 3, 11):
        batch = collate_pieces([to_pieces(tokenizer, tweets[row].words, 60)])
        relation = start(**batch, regions=store([tweets[row]])).relation
        assert float(relation.cosine) == pytest.approx(float(found[row]), abs=1e-4)


def test_equal_numbers_mean_the_same_picture(matches: Matches) -> None:
    assert torch.equal(matches.pictures[:8], matches.pictures[8:])
    assert len(matches.pictures.unique()) == 8
    chosen = matches.kept(torch.tensor([9, 2]))
    assert torch.equal(chosen.texts, matches.texts[[9, 2]])
    assert torch.equal(chosen.pooled, matches.pooled[[9, 2]])
    assert torch.equal(chosen.pictures, matches.pictures[[9, 2]])


# ---- the picture map ----------------------------------------------------------------------------------------------


def test_alignment_brings_true_pairs_together(
    start: RpBert, aligned: tuple[RpBert, list[float]], matches: Matches
) -> None:
    before, after = (cosines(model, matches) for model in (start, aligned[0]))
    assert advantage(before) < 0.1
    assert advantage(after) > 3 * abs(advantage(before))
    assert torch.equal(after.argmax(dim=1), torch.arange(8))  # each text's nearest picture is its own


def test_one_loss_per_epoch_and_it_falls(aligned: tuple[RpBert, list[float]]) -> None:
    losses = aligned[1]
    assert len(losses) == 25
    assert losses[-1] < 0.6 * losses[0]


def test_only_the_map_and_its_scale_change(start: RpBert, aligned: tuple[RpBert, list[float]]) -> None:
    before, after = start.state_dict(), aligned[0].state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    # Both backbones, the tower and the names of the classes are bit for bit as before.
    assert changed == {"matching.picture_map.map.weight", "matching.picture_map.map.bias", "matching.log_scale"}


def test_no_gradient_is_left_behind(aligned: tuple[RpBert, list[float]]) -> None:
    """These weights are frozen afterwards: a gradient of theirs would count whenever others are clipped."""
    assert all(parameter.grad is None for parameter in aligned[0].parameters())


def test_alignment_is_decided_by_its_seeds(start: RpBert, matches: Matches) -> None:
    def run(seed: int, everywhere: int = 0) -> list[float]:
        with torch.random.fork_rng():
            torch.manual_seed(everywhere)
            return list(align(copy.deepcopy(matching_of(start)), [], matches, stage(epochs=2), seed))

    assert run(1) == run(1)
    assert run(1) != run(2)  # other batches
    assert run(1) != run(1, everywhere=1)  # other channels are left out


def test_texts_are_left_out_in_part_too(start: RpBert, matches: Matches) -> None:
    def run(dropout: float) -> list[float]:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            group = replace(matches, dropout=dropout)
            return list(align(copy.deepcopy(matching_of(start)), [], group, stage(epochs=1, channel_dropout=0.0), 0))

    assert run(0.0) != run(0.5)


@pytest.mark.parametrize("epochs", [1, 5, 10])
def test_any_number_of_steps(model: RpBert, matches: Matches, epochs: int) -> None:
    losses = list(
        align(matching_of(model), [], half(matches), stage(epochs=epochs, tweet_passes=1), 0)
    )  # one step per epoch
    assert len(losses) == epochs


def test_tweets_are_gone_through_several_times_an_epoch(start: RpBert, matches: Matches) -> None:
    """Captions are many more; the mean loss of an epoch is over all its steps."""
    seen: list[int] = []

    def run(passes: int) -> int:
        matching = copy.deepcopy(matching_of(start))
        seen.clear()
        matching.picture_map.register_forward_pre_hook(lambda _module, args: seen.append(len(args[0])))
        list(align(matching, [half(matches)], matches, stage(epochs=1, tweet_passes=passes), 0))
        return len(seen)

    # One batch of eight captions, and two of tweets for each pass.
    assert [run(1), run(3)] == [1 + 2, 1 + 6]


def test_fewer_captions_than_a_batch_are_refused(model: RpBert, matches: Matches) -> None:
    with pytest.raises(UserError, match="batch"):
        list(align(matching_of(model), [], matches, stage(batch=17), 0))


def test_batches_are_full_and_of_one_group() -> None:
    batches = _batches([10, 3, 8], 4, torch.Generator().manual_seed(0))
    assert sorted(group for group, _ in batches) == [0, 0, 2, 2]  # the group of 3 does not fill a batch
    for group, size in ((0, 10), (2, 8)):
        rows = [int(row) for owner, part in batches if owner == group for row in part]
        assert len(rows) == len(set(rows)) == 8
        assert set(rows) <= set(range(size))


def test_groups_take_turns() -> None:
    order = [group for group, _ in _batches([40, 40], 4, torch.Generator().manual_seed(0))]
    assert order not in (sorted(order), sorted(order, reverse=True))


# ---- maps that have not seen a pair -------------------------------------------------------------------------------

FOLDS = stage(epochs=3, batch=4, channel_dropout=0.0, folds=3)  # without dropout, so that nothing is random


@pytest.fixture(scope="module")
def pairs(captions: list[Caption]) -> list[Example]:
    return [Example(str(row), tuple(c.text.split()), picture=c.picture) for row, c in enumerate(captions)]


def folds_of(model: RpBert, tweets: Matches, pairs: Sequence[Example], groups: Sequence[Matches] = ()) -> CrossFit:
    return cross_fit(matching_of(model), groups, tweets, pairs, FOLDS, seed=0)


@pytest.fixture(scope="module")
def folds(start: RpBert, matches: Matches, pairs: list[Example]) -> CrossFit:
    return folds_of(start, matches, pairs)


def test_pairs_with_one_picture_share_a_fold(folds: CrossFit) -> None:
    assert torch.equal(folds.fold[:8], folds.fold[8:])
    assert sorted(folds.fold[:8].bincount().tolist()) == [2, 3, 3]  # as even as eight pictures can be


@torch.no_grad()
def test_a_fold_is_mapped_by_what_was_aligned_without_it(
    start: RpBert, matches: Matches, pairs: list[Example], folds: CrossFit
) -> None:
    assert torch.equal(folds.texts, matches.texts)
    for fold in range(3):
        members = folds.fold == fold
        apart = copy.deepcopy(matching_of(start))
        with torch.enable_grad():
            list(align(apart, [], matches.kept((~members).nonzero().squeeze(1)), FOLDS, 0))
        assert torch.allclose(folds.pictures[members], apart.picture_map(matches.pooled[members]), atol=1e-5)
        assert not torch.allclose(
            folds.pictures[members], matching_of(start).picture_map(matches.pooled[members]), atol=1e-2
        )


def test_a_pair_changes_the_maps_of_other_folds_alone(
    start: RpBert, matches: Matches, pairs: list[Example], folds: CrossFit
) -> None:
    texts = matches.texts.clone()
    texts[2] = -texts[2]
    changed = folds_of(start, replace(matches, texts=texts), pairs)
    own = folds.fold == folds.fold[2]
    assert torch.equal(changed.pictures[own], folds.pictures[own])
    for fold in set(folds.fold.tolist()) - {int(folds.fold[2])}:
        assert not torch.allclose(changed.pictures[folds.fold == fold], folds.pictures[folds.fold == fold], atol=1e-3)


def test_captions_teach_the_maps_of_all_folds(
    start: RpBert, matches: Matches, pairs: list[Example], folds: CrossFit
) -> None:
    more = folds_of(start, matches, pairs, [half(matches)])
    for fold in range(3):
        assert not torch.allclose(more.pictures[folds.fold == fold], folds.pictures[folds.fold == fold], atol=1e-3)


def test_the_map_that_is_kept_stays_as_it_is(start: RpBert, matches: Matches, pairs: list[Example]) -> None:
    model = copy.deepcopy(start)
    folds_of(model, matches, pairs)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in start.state_dict().items())


def test_cosines_of_pairs_of_one_fold(folds: CrossFit, pairs: list[Example]) -> None:
    other = next(row for row in range(1, 8) if folds.fold[row] == folds.fold[0])
    stranger = next(row for row in range(1, 8) if folds.fold[row] != folds.fold[0])
    found = folds.cosines([pairs[0], pairs[0], pairs[8]], [pairs[0], pairs[other], pairs[other]])
    by_hand = [folds.texts[text] @ folds.pictures[picture] for text, picture in ((0, 0), (0, other), (8, other))]
    assert found.tolist() == pytest.approx([float(value) for value in by_hand])
    with pytest.raises(AssertionError, match="seen neither"):
        folds.cosines([pairs[0]], [pairs[stranger]])


def test_pairs_of_two_files_may_have_the_same_id(start: RpBert, matches: Matches, pairs: list[Example]) -> None:
    doubled = [replace(pair, id=str(row % 2)) for row, pair in enumerate(pairs[:8])]
    folds = folds_of(start, half(matches), doubled)
    assert folds.rows(doubled).tolist() == list(range(8))


# ---- the class-name projection ------------------------------------------------------------------------------------


@pytest.fixture
def regions() -> RegionStore:
    """Regions of 40 pictures without any CNN, each region near one of six directions."""
    generator = torch.Generator().manual_seed(0)
    kinds = torch.randn(6, 96, generator=generator)
    chosen = torch.randint(6, (40, 49), generator=generator)
    table = kinds[chosen] + 0.3 * torch.randn(40, 49, 96, generator=generator)
    return RegionStore({Path(str(row)): row for row in range(40)}, table.half())


def class_name_mixtures(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, regions: Tensor, weights: tuple[Tensor, Tensor]
) -> Tensor:
    """What a region (N, C) is to be mapped to: word embeddings of class names, by the probability of the class."""
    embeddings = model.text_encoder.embeddings.word_embeddings.weight
    info = ImageNetInfo("imagenet-1k")
    vectors = []
    for index in range(1000):
        name = info.index_to_description(index).split(",")[0]
        ids = tokenizer.convert_tokens_to_ids(tokenizer.tokenize(name))
        vectors.append(embeddings[ids].mean(dim=0))
    return (regions @ weights[0].T + weights[1]).softmax(dim=1) @ torch.stack(vectors)


@torch.no_grad()
def test_class_name_projection_predicts_the_mixture_of_class_names(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, regions: RegionStore
) -> None:
    weights = classifier(model)
    class_name_projection(model, tokenizer, regions, weights)
    flat = regions.table.float().flatten(0, 1)
    targets = class_name_mixtures(model, tokenizer, flat, weights)
    projected = model.projection(flat)
    # Undo the scale: a regression with an offset has the mean of its targets.
    predicted = projected * (targets.mean(dim=0).norm() / projected.mean(dim=0).norm())
    error = (predicted - targets).square().mean()
    spread = (targets - targets.mean(dim=0)).square().mean()
    assert error < 0.5 * spread


@torch.no_grad()
def test_projected_regions_are_as_long_as_word_embeddings(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, regions: RegionStore
) -> None:
    class_name_projection(model, tokenizer, regions, classifier(model))
    words = model.text_encoder.embeddings.word_embeddings.weight.norm(dim=1).mean()
    assert float(model.projection(regions.table.float()).norm(dim=2).mean() / words) == pytest.approx(1, abs=0.01)


def test_class_name_projection_sets_nothing_else(
    start: RpBert, model: RpBert, tokenizer: PreTrainedTokenizerBase, regions: RegionStore
) -> None:
    class_name_projection(model, tokenizer, regions, classifier(model))
    before, after = start.state_dict(), model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"projection.weight", "projection.bias"}


@torch.no_grad()
def test_class_name_projection_fitted_on_some_of_the_pictures(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, regions: RegionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = classifier(model)
    class_name_projection(model, tokenizer, regions, weights)
    every = model.projection(regions.table.float())
    monkeypatch.setattr("rpbert.training.alignment.FIT_PICTURES", 10)
    class_name_projection(model, tokenizer, regions, weights)
    some = model.projection(regions.table.float())
    assert 0 < float((some - every).norm() / every.norm()) < 0.4
