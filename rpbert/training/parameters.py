"""Which weights learn in the multitask stage, and how fast."""

from typing import Any

from torch import Tensor

from rpbert.model.modeling import RpBert
from rpbert.training.objectives import Objectives
from rpbert.training.recipe import Multitask


def freeze_aligned(model: RpBert) -> None:
    """Keep what matching rests on: the embeddings and lower layers, the tower's own layers, and the picture map.

    Trained on, on a few thousand tweets, they lose it again (true-versus-swapped AUC falls). The head that reads the
    vectors is fitted after the epoch (`rpbert/training/vectors.py`).
    """
    assert model.matching is not None
    matching = [model.matching.sentence_layers, model.matching.picture_map, model.matching.vector_head]
    for module in (model.text_encoder.embeddings, *model.lower_layers, *matching):
        module.requires_grad_(False)
    model.matching.log_scale.requires_grad_(False)


def parameter_groups(objectives: Objectives, settings: Multitask) -> list[dict[str, Any]]:
    """Two learning rates, for the pretrained encoder and for what is new; no weight decay on biases and LayerNorm."""
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in objectives.named_parameters():
        if not parameter.requires_grad or name.startswith("teacher."):
            continue
        pretrained = name.startswith(("model.text_encoder.", "model.projection."))
        rate = settings.encoder_learning_rate if pretrained else settings.head_learning_rate
        decay = settings.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return [{"params": params, "lr": rate, "weight_decay": decay} for (rate, decay), params in groups.items()]
