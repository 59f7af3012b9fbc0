"""A larger tagger that reads the words alone, and that a small model learns from (Hinton et al. 2015).

It is trained on the same labelled tweets, and then reads them and others that nobody has labelled in this manner. The
small model learns, beside the labels, how probable the teacher finds every path of labels, its doubts included
(`Crf.cross_entropy`). Nothing of the teacher is in the checkpoint.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm
from transformers import (
    AutoModel,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    get_linear_schedule_with_warmup,
)

from rpbert.data.readers import Example
from rpbert.errors import UserError
from rpbert.evaluation.metrics import ner_scores
from rpbert.evaluation.prediction import best_labels
from rpbert.model.configuration import LABELS
from rpbert.model.crf import Crf
from rpbert.model.modeling import word_means
from rpbert.model.processing import CASES, collate_pieces, to_pieces
from rpbert.training.batches import Readings, ner_batches
from rpbert.training.recipe import Recipe

CACHE = "teacher.safetensors"
LIMIT = 500  # pieces: all of a tweet, so that no word that the small model reads is without a reading
BATCH = 32  # tweets at a time when it reads
DROPOUT = 0.1
HEAD_LEARNING_RATE = 1e-3


class Teaching(NamedTuple):
    """What a teacher has to say."""

    crf: Crf
    readings: Readings

    def labels(self, tweet: Example) -> tuple[str, ...]:
        """The labels that it finds most probable, one per word."""
        emissions = self.readings[tweet.words].unsqueeze(0)  # (1, W, L)
        (labels,) = best_labels(self.crf, emissions, torch.ones(emissions.shape[:2], dtype=torch.bool))
        return labels + ("O",) * (len(tweet.words) - len(labels))  # words that did not fit

    def strict_f1(self, tweets: Sequence[Example]) -> float:
        """Strict F1 of its labels, as in `rpbert.evaluation.metrics`."""
        f1: float = ner_scores([tweet.labels or () for tweet in tweets], [*map(self.labels, tweets)])["strict"]["f1"]
        return f1


class Tagger(nn.Module):
    """An uncased encoder that is also told how the pieces are written; mean per word; linear; CRF."""

    def __init__(self, encoder: PreTrainedModel) -> None:
        super().__init__()
        self.encoder = encoder
        hidden = encoder.config.hidden_size
        self.case_embeddings = nn.Embedding(len(CASES), hidden)
        nn.init.normal_(self.case_embeddings.weight, std=0.02)
        self.dropout = nn.Dropout(DROPOUT)
        self.emission_head = nn.Linear(hidden, len(LABELS))
        self.crf = Crf(LABELS)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, word_index: Tensor, case_ids: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Pieces (B, n) to emissions (B, W, L), float32, and the word mask (B, W)."""
        words = self.encoder.get_input_embeddings()
        embeddings = words(input_ids) + self.case_embeddings(case_ids)  # (B, n, d)
        states = self.encoder(inputs_embeds=embeddings, attention_mask=attention_mask).last_hidden_state
        vectors, word_mask = word_means(states, word_index)
        return self.emission_head(self.dropout(vectors)).float(), word_mask


