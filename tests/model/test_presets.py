"""The presets of the paper: of the published sizes, and able to read and to learn."""

from typing import Any

import pytest
import torch
from corpus import settings
from torch import Tensor

from rpbert.model.configuration import PRESETS, REGIONS, RpBertConfig, preset_config
from rpbert.model.modeling import RpBert
from rpbert.training.objectives import Objectives

PAPER = ["paper", "paper-large"]


def millions(module: torch.nn.Module) -> float:
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


@pytest.mark.parametrize(("name", "bert"), [("paper", 109.5 - 0.6), ("paper-large", 335.1 - 1.0)])
def test_the_backbones_have_the_published_sizes(name: str, bert: float) -> None:
    """BERT's published counts include a pooling layer, which is left out here."""
    with torch.device("meta"):
        model = RpBert(preset_config(name))
        feature_map = model.region_encoder.cnn.forward_features(torch.empty(1, 3, 224, 224))
    assert millions(model.text_encoder) == pytest.approx(bert, abs=0.1)
    assert millions(model.region_encoder) == pytest.approx(60.19 - 2.05, abs=0.01)  # ResNet-152 without classifier
    assert feature_map.shape == (1, 2048, 7, 7)
    assert model.projection.weight.shape == (model.config.text.hidden_size, 2048)
    assert model.bilstm.hidden_size == 256
    assert model.matching is model.belongs_head is model.scene_vector is model.echo_vector is None


def shallow(name: str) -> RpBertConfig:
    """The preset with two layers of BERT instead of twelve or more; the CNN is built but never run."""
    values: dict[str, Any] = PRESETS[name].config
    return RpBertConfig(**{**values, "text_config": {**values["text_config"], "num_hidden_layers": 2}})


def two_pairs(channels: int) -> dict[str, Tensor]:
    """Two tweets of three and two words with regions of random pictures."""
    return {
        "input_ids": torch.tensor([[101, 2019, 2050, 5967, 102], [101, 2006, 2015, 102, 0]]),
        "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]),
        "word_index": torch.tensor([[-1, 0, 1, 2, -1], [-1, 0, 1, -1, -1]]),
        "regions": torch.rand(2, REGIONS, channels, generator=torch.Generator().manual_seed(1)),
    }


@pytest.mark.parametrize("name", PAPER)
def test_a_preset_reads_two_pairs_and_learns_both_tasks(name: str) -> None:
    torch.manual_seed(3)
    model = RpBert(shallow(name))
    batch = two_pairs(model.config.region_channels)
    with torch.no_grad():
        output = model.eval()(**batch, gate="soft")
    assert output.emissions.shape == (2, 3, 9)
    assert output.word_mask.tolist() == [[True, True, True], [True, True, False]]
    assert torch.equal(output.gate, output.relation.image_adds.softmax(dim=1)[:, 1])  # r of the paper: P(adds)
    assert output.relation.belongs is output.relation.cosine is None

    objectives = Objectives(model.train(), settings())
    before = {key: parameter.detach().clone() for key, parameter in model.named_parameters() if parameter.requires_grad}
    optimizer = torch.optim.SGD([parameter for parameter in model.parameters() if parameter.requires_grad], lr=0.1)
    words = {key: batch[key] for key in ("input_ids", "attention_mask", "regions")}
    labels = {"image_adds": torch.tensor([1, 0]), "text_represented": torch.tensor([0, 1])}
    steps: list[tuple[str, dict[str, Tensor]]] = [
        ("relation", {**words, **labels, "belongs": torch.ones(2)}),
        ("ner", {**batch, "labels": torch.tensor([[1, 2, 0], [3, 0, 0]])}),
    ]
    for task, tensors in steps:
        loss = objectives(task, tensors)
        assert loss.isfinite()
        loss.backward()
    optimizer.step()
    still = {
        key for key, parameter in model.named_parameters() if key in before and torch.equal(before[key], parameter)
    }
    assert all(key.endswith("key.bias") for key in still)  # attention does not depend on these
