"""Where a name's words read: attention on the 49 regions before the gate (pass 1) and after it (pass 2).

The paper looks at relation propagation in this way. Attention is a share: of all that a word piece reads in one layer
and head, the weights over pieces and regions add up to 1. Here it is the mean over the name's word pieces, all heads
and all layers, so the 49 shares of the regions and those of the pieces still add up to 1.

Attention is not attribution (Jain and Wallace 2019): it says what was read, not what raised or lowered an answer. For
that see `rpbert.explain.methods`.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rpbert.analyzer import Analyzer, Prepared
from rpbert.explain.methods import Grid
from rpbert.explain.targets import NameSpan
from rpbert.model.configuration import GRID, REGIONS
from rpbert.model.gates import Gate, parse_gate
from rpbert.model.inputs import Pictures, Texts
from rpbert.model.modeling import RpBert


@dataclass(frozen=True)
class PassAttention:
    """What a name's pieces read of the picture in one pass."""

    grid: Grid  # 7 rows of 7 from the upper left: share of the attention (0..1) on each region
    on_picture: float  # the share (0..1) on the whole picture, its words included; the rest is on the tweet's pieces


@dataclass(frozen=True)
class Attention:
    """One name's attention in both passes."""

    span: NameSpan
    before: PassAttention  # pass 1, which always sees the picture as it is
    after: PassAttention  # pass 2, which sees the gated picture; all zeros where the gate masks the regions
    uniform: float  # v / (n + v) for n pieces with [CLS] and [SEP] and v visual tokens: if all tokens were read alike
    tokens: int  # v: the 49 regions and the pieces of the words in the picture

    def sentence(self) -> str:
        """For beside the maps."""
        after = _percent(self.after.on_picture)
        if self.after.on_picture == 0:  # exactly so when masked; a softmax over visible regions is never 0
            after = "none, because the gate hides the picture"
        return (
            f"Before the gate (pass 1) {_percent(self.before.on_picture)} of this name's attention falls on the "
            f"picture, after it (pass 2) {after}; without any preference it would be {_percent(self.uniform)} "
            f"({self.tokens} of {round(self.tokens / self.uniform)} tokens are the picture's). Both shares are means "
            "over all layers and attention heads. Attention is not attribution: it says what was read, not what "
            "mattered."
        )


def attend(analyzer: Analyzer, prepared: Prepared, spans: Sequence[NameSpan], gate: Gate = "soft") -> list[Attention]:
    """The attention of each span's word pieces, all from one forward.

    Args:
        prepared: with a picture. spans: of words that were read. gate: as in `rpbert.model.gates`.

    Raises:
        UserError: an unknown gate.
    """
    assert prepared.pictures is not None, "attention to a picture needs a picture"
    assert prepared.texts.word_index is not None
    before, after = mean_attentions(analyzer.model, prepared.texts, prepared.pictures, parse_gate(gate))
    index = prepared.texts.word_index[0]  # (n,)
    tokens = len(before) - len(index)
    uniform = tokens / len(before)
    found = []
    for span in spans:
        members = (index >= span.first) & (index < span.end)  # (n,)
        assert members.any(), "a span has no words that were read"
        found.append(Attention(span, _of_pieces(before, members), _of_pieces(after, members), uniform, tokens))
    return found


@torch.no_grad()
def mean_attentions(model: RpBert, texts: Texts, pictures: Pictures, gate: Gate = "soft") -> tuple[Tensor, Tensor]:
    """Attention (n + v, n + v) in pass 1 and in pass 2 of one tweet, the mean over layers and heads.

    Row i says how token i spreads its attention, so every row adds up to 1. Tokens are the n pieces, then the v visual
    tokens: the regions, then the pieces of the words in the picture.
    """
    twin = _attentive(model)
    passes: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
        passes.append(torch.stack(output.attentions).mean(dim=(0, 2))[0])  # (layers, 1, heads, T, T) -> (T, T)

    twin.text_encoder.register_forward_hook(keep)
    twin.run(texts, pictures, gate)
    before, after = passes
    return before, after


def _attentive(model: RpBert) -> RpBert:
    """A twin of the model, on the same weights, whose BERT returns its attention.

    The usual kernel ("sdpa") never forms the weights, so BERT must be switched to "eager". That is done to a twin and
    not to the model itself, which may be answering in another thread. No weight is copied: making it takes some
    milliseconds.
    """
    bert = model.text_encoder
    shared = [*model.parameters(), *model.buffers(), *(part for part in model.children() if part is not bert)]
    twin = copy.deepcopy(model, {id(thing): thing for thing in shared})  # what stands in the memo is not copied
    twin.text_encoder.set_attn_implementation("eager")
    twin.text_encoder.config.output_attentions = True
    return twin


def _of_pieces(attention: Tensor, members: Tensor) -> PassAttention:
    """The mean of the rows of some pieces, `members` (n,) bool, in an attention (n + v, n + v)."""
    share = attention[: len(members)][members, len(members) :].mean(dim=0)  # (v,)
    grid = tuple(tuple(row) for row in share[:REGIONS].view(GRID, GRID).tolist())  # (49,) -> (7, 7)
    return PassAttention(grid, float(share.sum()))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
