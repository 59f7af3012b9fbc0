"""The last BERT layer, for those tokens alone that somebody reads.

Pass 1 is read at h_CLS, pass 2 at the word pieces. In the layers before the last, every token is read by the others; of
the last one, what nobody reads need not be computed: with a picture, most of it. The numbers are the same but for
rounding.
"""

from typing import Any

from torch import Tensor
from torch.nn import functional as F
from transformers.models.bert.modeling_bert import BertLayer


class LastLayer(BertLayer):
    """A `BertLayer` with the same weights, which can be asked for the first tokens only."""

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        *rest: Any,
        asked: int | None = None,
        **settings: Any,
    ) -> Tensor:
        """States (B, asked, d) of the first `asked` tokens, which read all T tokens (B, T, d); of all when None.

        Args:
            attention_mask: (B, 1, T, T), what a token may read; None where every token may read all.
        """
        attention = self.attention.self
        if attention.config._attn_implementation != "sdpa":  # somebody wants the weights of all tokens
            whole: Tensor = super().forward(hidden_states, attention_mask, *rest, **settings)
            return whole[:, :asked]
        first = hidden_states[:, :asked]
        heads = (attention.num_attention_heads, -1)
        query, key, value = (
            part.unflatten(2, heads).transpose(1, 2)  # (B, tokens, d) -> (B, heads, tokens, d / heads)
            for part in (attention.query(first), attention.key(hidden_states), attention.value(hidden_states))
        )
        mask = None if attention_mask is None else attention_mask[:, :, :asked]
        dropout = attention.dropout.p if self.training else 0.0
        read = F.scaled_dot_product_attention(query, key, value, mask, dropout)  # (B, heads, asked, d / heads)
        states: Tensor = self.feed_forward_chunk(self.attention.output(read.transpose(1, 2).flatten(2), first))
        return states
