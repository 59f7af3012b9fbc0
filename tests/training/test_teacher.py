"""The teacher: trained on the toy corpus, what it reads reaches the small model and nothing of it the checkpoint."""

import copy
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from corpus import recipe, seeing, settings, write_base_weights, write_corpus
from safetensors.torch import load_file, load_model
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example, read_conll
from rpbert.errors import UserError
from rpbert.model.checkpoint import load_checkpoint
from rpbert.model.configuration import LABELS, RpBertConfig
from rpbert.model.crf import Crf
from rpbert.model.modeling import RpBert
from rpbert.training import epochs, teacher
from rpbert.training import loop as training
from rpbert.training.batches import ner_batches
from rpbert.training.objectives import Objectives
from rpbert.training.recipe import Recipe, Teacher
from rpbert.training.sets import read_sets
from rpbert.training.teacher import (
    TAGGER,
    Teaching,
    _fingerprint,
    load_tagger,
    read_tweets,
    teach,
    teacher_figures,
    train_tagger,
)

TEACHER = Teacher(
    weights="a Hub id", epochs=30, batch=4, learning_rate=5e-3, share=0.5, unlabelled=["more.txt"], lines=["lines.txt"]
)
TAUGHT = recipe(teacher=TEACHER, multitask=settings(epochs=1), alignment=replace(recipe().alignment, epochs=0))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy corpus with tweets that nobody has labelled: the O of each word means nothing."""
    folder = write_corpus(tmp_path_factory.mktemp("corpus"))
    (folder / "more.txt").write_text("in\tO\nLima\tO\nnow\tO\n\nnow\tO\nnow\tO\n\n", encoding="utf-8")
    (folder / "lines.txt").write_text("in Oslo now\ntoday today\n", encoding="utf-8")
    (folder / "labelled.txt").write_text("now\tO\nin\tO\nOslo\tB-LOC\n\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def weights(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    return write_base_weights(tmp_path_factory.mktemp("weights"), seeing(tiny_model), tokenizer)


@pytest.fixture(scope="module")
def taught(data: Path, weights: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Teaching]:
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("taught")
    return folder, teach(TAUGHT, read_sets(TAUGHT, data), weights[0], folder, Accelerator(cpu=True))


def labels_of(crf: Crf, emissions: Tensor) -> list[str]:
    (path,) = crf.viterbi(emissions.unsqueeze(0), torch.ones(1, len(emissions), dtype=torch.bool))
    return [LABELS[label] for label in path]


def test_it_learns_the_labelled_tweets(data: Path, taught: tuple[Path, Teaching]) -> None:
    for tweet in read_conll(data / "train.txt"):
        assert labels_of(taught[1].crf, taught[1].readings[tweet.words]) == list(tweet.labels or ())


def test_the_unlabelled_get_the_labels_that_it_reads(data: Path, taught: tuple[Path, Teaching]) -> None:
    folder, teaching = taught
    sets = read_sets(TAUGHT, data)
    before = list(sets["tweets"])
    teach(TAUGHT, sets, "not needed: it is kept", folder, Accelerator(cpu=True))
    assert sets["tweets"] == before
    city, other, line, _ = sets["unlabelled"]
    assert (city.words, city.labels) == (("in", "Lima", "now"), ("O", "B-LOC", "O"))
    assert (line.words, line.labels) == (("in", "Oslo", "now"), ("O", "B-LOC", "O"))
    assert other.words == ("now", "now")
    assert list(other.labels) == labels_of(teaching.crf, teaching.readings[other.words])


def test_what_is_kept_reads_the_same(data: Path, taught: tuple[Path, Teaching]) -> None:
    folder, teaching = taught
    again = teach(TAUGHT, read_sets(TAUGHT, data), "not needed: it is kept", folder, Accelerator(cpu=True))
    assert again.readings.keys() == teaching.readings.keys()
    assert all(torch.equal(again.readings[words], teaching.readings[words]) for words in again.readings)
    assert all(torch.equal(a, b) for a, b in zip(again.crf.parameters(), teaching.crf.parameters(), strict=True))


def test_readings_are_kept_in_half_precision(
    data: Path, taught: tuple[Path, Teaching], weights: tuple[str, str]
) -> None:
    folder, teaching = taught
    (kept,) = folder.glob(f"teacher-*/{TAGGER}")
    tagger, tokenizer = load_tagger(weights[0])
    load_model(tagger, kept)
    tweets = read_conll(data / "train.txt")
    for tweet, emissions in zip(tweets, read_tweets(tagger, tokenizer, tweets, Accelerator(cpu=True)), strict=True):
        assert torch.equal(teaching.readings[tweet.words], emissions.half().float())
    (file,) = folder.glob("teacher-*/readings-*.safetensors")
    assert load_file(file)["emissions"].dtype == torch.float16


def test_a_run_that_was_killed_goes_on_where_it_stopped(
    data: Path, taught: tuple[Path, Teaching], weights: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the shard that is missing is read again, and nothing is trained again."""
    shutil.copytree(taught[0], tmp_path / "kept")
    monkeypatch.setattr(teacher, "SHARD", 7)
    monkeypatch.setattr(teacher, "train_tagger", None)
    shards: list[list[tuple[str, ...]]] = []

    def noting(tagger: Any, tokenizer: Any, tweets: list[Example], accelerator: Accelerator) -> list[Tensor]:
        shards.append([tweet.words for tweet in tweets])
        return read_tweets(tagger, tokenizer, tweets, accelerator)

    monkeypatch.setattr(teacher, "read_tweets", noting)
    before = {file.name for file in tmp_path.glob("kept/teacher-*/readings-*")}

    def run() -> Teaching:
        shards.clear()
        return teach(TAUGHT, read_sets(TAUGHT, data), weights[0], tmp_path / "kept", Accelerator(cpu=True))

    whole = run()
    assert [len(shard) for shard in shards[:-1]] == [7] * (len(shards) - 1)
    assert len(shards) > 2
    files = sorted(file for file in tmp_path.glob("kept/teacher-*/readings-*") if file.name not in before)
    assert len(files) == len(shards)
    files[1].unlink()
    again = run()
    assert len(shards) == 1
    assert all(torch.allclose(again.readings[words], whole.readings[words], atol=1e-2) for words in whole.readings)
    run()
    assert shards == []


