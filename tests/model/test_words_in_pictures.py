"""The words in a picture on their way through both passes: what they may change, and what they must not."""

import copy
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from passes import CLEAR, GATES, SCENES, TWEETS, BatchOf, apart, encoder_calls, line, random_regions, words_in
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.model.configuration import RpBertConfig
from rpbert.model.gates import Gate
from rpbert.model.inputs import Embedded, Pictures, Texts
from rpbert.model.modeling import RpBert
from rpbert.model.scene_text import SceneLine

PIECES = [3, 0, 2, 7]  # of the words in each picture


def embed(model: RpBert, batch: dict[str, Tensor], words: dict[str, Tensor], lines: Sequence[int] = ()) -> Embedded:
    """What the passes read, some lines hidden."""
    pictures = Pictures.of(random_regions(len(batch["input_ids"])), **words)
    return model.embed(Texts(**batch), pictures.without(lines=lines))


@pytest.fixture(scope="module")
def batch(batch_of: BatchOf) -> dict[str, Tensor]:
    return batch_of(TWEETS)


@pytest.fixture(scope="module")
def regions() -> Tensor:
    return random_regions(len(TWEETS))


@pytest.fixture(scope="module")
def words(tokenizer: PreTrainedTokenizerBase) -> dict[str, Tensor]:
    return words_in(tokenizer, SCENES)


@pytest.mark.parametrize("gate", GATES, ids=str)
@pytest.mark.parametrize("present", [(True, True, True, True), (True, False, False, True)], ids=["all", "mixed"])
@torch.no_grad()
def test_batched_equals_single(
    tiny_model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    batch_of: BatchOf,
    regions: Tensor,
    words: dict[str, Tensor],
    gate: Gate,
    present: tuple[bool, ...],
) -> None:
    """Pictures of 2, 0, 1 and 3 lines beside tweets of other lengths."""
    together = tiny_model(**batch_of(TWEETS), regions=regions, has_picture=torch.tensor(present), gate=gate, **words)
    for row, tweet in enumerate(TWEETS):
        alone = tiny_model(
            **batch_of([tweet]),
            regions=regions[row : row + 1],
            has_picture=torch.tensor([present[row]]),
            gate=gate,
            **words_in(tokenizer, [SCENES[row]], [tweet]),
        )
        real = alone.emissions.shape[1]
        assert apart(together.emissions[row, :real], alone.emissions[0]) < 1e-5
        assert apart(together.gate[row], alone.gate[0]) < 1e-5
        for task in ("belongs", "image_adds", "text_represented"):
            assert apart(getattr(together.relation, task)[row], getattr(alone.relation, task)[0]) < 1e-5


@torch.no_grad()
def test_a_closed_gate_and_a_missing_picture_equal_text_only(
    tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor, words: dict[str, Tensor]
) -> None:
    assert words["echo"].sum() > 3  # Obama, Paris, nasa ... stand in the pictures
    text_only = tiny_model(**batch)
    closed = tiny_model(**batch, regions=regions, gate="closed", **words)
    missing = tiny_model(**batch, regions=regions, has_picture=torch.zeros(4, dtype=torch.bool), gate="open", **words)
    assert apart(closed.emissions, text_only.emissions) < 1e-6
    assert apart(missing.emissions, text_only.emissions) < 1e-6


@torch.no_grad()
def test_words_in_the_picture_change_names_and_relations(
    tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor, words: dict[str, Tensor]
) -> None:
    bare = tiny_model(**batch, regions=regions, gate="open")
    read = tiny_model(**batch, regions=regions, gate="open", **words)
    for row, pieces in enumerate(PIECES):
        real = bare.word_mask[row]
        moved = apart(bare.emissions[row, real], read.emissions[row, real])
        relation = apart(bare.relation.belongs[row], read.relation.belongs[row])
        assert (moved > CLEAR, relation > CLEAR) == (pieces > 0, pieces > 0)


def test_positions_segments_and_mask_of_the_words(
    tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor, words: dict[str, Tensor]
) -> None:
    """They follow the 49 regions, which follow the pieces of the tweet, whatever the padding."""
    with encoder_calls(tiny_model) as calls, torch.no_grad():
        tiny_model(**batch, regions=regions, gate="open", **words)
    width, lengths = batch["input_ids"].shape[1], batch["attention_mask"].sum(dim=1).tolist()
    assert [call["inputs_embeds"].shape[1] for call in calls] == [width + 49 + 7] * 2
    for call in calls:
        for row, (length, pieces) in enumerate(zip(lengths, PIECES, strict=True)):
            behind = call["position_ids"][row, width + 49 :].tolist()
            assert behind[:pieces] == list(range(length + 49, length + 49 + pieces))
            assert call["token_type_ids"][row].tolist() == [0] * width + [1] * (49 + 7)
            assert call["attention_mask"][row, width:].tolist() == [1] * (49 + pieces) + [0] * (7 - pieces)


