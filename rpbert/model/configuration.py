"""What a checkpoint says about itself: sizes, backbones, labels, gate, calibration.

The presets are configurations, never branches in the code: `mini` is what this repository trains on a CPU and ships,
`paper` and `paper-large` are the models of Sun et al. (AAAI 2021, section 4.2).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from huggingface_hub.errors import HFValidationError
from transformers import BertConfig
from transformers.configuration_utils import PreTrainedConfig

from rpbert.errors import UserError

ENTITY_TYPES = ("PER", "LOC", "ORG", "MISC")
LABELS = ("O", *(f"{prefix}-{kind}" for kind in ENTITY_TYPES for prefix in "BI"))
GRID = 7  # regions per side: a stride-32 CNN turns 224 x 224 pixels into 7 x 7 regions
REGIONS = GRID * GRID
RELATIONS = ("belongs", "image_adds", "text_represented")  # what pass 1 says of a pair, in this order


class RpBertConfig(PreTrainedConfig):
    """Configuration of `RpBert`.

    The text encoder is described in full (`text_config`), so that a checkpoint builds without any other file; the CNN
    is named (`vision_encoder`, a `timm` architecture), since timm builds it from the name alone.
    """

    model_type = "rpbert"
    sub_configs: ClassVar[dict[str, Any]] = {"text_config": BertConfig}

    text_config: dict[str, Any] | BertConfig | None = None
    vision_encoder: str = "tf_efficientnet_lite0"
    region_channels: int = 1280  # channels of the CNN's last map, C in the shape comments
    image_size: int = 224
    image_mean: list[float] | tuple[float, ...] = (0.5, 0.5, 0.5)  # RGB, of pixel values scaled to 0..1
    image_std: list[float] | tuple[float, ...] = (0.5, 0.5, 0.5)

    lstm_hidden: int = 256  # each way
    lstm_layers: int = 2
    dropout: float = 0.5  # before and after the BiLSTM

    character_size: int = 0  # numbers that a word's letters add to its vector, even; see rpbert.model.word_features
    static_size: int = 0  # numbers that a table of word vectors adds
    static_words: list[str] | tuple[str, ...] = ()  # the words of that table

    detach_gate: bool = True  # stop the NER loss from reaching pass 1 through the gate
    # Does the picture belong to the tweet at all? Then the relation is three numbers: P(belongs), and P(adds) and
    # P(shows) given that it belongs; the gate is P(belongs and adds). Without, the gate is P(adds), as in the paper.
    belongs: bool = False
    belongs_prior: float = 0.5  # share of pictures that are assumed to belong, before anything is seen
    matching: bool = False  # the relation heads also see the pair itself; see rpbert.model.matching
    matching_layer: int = 0  # the sentence tower shares the embeddings and so many layers of the text encoder
    scene_text: bool = False  # the words in the picture are read too; see rpbert.model.scene_text
    scene_pieces: int = 48  # of these words at most
    case_features: bool = False  # tell an uncased encoder how each piece was written (rpbert.model.texts.CASES)

    # How scores become probabilities, fitted on dev after training (rpbert.evaluation.calibration).
    belongs_temperature: float = 1.0
    belongs_bias: float = 0.0
    image_adds_temperature: float = 1.0
    image_adds_bias: float = 0.0
    text_represented_temperature: float = 1.0
    text_represented_bias: float = 0.0
    span_temperature: float = 1.0

    trained: bool = False  # set by training; the page warns of a checkpoint whose heads are still random

    initializer_range: float = 0.02
    id2label: dict[int, str] | dict[str, str] | None = None  # None: LABELS

    def __post_init__(self, **kwargs: Any) -> None:
        if self.text_config is None:
            self.text_config = BertConfig()
        elif isinstance(self.text_config, dict):
            self.text_config = BertConfig(**self.text_config)
        if self.id2label is None:
            self.id2label = dict(enumerate(LABELS))
            self.label2id = {label: index for index, label in enumerate(LABELS)}
        super().__post_init__(**kwargs)

    @property
    def text(self) -> BertConfig:
        """The text encoder's configuration, typed."""
        assert isinstance(self.text_config, BertConfig)
        return self.text_config

    @property
    def labels(self) -> tuple[str, ...]:
        """The BIO labels in the order of the emissions."""
        assert self.id2label is not None
        return tuple(name for _, name in sorted(self.id2label.items(), key=lambda item: int(item[0])))

    @property
    def max_pieces(self) -> int:
        """Word pieces, [CLS] and [SEP] included, that fit beside the 49 regions and the words of a picture."""
        return int(self.text.max_position_embeddings) - REGIONS - (self.scene_pieces if self.scene_text else 0)


@dataclass(frozen=True)
class Preset:
    """A named configuration and the places of its pretrained weights on the Hugging Face Hub."""

    config: dict[str, Any]
    text_weights: str
    vision_weights: str


_BERT_BASE = {"vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12}
_RESNET = {
    "vision_encoder": "resnet152",
    "region_channels": 2048,
    "image_mean": (0.485, 0.456, 0.406),
    "image_std": (0.229, 0.224, 0.225),
}

PRESETS = {
    "mini": Preset(
        config={
            "text_config": {
                "vocab_size": 30522,
                "hidden_size": 384,
                "num_hidden_layers": 6,
                "num_attention_heads": 12,
                "intermediate_size": 1536,
                "attention_probs_dropout_prob": 0.0,  # with dropout there the CPU has no fused attention: half as fast
            },
            "belongs": True,
            "matching": True,
            "matching_layer": 2,
            "scene_text": True,
            "case_features": True,
        },
        text_weights="sentence-transformers/all-MiniLM-L6-v2",
        vision_weights="timm/tf_efficientnet_lite0.in1k",
    ),
    "paper": Preset(
        config={"text_config": _BERT_BASE, **_RESNET},
        text_weights="google-bert/bert-base-uncased",
        vision_weights="timm/resnet152.tv_in1k",
    ),
    "paper-large": Preset(
        config={
            "text_config": {
                **_BERT_BASE,
                "hidden_size": 1024,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
                "intermediate_size": 4096,
            },
            **_RESNET,
        },
        text_weights="google-bert/bert-large-uncased",
        vision_weights="timm/resnet152.tv_in1k",
    ),
}


def preset_config(name: str) -> RpBertConfig:
    """The configuration of the preset `name`; a `KeyError` for a name that is none."""
    return RpBertConfig(**PRESETS[name].config)


def read_config(source: str) -> RpBertConfig:
    """The configuration of an RpBERT checkpoint; `UserError` for anything else."""
    try:
        raw, _ = RpBertConfig.get_config_dict(source)
    except (OSError, ValueError, HFValidationError):
        raw = {}
    if not raw:
        raise UserError(
            f"There is no checkpoint at {source!r}: neither a folder with a config.json nor a model on the Hugging "
            "Face Hub that can be reached from here."
        )
    if raw.get("model_type") != RpBertConfig.model_type:
        raise UserError(
            f"The checkpoint {source!r} is of the type {raw.get('model_type')!r}, not an RpBERT. Please give the "
            "folder or Hub id of an RpBERT checkpoint."
        )
    try:
        config = RpBertConfig.from_dict(raw)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"The config.json of {source!r} cannot be read: {error}") from error
    if config.labels != LABELS:
        raise UserError(f"The checkpoint {source!r} has other labels than O, B- and I- with {', '.join(ENTITY_TYPES)}.")
    return config