def test_another_label_is_another_teacher(data: Path) -> None:
    tweets = read_conll(data / "train.txt")

    def name(chosen: Recipe = TAUGHT, labelled: list[Example] = tweets) -> str:
        return _fingerprint(chosen, labelled)

    assert name() == name(labelled=read_conll(data / "train.txt"))
    other = [replace(tweets[0], labels=("O", "B-ORG", "O")), *tweets[1:]]
    words = [replace(tweets[0], words=("at", *tweets[0].words[1:])), *tweets[1:]]
    learned = [
        replace(TAUGHT, seed=4),
        replace(TAUGHT, teacher=replace(TEACHER, epochs=3)),
        replace(TAUGHT, multitask=settings(lower_cased=0.5)),
    ]
    names = {name(), name(labelled=other), name(labelled=words), name(labelled=tweets[1:]), *map(name, learned)}
    assert len(names) == 7
    # What is done with its readings changes nothing of the teacher itself.
    for changes in ({"share": 0.1}, {"per_epoch": 1}, {"unlabelled": []}, {"lines": []}):
        assert name(replace(TAUGHT, teacher=replace(TEACHER, **changes))) == name()


def test_more_labelled_tweets_teach_the_teacher_and_the_model(
    data: Path, weights: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        teacher, "train_tagger", lambda _tagger, _tokenizer, tweets, *_: learned.extend(t.words for t in tweets)
    )
    chosen = replace(TAUGHT, teacher=replace(TEACHER, labelled=["labelled.txt"]))
    sets = read_sets(chosen, data)
    teach(chosen, sets, weights[0], tmp_path, Accelerator(cpu=True))
    assert ("now", "in", "Oslo") in learned
    assert [tweet.words for tweet in sets["tweets"]][-1] == ("now", "in", "Oslo")
    assert sets["tweets"][-1].labels == ("O", "O", "B-LOC")  # as labelled, not as the teacher reads it