def test_the_longest_tweet_leaves_room_for_the_words(
    tiny_model: RpBert, tiny_config: RpBertConfig, tokenizer: PreTrainedTokenizerBase
) -> None:
    tweet = "a " * (tiny_config.max_pieces - 2)
    words = words_in(tokenizer, [[line("london " * 12)]], [tweet])
    assert words["scene_ids"].shape == (1, 12)
    ids = torch.full((1, tiny_config.max_pieces), 9)
    with encoder_calls(tiny_model) as calls, torch.no_grad():
        tiny_model(ids, torch.ones_like(ids), case_ids=torch.zeros_like(ids), regions=random_regions(1), **words)
    assert calls[0]["position_ids"][0].tolist() == list(range(512))


def test_the_gate_multiplies_the_words_and_their_echo(
    tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor, words: dict[str, Tensor]
) -> None:
    """Pass 1 reads embedding + "seen in the picture", pass 2 g times that; so with the mark of echoed words."""
    width = batch["input_ids"].shape[1]
    with encoder_calls(tiny_model) as calls, torch.no_grad():
        output = tiny_model(**batch, regions=regions, **words)
        table = tiny_model.text_encoder.embeddings.word_embeddings
        scene = table(words["scene_ids"]) + tiny_model.scene_vector
        plain = tiny_model.with_case(table(batch["input_ids"]), batch["case_ids"])
        echoed = words["echo"].amax(dim=2, keepdim=True) * tiny_model.echo_vector
    factors = (torch.ones(4), output.gate)
    assert output.gate.max() < 0.99
    for call, factor in zip(calls, factors, strict=True):
        given, scale = call["inputs_embeds"], factor.view(4, 1, 1)
        torch.testing.assert_close(given[:, :width], plain + scale * echoed)
        for row, pieces in enumerate(PIECES):
            torch.testing.assert_close(given[row, width + 49 :][:pieces], scale[row] * scene[row, :pieces])


@torch.no_grad()
def test_a_word_in_two_lines_is_echoed_once(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, batch_of: BatchOf
) -> None:
    tweet, twice = ["Paris"], [line("PARIS"), line("in Paris")]
    embedded = embed(tiny_model, batch_of(tweet), words_in(tokenizer, [twice], tweet))
    assert embedded.echo.flatten().tolist() == [0.0, 1.0, 0.0]  # [CLS] paris [SEP]


@torch.no_grad()
def test_a_hidden_line_has_no_tokens_no_echo_and_no_counts(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, batch_of: BatchOf
) -> None:
    tweet, scene = ["Meet Obama in Paris!"], [line("PARIS", 0.3), line("meet Obama", 0.1)]
    whole, first, second = (
        embed(tiny_model, batch_of(tweet), words_in(tokenizer, [kept], tweet)) for kept in (scene, scene[:1], scene[1:])
    )
    hidden = embed(tiny_model, batch_of(tweet), words_in(tokenizer, [scene], tweet), lines=[1])
    assert torch.equal(hidden.visual[0, : 49 + 1], whole.visual[0, : 49 + 1])
    assert not hidden.visual[0, 50:].any()
    assert whole.visual[0, 50:].abs().amin(dim=0).max() > 0
    assert hidden.visible.all()  # a hidden token keeps its place and its share of attention
    assert torch.equal(hidden.echo, first.echo)
    assert whole.echo.flatten().tolist() == [0, 1, 1, 0, 1, 0, 0]  # [CLS] meet obama in paris ! [SEP]
    assert hidden.echo.flatten().tolist() == [0, 0, 0, 0, 1, 0, 0]
    torch.testing.assert_close(hidden.counts, first.counts)
    torch.testing.assert_close(whole.counts, first.counts + second.counts)


# ---- the words in the picture as a sentence --------------------------------------------------------------------------


def sentence(model: RpBert, found: Embedded) -> Tensor:
    return model.scene_sentence(found.scene, found.scene_there)


@torch.no_grad()
def test_the_words_in_a_picture_are_a_sentence_for_the_tower(
    tiny_model: RpBert, batch: dict[str, Tensor], words: dict[str, Tensor]
) -> None:
    """Of the pieces as they stand, without [CLS] and [SEP]; nothing where a picture has no words."""
    found = sentence(tiny_model, embed(tiny_model, batch, words))
    for row, pieces in enumerate(PIECES):
        ids = words["scene_ids"][row : row + 1, :pieces]
        if not pieces:
            assert not found[row].any()
            continue
        alone = Texts(ids, torch.ones_like(ids))
        expected = tiny_model.sentence_vector(alone, tiny_model.text_encoder.embeddings.word_embeddings(ids))
        torch.testing.assert_close(found[row], expected[0])
        assert float(found[row].norm()) == pytest.approx(1.0, abs=1e-5)


