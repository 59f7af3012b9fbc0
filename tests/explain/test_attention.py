"""Attention before and after the gate: against transformers' own, and what must add up does."""

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest
import torch
from passes import line
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.analyzer import Analyzer, Prepared
from rpbert.errors import UserError
from rpbert.explain.attention import Attention, PassAttention, _attentive, attend, mean_attentions
from rpbert.explain.targets import NameSpan
from rpbert.model.configuration import REGIONS
from rpbert.model.modeling import RpBert
from rpbert.ui.samples import SAMPLES

TWEET = "Barack Obama at Wembley with NASA"
OBAMA, WEMBLEY = NameSpan(0, 2, "Barack Obama"), NameSpan(3, 4, "Wembley")  # the tiny tokenizer spells Wembley


@pytest.fixture(scope="module")
def tiny(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase) -> Analyzer:
    return Analyzer(copy.deepcopy(tiny_model), tokenizer, "tiny")


@pytest.fixture(scope="module")
def prepared(tiny: Analyzer) -> Prepared:
    """The words in the picture are of 1 and 2 pieces; one of them echoes the tweet."""
    return tiny.prepare(TWEET, SAMPLES / "astronaut_eileen_collins.jpg", [line("NASA"), line("meet london")])


SCENE = 3  # pieces of the words in the picture
VISUAL = REGIONS + SCENE


def mean_attentions_of(analyzer: Analyzer, prepared: Prepared, gate: str | float) -> tuple[Tensor, Tensor]:
    assert prepared.pictures is not None
    return mean_attentions(analyzer.model, prepared.texts, prepared.pictures, gate)


def cells(attention: PassAttention) -> Tensor:
    return torch.tensor(attention.grid).flatten()


def tokens_of(model: RpBert, prepared: Prepared, factor: float) -> tuple[Tensor, Tensor]:
    """What BERT is given of a tweet (1, T, d), the picture times `factor`, and the segments (1, T)."""
    table, pictures = model.text_encoder.embeddings.word_embeddings, prepared.pictures
    assert pictures is not None
    words = model.with_case(table(prepared.texts.input_ids), prepared.texts.case_ids)
    words = words + factor * pictures.echo.sum(dim=2, keepdim=True).clamp(max=1) * model.echo_vector
    scene = table(pictures.scene_ids) + model.scene_vector
    tokens = torch.cat([words, factor * model.projection(pictures.regions), factor * scene], dim=1)
    return tokens, torch.tensor([[0] * words.shape[1] + [1] * (REGIONS + scene.shape[1])])


@torch.no_grad()
def by_hand(model: RpBert, prepared: Prepared, factor: float) -> Tensor:
    """transformers' own attention (layers, heads, T, T) of one pass over pieces and the picture times `factor`."""
    bert = copy.deepcopy(model.text_encoder)
    bert.set_attn_implementation("eager")
    tokens, segments = tokens_of(model, prepared, factor)
    return torch.cat(bert(inputs_embeds=tokens, token_type_ids=segments, output_attentions=True).attentions)


@pytest.mark.parametrize("layers", [1, 2])
def test_equals_the_attention_of_transformers(tiny: Analyzer, prepared: Prepared, layers: int) -> None:
    assert prepared.pictures is not None
    model = copy.deepcopy(tiny.model)
    del model.text_encoder.encoder.layer[layers:]
    before, after = mean_attentions(model, prepared.texts, prepared.pictures, 0.3)
    for found, factor in ((before, 1.0), (after, 0.3)):
        expected = by_hand(model, prepared, factor)
        assert len(expected) == layers
        torch.testing.assert_close(found, expected.mean(dim=(0, 1)), rtol=1e-5, atol=1e-6)
    assert (before - after).abs().max() > 1e-3  # so the two passes cannot be mistaken for one another


