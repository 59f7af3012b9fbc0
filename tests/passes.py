"""What tests of the two passes share: tweets, gates, random regions, and a view of what BERT is given."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.model.configuration import REGIONS
from rpbert.model.gates import Gate
from rpbert.model.inputs import scene_tensors
from rpbert.model.modeling import RpBert
from rpbert.model.scene_text import SceneLine
from rpbert.model.texts import split_words, to_pieces

BatchOf = Callable[[list[str]], dict[str, Tensor]]

TWEETS = ["Meet Barack Obama in Paris!", "lol", "RT @nasa: sunrise over #London https://t.co/x", "real madrid"]
GATES: list[Gate] = ["soft", "hard", "open", "closed", 0.3, 0.0]
CLEAR = 1e-2  # a difference that cannot be rounding


def line(text: str, area: float = 0.1) -> SceneLine:
    """A line of words in a picture, surely read."""
    return SceneLine(text, 0.99, area)


# Words in a picture beside each of `TWEETS`: of 1 + 2 pieces, none, 2, and 4 + 1 + 2 pieces.
SCENES: list[list[SceneLine]] = [
    [line("PARIS", 0.3), line("meet obama")],
    [],
    [line("NASA London", 0.2)],
    [line("real"), line("MADRID", 0.5), line("x1", 0.02)],
]


def words_in(
    tokenizer: PreTrainedTokenizerBase,
    scenes: Sequence[Sequence[SceneLine]],
    tweets: Sequence[str] = TWEETS,
    pieces: int = 12,
) -> dict[str, Tensor]:
    """The model's inputs for the words in the pictures of some tweets."""
    split = [[word.text for word in split_words(tweet)] for tweet in tweets]
    return scene_tensors(tokenizer, pieces, [(words, to_pieces(tokenizer, words, 451)) for words in split], scenes)


def random_regions(rows: int, channels: int = 96, seed: int = 0) -> Tensor:
    return torch.randn(rows, REGIONS, channels, generator=torch.Generator().manual_seed(seed))


def apart(one: Tensor | None, other: Tensor | None) -> float:
    """The largest difference."""
    assert one is not None
    assert other is not None
    return float((one - other).detach().abs().max())


@contextmanager
def encoder_calls(model: RpBert) -> Iterator[list[dict[str, Any]]]:
    """The arguments of every BERT pass."""
    calls: list[dict[str, Any]] = []
    handle = model.text_encoder.register_forward_pre_hook(
        lambda _module, _args, kwargs: calls.append(kwargs), with_kwargs=True
    )
    try:
        yield calls
    finally:
        handle.remove()
