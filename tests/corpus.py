"""A toy corpus: plain pictures, invented tweets that name their colours, a recipe and base weights to train on."""

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from transformers import PreTrainedTokenizerBase

from rpbert.model.modeling import RpBert
from rpbert.model.pictures import open_picture, picture_tensor
from rpbert.training.recipe import Alignment, Dev, Features, Multitask, Recipe, Teacher

COLOURS = {
    "red": (230, 20, 20),
    "green": (20, 200, 40),
    "blue": (20, 40, 230),
    "yellow": (240, 230, 30),
    "black": (5, 5, 5),
    "white": (250, 250, 250),
    "pink": (250, 120, 190),
    "brown": (110, 60, 20),
}


def settings(**changes: Any) -> Multitask:
    """The multitask section of a recipe for small examples: nothing random in it unless a test asks for it."""
    values: dict[str, Any] = {
        "epochs": 2,
        "interleave": False,
        "tweet_batch": 4,
        "relation_batch": 4,
        "encoder_learning_rate": 1e-3,
        "head_learning_rate": 1e-2,
        "weight_decay": 0.01,
        "warmup": 0.1,
        "clip": 1.0,
        "gate": "soft",
        "detach_gate": True,
        "average": 0.0,
        "text_only": 0.0,
        "lower_cased": 0.0,
        "hashtags": 0.0,
        "visible_weight": 0.0,
        "swapped": 0.0,
        "hard": 0.0,
        "relation_weight": 1.0,
    }
    return Multitask(**{**values, **changes})


def recipe(**changes: Any) -> Recipe:
    """Trains on what `write_corpus` writes."""
    values: dict[str, Any] = {
        "preset": "mini",
        "seed": 3,
        "pairs": ["pairs.jsonl"],
        "scene_text": ["scenes.jsonl"],
        "captions": ["captions.tsv"],
        "tweets": ["train.txt"],
        "tweet_pictures": False,
        "dev": Dev(pairs="dev.jsonl", tweets=["valid.txt"]),
        "features": Features(characters=0, static_vectors=""),
        "alignment": Alignment(epochs=3, batch=4, learning_rate=1e-2, channel_dropout=0.1, text_dropout=0.1, folds=2),
        "teacher": Teacher(epochs=0, learning_rate=1e-3, share=0.5),
        "multitask": settings(interleave=True, average=0.8, text_only=0.3, swapped=0.5, hard=0.5, visible_weight=0.5),
    }
    return Recipe(**{**values, **changes})


def draw(path: Path, colour: Sequence[int]) -> Path:
    """A plain picture, uncompressed: pictures of one size make files of one size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (16, 16), tuple(colour)).save(path)
    return path


def draw_all(folder: Path) -> dict[str, Path]:
    """A picture of each colour, by its name."""
    return {name: draw(folder / f"{name}.bmp", colour) for name, colour in COLOURS.items()}


def _pair(number: int, colour: str) -> dict[str, Any]:
    name = ("Ana", "Ana Lima")[number % 2]
    return {
        "id": f"{colour}-{number}",
        "image": f"{colour}.bmp",
        "text": f"{name} likes {colour}" + " !" * (number % 3),
        "image_adds": number % 2,
        "text_represented": number // 2 % 2,
        "entities": [{"start": 0, "end": len(name), "type": "PER", "visible": number % 3 == 0}],
    }


def _scene(row: dict[str, Any], number: int) -> dict[str, Any]:
    """The words in a picture as its colour, a sign beside it, or none."""
    signs = (row["image"].removesuffix(".bmp").upper(), "KEEP OUT")[: number % 3]
    return {"id": row["id"], "lines": [{"text": sign, "score": 0.9, "area": 0.2} for sign in signs]}


def write_corpus(folder: Path) -> Path:
    """Every file that `recipe` names, and their pictures."""
    draw_all(folder / "images")
    scenes = []
    for file, shift in (("pairs.jsonl", 0), ("dev.jsonl", 1)):
        rows = [_pair(number + shift, colour) for number, colour in enumerate(COLOURS)]
        (folder / file).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        scenes += [json.dumps(_scene(row, number)) + "\n" for number, row in enumerate(rows)]
    (folder / "scenes.jsonl").write_text("".join(scenes), encoding="utf-8")
    captions = [f"{name}.bmp\ta {name} {thing}\tmatch\n" for name in COLOURS for thing in ("wall", "square")]
    captions.append("red.bmp\ta blue wall\tno-match\n")
    (folder / "captions.tsv").write_text("".join(captions), encoding="utf-8")
    for file, places in (("train.txt", ("Oslo", "Rome", "Lima", "Bonn", "Nice")), ("valid.txt", ("Kyiv", "Bari"))):
        tweets = [f"IMGID:{place}\nin\tO\n{place}\tB-LOC\nnow\tO\n\n" for place in places]
        (folder / file).write_text("".join(tweets), encoding="utf-8")
    return folder


@torch.no_grad()
def seeing(model: RpBert) -> RpBert:
    """A copy whose CNN can tell colours apart.

    A fresh `transformers` model draws convolutions of 0.02: behind three of them two pictures differ in the seventh
    digit, and a test on pictures could not fail. Larger ones help little without BatchNorm statistics that fit them.
    """
    seer, generator = copy.deepcopy(model), torch.Generator().manual_seed(2)
    for module in seer.region_encoder.modules():
        if isinstance(module, nn.Conv2d):
            weight = module.weight
            weight.copy_(torch.randn(weight.shape, generator=generator) * (2 / weight[0].numel()) ** 0.5)
        if isinstance(module, nn.BatchNorm2d):
            module.train()
            module.momentum = 1.0  # take over the statistics of the one batch below
    pictures = [open_picture(Image.new("RGB", (1, 1), colour)) for colour in COLOURS.values()]
    seer.region_encoder.regions(torch.stack([picture_tensor(picture, model.config) for picture in pictures]))
    return seer.eval()


def write_base_weights(folder: Path, model: RpBert, tokenizer: PreTrainedTokenizerBase) -> tuple[str, str]:
    """The backbones of `model` as `from_backbones` expects them: folder of a BERT, file of a CNN with classifier."""
    text, vision = folder / "text", folder / "vision.safetensors"
    model.text_encoder.save_pretrained(text)
    tokenizer.save_pretrained(text)
    weights = {name: tensor.clone() for name, tensor in model.region_encoder.cnn.state_dict().items()}
    weight, bias = classifier(model)
    name = timm.get_pretrained_cfg(model.config.vision_encoder).classifier
    save_file({**weights, f"{name}.weight": weight, f"{name}.bias": bias}, vision)
    return str(text), str(vision)


def classifier(model: RpBert) -> tuple[torch.Tensor, torch.Tensor]:
    """A classifier of 1,000 classes for the model's CNN, with weights large enough to prefer some of them."""
    generator = torch.Generator().manual_seed(5)
    weight = torch.randn(1000, model.config.region_channels, generator=generator)
    return weight, torch.randn(1000, generator=generator)