def test_reading_in_batches_is_reading_one_by_one(data: Path, weights: tuple[str, str]) -> None:
    tagger, tokenizer = load_tagger(weights[0])
    tweets = [*read_conll(data / "train.txt"), Example("x", ("Ana", "Lima", "likes", "red", "!", "!"))]
    together = read_tweets(tagger, tokenizer, tweets, Accelerator(cpu=True))
    for tweet, emissions in zip(tweets, together, strict=True):
        (alone,) = read_tweets(tagger, tokenizer, [tweet], Accelerator(cpu=True))
        assert emissions.shape == (len(tweet.words), len(LABELS))
        assert torch.allclose(emissions, alone, atol=1e-5)


def test_capitals_are_seen(weights: tuple[str, str]) -> None:
    tagger, tokenizer = load_tagger(weights[0])
    tweets = [Example("1", ("lima",)), Example("2", ("Lima",))]
    small, large = read_tweets(tagger, tokenizer, tweets, Accelerator(cpu=True))
    assert not torch.allclose(small, large, atol=1e-4)


def test_pictures_are_left_alone_and_words_as_they_are(
    data: Path, weights: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tagger, tokenizer = load_tagger(weights[0])
    seen: list[list[Example]] = []
    shares: list[float] = []

    def noting(tweets: list[Example], *arguments: Any) -> list[Any]:
        seen.append(tweets)
        shares.append(arguments[2].hashtags)
        return ner_batches(tweets, *arguments)

    monkeypatch.setattr(teacher, "ner_batches", noting)
    pairs = read_sets(TAUGHT, data)["pairs"]
    assert all(pair.picture for pair in pairs)
    chosen = replace(TAUGHT, teacher=replace(TEACHER, epochs=1), multitask=settings(hashtags=1.0))
    train_tagger(tagger, tokenizer, pairs, chosen, Accelerator(cpu=True))
    assert set(shares) == {0}
    assert seen
    assert all([tweet.words for tweet in tweets] == [pair.words for pair in pairs] for tweets in seen)
    assert not any(tweet.picture for tweets in seen for tweet in tweets)


def test_figures_on_dev(data: Path, taught: tuple[Path, Teaching]) -> None:
    sets = read_sets(TAUGHT, data)
    assert set(teacher_figures(taught[1], sets)) == {"valid.txt strict F1", "pairs strict F1"}
    # Of ten names two are asked for as another type than it has learned: 8 of 10 found are right, and 8 of 10 wanted.
    tweets = [tweet for tweet in sets["tweets"] for _ in range(2)]
    assert taught[1].strict_f1(tweets) == 1
    tweets[:2] = [replace(tweet, labels=("O", "B-ORG", "O")) for tweet in tweets[:2]]
    assert taught[1].strict_f1(tweets) == pytest.approx(0.8)


def test_dev_tweets_are_not_learned_from(data: Path, taught: tuple[Path, Teaching]) -> None:
    sets = read_sets(TAUGHT, data)
    teach(TAUGHT, sets, "not needed: it is kept", taught[0], Accelerator(cpu=True))
    assert not {tweet.words for tweet in sets["tweets"]} & {tweet.words for tweet in sets["dev_tweets"]["valid.txt"]}


def test_weights_that_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="teacher"):
        load_tagger(str(tmp_path / "nothing"))


# ---- learning from it -----------------------------------------------------------------------------------------------


