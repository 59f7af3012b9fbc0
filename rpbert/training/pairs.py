"""At the end of an epoch: what the pair itself, its similarity and its shared words, says of whether it belongs.

Beside the large encoder, whose h_CLS cannot compare text and picture, this small head hardly learns. By itself it
learns in seconds, from cosines of maps that have not seen the pair (`CrossFit`), own pictures against others.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example
from rpbert.model.inputs import kept_lines, scene_tensors
from rpbert.model.modeling import RpBert
from rpbert.model.scene_text import COUNTS, line_counts, shared_words
from rpbert.model.texts import to_pieces
from rpbert.training.alignment import CrossFit

STEPS = 600
BATCH = 512
LEARNING_RATE = 1e-2
READ_BATCH = 64  # pictures whose words are read at a time
SWAPS = 4  # other pictures of each tweet


def pair_counts(
    tokenizer: PreTrainedTokenizerBase, limit: int, tweets: Sequence[Example], pictures: Sequence[Example]
) -> Tensor:
    """`line_counts` (B, 6) of B tweets beside B pictures, summed over the lines that the model reads."""
    rows = []
    for tweet, picture in zip(tweets, pictures, strict=True):
        lines = kept_lines(tokenizer, picture.scene, limit)
        counts = [line_counts(line, tweet.words, shared_words(tweet.words, line.text)) for line in lines]
        rows.append(torch.stack(counts).sum(dim=0) if counts else torch.zeros(COUNTS))
    return torch.stack(rows)


@torch.no_grad()
def scene_sentences(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, limit: int, pictures: Sequence[Example]
) -> Tensor:
    """`RpBert.scene_sentence` (N, d) of the words in N pictures, of which the model reads at most `limit` pieces."""
    vectors = torch.zeros(len(pictures), model.config.text.hidden_size)
    for begin in range(0, len(pictures), READ_BATCH):
        part = pictures[begin : begin + READ_BATCH]
        beside = [(picture.words, to_pieces(tokenizer, picture.words, model.config.max_pieces)) for picture in part]
        words = scene_tensors(tokenizer, limit, beside, [picture.scene for picture in part])
        ids, there = words["scene_ids"].to(model.device), (words["scene_line"] >= 0).float().to(model.device)
        scene = model.text_encoder.embeddings.word_embeddings(ids)  # (B, s, d)
        vectors[begin : begin + READ_BATCH] = model.scene_sentence(scene, there).cpu()
    return vectors


def fit_belongs(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Example], folds: CrossFit, seed: int
) -> None:
    """Fit what the pair head says of `belongs`, in place.

    Every tweet comes with its own picture and with `SWAPS` others of its fold, both kinds weighted alike.
    """
    assert model.matching is not None
    generator = torch.Generator().manual_seed(seed)
    fold = folds.fold[folds.rows(pairs)]  # (N,)
    others: list[int] = []
    for row in range(len(pairs)):
        candidates = (fold == fold[row]).nonzero().squeeze(1)
        others += candidates[torch.randint(len(candidates), (SWAPS,), generator=generator)].tolist()
    tweets = [*pairs, *(pair for pair in pairs for _ in range(SWAPS))]
    shown = [*range(len(pairs)), *others]  # whose picture
    pictures = [pairs[index] for index in shown]
    limit = model.config.scene_pieces if model.config.scene_text else 0
    said = scene_sentences(model.eval(), tokenizer, limit, pairs)  # (N, d)
    said_cosines = (folds.texts[folds.rows(tweets)] * said[shown]).sum(dim=1)  # (M,)
    cosines = torch.stack([folds.cosines(tweets, pictures), said_cosines], dim=1)  # (M, 2)
    counts = pair_counts(tokenizer, limit, tweets, pictures)
    numbers = model.matching.pair_numbers(cosines, counts).to(model.device)  # (M, 8)
    same = [tweet.picture == picture.picture for tweet, picture in zip(tweets, pictures, strict=True)]
    labels = torch.tensor(same, device=model.device).long()
    weight = torch.stack([1 / (len(labels) - labels.sum()), 1 / labels.sum()])
    head = model.matching.pair_head
    for layer in (head[0], head[2]):
        assert isinstance(layer, nn.Linear)
        layer.reset_parameters()
    head.requires_grad_(True)
    optimizer = torch.optim.Adam(head.parameters(), LEARNING_RATE)
    for _ in range(STEPS):
        rows = torch.randint(len(labels), (BATCH,), generator=generator)
        loss = F.cross_entropy(model.matching.belongs_logits(numbers[rows]), labels[rows], weight=weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