def load_tagger(weights: str) -> tuple[Tagger, PreTrainedTokenizerBase]:
    """A pretrained encoder (folder or Hub id) with a new head, and its tokenizer; `UserError` when it cannot be had."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(weights)
        encoder = AutoModel.from_pretrained(weights, add_pooling_layer=False, dtype=torch.float32)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"The teacher's weights {weights!r} cannot be loaded: {error}") from error
    return Tagger(encoder), tokenizer


def train_tagger(
    tagger: Tagger,
    tokenizer: PreTrainedTokenizerBase,
    tweets: Sequence[Example],
    recipe: Recipe,
    accelerator: Accelerator,
) -> None:
    """Learn the labelled tweets as they are written, their pictures left alone, in place."""
    settings, seed = replace(recipe.multitask, hashtags=0.0), recipe.seed
    words_only = [replace(tweet, picture=None) for tweet in tweets]

    def batches(epoch: int) -> list[dict[str, Tensor]]:
        generator = torch.Generator().manual_seed(1000 * seed + epoch)
        return [batch.tensors for batch in ner_batches(words_only, tokenizer, LIMIT, settings, generator)]

    new = [tagger.case_embeddings, tagger.emission_head, tagger.crf]
    groups = [
        {"params": list(tagger.encoder.parameters()), "lr": recipe.teacher.learning_rate},
        {"params": [parameter for module in new for parameter in module.parameters()], "lr": HEAD_LEARNING_RATE},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)
    steps = recipe.teacher.epochs * len(batches(0))
    schedule = get_linear_schedule_with_warmup(optimizer, int(settings.warmup * steps), steps)
    tagger.train()
    for epoch in range(recipe.teacher.epochs):
        for tensors in tqdm(batches(epoch), desc=f"teacher, epoch {epoch + 1}", unit="batch"):
            inputs = {name: tensor.to(accelerator.device) for name, tensor in tensors.items()}
            labels = inputs.pop("labels")
            with accelerator.autocast():
                emissions, word_mask = tagger(**inputs)
            loss = -tagger.crf.log_likelihood(emissions, labels, word_mask).mean()
            loss.backward()
            nn.utils.clip_grad_norm_(tagger.parameters(), settings.clip)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()


@torch.no_grad()
def read_tweets(
    tagger: Tagger, tokenizer: PreTrainedTokenizerBase, tweets: Sequence[Example], accelerator: Accelerator
) -> list[Tensor]:
    """The tagger's emissions (W, L) of each tweet, W the words that fit; leaves it in eval mode."""
    tagger.eval()
    pieces = [to_pieces(tokenizer, tweet.words, LIMIT) for tweet in tweets]
    order = sorted(range(len(tweets)), key=lambda index: len(pieces[index].input_ids))
    found: dict[int, Tensor] = {}
    for begin in tqdm(range(0, len(order), BATCH), desc="teacher reads", unit="batch"):
        rows = order[begin : begin + BATCH]
        inputs = collate_pieces([pieces[row] for row in rows])
        with accelerator.autocast():
            emissions, mask = tagger(**{name: tensor.to(accelerator.device) for name, tensor in inputs.items()})
        for row, words, fits in zip(rows, emissions.cpu(), mask.cpu(), strict=True):
            found[row] = words[fits]
    return [found[row] for row in range(len(tweets))]


def teach(recipe: Recipe, sets: dict[str, Any], weights: str, folder: Path, accelerator: Accelerator) -> Teaching:
    """What a teacher, trained on the labelled tweets of `sets`, reads in all of them.

    Kept in `folder`, so that a resumed run has the same teacher. The unlabelled tweets become tweets of `sets` with the
    teacher's most probable labels. The dev sets are read too, for `teacher_figures` alone.
    """
    labelled = [tweet for tweet in (*sets["tweets"], *sets["pairs"]) if tweet.labels is not None]
    every = [*labelled, *sets["unlabelled"], *(tweet for tweets in _dev(sets).values() for tweet in tweets)]
    if not (folder / CACHE).exists():
        tagger, tokenizer = load_tagger(weights)
        tagger.to(accelerator.device)
        train_tagger(tagger, tokenizer, labelled, recipe, accelerator)
        _save(folder / CACHE, tagger.crf, read_tweets(tagger, tokenizer, every, accelerator))
    teaching = _load(folder / CACHE, every)
    sets["tweets"] += [replace(tweet, labels=teaching.labels(tweet)) for tweet in sets["unlabelled"]]
    return teaching


def teacher_figures(teaching: Teaching, sets: dict[str, Any]) -> dict[str, float]:
    """The teacher's strict F1 on every dev set with names."""
    return {f"{name} strict F1": teaching.strict_f1(tweets) for name, tweets in _dev(sets).items()}


def _dev(sets: dict[str, Any]) -> dict[str, list[Example]]:
    named = {**sets["dev_tweets"], "pairs": sets["dev_pairs"]}
    return {name: tweets for name, tweets in named.items() if all(tweet.labels is not None for tweet in tweets)}


def _save(path: Path, crf: Crf, readings: Sequence[Tensor]) -> None:
    tensors = {name: tensor.detach().cpu() for name, tensor in crf.state_dict().items()}
    tensors["emissions"] = torch.cat(list(readings))  # (sum of W, L)
    tensors["words"] = torch.tensor([len(emissions) for emissions in readings])
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)


def _load(path: Path, tweets: Sequence[Example]) -> Teaching:
    tensors = load_file(path)
    readings = tensors.pop("emissions").split(tensors.pop("words").tolist())
    crf = Crf(LABELS)
    crf.load_state_dict(tensors)
    return Teaching(crf, {tweet.words: emissions for tweet, emissions in zip(tweets, readings, strict=True)})