def test_readings_of_a_batch_are_those_of_its_words(tokenizer: PreTrainedTokenizerBase) -> None:
    tweets = [Example(str(n), tuple("abc"[: n + 1]), ("O",) * (n + 1)) for n in range(3)]
    readings = {tweet.words: torch.full((len(tweet.words), len(LABELS)), len(tweet.words) + 0.5) for tweet in tweets}
    (batch,) = ner_batches(tweets, tokenizer, 20, settings(), torch.Generator().manual_seed(0), readings=readings)
    lengths = (batch.tensors["word_index"].max(dim=1).values + 1).tolist()
    assert sorted(lengths) == [1, 2, 3]
    for row, length in zip(batch.tensors["taught"], lengths, strict=True):
        assert row[:length].eq(length + 0.5).all()
        assert row[length:].eq(0).all()


def test_readings_end_where_the_tweet_was_cut(tokenizer: PreTrainedTokenizerBase) -> None:
    tweet = Example("1", tuple("abcdefgh"), ("O",) * 8)
    readings = {tweet.words: torch.arange(8.0).unsqueeze(1).expand(8, len(LABELS))}
    (batch,) = ner_batches([tweet], tokenizer, 5, settings(), torch.Generator().manual_seed(0), readings=readings)
    assert batch.tensors["taught"][0, :, 0].tolist() == [0, 1, 2]  # with [CLS] and [SEP] three letters fit


@torch.no_grad()
def test_share_of_the_teacher_in_the_loss(
    tiny_model: RpBert, batch_of: Callable[[list[str]], dict[str, Tensor]]
) -> None:
    torch.manual_seed(0)
    crf, batch = Crf(LABELS), batch_of(["meet James in", "obama rocks"])
    batch["labels"] = torch.tensor([[0, 1, 0], [1, 2, 0]])
    taught = torch.randn(2, 3, len(LABELS))
    alone = float(Objectives(tiny_model, settings(gate="closed")).eval()("ner", batch))
    output = tiny_model(**{name: tensor for name, tensor in batch.items() if name != "labels"})
    cross = float(tiny_model.crf.cross_entropy(output.emissions, output.word_mask, crf, taught))
    both = Objectives(tiny_model, settings(gate="closed"), crf, 0.25).eval()("ner", {**batch, "taught": taught})
    assert float(both) == pytest.approx(0.75 * alone + 0.25 * cross, rel=1e-5)
    assert alone != pytest.approx(cross, rel=0.01)


def test_a_whole_run(
    data: Path,
    weights: tuple[str, str],
    tiny_config: RpBertConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training, "preset_config", lambda name: copy.deepcopy(tiny_config))
    texts: list[set[tuple[str, ...]]] = []
    make = epochs.ner_batches

    def noting(tweets: list[Example], *arguments: Any) -> list[Any]:
        texts.append({tweet.words for tweet in tweets})
        return make(tweets, *arguments)

    monkeypatch.setattr(epochs, "ner_batches", noting)

    def run(output: Path, chosen: Recipe) -> dict[str, Tensor]:
        record = training.train(chosen, data, output, *weights, weights[0])
        assert ("teacher" in record) == bool(chosen.teacher.weights)
        load_checkpoint(output)  # nothing missing, and nothing of a teacher
        return load_file(output / "model.safetensors")

    chosen = replace(TAUGHT, teacher=replace(TEACHER, per_epoch=3), multitask=settings(epochs=4))
    learned = run(tmp_path / "taught", chosen)
    assert list((tmp_path / "taught").glob(f"teacher-*/{TAGGER}"))
    unlabelled = {("now", "now"), ("today", "today")}  # the other two are among the labelled tweets as well
    drawn = [frozenset(words & unlabelled) for words in texts[1:]]  # the first is no epoch: its batches are counted
    assert len(drawn) == 4
    assert {len(words) for words in drawn} <= {1, 2}  # three of four
    assert len(set(drawn)) > 1  # other ones in other epochs
    texts.clear()
    without = run(
        tmp_path / "alone",
        replace(TAUGHT, teacher=replace(TEACHER, weights="", unlabelled=[], lines=[]), multitask=settings(epochs=4)),
    )
    assert not list((tmp_path / "alone").glob("teacher-*"))
    assert ("now", "now") not in set().union(*texts)
    assert learned.keys() == without.keys()
    assert not torch.allclose(learned["emission_head.weight"], without["emission_head.weight"])
