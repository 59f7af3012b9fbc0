"""Checkpoints: what is written comes back, what does not fit is refused whole, and the presets are the paper's."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import BertModel, PreTrainedTokenizerBase

from rpbert.errors import UserError
from rpbert.model.checkpoint import checkpoint_identity, from_backbones, load_checkpoint, save_checkpoint, take_over
from rpbert.model.configuration import GRID, LABELS, PRESETS, RpBertConfig, preset_config
from rpbert.model.modeling import RpBert

WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def written(tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint on disk; not to be changed."""
    folder = tmp_path_factory.mktemp("written") / "tiny"
    save_checkpoint(copy.deepcopy(tiny_model), tokenizer, folder)
    return folder


@pytest.fixture
def checkpoint(written: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return shutil.copytree(written, tmp_path / "tiny")


def edit_config(folder: Path, **changes: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def edit_weights(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    weights = load_file(folder / WEIGHTS)
    change(weights)
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


def refusal(source: str | Path) -> str:
    with pytest.raises(UserError) as caught:
        load_checkpoint(source)
    message = str(caught.value)
    assert repr(str(source)) in message, "which checkpoint?"
    return message


# ---- round trip ---------------------------------------------------------------------------------------------------


def test_half_precision_on_disk_single_in_memory(written: Path) -> None:
    on_disk = load_file(written / WEIGHTS)
    assert {tensor.dtype for tensor in on_disk.values()} == {torch.float16, torch.int64}  # BatchNorm counts in int64
    model, _ = load_checkpoint(written)
    state = model.state_dict()
    assert state.keys() == on_disk.keys()
    for name, tensor in on_disk.items():
        expected = tensor.float() if tensor.is_floating_point() else tensor
        assert state[name].dtype == expected.dtype
        assert torch.equal(state[name], expected), name


def test_single_in_memory_whatever_the_config_says(checkpoint: Path) -> None:
    """A BERT in half precision is slow on a CPU, and its gates and spans are rounded."""
    edit_config(checkpoint, dtype="float16")
    model, _ = load_checkpoint(checkpoint)
    assert {tensor.dtype for tensor in model.parameters()} == {torch.float32}


def test_saving_leaves_the_model_as_it_was(
    tiny_model: RpBert, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    model = copy.deepcopy(tiny_model).train()
    save_checkpoint(model, tokenizer, tmp_path)
    assert model.training
    assert model.dtype == torch.float32
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), tiny_model.parameters(), strict=True))


@torch.no_grad()
def test_loaded_model_predicts_the_same(
    tiny_model: RpBert, written: Path, batch_of: Callable[[list[str]], dict[str, Tensor]]
) -> None:
    model, _ = load_checkpoint(str(written))
    assert not model.training
    assert not any(module.training for module in model.modules())
    batch = batch_of(["Meet Barack Obama in Paris!"])
    pixels = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    one, two = (m(**batch, regions=m.region_encoder.regions(pixels)) for m in (tiny_model, model))
    for name in ("emissions", "gate"):
        torch.testing.assert_close(one[name], two[name], atol=0.01, rtol=0)
    for name in ("belongs", "image_adds", "text_represented", "cosine"):
        torch.testing.assert_close(getattr(one.relation, name), getattr(two.relation, name), atol=0.01, rtol=0)
    assert one.emissions.std() > 0.1, "such a tolerance says nothing of values near zero"


def test_a_second_save_changes_nothing(written: Path, tmp_path: Path) -> None:
    """Half, single, half: no drift, and the bytes decide the identity."""
    save_checkpoint(*load_checkpoint(written), tmp_path)
    assert checkpoint_identity(tmp_path) == checkpoint_identity(written)
    one, two = (json.loads((folder / "config.json").read_text()) for folder in (tmp_path, written))
    for config in (one, two):
        config["text_config"].pop("dtype")  # how the weights were last loaded, not what they are
    assert one == two


def test_config_and_tokenizer_come_back(
    tiny_config: RpBertConfig, tokenizer: PreTrainedTokenizerBase, written: Path
) -> None:
    model, loaded = load_checkpoint(written)
    names = ("vision_encoder", "region_channels", "lstm_hidden", "matching", "matching_layer", "detach_gate")
    for name in (*names, "belongs", "belongs_prior", "scene_text", "scene_pieces", "case_features"):
        assert getattr(model.config, name) == getattr(tiny_config, name)
    assert list(model.config.image_mean) == list(tiny_config.image_mean)
    assert model.config.text.hidden_size == 32
    assert model.config.labels == LABELS
    words = ["Meet", "Bob", "\u201c", "\u200d", "Paris"]
    one, two = (t(words, is_split_into_words=True)["input_ids"] for t in (tokenizer, loaded))
    assert one == two
    assert loaded.unk_token_id == tokenizer.unk_token_id


def test_from_pretrained_is_as_strict(checkpoint: Path) -> None:
    """The way that users of `transformers` take."""
    model = RpBert.from_pretrained(checkpoint)
    assert not model.training
    assert model.dtype == torch.float32
    edit_weights(checkpoint, lambda weights: weights.pop("emission_head.bias"))
    with pytest.raises(UserError, match=r"lacks .*emission_head\.bias"):
        RpBert.from_pretrained(str(checkpoint))


# ---- identity -----------------------------------------------------------------------------------------------------


def test_identity_follows_the_weights_alone(checkpoint: Path) -> None:
    before = checkpoint_identity(checkpoint)
    assert len(before) == 12
    assert int(before, 16) >= 0
    (checkpoint / "README.md").write_text("A model card.")
    assert checkpoint_identity(str(checkpoint)) == before
    edit_weights(checkpoint, lambda weights: weights["emission_head.bias"].add_(0.5))
    assert checkpoint_identity(checkpoint) != before


def test_identity_of_a_hub_id_is_the_id() -> None:
    assert checkpoint_identity("someone/rpbert-mini") == "someone/rpbert-mini"


# ---- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["no-one/no-such-model", "not an id at all", ""])
def test_no_checkpoint_there(source: str) -> None:
    message = refusal(source)
    assert "neither a folder with a config.json nor a model on the Hugging Face Hub" in message


def test_no_folder_and_empty_folder(tmp_path: Path) -> None:
    assert "There is no checkpoint" in refusal(tmp_path / "nowhere")
    assert "There is no checkpoint" in refusal(tmp_path)


def test_config_that_is_no_json(checkpoint: Path) -> None:
    (checkpoint / "config.json").write_text('{"model_type": ')
    refusal(checkpoint)


@pytest.mark.parametrize("model_type", ["bert", None])
def test_another_model(checkpoint: Path, model_type: str | None) -> None:
    edit_config(checkpoint, model_type=model_type)
    message = refusal(checkpoint)
    assert repr(model_type) in message
    assert "not an RpBERT" in message


RENAMED = {index: label.replace("MISC", "OTHER") for index, label in enumerate(LABELS)}
REORDERED = dict(enumerate(("O", *sorted(LABELS[1:]))))  # all B- before all I-: same names, other meaning
FEWER = dict(enumerate(LABELS[:7]))


@pytest.mark.parametrize("id2label", [RENAMED, REORDERED, FEWER], ids=["renamed", "reordered", "fewer"])
def test_other_labels(checkpoint: Path, id2label: dict[int, str]) -> None:
    assert tuple(id2label.values()) != LABELS
    edit_config(checkpoint, id2label=id2label, label2id={label: index for index, label in id2label.items()})
    message = refusal(checkpoint)
    assert "other labels" in message
    assert "PER, LOC, ORG, MISC" in message


@pytest.mark.parametrize(
    "name",
    [
        "emission_head.weight",
        "crf.transitions",
        "matching.log_scale",
        "matching.sentence_layers.0.attention.self.query.weight",
        "belongs_head.weight",
        "scene_vector",
        "echo_vector",
        "text_encoder.embeddings.word_embeddings.weight",
        "region_encoder.cnn.bn1.running_mean",
    ],
)
def test_a_missing_weight(checkpoint: Path, name: str) -> None:
    edit_weights(checkpoint, lambda weights: weights.pop(name))
    message = refusal(checkpoint)
    assert "lacks" in message
    assert name in message


def test_a_weight_too_many(checkpoint: Path) -> None:
    edit_weights(checkpoint, lambda weights: weights.update({"second_head.weight": torch.zeros(2)}))
    message = refusal(checkpoint)
    assert "does not know" in message
    assert "second_head.weight" in message


@pytest.mark.parametrize("part", ["matching", "belongs", "scene_text"])
def test_weights_of_a_part_that_the_config_switches_off(checkpoint: Path, part: str) -> None:
    edit_config(checkpoint, **{part: False})
    assert "does not know" in refusal(checkpoint)


def test_a_wrong_shape(checkpoint: Path) -> None:
    edit_weights(checkpoint, lambda weights: weights.update({"emission_head.bias": torch.zeros(11).half()}))
    message = refusal(checkpoint)
    assert "in another shape" in message
    assert "emission_head.bias" in message


def test_all_that_is_wrong_is_said_at_once(checkpoint: Path) -> None:
    def change(weights: dict[str, Tensor]) -> None:
        del weights["crf.transitions"]
        weights["extra"] = torch.zeros(1)

    edit_weights(checkpoint, change)
    message = refusal(checkpoint)
    assert "crf.transitions" in message
    assert "extra" in message


@pytest.mark.parametrize("keep", [0, 7, 100_000], ids=["empty", "cut in the header", "cut in the weights"])
def test_corrupt_weights(checkpoint: Path, keep: int) -> None:
    content = (checkpoint / WEIGHTS).read_bytes()
    assert len(content) > keep
    (checkpoint / WEIGHTS).write_bytes(content[:keep])
    assert "cannot be read" in refusal(checkpoint)


def test_weights_that_are_an_lfs_pointer(checkpoint: Path) -> None:
    """What a clone without git-lfs holds."""
    (checkpoint / WEIGHTS).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 100\n")
    assert "cannot be read" in refusal(checkpoint)


def test_no_weights(checkpoint: Path) -> None:
    (checkpoint / WEIGHTS).unlink()
    refusal(checkpoint)


def test_no_tokenizer(checkpoint: Path) -> None:
    for file in checkpoint.glob("*"):
        if file.name not in ("config.json", WEIGHTS):
            file.unlink()
    refusal(checkpoint)


def test_no_vocabulary(checkpoint: Path) -> None:
    """A tokenizer without its vocabulary would call every word unknown, and nobody would be told."""
    (checkpoint / "tokenizer.json").unlink()
    refusal(checkpoint)


def test_a_cnn_that_timm_does_not_know(checkpoint: Path) -> None:
    edit_config(checkpoint, vision_encoder="no_such_net")
    assert "no_such_net" in refusal(checkpoint)


# ---- backbones ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def backbones(
    tiny_config: RpBertConfig, tokenizer: PreTrainedTokenizerBase, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, dict[str, Tensor]]:
    """A BERT folder, a CNN file and all the weights in them."""
    folder = tmp_path_factory.mktemp("backbones")
    bert = BertModel(tiny_config.text)
    bert.save_pretrained(folder / "bert")
    tokenizer.save_pretrained(folder / "bert")
    cnn = timm.create_model("test_resnet", pretrained=False)
    save_file(cnn.state_dict(), folder / "cnn.safetensors")
    text = {f"text_encoder.{name}": tensor for name, tensor in bert.state_dict().items() if "pooler" not in name}
    vision = {f"region_encoder.cnn.{name}": tensor for name, tensor in cnn.state_dict().items()}
    return folder / "bert", folder / "cnn.safetensors", {**text, **vision}


