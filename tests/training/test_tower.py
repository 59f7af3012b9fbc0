"""The sentence tower learns the vectors of a larger encoder, and what is costly is made once."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from corpus import recipe, settings, write_base_weights, write_corpus
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerBase

from rpbert.data.readers import Caption, Example
from rpbert.errors import UserError
from rpbert.model.checkpoint import checkpoint_identity, load_checkpoint
from rpbert.model.configuration import RpBertConfig
from rpbert.model.modeling import RpBert
from rpbert.training import loop, tower
from rpbert.training.alignment import class_names, sentence_vectors, split
from rpbert.training.recipe import Tower
from rpbert.training.tower import larger_vectors, principal, teach_tower, texts_of

PLACES = ("oslo", "rome", "lima", "bonn", "nice", "kyiv", "red", "blue")
TEXTS = [(first, second, "now") for first in PLACES for second in PLACES]  # more than the tower's vectors are long
SETTINGS = Tower(weights="a Hub id", epochs=30, batch=4, learning_rate=1e-2, lines=["lines.txt"])


@pytest.fixture(scope="module")
def weights(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    """Files of a pretrained text encoder, which is the larger one here, too, and of a CNN."""
    return write_base_weights(tmp_path_factory.mktemp("weights"), tiny_model, tokenizer)


def test_some_tweets_all_captions_and_the_class_names_are_read() -> None:
    tweets = [Example(str(number), (str(number),), labels=None, picture=None) for number in range(100)]
    sets = {"sentences": tweets, "captions": [Caption("a red wall", Path("red.bmp"), True)]}
    few = replace(recipe(), tower=replace(SETTINGS, tweets=10))
    found = texts_of(sets, few)
    assert found == texts_of(sets, few)
    assert len(set(found[:10])) == 10
    assert set(found[:10]) < {tweet.words for tweet in tweets}
    assert found[:10] != texts_of(sets, replace(few, seed=few.seed + 1))[:10]
    assert found[10] == ["a", "red", "wall"]
    assert found[11:] == [split(name) for name in class_names()]
    every = replace(few, tower=replace(SETTINGS, tweets=500))
    assert sorted(texts_of(sets, every)[:100]) == sorted(tweet.words for tweet in tweets)


def test_principal_axes_keep_the_cosines_of_vectors_in_a_plane() -> None:
    generator = torch.Generator().manual_seed(0)
    plane = torch.linalg.qr(torch.randn(6, 2, generator=generator)).Q  # two axes in six dimensions
    vectors = F.normalize(torch.randn(50, 2, generator=generator) @ plane.T, dim=1)
    found = principal(vectors, 2, generator)
    assert found.shape == (50, 2)
    assert torch.allclose(found @ found.T, vectors @ vectors.T, atol=1e-5)


def test_vectors_are_means_of_the_states_without_padding(weights: tuple[str, str], tmp_path: Path) -> None:
    texts = ["oslo", "in oslo now in rome now"]
    found = larger_vectors(weights[0], texts, tmp_path, Accelerator())
    encoder = AutoModel.from_pretrained(weights[0], add_pooling_layer=False).eval()
    tokenizer = AutoTokenizer.from_pretrained(weights[0])
    for text, vector in zip(texts, found, strict=True):
        with torch.no_grad():
            states = encoder(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        assert torch.allclose(vector, F.normalize(states.mean(dim=0), dim=0), atol=1e-5)


def test_vectors_are_read_once(weights: tuple[str, str], tmp_path: Path) -> None:
    first = larger_vectors(weights[0], ["in oslo", "now"], tmp_path, Accelerator())
    again = larger_vectors("gone/text", ["in oslo", "now"], tmp_path, Accelerator())  # another folder of that name
    assert torch.allclose(first, again, atol=1e-3)  # kept in float16
    for name, texts in (("gone/text", ["other texts"]), ("gone/other", ["in oslo", "now"])):
        with pytest.raises(UserError, match=name):
            larger_vectors(name, texts, tmp_path, Accelerator())


@pytest.fixture
def taught(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], tuple[RpBert, list[float]]]:
    of_word = dict(zip(PLACES, torch.randn(8, 64, generator=torch.Generator().manual_seed(1)), strict=True))
    vectors = F.normalize(torch.stack([of_word[first] + of_word[second] for first, second, _ in TEXTS]), dim=1)
    monkeypatch.setattr(tower, "larger_vectors", lambda *_: vectors)

    def teach() -> tuple[RpBert, list[float]]:
        model = copy.deepcopy(tiny_model)
        return model, teach_tower(model, tokenizer, TEXTS, recipe(tower=SETTINGS), "", tmp_path, Accelerator())

    return teach


def test_the_tower_alone_learns(taught: Callable[[], tuple[RpBert, list[float]]], tiny_model: RpBert) -> None:
    model, losses = taught()
    assert losses[-1] < 0.7 * losses[0]
    learning = {name: parameter.requires_grad for name, parameter in tiny_model.named_parameters()}
    for name, parameter in model.named_parameters():
        moved = not torch.equal(parameter, tiny_model.get_parameter(name))
        assert moved <= name.startswith("matching.sentence_layers."), name
        assert parameter.requires_grad == learning[name], name


def test_the_tower_is_taught_once(
    taught: Callable[[], tuple[RpBert, list[float]]], tokenizer: PreTrainedTokenizerBase
) -> None:
    first, losses = taught()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tower, "_regress", None)
        again, known = taught()
    assert known == pytest.approx(losses)
    vectors = [sentence_vectors(model, tokenizer, TEXTS) for model in (first, again)]
    assert torch.equal(*vectors)


# ---- in a run --------------------------------------------------------------------------------------------------------


def test_a_run_without_epochs_keeps_the_names_and_aligns_with_the_new_tower(
    weights: tuple[str, str], tiny_config: RpBertConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "preset_config", lambda _: copy.deepcopy(tiny_config))
    data = write_corpus(tmp_path / "data")
    (data / "lines.txt").write_text("in Oslo now\ntoday today\n", encoding="utf-8")
    names = recipe(multitask=settings(epochs=1, swapped=0.5))
    loop.train(names, data, tmp_path / "names", *weights)
    start = tmp_path / "names"
    matching = replace(names, tower=replace(SETTINGS, epochs=2), multitask=replace(names.multitask, epochs=0))
    record: dict[str, Any] = loop.train(matching, data, tmp_path / "new", *weights, weights[0], start=start)
    assert len(record["tower"]) == 2
    assert record["start"] == checkpoint_identity(start)
    assert record["before"] == json.loads((start / "history.json").read_text())
    assert [epoch["loss"] for epoch in record["epochs"]] == [{}]
    (old, _), (new, tokenizer) = load_checkpoint(start), load_checkpoint(tmp_path / "new")
    for name, parameter in old.named_parameters():
        if not name.startswith("matching."):
            assert torch.equal(parameter, new.get_parameter(name)), name
    assert old.matching is not None
    assert new.matching is not None
    key = "sentence_layers.0.output.dense.weight"
    assert not torch.equal(old.matching.get_parameter(key), new.matching.get_parameter(key))
    classes = sentence_vectors(new, tokenizer, [split(name) for name in class_names()])
    assert torch.allclose(new.matching.picture_map.class_vectors.weight.T, classes, atol=2e-3)


def test_without_epochs_there_must_be_a_start(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--start"):
        loop.train(recipe(multitask=settings(epochs=0)), tmp_path, tmp_path / "new")
