"""The head that reads a pair's vectors: what it is fitted on, and to what."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from corpus import write_corpus
from scipy.optimize import minimize
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example, read_pairs
from rpbert.data.regions import RegionStore, compute_regions
from rpbert.data.scene_lines import read_scene_file, with_scenes
from rpbert.evaluation.prediction import outputs
from rpbert.model.matching import Matching
from rpbert.model.modeling import RpBert
from rpbert.training.alignment import CrossFit, sentence_vectors
from rpbert.training.vectors import INVERSE_PENALTY, TASKS, fit_vectors


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    data: Path = write_corpus(tmp_path_factory.mktemp("corpus"))
    return with_scenes(read_pairs(data / "pairs.jsonl"), read_scene_file(data / "scenes.jsonl"))


@pytest.fixture(scope="module")
def store(tiny_model: RpBert, pairs: list[Example]) -> RegionStore:
    return compute_regions(tiny_model, [pair.picture for pair in pairs if pair.picture is not None])


@pytest.fixture(scope="module")
def folds(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: list[Example], store: RegionStore) -> CrossFit:
    """The model's own vectors, as if they had not seen the pairs: so its own reading is what the fit must see."""
    texts = sentence_vectors(tiny_model, tokenizer, [pair.words for pair in pairs])
    with torch.no_grad():
        pictures = matching_of(tiny_model).picture_map(store(pairs).mean(dim=1))
    row = {(pair.id, pair.picture): index for index, pair in enumerate(pairs)}
    return CrossFit(texts, pictures, torch.zeros(len(pairs)), row)


@pytest.fixture
def fitted(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: list[Example], store: RegionStore, folds: CrossFit
) -> RpBert:
    model = copy.deepcopy(tiny_model)
    fit_vectors(model, tokenizer, pairs, store, folds)
    return model


def matching_of(model: RpBert) -> Matching:
    assert model.matching is not None
    return model.matching


def silent(model: RpBert) -> RpBert:
    """A copy whose vectors say nothing."""
    model = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in matching_of(model).vector_head.parameters():
            parameter.zero_()
    return model


@torch.no_grad()
def read(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: list[Example], store: RegionStore
) -> tuple[np.ndarray, np.ndarray]:
    """What the head reads (N, F) of the pairs and their log-odds (2, N) of adds and shows."""
    seen: list[Tensor] = []
    handle = matching_of(model).vector_head.register_forward_pre_hook(lambda _module, args: seen.append(args[0]))
    features = np.zeros((len(pairs), matching_of(model).vector_head.in_features))
    odds = np.zeros((2, len(pairs)))
    for rows, output in outputs(model, tokenizer, pairs, store, pictures=pairs):
        features[rows] = seen.pop().numpy()
        for index, task in enumerate(TASKS):
            logits = getattr(output.relation, task)
            odds[index, rows] = logits[:, 1] - logits[:, 0]
    handle.remove()
    return features, odds


def test_each_relation_is_the_penalised_regression_of_what_the_model_reads(
    fitted: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: list[Example], store: RegionStore
) -> None:
    """Stretched, so that it spreads as h_CLS does; compared with the least loss that another minimiser finds."""
    features, odds = read(fitted, tokenizer, pairs, store)
    _, from_cls = read(silent(fitted), tokenizer, pairs, store)
    for index, task in enumerate(TASKS):
        said = odds[index] - from_cls[index]
        assert said.std() == pytest.approx(from_cls[index].std(), rel=0.01)
        best = brute_force(features, np.array([getattr(pair, task) for pair in pairs]))
        stretched = best * said.std() / best.std()
        np.testing.assert_allclose(said, stretched, atol=0.01 * said.std())


def brute_force(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Log-odds (N,) by the definition: cross-entropy plus half the squared weights over scikit-learn's C."""
    varying = features[:, features.std(axis=0) > 1e-6]  # the rest is rounding
    standard = (varying - varying.mean(axis=0)) / varying.std(axis=0)

    def loss(numbers: np.ndarray) -> float:
        odds = standard @ numbers[1:] + numbers[0]
        penalty = (numbers[1:] ** 2).sum() / (2 * INVERSE_PENALTY)
        return float((np.logaddexp(0, odds) - labels * odds).sum() + penalty)

    best = minimize(loss, np.zeros(1 + standard.shape[1]), method="L-BFGS-B", options={"maxfun": 10**6}).x
    odds: np.ndarray = standard @ best[1:] + best[0]
    return odds


def test_a_relation_with_one_label_or_none_learns_nothing(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: list[Example], store: RegionStore, folds: CrossFit
) -> None:
    same = [replace(pair, image_adds=1, text_represented=None if index else 0) for index, pair in enumerate(pairs)]
    model = copy.deepcopy(tiny_model)
    fit_vectors(model, tokenizer, same, store, folds)
    assert not any(parameter.any() for parameter in matching_of(model).vector_head.parameters())


def test_pairs_without_a_label_are_left_out(
    fitted: RpBert,
    tiny_model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    pairs: list[Example],
    store: RegionStore,
    folds: CrossFit,
) -> None:
    """One that is unknown is no "no"."""
    some = [replace(pair, image_adds=None) if index % 3 == 0 else pair for index, pair in enumerate(pairs)]
    model = copy.deepcopy(tiny_model)
    fit_vectors(model, tokenizer, some, store, folds)
    alone = copy.deepcopy(tiny_model)
    fit_vectors(alone, tokenizer, [pair for index, pair in enumerate(pairs) if index % 3], store, folds)
    torch.testing.assert_close(matching_of(model).vector_head.weight[1], matching_of(alone).vector_head.weight[1])
    torch.testing.assert_close(matching_of(model).vector_head.weight[3], matching_of(fitted).vector_head.weight[3])
