"""What nobody reads is not computed, and what is asked twice is read once; neither changes a number."""

import copy

import pytest
import torch
from passes import CLEAR, TWEETS, BatchOf, apart
from torch import Tensor
from transformers.models.bert.modeling_bert import BertLayer

from rpbert.model.configuration import RpBertConfig
from rpbert.model.inputs import Texts
from rpbert.model.last_layer import LastLayer
from rpbert.model.modeling import RpBert


@pytest.fixture
def batch(batch_of: BatchOf) -> dict[str, Tensor]:
    return batch_of(TWEETS)


@pytest.mark.parametrize("asked", [1, 3, 10_000])
@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
def test_the_last_layer_gives_of_the_first_tokens_what_bert_gives(
    tiny_config: RpBertConfig, asked: int, kernel: str
) -> None:
    torch.manual_seed(0)
    config = copy.deepcopy(tiny_config.text)
    config._attn_implementation = kernel
    layer, plain = LastLayer(config).eval(), BertLayer(config).eval()
    plain.load_state_dict(layer.state_dict())
    states = torch.randn(2, 7, config.hidden_size)
    readable = torch.ones(2, 1, 7, 7, dtype=torch.bool)
    readable[1, :, :, 4:] = False  # the second row is shorter
    for mask in (None, readable if kernel == "sdpa" else torch.zeros(2, 1, 7, 7).masked_fill(~readable, -1e9)):
        torch.testing.assert_close(layer(states, mask, asked=asked), plain(states, mask)[:, :asked])


def test_copies_of_a_tweet_are_read_as_one_by_one(tiny_model: RpBert, batch: dict[str, Tensor]) -> None:
    """Equal rows are read once only without gradients: a gradient belongs to its own row."""
    texts = Texts(batch["input_ids"][:1].repeat(3, 1), batch["attention_mask"][:1].repeat(3, 1))
    words = tiny_model.text_encoder.embeddings.word_embeddings(texts.input_ids).detach()
    with torch.no_grad():
        once = tiny_model.sentence_vector(texts, words)
        words[2, 1] = words[2, 2]
        each = tiny_model.sentence_vector(texts, words)
    torch.testing.assert_close(once[:2], each[:2])
    assert apart(once[2], each[2]) > CLEAR
    equal = words[:1].repeat(3, 1, 1).requires_grad_()
    tiny_model.sentence_vector(texts, equal).sum().backward()
    assert equal.grad is not None
    torch.testing.assert_close(equal.grad[0], equal.grad[2])
    assert equal.grad[2].abs().sum() > 0
