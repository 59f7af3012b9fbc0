"""RpBERT (Sun et al., AAAI 2021): two passes through one BERT, the second gated by what the first believes.

    pass 1: BERT([CLS] pieces [SEP] ; V)      -> h_CLS -> relation logits -> g
    pass 2: BERT([CLS] pieces [SEP] ; g * V)  -> piece states -> mean per word -> BiLSTM -> Linear -> CRF

V are the 49 regions of the picture and, with `config.scene_text`, the pieces of the words in it. The gate g is
P(image adds), or with `config.belongs` P(image belongs and adds).

Shapes: B batch, n word pieces, W words, R = 49 regions, K lines of words in a picture, s their pieces, v = 49 + s
visual tokens, C channels of the CNN, d hidden size, L labels. In the paper's presets the arithmetic is that of the
authors' 2022 code; where it differs by choice, the docstring says so. Their names for these parts: `encoder_t` is
`text_encoder`, `encoder_v` is `region_encoder`, `proj` is `projection`, `aux_head` is `image_adds_head`, `rnn` is
`bilstm`, `head` is `emission_head`, `crf` is `crf`.
"""

import math
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import BertModel, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from rpbert.errors import UserError
from rpbert.model.configuration import GRID, REGIONS, RELATIONS, RpBertConfig, read_config
from rpbert.model.crf import Crf
from rpbert.model.gates import Gate, closes_regions, gate_value
from rpbert.model.inputs import Embedded, Pictures, Texts, once
from rpbert.model.last_layer import LastLayer
from rpbert.model.matching import Matching, masked_mean
from rpbert.model.outputs import Relation, RpBertOutput
from rpbert.model.texts import CASES, word_means
from rpbert.model.vision import RegionEncoder
from rpbert.model.word_features import WordFeatures


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
        self.text_encoder.encoder.layer[-1] = LastLayer(config.text, config.text.num_hidden_layers - 1)
        self.case_embeddings = nn.Embedding(len(CASES), hidden) if config.case_features else None
        self.region_encoder = RegionEncoder(config)
        # Every region goes through this one module once per forward, so that a Captum hook on it sees both passes.
        self.region_map = nn.Identity()
        self.projection = nn.Linear(config.region_channels, hidden)
        self.image_adds_head = nn.Linear(hidden, 2)
        self.text_represented_head = nn.Linear(hidden, 2)
        self.belongs_head = nn.Linear(hidden, 2) if config.belongs else None
        self.matching = Matching(config) if config.matching else None
        # Added to every piece of the words in a picture, and to the pieces of a tweet whose word stands in the picture.
        self.scene_vector = nn.Parameter(torch.zeros(hidden)) if config.scene_text else None
        self.echo_vector = nn.Parameter(torch.zeros(hidden)) if config.scene_text else None
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
        config = read_config(str(source))
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

    # ---- the parts of a pass --------------------------------------------------------------------------------------

    def embed(self, texts: Texts, pictures: Pictures) -> Embedded:
        """Pieces and pictures as the vectors that both passes read."""
        word_embeddings = self.text_encoder.embeddings.word_embeddings
        words = word_embeddings(texts.input_ids)  # (B, n, d)
        regions = once(pictures.regions)  # (B, 49, C), or (1, 49, C) of copies
        feature_map = regions.transpose(1, 2).unflatten(2, (GRID, GRID))  # as Grad-CAM wants it: (B, C, 7, 7)
        regions = self.region_map(feature_map).flatten(2).transpose(1, 2)  # and back: (B, 49, C)
        visual = self.projection(regions) * pictures.cells.unsqueeze(2)  # (B, 49, d)
        visible = pictures.present.unsqueeze(1).expand(-1, REGIONS)  # (B, 49)
        echo = words.new_zeros(*words.shape[:2], 1)
        scene, scene_there = words.new_zeros(len(words), 0, words.shape[2]), words.new_zeros(len(words), 0)
        if self.scene_vector is not None:
            line = pictures.scene_line.clamp(min=0)  # (B, s)
            there = pictures.lines.gather(1, line) if line.numel() else line.to(words.dtype)  # (B, s)
            scene = word_embeddings(pictures.scene_ids)  # (B, s, d)
            visual = torch.cat([visual, (scene + self.scene_vector) * there.unsqueeze(2)], dim=1)
            real = (pictures.scene_line >= 0) & pictures.present.unsqueeze(1)  # (B, s)
            visible = torch.cat([visible, real], dim=1)
            scene_there = there * real
            standing = (pictures.echo * pictures.lines.unsqueeze(1)).sum(dim=2, keepdim=True)  # (B, n or 1, 1)
            echo = echo + standing.clamp(max=1.0)
        counts = (pictures.line_counts * pictures.lines.unsqueeze(2)).sum(dim=1)  # (B, 6)
        pooled = (pictures.cells.unsqueeze(1) @ regions).squeeze(1) / REGIONS  # (B, 1, 49) @ (B, 49, C) -> (B, C)
        return Embedded(words, visual, visible, echo, pooled, counts, scene, scene_there)

    def with_case(self, words: Tensor, case_ids: Tensor | None) -> Tensor:
        """Word embeddings (B, n, d), plus how the pieces (B, n) are written with `config.case_features`."""
        if self.case_embeddings is None:
            return words
        assert case_ids is not None, "a model with case features needs case_ids"
        return words + self.case_embeddings(case_ids)

    def encode(
        self,
        pieces: Tensor,
        attention_mask: Tensor,
        visual: Tensor | None,
        visible: Tensor | None,
        asked: int | None = None,
    ) -> Tensor:
        """One BERT pass over the pieces and, where `visible`, the visual tokens.

        Token k of a row with n pieces stands at position n + k whatever the padding: a batched row equals the single
        one, and at batch size 1 the positions are the authors'. Their batches put all regions behind the padding.

        Args:
            pieces: (B, n, d). attention_mask: (B, n). visual: (B, v, d) or None for text only. visible: (B, v) bool.
            asked: how many pieces' states are wanted, from the first on; all n when None.

        Returns:
            Hidden states (B, asked, d) of the pieces.
        """
        asked = asked or pieces.shape[1]
        positions = torch.arange(pieces.shape[1], device=pieces.device).expand_as(attention_mask)  # (B, n)
        segments = torch.zeros_like(attention_mask)
        mask = attention_mask
        if visual is not None:
            assert visible is not None
            pieces = torch.cat([pieces, visual], dim=1)  # (B, n + v, d)
            offsets = torch.arange(visual.shape[1], device=pieces.device)
            behind = attention_mask.sum(dim=1, keepdim=True) + offsets  # (B, v)
            limit = self.config.text.max_position_embeddings - 1
            positions = torch.cat([positions, behind.clamp(max=limit)], dim=1)  # clamped only where masked anyway
            segments = torch.cat([segments, torch.ones_like(behind)], dim=1)
            mask = torch.cat([mask, visible.to(mask.dtype)], dim=1)
        states: Tensor = self.text_encoder(  # `asked` is for its last layer
            inputs_embeds=pieces, attention_mask=mask, token_type_ids=segments, position_ids=positions, asked=asked
        ).last_hidden_state
        return states

    def relate(self, texts: Texts, embedded: Embedded, cosine: Tensor | None = None) -> Relation:
        """Pass 1: what `relation_terms` gives, added up and calibrated."""
        from_cls, from_pair, cosines = self.relation_terms(texts, embedded, cosine)
        logits = [self.calibrated(a + b, task) for a, b, task in zip(from_cls, from_pair, RELATIONS, strict=True)]
        cosine = None if cosines is None else cosines[:, 0]
        return Relation(logits[0] if self.config.belongs else None, logits[1], logits[2], cosine)

    def relation_terms(
        self, texts: Texts, embedded: Embedded, cosine: Tensor | None = None
    ) -> tuple[list[Tensor], list[Tensor], Tensor | None]:
        """The logits (B, 2) of the `RELATIONS` in two terms, and the cosines (B, 2) of the matching vectors.

        One term is read at h_CLS as in the paper. The other comes from the pair itself, with `config.matching`; see
        `rpbert.model.matching`. The cosines are the tweet's with the picture, and with the words in the picture. What
        the configuration leaves out is zero, or None.

        Args:
            cosine: (B,) in place of the first of the two. Training gives that of vectors which have not seen
                these pairs: of those that have, it is too large.
        """
        open_gate = embedded.words.new_ones(len(embedded.words))
        pieces = self.with_case(self._echoed(embedded, open_gate), texts.case_ids)
        h_cls = self.encode(pieces, texts.attention_mask, embedded.visual, embedded.visible, 1)[:, 0]  # (B, d)
        nothing = h_cls.new_zeros(len(h_cls), 2)
        heads = (self.belongs_head, self.image_adds_head, self.text_represented_head)
        from_cls = [nothing if head is None else head(h_cls) for head in heads]
        if self.matching is None:
            return from_cls, [nothing] * len(heads), None
        tweet = self.sentence_vector(texts, embedded.words)  # (B, d)
        picture = self.matching.picture_map(embedded.pooled)  # (B, d)
        said = self.scene_sentence(embedded.scene, embedded.scene_there)  # (B, d)
        if cosine is None:
            cosine = (tweet * picture).sum(dim=1)  # (B,)
        cosines = torch.stack([cosine, (tweet * said).sum(dim=1)], dim=1)  # (B, 2)
        numbers = self.matching.pair_numbers(cosines, embedded.counts)  # (B, 8)
        others = self.matching.vector_logits(torch.stack([tweet, picture, said], dim=1), numbers)  # (B, 4)
        return from_cls, [self.matching.belongs_logits(numbers), *others.split(2, dim=1)], cosines

    def calibrated(self, logits: Tensor, task: str) -> Tensor:
        """Logits (B, 2) of a relation: over its temperature, its bias added to "yes" (evaluation/calibration.py).

        Training shows as many swapped pictures as own ones, so "yes" to `belongs` also gets the log-odds of the prior.
        """
        temperature, bias = (getattr(self.config, f"{task}_{number}") for number in ("temperature", "bias"))
        if task == "belongs":
            prior = self.config.belongs_prior
            bias += math.log(prior / (1 - prior))
        return logits / temperature + logits.new_tensor([0.0, bias])

    def sentence_vector(self, texts: Texts, words: Tensor) -> Tensor:
        """Unit vectors (B, d) of tweets, from word embeddings (B, n, d) alone; see `rpbert.model.matching`."""
        return self._tower(words, texts.attention_mask)

    def scene_sentence(self, scene: Tensor, there: Tensor) -> Tensor:
        """Vectors (B, d) of the words in pictures, read as one sentence; see `Embedded`.

        Of length 1, and 0 where there are none. In between it grows with what is there, so that what integrates over a
        picture that fades in meets no jump.
        """
        if scene.shape[1] == 0:
            return scene.new_zeros(len(scene), scene.shape[2])
        return self._tower(scene, there) * there.amax(dim=1, keepdim=True)

    def _tower(self, words: Tensor, weights: Tensor) -> Tensor:
        """The sentence tower: word embeddings (B, n, d), weighted by (B, n), to unit vectors (B, d)."""
        assert self.matching is not None
        copies = len(words)
        if len(once(words)) == len(once(weights)) == 1:
            words, weights = words[:1], weights[:1]
        states: Tensor = self.text_encoder.embeddings(inputs_embeds=words)
        hidden = weights[:, None, None, :] == 0  # (B, 1, 1, n), for every head and every asking piece
        mask = torch.zeros_like(hidden, dtype=states.dtype).masked_fill(hidden, torch.finfo(states.dtype).min)
        for layer in [*self.lower_layers, *self.matching.sentence_layers]:
            states = layer(states, mask)
        return F.normalize(masked_mean(states, weights), dim=1).expand(copies, -1)

    @property
    def lower_layers(self) -> nn.ModuleList:
        """The layers that the text encoder shares with the sentence tower."""
        return self.text_encoder.encoder.layer[: self.config.matching_layer]

    def read(
        self, texts: Texts, embedded: Embedded | None, factor: Tensor, closed: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Pass 2: states (B, >= n, d), emissions (B, W, L) and word mask (B, W).

        Args:
            embedded: None reads the text alone.
            factor: (B,) on the visual tokens. closed: (B,) bool, rows whose visual tokens are masked out of attention.
        """
        assert texts.word_index is not None
        if embedded is None:
            words = self.text_encoder.embeddings.word_embeddings(texts.input_ids)
            states = self.encode(self.with_case(words, texts.case_ids), texts.attention_mask, None, None)
        else:
            pieces = self.with_case(self._echoed(embedded, factor), texts.case_ids)
            visible = embedded.visible & ~closed.unsqueeze(1)
            states = self.encode(pieces, texts.attention_mask, factor.view(-1, 1, 1) * embedded.visual, visible)
        return states, *self.emit(states, texts.word_index, texts.characters, texts.static_ids)

    def _echoed(self, embedded: Embedded, factor: Tensor) -> Tensor:
        """Word embeddings (B, n, d), marked by `factor` (B,) where a word also stands in the picture."""
        if self.echo_vector is None:
            return embedded.words
        return embedded.words + factor.view(-1, 1, 1) * embedded.echo * self.echo_vector

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
        cosine: Tensor | None = None,
        **words: Tensor,
    ) -> RpBertOutput:
        """Relation, gate and emissions of a batch given as single tensors, as batches of training are.

        Args:
            input_ids ... static_ids: the fields of `Texts`; without `word_index` pass 2 is left out.
            regions: (B, 49, C), or None when no row has a picture. has_picture: (B,) bool, all True when None.
            gate: see `rpbert.model.gates`. cosine: as in `relate`.
            words: from `collate_scenes`, the words in the pictures.
        """
        texts = Texts(input_ids, attention_mask, word_index, case_ids, characters, static_ids)
        pictures = None if regions is None else Pictures.of(regions, has_picture, **words)
        return self.run(texts, pictures, gate, cosine)

    def run(
        self, texts: Texts, pictures: Pictures | None, gate: Gate = "soft", cosine: Tensor | None = None
    ) -> RpBertOutput:
        """As `forward`, of tweets and pictures; None reads the texts alone."""
        if pictures is None:
            assert texts.word_index is not None, "without pictures only the NER task can run"
            nothing = torch.zeros(len(texts.input_ids), device=texts.input_ids.device)
            states, emissions, word_mask = self.read(texts, None, nothing, nothing.bool())
            return RpBertOutput(emissions=emissions, word_mask=word_mask, states=states, gate=nothing)
        embedded = self.embed(texts, pictures)
        return self.two_passes(texts, embedded, embedded, gate, cosine)

    def two_passes(
        self, texts: Texts, first: Embedded, second: Embedded, gate: Gate = "soft", cosine: Tensor | None = None
    ) -> RpBertOutput:
        """Pass 1 reads `first` and so decides the gate; pass 2 reads `second`.

        Changing one of them alone shows what goes through the gate's value and what through the gated content.
        """
        # A detached gate needs no graph through pass 1, unless the relation itself is being trained or explained.
        detach = self.training and self.config.detach_gate and texts.word_index is not None
        with torch.set_grad_enabled(torch.is_grad_enabled() and not detach):
            relation = self.relate(texts, first, cosine)
        factor = gate_value(gate, relation.gate_logits, self.training) * first.visible[:, 0]
        output = RpBertOutput(relation=relation, gate=factor)
        if texts.word_index is not None:
            read = self.read(texts, second, factor, closes_regions(gate, factor))
            output.states, output.emissions, output.word_mask = read
        return output
