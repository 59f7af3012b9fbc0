"""A tiny RpBERT and its tokenizer, built offline: what most tests run on."""

import os

# Read when gradio and huggingface_hub are imported, so set before anything that imports them.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"

import string
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from chromium import open_page
from playwright.sync_api import Page
from transformers import BertTokenizer, PreTrainedTokenizerBase

from rpbert.analyzer import Analyzer
from rpbert.model.configuration import RpBertConfig
from rpbert.model.modeling import RpBert
from rpbert.model.texts import collate_pieces, split_words, to_pieces
from rpbert.shipped import DEFAULT_CHECKPOINT

HERE = Path(__file__).parent

torch.set_num_threads(1)  # a second thread costs these tiny models more in waiting than it saves


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the groups that a test's folder and fixtures tell: `pytest -m "not browser and not training"` is quick."""
    for item in items:
        if "training" in item.path.relative_to(HERE).parts:
            item.add_marker("training")
        if "analyzer" in getattr(item, "fixturenames", ()):
            item.add_marker("checkpoint")


SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "in", "at", "of", "rt", "meet", "paris", "london", "obama", "barack", "madrid", "nasa", "lord", "with"]
ENDINGS = ["##ing", "##ed", "##ron", "##s"]
CHARACTERS = string.ascii_lowercase + string.digits


def _vocabulary() -> list[str]:
    signs = [*string.punctuation, "\u2018", "\u2019", "\u201c", "\u201d", "\u2026", "\u2764"]
    pieces = [*CHARACTERS, *(f"##{character}" for character in CHARACTERS), *signs, *WORDS, *ENDINGS]
    return list(dict.fromkeys([*SPECIAL, *pieces]))


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerBase:
    """A real WordPiece tokenizer that spells what it does not know letter by letter."""
    file: Path = tmp_path_factory.mktemp("tokenizer") / "vocab.txt"
    file.write_text("\n".join(_vocabulary()), encoding="utf-8")
    return BertTokenizer(vocab=str(file))


@pytest.fixture(scope="session")
def tiny_config(tokenizer: PreTrainedTokenizerBase) -> RpBertConfig:
    """Two layers of 32, a CNN of 0.4 million weights with stride 32 and 96 channels; everything of `mini` is on."""
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    }
    return RpBertConfig(
        text_config=text,
        vision_encoder="test_resnet",
        region_channels=96,
        lstm_hidden=8,
        belongs=True,
        belongs_prior=0.5,
        matching=True,
        matching_layer=1,
        scene_text=True,
        scene_pieces=12,
        case_features=True,
    )


@torch.no_grad()
def _enliven(model: RpBert, seed: int) -> None:
    """Weights of the size that trained ones have.

    A fresh `transformers` model has weights of 0.02, beside which neither a picture nor a word changes any output by
    more than the tolerances of the tests: they could not fail. A fresh BatchNorm does nothing at all.
    """
    generator = torch.Generator().manual_seed(seed)

    def noise(tensor: torch.Tensor) -> torch.Tensor:
        return torch.randn(tensor.shape, generator=generator)

    for name, parameter in model.named_parameters():
        if name.startswith("region_encoder."):
            continue
        if parameter.dim() >= 2:
            parameter.copy_(noise(parameter) * 1.5 / parameter.shape[-1] ** 0.5)
        elif name.endswith("bias"):
            parameter.copy_(0.1 * noise(parameter))
    for vector in (model.scene_vector, model.echo_vector):
        if vector is not None:
            vector.copy_(0.5 * noise(vector))
    for module in model.region_encoder.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.copy_(0.6 + 0.1 * noise(module.weight))
            module.bias.copy_(0.1 * noise(module.bias))
            mean, variance = module.get_buffer("running_mean"), module.get_buffer("running_var")
            mean.copy_(0.1 * noise(mean))
            variance.copy_(0.8 + 0.4 * torch.rand(variance.shape, generator=generator))


@pytest.fixture(scope="session")
def build_model() -> Callable[[RpBertConfig], RpBert]:
    """Makes a seeded model of a configuration, in eval mode."""

    def build(config: RpBertConfig) -> RpBert:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = RpBert(config)
        _enliven(model, seed=1)
        return model.eval()

    return build


@pytest.fixture(scope="session")
def tiny_model(tiny_config: RpBertConfig, build_model: Callable[[RpBertConfig], RpBert]) -> RpBert:
    """Shared by all tests: copy it before changing it."""
    return build_model(tiny_config)


@pytest.fixture(scope="session")
def batch_of(
    tokenizer: PreTrainedTokenizerBase, tiny_config: RpBertConfig
) -> Callable[[list[str]], dict[str, torch.Tensor]]:
    """Makes the model's text inputs of some tweets."""

    def batch(tweets: list[str]) -> dict[str, torch.Tensor]:
        words = [[word.text for word in split_words(tweet)] for tweet in tweets]
        return collate_pieces([to_pieces(tokenizer, tweet, tiny_config.max_pieces) for tweet in words])

    return batch


@pytest.fixture(scope="session")
def analyzer() -> Analyzer:
    """The checkpoint that ships."""
    return Analyzer.from_pretrained(DEFAULT_CHECKPOINT)


@pytest.fixture(scope="session")
def app_url(analyzer: Analyzer) -> Iterator[str]:
    """Address of the running app."""
    from rpbert.ui.app import build_demo, serve
    from rpbert.ui.workbench import Workbench

    demo = build_demo(Workbench([analyzer]))
    yield serve(demo, block=False)
    demo.close()
    end = time.monotonic() + 30
    for thread in threading.enumerate():
        if thread.name.startswith("AnyIO"):  # it may be in the middle of a verdict; torch aborts when killed there
            thread.join(timeout=max(0.0, end - time.monotonic()))


@pytest.fixture
def attempts() -> list[str]:
    """Requests of the browser to other hosts that were tried."""
    return []


@pytest.fixture
def page(app_url: str, attempts: list[str]) -> Iterator[Page]:
    """The running app in a real browser."""
    with open_page(app_url, attempts) as opened:
        yield opened
