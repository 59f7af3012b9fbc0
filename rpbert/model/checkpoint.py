"""Loading and saving a checkpoint: config, float16 safetensors, tokenizer; whole or not at all."""

import hashlib
from pathlib import Path

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import BertModel, BertTokenizerFast, PreTrainedTokenizerBase

from rpbert.errors import UserError
from rpbert.model.configuration import RpBertConfig
from rpbert.model.modeling import RpBert

WEIGHTS = "model.safetensors"


def load_checkpoint(source: str | Path) -> tuple[RpBert, PreTrainedTokenizerBase]:
    """A trained model in eval mode (float32) and its tokenizer, from a folder or a Hugging Face Hub id.

    Raises `UserError` as `RpBert.from_pretrained` does, and for a checkpoint without a tokenizer.
    """
    model = RpBert.from_pretrained(source)
    try:
        tokenizer = BertTokenizerFast.from_pretrained(str(source))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"The checkpoint {str(source)!r} has no tokenizer that can be read: {error}") from error
    if len(tokenizer) != model.config.text.vocab_size:  # without its vocabulary it would call every word unknown
        raise UserError(f"The checkpoint {str(source)!r} has no tokenizer that fits its model.")
    return model, tokenizer


def save_checkpoint(model: RpBert, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write config, float16 weights and tokenizer; the model in memory stays float32."""
    halves = {
        name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in model.state_dict().items()
    }
    model.save_pretrained(folder, state_dict=halves)
    tokenizer.save_pretrained(folder)


def from_backbones(
    config: RpBertConfig, text_weights: str, vision_weights: str
) -> tuple[RpBert, PreTrainedTokenizerBase, tuple[Tensor, Tensor]]:
    """A model with pretrained backbones and new heads, the text encoder's tokenizer, and the CNN's own classifier.

    Args:
        text_weights: folder or Hub id of a BERT. vision_weights: a safetensors file of the `timm` model, or a Hub id.

    Returns:
        Model, tokenizer, and weight (1000, C) and bias (1000,) of the classifier that the model itself leaves out.
    """
    model = RpBert(config)
    try:
        encoder = BertModel.from_pretrained(text_weights, add_pooling_layer=False, dtype=torch.float32)
        tokenizer = BertTokenizerFast.from_pretrained(text_weights)
        weights = _vision_weights(vision_weights)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise UserError(f"The weights {text_weights!r} and {vision_weights!r} cannot be loaded: {error}") from error
    model.text_encoder.load_state_dict(encoder.state_dict())
    wanted = model.region_encoder.cnn.state_dict()
    classifier = timm.get_pretrained_cfg(config.vision_encoder).classifier
    for name in (*wanted, f"{classifier}.weight", f"{classifier}.bias"):
        if name not in weights:
            raise UserError(f"{vision_weights} is no {config.vision_encoder}: it lacks {name!r}.")
    model.region_encoder.cnn.load_state_dict({name: weights[name] for name in wanted})
    return model, tokenizer, (weights[f"{classifier}.weight"], weights[f"{classifier}.bias"])


def take_over(model: RpBert, start: Path) -> None:
    """Replace the weights of `model` by those that the checkpoint in the folder `start` has in the same shape.

    The checkpoint may be of an older architecture. All but the matching is taken over: that rests on the untouched text
    encoder, and alignment has just taught it. Raises `UserError` for a folder without weights that can be read.
    """
    try:
        weights = load_file(start / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise UserError(f"There is no checkpoint to start from in {str(start)!r}: {error}") from error
    own = model.state_dict()
    taken = {
        name: weight.to(own[name].dtype)
        for name, weight in weights.items()
        if name in own and own[name].shape == weight.shape and not name.startswith("matching.")
    }
    if not taken:
        raise UserError(f"The checkpoint in {str(start)!r} has no weight in common with this model.")
    model.load_state_dict({**own, **taken})


def _vision_weights(source: str) -> dict[str, Tensor]:
    if Path(source).is_file():
        return dict(load_file(source))
    return dict(timm.create_model(f"hf_hub:{source}", pretrained=True).state_dict())


def checkpoint_identity(source: str | Path) -> str:
    """First twelve hex digits of the SHA-256 of the weights file; for a Hub id, the id itself."""
    weights = Path(source) / WEIGHTS
    if not weights.is_file():
        return str(source)
    return hashlib.sha256(weights.read_bytes()).hexdigest()[:12]
