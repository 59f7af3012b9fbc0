"""Two more vectors per word for the BiLSTM, as in the paper's "hybrid" word embeddings; both off by default.

- *Characters*: a BiLSTM reads the word letter by letter (Lample et al., NAACL 2016), case included, which an uncased
  BERT does not see.
- *Static vectors*: a row per word of a word2vec or GloVe table, never trained. The words are `config.static_words` and
  the rows are weights of the checkpoint, which therefore needs no other file.
"""

import string
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from rpbert.model.configuration import RpBertConfig

ALPHABET = string.ascii_letters + string.digits + string.punctuation
CODE = {character: code for code, character in enumerate(ALPHABET, start=2)}
PADDING, UNKNOWN = 0, 1
CHARACTER_WIDTH = 25  # numbers per character, as in Lample et al.
MAX_LENGTH = 30  # characters read of a word


class WordFeatures(nn.Module):
    """Extra vectors (B, W, `size`) of words; no weights, and `size` 0, where the configuration asks for none."""

    def __init__(self, config: RpBertConfig) -> None:
        super().__init__()
        self.size = config.character_size + config.static_size
        self.characters: nn.Embedding | None = None
        if config.character_size:
            self.characters = nn.Embedding(len(ALPHABET) + 2, CHARACTER_WIDTH, padding_idx=PADDING)
            self.speller = nn.LSTM(CHARACTER_WIDTH, config.character_size // 2, batch_first=True, bidirectional=True)
        self.static: nn.Embedding | None = None
        if config.static_size:
            self.row = {word: row for row, word in enumerate(config.static_words, start=1)}
            self.static = nn.Embedding(len(self.row) + 1, config.static_size, padding_idx=0)  # row 0: unknown, zeros
            self.static.requires_grad_(False)

    def reset_parameters(self) -> None:
        """Characters that differ enough for the LSTM: the 0.02 of `transformers` would leave them all alike."""
        if self.characters is not None:
            nn.init.normal_(self.characters.weight, std=0.5)

    @torch.no_grad()
    def set_static(self, vectors: Tensor) -> None:
        """Fill the table with the vectors (words, static_size) of `config.static_words`."""
        assert self.static is not None
        self.static.weight[0] = 0.0
        self.static.weight[1:] = vectors

    def inputs(self, tweets: Sequence[Sequence[str]]) -> dict[str, Tensor]:
        """What the model's `forward` needs to know of the words of B tweets; empty where it needs nothing.

        Returns:
            `characters` (B, W, k): codes of each word's first characters, 0 behind the word and behind the tweet.
            `static_ids` (B, W): its row in the static table, 0 where it has none.
        """
        width = max(len(words) for words in tweets)
        tensors = {}
        if self.characters is not None:
            tensors["characters"] = torch.full((len(tweets), width, MAX_LENGTH), PADDING)
            for row, words in enumerate(tweets):
                for column, word in enumerate(words):
                    codes = [CODE.get(character, UNKNOWN) for character in word[:MAX_LENGTH]] or [UNKNOWN]
                    tensors["characters"][row, column, : len(codes)] = torch.tensor(codes)
        if self.static is not None:
            rows = [[self.row.get(word, self.row.get(word.lower(), 0)) for word in words] for words in tweets]
            tensors["static_ids"] = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        return tensors

    def forward(self, characters: Tensor | None, static_ids: Tensor | None) -> list[Tensor]:
        """Vectors (B, W, character_size) and (B, W, static_size), whichever there are; see `inputs`."""
        vectors = []
        if self.characters is not None:
            assert characters is not None, "this model also reads characters: give it `WordFeatures.inputs`"
            vectors.append(self._spell(self.characters, characters))
        if self.static is not None:
            assert static_ids is not None, "this model also reads static vectors: give it `WordFeatures.inputs`"
            vectors.append(self.static(static_ids))
        return vectors

    def _spell(self, embedding: nn.Embedding, characters: Tensor) -> Tensor:
        lengths = (characters != PADDING).sum(dim=2)  # (B, W)
        real = lengths > 0
        letters = embedding(characters[real])  # (N, k, CHARACTER_WIDTH) of the N words that are there
        packed = pack_padded_sequence(letters, lengths[real].cpu(), batch_first=True, enforce_sorted=False)
        last = self.speller(packed)[1][0].transpose(0, 1).flatten(1)  # (2, N, c / 2) -> (N, c), both directions' last
        vectors = last.new_zeros(*characters.shape[:2], last.shape[1])
        vectors[real] = last
        return vectors
