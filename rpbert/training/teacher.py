"""A larger tagger that reads the words alone, and that a small model learns from (Hinton et al. 2015).

It is trained on the labelled tweets, and then reads them and many others that nobody has labelled. The small model
learns, beside the labels, how probable the teacher finds every path of labels, its doubts included
(`Crf.cross_entropy`). Nothing of the teacher is in the checkpoint.

Training takes half an hour, and so does reading 70,000 tweets. Both are kept in a folder that is named after the
tweets and the settings: a run that was killed goes on where it stopped, another with the same teacher reuses it.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from safetensors import safe_open
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
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
from rpbert.model.texts import CASES, collate_pieces, to_pieces, word_means
from rpbert.training.batches import TeacherEmissions, ner_batches
from rpbert.training.recipe import Recipe

TAGGER = "tagger.safetensors"
SHARD = 5_000  # tweets whose readings are saved together
LIMIT = 500  # pieces: all of a tweet, so that no word that the small model reads is without a reading
VITERBI_BATCH = 256  # tweets of about one length
BATCH = 64  # tweets at a time when it reads
DROPOUT = 0.1
HEAD_LEARNING_RATE = 1e-3


class Teaching(NamedTuple):
    """What a teacher has to say."""

    crf: Crf
    readings: TeacherEmissions

    def labels(self, tweets: Sequence[Example]) -> list[tuple[str, ...]]:
        """The labels that it finds most probable, one per word, of each tweet."""
        order = sorted(range(len(tweets)), key=lambda index: len(tweets[index].words))
        found: dict[int, tuple[str, ...]] = {}
        for begin in range(0, len(order), VITERBI_BATCH):
            rows = order[begin : begin + VITERBI_BATCH]
            emissions = [self.readings[tweets[row].words] for row in rows]  # (W, L) each
            mask = pad_sequence([reading.new_ones(len(reading), dtype=torch.bool) for reading in emissions], True)
            for row, labels in zip(rows, best_labels(self.crf, pad_sequence(emissions, True), mask), strict=True):
                found[row] = labels + ("O",) * (len(tweets[row].words) - len(labels))  # words that did not fit
        return [found[row] for row in range(len(tweets))]

    def strict_f1(self, tweets: Sequence[Example]) -> float:
        """Strict F1 of its labels, as in `rpbert.evaluation.metrics`."""
        f1: float = ner_scores([tweet.labels or () for tweet in tweets], self.labels(tweets))["strict"]["f1"]
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
    settings, seed = replace(recipe.multitask, tweet_batch=recipe.teacher.batch, hashtags=0.0), recipe.seed
    words_only = [replace(tweet, picture=None) for tweet in tweets]

    def batches(epoch: int) -> list[dict[str, Tensor]]:
        generator = torch.Generator().manual_seed(1000 * seed + epoch)
        return [batch.tensors for batch in ner_batches(words_only, tokenizer, LIMIT, settings, generator)]

    # Names are new to the layers, not to the vocabulary: its 23 million numbers would be a fifth of each step.
    tagger.encoder.get_input_embeddings().requires_grad_(False)
    new = [tagger.case_embeddings, tagger.emission_head, tagger.crf]
    groups = [
        {"params": [p for p in tagger.encoder.parameters() if p.requires_grad], "lr": recipe.teacher.learning_rate},
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

    Kept in a folder inside `folder`. The unlabelled tweets become tweets of `sets` with the teacher's most probable
    labels. The dev sets are read too, for `teacher_figures` alone.
    """
    labelled = [tweet for tweet in (*sets["tweets"], *sets["pairs"], *sets["taught"]) if tweet.labels is not None]
    every = [*labelled, *sets["unlabelled"], *(tweet for tweets in _dev(sets).values() for tweet in tweets)]
    kept = folder / f"teacher-{_fingerprint(recipe, labelled)}"
    shards = [every[begin : begin + SHARD] for begin in range(0, len(every), SHARD)]
    files = [kept / f"readings-{_text_hash(shard)}.safetensors" for shard in shards]
    if not all(file.exists() for file in files):
        tagger, tokenizer = load_tagger(weights)
        tagger.to(accelerator.device)
        if (kept / TAGGER).exists():
            load_model(tagger, kept / TAGGER)
        else:
            train_tagger(tagger, tokenizer, labelled, recipe, accelerator)
            save_whole(kept / TAGGER, lambda file: save_model(tagger, str(file)))
        for file, shard in zip(files, shards, strict=True):
            if not file.exists():
                _save_readings(file, read_tweets(tagger, tokenizer, shard, accelerator))
    readings = [reading for file in files for reading in _load_readings(file)]
    teaching = Teaching(_load_crf(kept / TAGGER), dict(zip((t.words for t in every), readings, strict=True)))
    sets["tweets"] += sets["taught"]
    read = zip(sets["unlabelled"], teaching.labels(sets["unlabelled"]), strict=True)
    sets["unlabelled"] = [replace(tweet, labels=labels) for tweet, labels in read]
    return teaching


def teacher_figures(teaching: Teaching, sets: dict[str, Any]) -> dict[str, float]:
    """The teacher's strict F1 on every dev set with names."""
    return {f"{name} strict F1": teaching.strict_f1(tweets) for name, tweets in _dev(sets).items()}


def _dev(sets: dict[str, Any]) -> dict[str, list[Example]]:
    named = {**sets["dev_tweets"], "pairs": sets["dev_pairs"]}
    return {name: tweets for name, tweets in named.items() if all(tweet.labels is not None for tweet in tweets)}


def _fingerprint(recipe: Recipe, labelled: Sequence[Example]) -> str:
    """Of all that decides what the teacher learns."""
    settings = (
        replace(recipe.teacher, share=0.0, unlabelled=[], lines=[], per_epoch=0),
        recipe.seed,
        recipe.multitask.lower_cased,
    )
    known = repr((settings, [tweet.labels for tweet in labelled]))
    return hashlib.sha256(f"{known}{_text_hash(labelled)}".encode()).hexdigest()[:12]


def _text_hash(tweets: Sequence[Example]) -> str:
    text = repr([tweet.words for tweet in tweets])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def save_whole(path: Path, save: Callable[[Path], None]) -> None:
    """Save by renaming: a file that is there is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    save(new)
    new.rename(path)


def _save_readings(path: Path, readings: Sequence[Tensor]) -> None:
    """In float16: a third decimal of a logit is enough for a small model."""
    emissions = torch.cat(list(readings)).half()  # (sum of W, L)
    words = torch.tensor([len(reading) for reading in readings])
    save_whole(path, lambda file: save_file({"emissions": emissions, "words": words}, file))


def _load_readings(path: Path) -> list[Tensor]:
    tensors = load_file(path)
    return [reading.float() for reading in tensors["emissions"].split(tensors["words"].tolist())]


def _load_crf(path: Path) -> Crf:
    crf = Crf(LABELS)
    with safe_open(path, framework="pt") as file:
        crf.load_state_dict({name: file.get_tensor(f"crf.{name}") for name in crf.state_dict()})
    return crf
