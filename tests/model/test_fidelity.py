"""The model against a second writing of the authors' 2022 code, for the batch of one tweet that their code gets right.

Only weights are shared, under the authors' names for the parts; the arithmetic is written anew from plain `torch` and
`transformers` modules.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision  # type: ignore[import-untyped]
from torch import Tensor, nn
from transformers import BertModel

from rpbert.model.configuration import PRESETS, RpBertConfig
from rpbert.model.modeling import RpBert
from rpbert.model.vision import RegionEncoder

TWEETS = ["Meet Barack Obama in Paris!", "lol", "RT @nasa: sunrise over #London https://t.co/x"]


@dataclasses.dataclass
class Reference:
    """The parts of the authors' model."""

    encoder_t: BertModel
    proj: nn.Linear
    aux_head: nn.Linear
    rnn: nn.LSTM
    head: nn.Linear


def _with_weights(module: nn.Module, source: nn.Module) -> Any:
    module.load_state_dict(source.state_dict(), strict=True)
    return module.eval()


def reference_of(model: RpBert) -> Reference:
    config = model.config
    hidden = config.text.hidden_size
    return Reference(
        encoder_t=_with_weights(BertModel(config.text, add_pooling_layer=False), model.text_encoder),
        proj=_with_weights(nn.Linear(config.region_channels, hidden), model.projection),
        aux_head=_with_weights(nn.Linear(hidden, 2), model.image_adds_head),
        rnn=_with_weights(nn.LSTM(hidden, config.lstm_hidden, 2, batch_first=True, bidirectional=True), model.bilstm),
        head=_with_weights(nn.Linear(2 * config.lstm_hidden, 9), model.emission_head),
    )


def bert(reference: Reference, input_ids: Tensor, visual: Tensor) -> Tensor:
    """One pass: nothing masked, positions one after the other, segment 1 for the regions."""
    words = reference.encoder_t.embeddings.word_embeddings(input_ids)
    together = torch.cat((words, visual), dim=1)
    segments = torch.cat((torch.zeros(1, words.shape[1]), torch.ones(1, visual.shape[1])), dim=1).long()
    return reference.encoder_t(
        inputs_embeds=together, token_type_ids=segments, attention_mask=torch.ones(together.shape[:2])
    ).last_hidden_state


def predict(reference: Reference, input_ids: Tensor, pieces_per_word: list[int], regions: Tensor) -> tuple[Tensor, ...]:
    """Relation probability and emissions (W, L) of one tweet with its picture."""
    visual = reference.proj(regions)
    r = reference.aux_head(bert(reference, input_ids, visual)[:, 0]).softmax(dim=1)[:, 1]
    states = bert(reference, input_ids, visual * r.view(1, 1, 1))[0]
    words, place = [], 1  # behind [CLS]
    for count in pieces_per_word:
        words.append(states[place : place + count].mean(dim=0))
        place += count
    hidden, _ = reference.rnn(torch.stack(words).unsqueeze(0))
    return r, reference.head(hidden)[0]


@pytest.fixture(scope="module")
def paper_model(tiny_config: RpBertConfig, build_model: Callable[[RpBertConfig], RpBert]) -> RpBert:
    """As the paper has it: the relation is read at h_CLS alone, nothing tells how a word is written, and neither words
    in the picture nor whether it belongs have a part."""
    changes = {"matching": False, "case_features": False, "belongs": False, "scene_text": False}
    return build_model(RpBertConfig(**{**tiny_config.to_dict(), **changes}))


@pytest.mark.parametrize("tweet", TWEETS)
@torch.no_grad()
def test_forward_is_that_of_the_authors(
    paper_model: RpBert, batch_of: Callable[[list[str]], dict[str, Tensor]], tweet: str
) -> None:
    batch = batch_of([tweet])
    per_word = torch.bincount(batch["word_index"][0, 1:-1]).tolist()
    reference = reference_of(paper_model)
    gates = []
    for seed in range(3):
        regions = torch.randn(1, 49, 96, generator=torch.Generator().manual_seed(seed))
        output = paper_model(**batch, regions=regions)
        r, emissions = predict(reference, batch["input_ids"], per_word, regions)
        torch.testing.assert_close(output.gate, r, atol=1e-5, rtol=0)
        torch.testing.assert_close(output.emissions[0], emissions, atol=1e-5, rtol=0)
        gates.append(r.item())
    assert max(gates) - min(gates) > 0.01, "a gate that no picture moves would prove little"


def _lively_batchnorm(encoder: RegionEncoder) -> None:
    """A fresh ResNet's residual branches end in a factor 0, so that the blocks would not be compared at all."""
    generator = torch.Generator().manual_seed(0)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.fill_(0.3)
            module.bias.data.copy_(0.1 * torch.randn(module.bias.shape, generator=generator))
            mean = module.get_buffer("running_mean")
            mean.copy_(0.1 * torch.randn(mean.shape, generator=generator))


@torch.no_grad()
def test_regions_are_those_of_torchvisions_resnet() -> None:
    """The authors take torchvision's ResNet up to layer4, the presets timm's by name with the same weights.

    The paper's ResNet-152 has more blocks than this ResNet-50, but no other kind of block.
    """
    encoder = RegionEncoder(RpBertConfig(**{**PRESETS["paper"].config, "vision_encoder": "resnet50"}))
    _lively_batchnorm(encoder)
    with torch.device("meta"):  # its weights come from the encoder
        resnet = torchvision.models.resnet50(weights=None)
    missing, unexpected = resnet.load_state_dict(encoder.cnn.state_dict(), strict=False, assign=True)
    assert (missing, unexpected) == (["fc.weight", "fc.bias"], [])
    resnet.eval()
    pixels = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    x = resnet.maxpool(resnet.relu(resnet.bn1(resnet.conv1(pixels))))
    x = resnet.layer4(resnet.layer3(resnet.layer2(resnet.layer1(x))))  # (1, 2048, 7, 7)
    expected = x.view(1, 2048, 49).permute(0, 2, 1)
    assert expected.std() > 0.1
    torch.testing.assert_close(encoder(pixels), expected, atol=1e-4, rtol=1e-4)