def test_backbones_really_load(tiny_config: RpBertConfig, backbones: tuple[Path, Path, dict[str, Tensor]]) -> None:
    """The public implementations have embeddings that silently stay random."""
    bert, cnn, weights = backbones
    model, tokenizer, (weight, bias) = from_backbones(tiny_config, str(bert), str(cnn))
    state = model.state_dict()
    loaded = [name for name in state if name.startswith(("text_encoder.", "region_encoder."))]
    assert "text_encoder.embeddings.word_embeddings.weight" in loaded
    for name in loaded:
        assert torch.equal(state[name], weights[name]), name
    assert torch.equal(weight, weights["region_encoder.cnn.fc.weight"])
    assert torch.equal(bias, weights["region_encoder.cnn.fc.bias"])
    assert tokenizer.convert_tokens_to_ids("paris") > 0


def test_a_cnn_file_of_another_net_is_refused(
    tiny_config: RpBertConfig, backbones: tuple[Path, Path, dict[str, Tensor]], tmp_path: Path
) -> None:
    bert, cnn, _ = backbones
    weights = load_file(cnn)
    del weights["layer3.0.conv1.weight"]
    save_file(weights, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match=r"no test_resnet: it lacks 'layer3\.0\.conv1\.weight'"):
        from_backbones(tiny_config, str(bert), str(tmp_path / "other.safetensors"))