def test_first_layer_is_a_softmax_of_scaled_products(tiny: Analyzer, prepared: Prepared) -> None:
    model = copy.deepcopy(tiny.model)
    del model.text_encoder.encoder.layer[1:]
    tokens, segments = tokens_of(model, prepared, 1.0)
    inputs = model.text_encoder.embeddings(inputs_embeds=tokens, token_type_ids=segments)[0]  # (T, d)
    layer = model.text_encoder.encoder.layer[0].attention.self
    heads = zip(layer.query(inputs).split(16, dim=1), layer.key(inputs).split(16, dim=1), strict=True)  # two of 16
    expected = torch.stack([(query @ key.T / 4).softmax(dim=1) for query, key in heads]).mean(dim=0)
    before, _ = mean_attentions_of(Analyzer(model, tiny.tokenizer, "one layer"), prepared, "soft")
    torch.testing.assert_close(before, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("gate", ["soft", "open", "closed", 0.0])
def test_what_a_piece_reads_adds_up_to_one(tiny: Analyzer, prepared: Prepared, gate: str | float) -> None:
    count = prepared.texts.input_ids.shape[1]
    own = attend(tiny, prepared, [WEMBLEY], gate)[0]
    assert prepared.texts.word_index is not None
    index = prepared.texts.word_index[0]
    assert int((index == 3).sum()) > 1
    for attention, found in zip(mean_attentions_of(tiny, prepared, gate), (own.before, own.after), strict=True):
        torch.testing.assert_close(attention.sum(dim=1), torch.ones(count + VISUAL))
        rows = [row for row, word in enumerate(index.tolist()) if word == 3]
        on_pieces = sum(float(attention[row, :count].sum()) for row in rows) / len(rows)
        assert found.on_picture + on_pieces == pytest.approx(1, abs=1e-5)
        on_words = sum(float(attention[row, count + REGIONS :].sum()) for row in rows) / len(rows)
        assert found.on_picture == pytest.approx(float(cells(found).sum()) + on_words, abs=1e-6)
        assert on_words > 0.01 or gate == "closed"


def test_cells_stand_in_the_order_of_the_regions(tiny: Analyzer, prepared: Prepared) -> None:
    found = attend(tiny, prepared, [OBAMA])[0].before
    before, _ = mean_attentions_of(tiny, prepared, "soft")
    count = prepared.texts.input_ids.shape[1]
    assert prepared.texts.word_index is not None
    # [CLS] is token 0, so Barack and Obama, one piece each, are tokens 1 and 2; row 2, column 5 is region 19.
    assert prepared.texts.word_index[0, :4].tolist() == [-1, 0, 1, 2]
    assert found.grid[2][5] == pytest.approx(float(before[1, count + 19] + before[2, count + 19]) / 2, abs=1e-7)


def test_closed_gate_hides_the_picture_from_pass_2_alone(tiny: Analyzer, prepared: Prepared) -> None:
    (opened,), (closed,) = (attend(tiny, prepared, [OBAMA], gate) for gate in ("open", "closed"))
    assert closed.after == PassAttention(((0.0,) * 7,) * 7, 0.0)
    assert closed.before == opened.before
    # A factor of 1 leaves everything as it is: pass 2 of an open gate reads what pass 1 read.
    torch.testing.assert_close(cells(opened.after), cells(opened.before))


def test_gate_of_0_is_still_read(tiny: Analyzer, prepared: Prepared) -> None:
    (zero,) = attend(tiny, prepared, [OBAMA], 0.0)
    assert zero.after.on_picture > 0.01
    assert min(cells(zero.after)) > 0


@pytest.mark.parametrize(("adds", "seen"), [(-100.0, False), (100.0, True)])
def test_hard_gate_hides_or_shows(tiny: Analyzer, prepared: Prepared, adds: float, seen: bool) -> None:
    model = copy.deepcopy(tiny.model)
    assert model.belongs_head is not None
    for head in (model.belongs_head, model.image_adds_head):
        head.bias.data += torch.tensor([0.0, adds])
    (found,) = attend(Analyzer(model, tiny.tokenizer, "sure"), prepared, [OBAMA], "hard")
    assert (found.after.on_picture > 0) == seen
    assert found.before.on_picture > 0


def test_spans_together_equal_one_by_one(tiny: Analyzer, prepared: Prepared) -> None:
    together = attend(tiny, prepared, [OBAMA, WEMBLEY])
    assert together == [attend(tiny, prepared, [span])[0] for span in (OBAMA, WEMBLEY)]
    assert together[0].before != together[1].before


def test_without_preference_attention_is_the_uniform_share(tiny: Analyzer, prepared: Prepared) -> None:
    model = copy.deepcopy(tiny.model)
    for layer in model.text_encoder.encoder.layer:
        layer.attention.self.query.weight.data.zero_()
        layer.attention.self.query.bias.data.zero_()
    (found,) = attend(Analyzer(model, tiny.tokenizer, "indifferent"), prepared, [OBAMA])
    # [CLS] barack obama at w ##e ##m ##b ##l ##e ##y with nasa [SEP]: 14 pieces.
    assert found.tokens == VISUAL
    assert found.uniform == VISUAL / (14 + VISUAL)
    assert found.before.on_picture == pytest.approx(VISUAL / (14 + VISUAL), abs=1e-5)
    assert found.after.on_picture == pytest.approx(VISUAL / (14 + VISUAL), abs=1e-5)


def test_sentence_says_shares_in_percent() -> None:
    seen = PassAttention(((0.0,) * 7,) * 7, 0.408), PassAttention(((0.0,) * 7,) * 7, 0.384)
    attention = Attention(OBAMA, *seen, uniform=52 / 72, tokens=52)
    sentence = attention.sentence()
    for part in (
        "(pass 1) 41 % of",
        "(pass 2) 38 %;",
        "be 72 % (52 of 72 tokens are the picture's)",
        "not attribution",
    ):
        assert part in sentence
    hidden = replace(attention, after=replace(attention.after, on_picture=0.0)).sentence()
    assert "(pass 2) none, because the gate hides the picture;" in hidden
    tiny_share = replace(attention, after=replace(attention.after, on_picture=0.001)).sentence()
    assert "(pass 2) 0 %;" in tiny_share  # little, but not hidden


def test_what_cannot_be_asked_is_refused(tiny: Analyzer, prepared: Prepared) -> None:
    with pytest.raises(AssertionError, match="picture"):
        attend(tiny, replace(prepared, pictures=None), [OBAMA])
    with pytest.raises(AssertionError, match="words that were read"):
        attend(tiny, prepared, [NameSpan(90, 91, "later")])
    with pytest.raises(UserError, match="ajar"):
        attend(tiny, prepared, [OBAMA], "ajar")


def test_model_stays_as_it_was_while_others_use_it(tiny: Analyzer, prepared: Prepared) -> None:
    first = tiny.predict(prepared)
    asked = attend(tiny, prepared, [OBAMA, WEMBLEY])
    with ThreadPoolExecutor(4) as pool:
        reads = [pool.submit(partial(attend, tiny, prepared, [OBAMA, WEMBLEY])) for _ in range(12)]
        answers = [pool.submit(tiny.predict, prepared) for _ in range(12)]
    assert all(read.result() == asked for read in reads)
    assert all(replace(answer.result(), seconds=first.seconds) == first for answer in answers)
    bert = tiny.model.text_encoder
    assert bert.config._attn_implementation == "sdpa"
    assert not bert.config.output_attentions
    assert not bert._forward_hooks


def test_real_tweet_through_the_real_checkpoint(analyzer: Analyzer) -> None:
    tweet = analyzer.prepare("Eileen Collins visits Houston #NASA", SAMPLES / "astronaut_eileen_collins.jpg")
    first = analyzer.predict(tweet)
    (found,) = attend(analyzer, tweet, [NameSpan(0, 2, "Eileen Collins")])
    assert replace(analyzer.predict(tweet), seconds=first.seconds) == first
    assert tweet.pictures is not None
    pieces, visual = tweet.texts.input_ids.shape[1], REGIONS + tweet.pictures.scene_ids.shape[1]
    assert f"({visual} of {pieces + visual} tokens are the picture's)" in found.sentence()
    for seen in (found.before, found.after):
        assert 0 < seen.on_picture < 1
        assert max(cells(seen)) > min(cells(seen)) > 0  # regions are told apart
    # Pass 2 is the one of the prediction: its regions are multiplied by the gate that the prediction reports.
    expected = by_hand(analyzer.model, tweet, first.gate).mean(dim=(0, 1))  # (T, T)
    assert tweet.texts.word_index is not None
    rows = (tweet.texts.word_index[0] < 2) & (tweet.texts.word_index[0] >= 0)
    share = expected[:pieces][rows, pieces : pieces + REGIONS].mean(dim=0)
    torch.testing.assert_close(cells(found.after), share, rtol=1e-3, atol=1e-6)


def test_the_twin_that_shows_its_attention_copies_no_weight(tiny: Analyzer) -> None:
    twin = _attentive(tiny.model)
    own = {name: parameter.data_ptr() for name, parameter in tiny.model.named_parameters()}
    assert {name: parameter.data_ptr() for name, parameter in twin.named_parameters()} == own
