"""The alignment stage on a toy corpus: plain pictures, and captions that name their colour."""

import copy
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from corpus import COLOURS, classifier, draw_all, seeing
from timm.data import ImageNetInfo
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Caption
from rpbert.data.regions import RegionStore, compute_regions
from rpbert.errors import UserError
from rpbert.model.configuration import REGIONS
from rpbert.model.modeling import RpBert, View
from rpbert.model.texts import collate_pieces, to_pieces
from rpbert.training.alignment import _batches, align, class_name_projection, text_means
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
    values = {"epochs": 25, "batch": 8, "learning_rate": 3e-2, "weight_decay": 0.1, "region_dropout": 0.1, **changes}
    return Alignment(**values)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def aligned(
    start: RpBert, tokenizer: PreTrainedTokenizerBase, store: RegionStore, captions: list[Caption]
) -> tuple[RpBert, list[float]]:
    model = copy.deepcopy(start)
    torch.manual_seed(0)
    losses = list(align(model, tokenizer, store, [captions[:8], captions[::-1]], stage(), seed=0))
    return model, losses


@torch.no_grad()
def cosines(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, store: RegionStore, captions: Sequence[Caption]
) -> Tensor:
    """(8, 8) of each colour's text against each colour's picture, as the model itself computes them."""
    model.eval()
    eight = captions[:8]
    batch = collate_pieces([to_pieces(tokenizer, caption.text.split(), 60) for caption in eight])
    words = model.text_encoder.embeddings.word_embeddings(batch["input_ids"])
    text, picture = model.pair_vectors(View(words, model.project(store(eight))), batch["attention_mask"])
    return text @ picture.T


def advantage(matrix: Tensor) -> float:
    """How much more similar true pairs are than swapped ones, on average."""
    own = torch.eye(len(matrix), dtype=torch.bool)
    return float(matrix[own].mean() - matrix[~own].mean())


def test_alignment_brings_true_pairs_together(
    start: RpBert,
    aligned: tuple[RpBert, list[float]],
    tokenizer: PreTrainedTokenizerBase,
    store: RegionStore,
    captions: list[Caption],
) -> None:
    before, after = (cosines(model, tokenizer, store, captions) for model in (start, aligned[0]))
    assert advantage(before) < 0.05
    assert advantage(after) > 0.4
    assert torch.equal(after.argmax(dim=1), torch.arange(8))  # each text's nearest picture is its own


def test_one_loss_per_epoch_and_it_falls(aligned: tuple[RpBert, list[float]]) -> None:
    losses = aligned[1]
    assert len(losses) == 25
    assert losses[-1] < 0.6 * losses[0]


def test_only_projection_and_matching_maps_change(start: RpBert, aligned: tuple[RpBert, list[float]]) -> None:
    before, after = start.state_dict(), aligned[0].state_dict()
    trained = ("projection.", "matching.text_map.", "matching.region_map.", "matching.log_scale")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if name.startswith(trained)}  # both backbones bit for bit as before


def test_alignment_is_decided_by_its_seeds(
    start: RpBert, tokenizer: PreTrainedTokenizerBase, store: RegionStore, captions: list[Caption]
) -> None:
    def run(seed: int) -> list[float]:
        torch.manual_seed(0)
        return list(align(copy.deepcopy(start), tokenizer, store, [captions], stage(epochs=2), seed))

    assert run(1) == run(1)
    assert run(1) != run(2)


@pytest.mark.parametrize("epochs", [1, 5, 10])
def test_any_number_of_steps(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, store: RegionStore, captions: list[Caption], epochs: int
) -> None:
    losses = list(align(model, tokenizer, store, [captions[:8]], stage(epochs=epochs), 0))  # one step per epoch
    assert len(losses) == epochs


def test_fewer_captions_than_a_batch_are_refused(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, store: RegionStore, captions: list[Caption]
) -> None:
    with pytest.raises(UserError, match="batch"):
        list(align(model, tokenizer, store, [captions], stage(batch=17), 0))


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


# ---- texts --------------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_text_means_are_what_the_model_itself_compares(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    assert tiny_model.matching is not None
    texts = [["the", "sunrise", "over", "paris"], ["a"], ["james", "of", "rings"], ["zzz"]]
    means = text_means(tiny_model, tokenizer, texts)
    found = F.normalize(tiny_model.matching.text_map(means), dim=1)
    for row, words in enumerate(texts):  # alone, in another order than by length
        ids = torch.tensor([to_pieces(tokenizer, words, 60).input_ids])
        embedded = tiny_model.text_encoder.embeddings.word_embeddings(ids)
        expected, _ = tiny_model.pair_vectors(View(embedded, torch.zeros(1, REGIONS, 32)), torch.ones_like(ids))
        assert torch.allclose(found[row], expected[0], atol=1e-5)


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
    assert float(model.project(regions.table.float()).norm(dim=2).mean() / words) == pytest.approx(1, abs=0.01)


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