# ---- presets ------------------------------------------------------------------------------------------------------

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# hidden size, layers, heads, intermediate size; CNN, its channels; mean and deviation of its pixels; whether
# what the paper does not have is on (matching, belongs, words in the picture, case); pieces that a tweet may have
EXPECTED: dict[str, tuple[Any, ...]] = {
    "mini": (384, 6, 12, 1536, "tf_efficientnet_lite0", 1280, ((0.5,) * 3, (0.5,) * 3), True, 512 - 49 - 48),
    "paper": (768, 12, 12, 3072, "resnet152", 2048, IMAGENET, False, 512 - 49),
    "paper-large": (1024, 24, 16, 4096, "resnet152", 2048, IMAGENET, False, 512 - 49),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_presets_hold_what_the_paper_says(name: str) -> None:
    config = preset_config(name)
    text = config.text
    assert (
        *(text.hidden_size, text.num_hidden_layers, text.num_attention_heads, text.intermediate_size),
        *(config.vision_encoder, config.region_channels),
        (tuple(config.image_mean), tuple(config.image_std)),
        config.matching,
        config.max_pieces,
    ) == EXPECTED[name]
    assert config.belongs == config.scene_text == config.case_features == config.matching
    assert (text.vocab_size, text.max_position_embeddings, text.type_vocab_size) == (30522, 512, 2)
    assert (text.hidden_act, text.layer_norm_eps) == ("gelu", 1e-12)
    assert config.image_size == 224
    assert (config.lstm_hidden, config.lstm_layers, config.dropout, config.detach_gate) == (256, 2, 0.5, True)
    assert config.labels == ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-MISC", "I-MISC")


def test_presets_name_the_weights_of_the_paper() -> None:
    assert PRESETS.keys() == EXPECTED.keys()
    assert PRESETS["paper"].text_weights == "google-bert/bert-base-uncased"
    assert PRESETS["paper-large"].text_weights == "google-bert/bert-large-uncased"
    assert PRESETS["paper"].vision_weights == PRESETS["paper-large"].vision_weights == "timm/resnet152.tv_in1k"


@pytest.mark.parametrize("name", ["mini", "paper"])
def test_presets_agree_with_timm(name: str) -> None:
    """Channels and pixel statistics are written in the config; a wrong one would only show as bad regions."""
    config = preset_config(name)
    weights = timm.get_pretrained_cfg(PRESETS[name].vision_weights.removeprefix("timm/"))
    assert (tuple(config.image_mean), tuple(config.image_std)) == (weights.mean, weights.std)
    with torch.device("meta"):  # without weights
        cnn = timm.create_model(config.vision_encoder, pretrained=False, num_classes=0)
    assert cnn.num_features == config.region_channels
    assert config.image_size / cnn.feature_info[-1]["reduction"] == GRID


def test_no_such_preset() -> None:
    with pytest.raises(KeyError):
        preset_config("paper-huge")


def test_configs_do_not_share_their_parts() -> None:
    """A changed config must not change the preset that it came from."""
    preset_config("paper").text.hidden_size = 5
    labels = preset_config("paper").id2label
    assert labels is not None
    labels.clear()
    assert preset_config("paper").text.hidden_size == 768
    assert preset_config("paper").labels == LABELS


# ---- starting from another checkpoint -------------------------------------------------------------------------------


def test_all_but_the_matching_is_taken_over(
    tiny_config: RpBertConfig, tokenizer: PreTrainedTokenizerBase, build_model: Callable[..., RpBert], tmp_path: Path
) -> None:
    old = RpBertConfig.from_dict(
        {**tiny_config.to_dict(), "belongs": False, "lstm_hidden": tiny_config.lstm_hidden * 2}
    )
    start, model = build_model(old), build_model(tiny_config)
    with torch.no_grad():
        for parameter in start.parameters():
            parameter.add_(0.5)
    save_checkpoint(start, tokenizer, tmp_path)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    take_over(model, tmp_path)
    now = model.state_dict()
    torch.testing.assert_close(now["image_adds_head.weight"], start.image_adds_head.weight, atol=2e-3, rtol=1e-3)
    torch.testing.assert_close(now["crf.transitions"], start.crf.transitions, atol=2e-3, rtol=1e-3)
    kept = [name for name in before if name.startswith(("matching.", "belongs_head.", "bilstm."))]  # absent or reshaped
    assert kept
    assert all(torch.equal(now[name], before[name]) for name in kept)


def test_a_start_that_is_none(tiny_config: RpBertConfig, build_model: Callable[..., RpBert], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint to start from"):
        take_over(build_model(tiny_config), tmp_path)
