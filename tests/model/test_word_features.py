"""Characters and static vectors: what a word adds to its own vector, alone, in a batch and in a checkpoint."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from corpus import draw, settings
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.analyzer import Analyzer
from rpbert.data import static_vectors
from rpbert.data.readers import Example
from rpbert.data.static_vectors import read_static_vectors
from rpbert.errors import UserError
from rpbert.evaluation.prediction import predict
from rpbert.explain.methods import explain
from rpbert.explain.targets import ADDS
from rpbert.model.checkpoint import load_checkpoint, save_checkpoint
from rpbert.model.configuration import RpBertConfig
from rpbert.model.modeling import RpBert
from rpbert.model.word_features import MAX_LENGTH, WordFeatures
from rpbert.training.batches import ner_batches

Build = Callable[[RpBertConfig], RpBert]


def spelling(build_model: Build, tiny_config: RpBertConfig) -> RpBert:
    """The tiny model with a BiLSTM over letters."""
    return build_model(RpBertConfig(**{**tiny_config.to_dict(), "character_size": 6}))


@pytest.fixture(scope="module")
def model(build_model: Build, tiny_config: RpBertConfig) -> RpBert:
    return spelling(build_model, tiny_config)


def spell(model: RpBert, *tweets: list[str]) -> Tensor:
    (vectors,) = model.word_features(**model.word_features.inputs(tweets), static_ids=None)
    assert isinstance(vectors, Tensor)
    return vectors


# ---- characters ---------------------------------------------------------------------------------------------------


def test_a_batched_word_is_spelled_as_a_single_one(model: RpBert) -> None:
    batched = spell(model, ["Paris", "in", "extraordinarily"], ["NASA"])
    assert batched.shape == (2, 3, 6)
    for row, column, word in ((0, 0, "Paris"), (0, 1, "in"), (1, 0, "NASA")):
        assert torch.allclose(batched[row, column], spell(model, [word])[0, 0], atol=1e-6)
    assert not batched[1, 1:].any()  # behind the tweet


def test_case_and_the_order_of_letters_tell_words_apart(model: RpBert) -> None:
    vectors = spell(model, ["us", "US", "su", "u"])[0]
    distances = torch.cdist(vectors, vectors) + torch.eye(4)
    assert distances.min() > 0.01


def test_the_letters_of_a_word_are_read_in_both_directions(model: RpBert) -> None:
    first, last = spell(model, ["aaaaaaaab", "aaaaaaaac"])[0], spell(model, ["baaaaaaaa", "caaaaaaaa"])[0]
    forwards, backwards = slice(0, 3), slice(3, 6)
    assert (first[0, forwards] - first[1, forwards]).abs().max() > 0.02  # the last letter was read last
    assert (last[0, backwards] - last[1, backwards]).abs().max() > 0.02


def test_letters_beyond_ascii_are_one_unknown_letter(model: RpBert) -> None:
    vectors = spell(model, ["é", "ж", "e"])[0]
    assert torch.allclose(vectors[0], vectors[1], atol=1e-6)
    assert not torch.allclose(vectors[0], vectors[2], atol=0.01)


@pytest.mark.parametrize("word", ["", "x" * 500])
def test_words_of_any_length(model: RpBert, word: str) -> None:
    characters = model.word_features.inputs([["in", word]])["characters"]
    assert characters.shape == (1, 2, MAX_LENGTH)
    assert spell(model, ["in", word])[0, 1].abs().max() > 0


def test_emissions_depend_on_the_letters(model: RpBert, batch_of: Callable[[list[str]], dict[str, Tensor]]) -> None:
    batch = batch_of(["obama in paris"])
    lower, upper = (
        model.word_features.inputs([tweet]) for tweet in (["obama", "in", "paris"], ["OBAMA", "in", "paris"])
    )
    assert not torch.allclose(model(**batch, **lower).emissions, model(**batch, **upper).emissions, atol=1e-3)


def test_a_batch_of_predictions_equals_single_ones(model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    tweets = [
        Example(str(n), tuple(text.split())) for n, text in enumerate(["Obama in Paris", "NASA", "at the Lord s"])
    ]
    singles = [predict(model, tokenizer, [tweet])[0] for tweet in tweets]
    for together, alone in zip(predict(model, tokenizer, tweets), singles, strict=True):
        assert replace(together, confidences=()) == replace(alone, confidences=())
        assert together.confidences == pytest.approx(alone.confidences, rel=1e-5)


def test_words_that_do_not_fit_are_not_spelled(model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    long = Example("1", ("paris",) * 600)
    (prediction,) = predict(model, tokenizer, [long])
    assert len(prediction.labels) == 600


def test_a_checkpoint_spells_as_the_model_that_was_saved(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    save_checkpoint(model, tokenizer, tmp_path)
    loaded, _ = load_checkpoint(tmp_path)
    assert loaded.config.character_size == 6
    assert torch.allclose(spell(loaded, ["Paris"]), spell(model, ["Paris"]), atol=2e-3)  # float16 on disk


def test_analysis_and_heatmap_of_a_spelling_model(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    analyzer = Analyzer(model, tokenizer, "tiny")
    prepared = analyzer.prepare("Barack Obama in Paris", draw(tmp_path / "red.bmp", (230, 20, 20)))
    closed, alone = analyzer.predict(prepared, "closed"), analyzer.analyze("Barack Obama in Paris")
    assert [(entity.text, entity.type) for entity in closed.entities] == [(e.text, e.type) for e in alone.entities]
    first, second = explain(analyzer, prepared, [ADDS, ADDS])  # a batch of the same tweet twice
    assert torch.allclose(torch.tensor(first.grid), torch.tensor(second.grid), atol=1e-6)


def test_a_model_without_features_has_no_weights_for_them(tiny_config: RpBertConfig) -> None:
    features = WordFeatures(tiny_config)
    assert features.size == 0
    assert not list(features.parameters())
    assert features.inputs([["Paris"]]) == {}


def test_a_lower_cased_tweet_is_spelled_in_small_letters(model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    examples = [Example("1", ("Meet", "Obama"), ("O", "B-PER"), picture=Path("1.png"))]

    def letters(**changes: float) -> Tensor:
        chosen, generator = settings(**changes), torch.Generator().manual_seed(1)
        (batch,) = ner_batches(examples, tokenizer, 64, chosen, generator, model.word_features)
        return batch.tensors["characters"]

    read = model.word_features.inputs
    assert torch.equal(letters(), read([["Meet", "Obama"]])["characters"])
    assert torch.equal(letters(lower_cased=1.0), read([["meet", "obama"]])["characters"])


# ---- static vectors -----------------------------------------------------------------------------------------------


def vectors_file(folder: Path, text: str) -> Path:
    path = folder / "vectors.txt"
    path.write_bytes(text.encode())
    return path


def test_static_vectors_stand_behind_the_state_of_a_word(tiny_config: RpBertConfig, tmp_path: Path) -> None:
    words, vectors = read_static_vectors(vectors_file(tmp_path, "paris 1 2\nNASA 0.5 -1\nin 3 4\n"), set())
    config = RpBertConfig(**{**tiny_config.to_dict(), "static_words": words, "static_size": 2})
    model = RpBert(config).eval()
    model.word_features.set_static(vectors)
    read: list[Tensor] = []
    model.dropout.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))  # what the BiLSTM is given
    states = torch.arange(5 * 32.0).reshape(1, 5, 32)
    ids = model.word_features.inputs([["Paris", "nasa", "NASA"]])["static_ids"]
    model.emit(states, torch.tensor([[-1, 0, 1, 2, -1]]), static_ids=ids)
    table = torch.tensor([[1.0, 2.0], [0.0, 0.0], [0.5, -1.0]])  # small letters do instead; capitals never do
    assert torch.equal(read[0], torch.cat([states[:, 1:4], table.unsqueeze(0)], dim=2))


def test_the_table_is_not_trained(tiny_config: RpBertConfig) -> None:
    config = RpBertConfig(**{**tiny_config.to_dict(), "static_words": ["a", "b"], "static_size": 2})
    assert not any(parameter.requires_grad for parameter in WordFeatures(config).parameters())


def test_characters_and_static_vectors_in_a_checkpoint(
    build_model: Build, tiny_config: RpBertConfig, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    more = {"character_size": 4, "static_words": ["obama", "paris"], "static_size": 3}
    model = build_model(RpBertConfig(**{**tiny_config.to_dict(), **more}))
    model.word_features.set_static(torch.tensor([[1.0, 2, 3], [4, 5, 6]]))
    save_checkpoint(model, tokenizer, tmp_path)
    loaded, _ = load_checkpoint(tmp_path)
    (_, found) = loaded.word_features(**loaded.word_features.inputs([["Obama", "in", "paris"]]))
    assert found.tolist() == [[[1, 2, 3], [0, 0, 0], [4, 5, 6]]]
    tweets = [Example("1", ("Obama", "in", "Paris"))]
    assert predict(loaded, tokenizer, tweets)[0].labels == predict(model, tokenizer, tweets)[0].labels


def test_the_header_of_word2vec_is_skipped(tmp_path: Path) -> None:
    words, vectors = read_static_vectors(vectors_file(tmp_path, "2 3\na 1 2 3\nb 4 5 6 \n"), set())
    assert words == ["a", "b"]
    assert vectors.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_frequent_words_and_wanted_ones_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_vectors, "FREQUENT", 2)
    words, _ = read_static_vectors(vectors_file(tmp_path, "a 1\nb 2\nc 3\nd 4\n"), {"d"})
    assert words == ["a", "b", "d"]


@pytest.mark.parametrize("bad", ["b 1", "b 1 x", "", "b"])
def test_a_bad_line_is_named(tmp_path: Path, bad: str) -> None:
    path = vectors_file(tmp_path, f"a 1 2\n{bad}\nc 3 4\n")
    with pytest.raises(UserError, match="line 2"):
        read_static_vectors(path, set())


@pytest.mark.parametrize("text", ["", "2 3\n"])
def test_a_file_without_vectors(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="no word vectors"):
        read_static_vectors(vectors_file(tmp_path, text), set())


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        read_static_vectors(tmp_path / "none.txt", set())