@torch.no_grad()
def test_a_hidden_line_is_no_part_of_the_sentence(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, batch_of: BatchOf
) -> None:
    tweet, scene = ["Meet Obama in Paris!"], [line("PARIS", 0.3), line("meet Obama", 0.1)]
    whole, first = (
        embed(tiny_model, batch_of(tweet), words_in(tokenizer, [kept], tweet)) for kept in (scene, scene[:1])
    )
    hidden, none = (
        embed(tiny_model, batch_of(tweet), words_in(tokenizer, [scene], tweet), lines=lines) for lines in ([1], [0, 1])
    )
    torch.testing.assert_close(sentence(tiny_model, hidden), sentence(tiny_model, first))
    assert apart(sentence(tiny_model, whole), sentence(tiny_model, first)) > CLEAR
    assert not sentence(tiny_model, none).any()


@torch.no_grad()
def test_the_sentence_grows_with_what_is_there(
    tiny_model: RpBert, batch: dict[str, Tensor], words: dict[str, Tensor]
) -> None:
    found = embed(tiny_model, batch, words)
    half = tiny_model.scene_sentence(found.scene, 0.5 * found.scene_there)
    torch.testing.assert_close(half, 0.5 * sentence(tiny_model, found))


@torch.no_grad()
def test_the_cosine_with_the_words_is_the_second_of_the_two(
    tiny_model: RpBert, batch: dict[str, Tensor], words: dict[str, Tensor]
) -> None:
    found, texts = embed(tiny_model, batch, words), Texts(**batch)
    cosines = tiny_model.relation_terms(texts, found)[2]
    assert cosines is not None
    tweets = tiny_model.sentence_vector(texts, found.words)
    torch.testing.assert_close(cosines[:, 1], (tweets * sentence(tiny_model, found)).sum(dim=1))
    assert cosines[1, 1] == 0  # no words
    given = tiny_model.relation_terms(texts, found, torch.zeros(len(TWEETS)))[2]
    assert given is not None
    torch.testing.assert_close(given, torch.stack([torch.zeros(len(TWEETS)), cosines[:, 1]], dim=1))


@torch.no_grad()
def test_a_model_without_scene_text_reads_the_same_with_and_without_words(
    tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor, words: dict[str, Tensor]
) -> None:
    """As the paper's presets: no tokens, no echo. (The counts have a say by `matching`, which these do not have.)"""
    paper = copy.deepcopy(tiny_model)
    paper.scene_vector = paper.echo_vector = paper.matching = None
    with_words, without = paper(**batch, regions=regions, **words), paper(**batch, regions=regions)
    assert apart(with_words.emissions, without.emissions) == 0
    assert apart(with_words.relation.belongs, without.relation.belongs) == 0


@torch.no_grad()
def test_the_scene_vector_tells_words_in_the_picture_from_words_of_the_tweet(
    tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor, words: dict[str, Tensor]
) -> None:
    unmarked = copy.deepcopy(tiny_model)
    unmarked.scene_vector = torch.nn.Parameter(torch.zeros(32))
    one, other = (model(**batch, regions=regions, gate="open", **words) for model in (tiny_model, unmarked))
    assert apart(one.emissions[0], other.emissions[0]) > CLEAR
    assert apart(one.emissions[1, 0], other.emissions[1, 0]) < 1e-6  # nothing to read in this picture


def test_lines_train_their_vectors(
    tiny_model: RpBert, batch: dict[str, Tensor], regions: Tensor, words: dict[str, Tensor]
) -> None:
    model = copy.deepcopy(tiny_model).train()
    model(**batch, regions=regions, gate="open", **words).emissions.pow(2).sum().backward()
    for vector in (model.scene_vector, model.echo_vector):
        assert vector is not None
        assert vector.grad is not None
        assert vector.grad.abs().max() > 0


def test_rows_are_repeated_without_a_change(tokenizer: PreTrainedTokenizerBase) -> None:
    scene: list[list[SceneLine]] = [SCENES[3]]
    pictures = Pictures.of(random_regions(1), **words_in(tokenizer, scene, TWEETS[3:]))
    three = pictures.repeated(3)
    assert three.regions.shape == (3, 49, 96)
    assert all(torch.equal(three.scene_ids[row], pictures.scene_ids[0]) for row in range(3))
    assert replace(three, cells=three.cells.clone()).without([4]).cells.sum() == 3 * 48
