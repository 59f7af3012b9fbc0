"""RpBERT (Sun et al., AAAI 2021): two passes through one BERT, the second gated by what the first believes.

    pass 1: BERT([CLS] pieces [SEP] ; V)      -> h_CLS -> relation logits -> r = P(image adds)
    pass 2: BERT([CLS] pieces [SEP] ; g * V)  -> piece states -> mean per word -> BiLSTM -> Linear -> CRF

Shapes: B batch, n word pieces, W words, R = 49 regions, C channels of the CNN, d hidden size, L labels. The arithmetic
is that of the authors' 2022 code; where it differs by choice, the docstring says so. Their names for these parts:
`encoder_t` is `text_encoder`, `encoder_v` is `region_encoder`, `proj` is `projection`, `aux_head` is
`image_adds_head`, `rnn` is `bilstm`, `head` is `emission_head`, `crf` is `crf`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import BertModel, PreTrainedModel
from transformers.utils import ModelOutput
from transformers.utils.logging import disable_progress_bar

from rpbert.errors import UserError
from rpbert.model.configuration import ENTITY_TYPES, GRID, LABELS, REGIONS, RpBertConfig
from rpbert.model.crf import Crf
from rpbert.model.gates import Gate, closes_regions, gate_value
from rpbert.model.matching import Matching
from rpbert.model.processing import CASES
from rpbert.model.vision import RegionEncoder
from rpbert.model.word_features import WordFeatures


@dataclass
class RpBertOutput(ModelOutput):
    """What one forward pass found; a field is None when nothing asked for it or no picture came with the batch."""

    emissions: Tensor | None = None  # (B, W, L), logits before the CRF
    word_mask: Tensor | None = None  # (B, W) bool
    states: Tensor | None = None  # (B, >= n, d) what pass 2 makes of the pieces, with a picture also of its regions
    image_adds_logits: Tensor | None = None  # (B, 2), [does not add, adds]
    text_represented_logits: Tensor | None = None  # (B, 2), [text not shown, text shown]
    text_vector: Tensor | None = None  # (B, m), only with `config.matching`
    picture_vector: Tensor | None = None  # (B, m)
    gate: Tensor | None = None  # (B,) the factor on the regions, 0 for a row without a picture


class Relation(NamedTuple):
    """What pass 1 says of B pairs."""

    image_adds_logits: Tensor  # (B, 2), [does not add, adds]
    text_represented_logits: Tensor  # (B, 2), [text not shown, text shown]
    text_vector: Tensor | None  # (B, m) unit vectors, only with `config.matching`
    picture_vector: Tensor | None  # (B, m)


class View(NamedTuple):
    """What one pass reads of B tweets and pictures."""

    words: Tensor  # (B, n, d) word embeddings of the pieces, without case
    visual: Tensor  # (B, 49, d) visual tokens


def word_means(states: Tensor, word_index: Tensor) -> tuple[Tensor, Tensor]:
    """The mean state (B, W, d) of each word's pieces, from states (B, >= n, d), and the word mask (B, W).

    Args:
        word_index: (B, n) the word of each piece, -1 at [CLS], [SEP] and padding.
    """
    words = torch.arange(int(word_index.max()) + 1, device=states.device)
    member = word_index.unsqueeze(1) == words.view(1, -1, 1)  # (B, W, n)
    mean = member.to(states.dtype) / member.sum(dim=2, keepdim=True).clamp(min=1)
    return mean @ states[:, : word_index.shape[1]], member.any(dim=2)


class RpBert(PreTrainedModel):
    """The model; build it with `RpBert(config)` (random weights), `RpBert.from_pretrained` (trained) or
    `rpbert.model.checkpoint.from_backbones` (pretrained backbones, new heads)."""

    config_class = RpBertConfig
    base_model_prefix = "rpbert"
    main_input_name = "input_ids"
    _supports_sdpa = True
    config: RpBertConfig

    def __init__(self, config: RpBertConfig) -> None:
        super().__init__(config)
        hidden = config.text.hidden_size
        self.text_encoder = BertModel(config.text, add_pooling_layer=False)
        self.case_embeddings = nn.Embedding(len(CASES), hidden) if config.case_features else None
        self.region_encoder = RegionEncoder(config)
        # Every region goes through this one module once per forward, so that a Captum hook on it sees both passes.
        self.region_map = nn.Identity()
        self.projection = nn.Linear(config.region_channels, hidden)
        self.image_adds_head = nn.Linear(hidden, 2)
        self.text_represented_head = nn.Linear(hidden, 2)
        self.matching = Matching(hidden, config.matching_size) if config.matching else None
        self.dropout = nn.Dropout(config.dropout)
        self.word_features = WordFeatures(config)
        width = hidden + self.word_features.size
        self.bilstm = nn.LSTM(width, config.lstm_hidden, config.lstm_layers, batch_first=True, bidirectional=True)
        self.emission_head = nn.Linear(2 * config.lstm_hidden, len(config.labels))
        self.crf = Crf(config.labels, config.span_temperature)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, Crf | nn.LSTM | WordFeatures):
            module.reset_parameters()

    @classmethod
    def from_pretrained(cls, source: str | Path, **settings: Any) -> "RpBert":
        """A trained model in eval mode, float32, from a folder or a Hugging Face Hub id.

        Raises `UserError` when there is no such checkpoint, or when it is of another architecture, has other labels,
        lacks a weight or has one too many: a checkpoint never loads half.
        """
        config = _read_config(str(source))
        disable_progress_bar()  # loading takes half a second; the bar would stand in the output of every command
        try:
            model, report = super().from_pretrained(
                str(source),
                config=config,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are reported, and refused, below
                **settings,
            )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise UserError(f"The checkpoint {str(source)!r} cannot be read: {error}") from error
        wrong = {
            "that it lacks": sorted(report["missing_keys"]),
            "that the model does not know": sorted(report["unexpected_keys"]),
            "that it has in another shape": sorted(entry[0] for entry in report["mismatched_keys"]),
        }
        problems = [f"{len(names)} weights {what} ({', '.join(names[:3])})" for what, names in wrong.items() if names]
        if problems:
            raise UserError(f"The checkpoint {str(source)!r} does not fit this model: {'; '.join(problems)}.")
        trained: RpBert = model.eval()
        return trained

    # ---- the two passes -------------------------------------------------------------------------------------------

    def project(self, regions: Tensor) -> Tensor:
        """Regions (B, 49, C) to visual tokens V (B, 49, d)."""
        batch, _, channels = regions.shape
        feature_map = regions.transpose(1, 2).reshape(batch, channels, GRID, GRID)  # (B, C, 7, 7), as Grad-CAM wants it
        feature_map = self.region_map(feature_map)
        return self.projection(feature_map.flatten(2).transpose(1, 2))  # (B, 49, C) -> (B, 49, d)

    def with_case(self, words: Tensor, case_ids: Tensor | None) -> Tensor:
        """Word embeddings (B, n, d), plus how the pieces (B, n) are written with `config.case_features`."""
        if self.case_embeddings is None:
            return words
        assert case_ids is not None, "a model with case features needs case_ids"
        return words + self.case_embeddings(case_ids)

    def encode(self, pieces: Tensor, attention_mask: Tensor, visual: Tensor | None, visible: Tensor) -> Tensor:
        """One BERT pass over the pieces and, where `visible`, the regions.

        Region k of a row with n pieces stands at position n + k whatever the padding: a batched row equals the single
        one, and at batch size 1 the positions are the authors'. Their batches put all regions behind the padding.

        Args:
            pieces: (B, n, d) from `with_case`. attention_mask: (B, n). visual: (B, 49, d) or None for text only.
            visible: (B,) bool.

        Returns:
            Hidden states (B, n, d) of the pieces, or (B, n + 49, d) when regions took part.
        """
        positions = torch.arange(pieces.shape[1], device=pieces.device).expand_as(attention_mask)  # (B, n)
        segments = torch.zeros_like(attention_mask)
        mask = attention_mask
        if visual is not None:
            pieces = torch.cat([pieces, visual], dim=1)  # (B, n + 49, d)
            offsets = torch.arange(REGIONS, device=pieces.device)
            behind = attention_mask.sum(dim=1, keepdim=True) + offsets  # (B, 49)
            limit = self.config.text.max_position_embeddings - 1
            positions = torch.cat([positions, behind.clamp(max=limit)], dim=1)  # clamped only where masked anyway
            segments = torch.cat([segments, torch.ones_like(behind)], dim=1)
            mask = torch.cat([mask, visible.unsqueeze(1).expand(-1, REGIONS).to(mask.dtype)], dim=1)
        states: Tensor = self.text_encoder(
            inputs_embeds=pieces, attention_mask=mask, token_type_ids=segments, position_ids=positions
        ).last_hidden_state
        return states

    def relate(self, view: View, case_ids: Tensor | None, attention_mask: Tensor, has_picture: Tensor) -> Relation:
        """Pass 1, read at h_CLS as in the paper.

        With `config.matching` a term from the pair itself is added to the logits; see `rpbert.model.matching`. Their
        softmax, the soft gate among it, is a calibrated probability.
        """
        pieces = self.with_case(view.words, case_ids)
        h_cls = self.encode(pieces, attention_mask, view.visual, has_picture)[:, 0]  # (B, d)
        adds, represented = self.image_adds_head(h_cls), self.text_represented_head(h_cls)
        text = picture = None
        if self.matching is not None:
            text, picture = self.pair_vectors(view, attention_mask)
            extra = self.matching.relation_logits(text, picture)  # (B, 4)
            adds, represented = adds + extra[:, :2], represented + extra[:, 2:]
        adds, represented = self.calibrated(adds, "image_adds"), self.calibrated(represented, "text_represented")
        return Relation(adds, represented, text, picture)

    def calibrated(self, logits: Tensor, task: str) -> Tensor:
        """Logits (B, 2) of a relation: over its temperature, its bias added to "yes" (evaluation/calibration.py)."""
        temperature, bias = (getattr(self.config, f"{task}_{number}") for number in ("temperature", "bias"))
        return logits / temperature + logits.new_tensor([0.0, bias])

    def pair_vectors(self, view: View, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Unit vectors (B, m) of each tweet, from its words alone, and of each picture; see `rpbert.model.matching`."""
        assert self.matching is not None
        states = self.lower_states(view.words, attention_mask)
        return self.matching.text_vector(states, attention_mask), self.matching.picture_vector(view.visual)

    def lower_states(self, words: Tensor, attention_mask: Tensor) -> Tensor:
        """Word embeddings to the states (B, n, d) above `config.matching_layer` layers, without picture and case."""
        states: Tensor = self.text_encoder.embeddings(inputs_embeds=words)
        hidden = attention_mask[:, None, None, :] == 0  # (B, 1, 1, n), for every head and every asking piece
        mask = torch.zeros_like(hidden, dtype=states.dtype).masked_fill(hidden, torch.finfo(states.dtype).min)
        for layer in self.lower_layers:
            states = layer(states, mask)
        return states

    @property
    def lower_layers(self) -> nn.ModuleList:
        """The layers below `config.matching_layer`, which the matching vectors rest on."""
        return self.text_encoder.encoder.layer[: self.config.matching_layer]

    def emit(
        self, states: Tensor, word_index: Tensor, characters: Tensor | None = None, static_ids: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Piece states (B, >= n, d) to emissions (B, W, L) and the word mask (B, W).

        Args:
            word_index: as in `word_means`.
            characters: (B, W, k), static_ids: (B, W), from `WordFeatures.inputs` where the configuration asks for them.
        """
        vectors, word_mask = word_means(states, word_index)
        vectors = torch.cat([vectors, *self.word_features(characters, static_ids)], dim=2)
        packed = pack_padded_sequence(
            self.dropout(vectors), word_mask.sum(dim=1).cpu(), batch_first=True, enforce_sorted=False
        )
        hidden, _ = pad_packed_sequence(self.bilstm(packed)[0], batch_first=True)  # (B, W, 2 * lstm_hidden)
        return self.emission_head(self.dropout(hidden)), word_mask

    # ---- the whole ------------------------------------------------------------------------------------------------

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        word_index: Tensor | None = None,
        case_ids: Tensor | None = None,
        regions: Tensor | None = None,
        has_picture: Tensor | None = None,
        gate: Gate = "soft",
        characters: Tensor | None = None,
        static_ids: Tensor | None = None,
        **_: Any,
    ) -> RpBertOutput:
        """Relation, gate and emissions of a batch.

        Args:
            input_ids, attention_mask: (B, n) word pieces with [CLS] and [SEP].
            word_index: (B, n) as in `emit`; None leaves pass 2 out (the relation task alone).
            case_ids: (B, n) from `to_pieces`; not looked at without `config.case_features`.
            regions: (B, 49, C) from `RegionEncoder`, or None when no row has a picture.
            has_picture: (B,) bool, all True when None; regions of a False row are masked in both passes.
            gate: see `rpbert.model.gates`.
            characters, static_ids: as in `emit`.
        """
        words = self.text_encoder.embeddings.word_embeddings(input_ids)  # (B, n, d)
        if regions is None:
            assert word_index is not None, "without regions only the NER task can run"
            nothing = torch.zeros(len(input_ids), device=input_ids.device)
            states = self.encode(self.with_case(words, case_ids), attention_mask, None, nothing.bool())
            emissions, word_mask = self.emit(states, word_index, characters, static_ids)
            return RpBertOutput(emissions=emissions, word_mask=word_mask, gate=nothing)
        view = View(words, self.project(regions))
        return self.two_passes(
            view, view, attention_mask, word_index, case_ids, has_picture, gate, characters, static_ids
        )

    def two_passes(
        self,
        first: View,
        second: View,
        attention_mask: Tensor,
        word_index: Tensor | None = None,
        case_ids: Tensor | None = None,
        has_picture: Tensor | None = None,
        gate: Gate | Tensor = "soft",
        characters: Tensor | None = None,
        static_ids: Tensor | None = None,
    ) -> RpBertOutput:
        """As `forward`, of embedded tweets and pictures, which may differ from pass to pass.

        Pass 1 reads `first` and so decides the gate; pass 2 reads `second`. Changing one of them alone shows what goes
        through the gate's value and what through the gated content. `gate` may also be a factor (B,) for each row.
        """
        if has_picture is None:
            has_picture = torch.ones(len(attention_mask), dtype=torch.bool, device=attention_mask.device)
        # A detached gate needs no graph through pass 1, unless the relation itself is being trained or explained.
        detach = self.training and self.config.detach_gate and word_index is not None
        with torch.set_grad_enabled(torch.is_grad_enabled() and not detach):
            relation = self.relate(first, case_ids, attention_mask, has_picture)
        factor = gate_value(gate, relation.image_adds_logits, self.training) * has_picture
        output = RpBertOutput(
            image_adds_logits=relation.image_adds_logits,
            text_represented_logits=relation.text_represented_logits,
            text_vector=relation.text_vector,
            picture_vector=relation.picture_vector,
            gate=factor,
        )
        if word_index is not None:
            visible = has_picture & ~closes_regions(gate, factor)
            pieces = self.with_case(second.words, case_ids)
            states = self.encode(pieces, attention_mask, factor.view(-1, 1, 1) * second.visual, visible)
            output.emissions, output.word_mask = self.emit(states, word_index, characters, static_ids)
            output.states = states
        return output


def _read_config(source: str) -> RpBertConfig:
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
