"""The stage before the two tasks: which words do a picture's regions go with?

Both backbones stay frozen, so that an epoch takes a second. First the projection becomes a map from a region to the
word embeddings of its likely ImageNet class names. Then the picture map of `rpbert.model.matching` is trained
contrastively against the sentence vectors of captions and tweets.

The similarity of pairs that a map was trained on is larger than that of new ones, and what learned from it would trust
it too much. So beside the map that is kept, one is trained for each of some folds of the pairs without that fold, and
the relation learns from the cosines of the folds' maps (cross-fitting): `CrossFit`.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from timm.data import ImageNetInfo
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Caption, Example
from rpbert.data.regions import RegionStore
from rpbert.errors import UserError
from rpbert.model.inputs import Texts
from rpbert.model.matching import Matching, contrastive_loss
from rpbert.model.modeling import RpBert
from rpbert.model.texts import collate_pieces, split_words, to_pieces
from rpbert.training.recipe import Alignment, Recipe

FIT_PICTURES = 3000  # pictures whose 49 regions the class-name map is fitted on
RIDGE = 1e-2
CAPTION_DROPOUT = 0.1  # of the captions' vectors: they say what is seen, so less than of the tweets'


@dataclass(frozen=True)
class CrossFit:
    """Vectors of N pairs by maps that have not seen them; two pairs can be compared when they are of one fold."""

    texts: Tensor  # (N, d)
    pictures: Tensor  # (N, d)
    fold: Tensor  # (N,)
    row: dict[tuple[str, Path | None], int]  # of the pair with an id and a picture; ids are those of one file

    def cosines(self, texts: Sequence[Example], pictures: Sequence[Example]) -> Tensor:
        """Cosine (B,) of each tweet and each picture, which belong to pairs of the same fold."""
        mine, other = self.rows(texts), self.rows(pictures)
        assert torch.equal(self.fold[mine], self.fold[other]), "no map has seen neither of the two"
        return (self.texts[mine] * self.pictures[other]).sum(dim=1)

    def rows(self, pairs: Sequence[Example]) -> Tensor:
        """Rows (B,) of some pairs."""
        return torch.tensor([self.row[pair.id, pair.picture] for pair in pairs])


def run_alignment(
    model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    store: RegionStore,
    sets: dict[str, Any],
    recipe: Recipe,
    classifier: tuple[Tensor, Tensor],
) -> tuple[list[float], CrossFit]:
    """The whole stage, in place, after `begin_matching` and `set_class_vectors`.

    Args:
        sets: as `rpbert.training.sets.read_sets` gives them. classifier: as for `class_name_projection`.

    Returns:
        The mean loss of each epoch (nats), and the folds' vectors of all tweets with pictures.
    """
    settings, matching = recipe.alignment, _matching(model)
    class_name_projection(model, tokenizer, store, classifier)
    pairs = [*sets["pairs"], *(tweet for tweet in sets["tweets"] if tweet.picture is not None)]
    captions = [matches_of(model, tokenizer, store, sets["captions"], CAPTION_DROPOUT)] if sets["captions"] else []
    tweets = matches_of(model, tokenizer, store, pairs, settings.text_dropout)
    folds = cross_fit(matching, captions, tweets, pairs, settings, recipe.seed)
    return list(align(matching, captions, tweets, settings, recipe.seed)), folds


def class_names() -> list[str]:
    """The first name of each of the 1,000 ImageNet classes."""
    info = ImageNetInfo("imagenet-1k")
    return [info.index_to_description(index).split(",")[0] for index in range(info.num_classes())]


def class_name_projection(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, store: RegionStore, classifier: tuple[Tensor, Tensor]
) -> None:
    """Set `model.projection` to the ridge regression from regions to mixtures of class-name embeddings.

    A region's target is the mean word embedding of each ImageNet class name, weighted by the probability that the
    CNN's own classifier (weight (1000, C), bias (1000,)) gives the class at that region. The map is scaled so that a
    projected region is as long as a word embedding.
    """
    table = model.text_encoder.embeddings.word_embeddings.weight.detach().cpu()  # (vocabulary, d)
    pieces = [tokenizer(name, add_special_tokens=False)["input_ids"] for name in class_names()]
    vectors = torch.stack([table[ids].mean(dim=0) for ids in pieces])  # (1000, d)
    step = max(1, len(store.table) // FIT_PICTURES)
    regions = store.table[::step].float().flatten(0, 1)  # (pictures, 49, C) -> (N, C)
    weight, bias = classifier
    targets = F.linear(regions, weight, bias).softmax(dim=1) @ vectors  # (N, d)
    centre, middle = regions.mean(dim=0), targets.mean(dim=0)
    centred = regions - centre
    gram = centred.T @ centred  # (C, C)
    gram += RIDGE * gram.diagonal().mean() * torch.eye(len(gram))
    solution = torch.linalg.solve(gram, centred.T @ (targets - middle)).T  # (d, C)
    offset = middle - solution @ centre
    scale = table.norm(dim=1).mean() / F.linear(regions, solution, offset).norm(dim=1).mean()
    with torch.no_grad():
        model.projection.weight.copy_(scale * solution)
        model.projection.bias.copy_(scale * offset)


def begin_matching(model: RpBert, classifier: tuple[Tensor, Tensor]) -> None:
    """Fill in what matching takes over as it is: the layers of the tower and the CNN's classifier.

    The head that reads the vectors says nothing until it is fitted (`rpbert/training/vectors.py`).
    """
    matching = _matching(model)
    nn.init.zeros_(matching.vector_head.weight)
    nn.init.zeros_(matching.vector_head.bias)
    upper = model.text_encoder.encoder.layer[model.config.matching_layer :]
    matching.sentence_layers.load_state_dict(upper.state_dict())
    with torch.no_grad():
        for parameter, value in zip(matching.picture_map.classifier.parameters(), classifier, strict=True):
            parameter.copy_(value)


def set_class_vectors(model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    """Fill in the vectors of the class names, as the sentence tower reads them now."""
    names = [split(name) for name in class_names()]
    with torch.no_grad():
        _matching(model).picture_map.class_vectors.weight.copy_(sentence_vectors(model, tokenizer, names).T)


@torch.no_grad()
def sentence_vectors(model: RpBert, tokenizer: PreTrainedTokenizerBase, texts: Sequence[Sequence[str]]) -> Tensor:
    """The unit vector (N, d) of each text, given as words, by the sentence tower."""
    model.eval()
    pieces = [to_pieces(tokenizer, words, model.config.max_pieces) for words in texts]
    order = sorted(range(len(texts)), key=lambda index: len(pieces[index].input_ids))
    vectors = torch.empty(len(texts), model.config.text.hidden_size)
    for begin in range(0, len(order), 64):
        rows = order[begin : begin + 64]
        batch = Texts(**collate_pieces([pieces[row] for row in rows])).to(model.device)
        words = model.text_encoder.embeddings.word_embeddings(batch.input_ids)  # (B, n, d)
        vectors[rows] = model.sentence_vector(batch, words).cpu()
    return vectors


@dataclass(frozen=True)
class Matches:
    """Texts and pictures that go together; a batch comes from one such group, or telling photographs of different
    origin apart would be enough to tell pictures apart."""

    texts: Tensor  # (N, d) sentence vectors
    pooled: Tensor  # (N, C) mean regions
    pictures: Tensor  # (N,) equal numbers mean the same picture
    dropout: float  # on the texts

    def kept(self, rows: Tensor) -> "Matches":
        """Some of them."""
        return Matches(self.texts[rows], self.pooled[rows], self.pictures[rows], self.dropout)


def matches_of(
    model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    store: RegionStore,
    sources: Sequence[Caption | Example],
    dropout: float,
) -> Matches:
    """The vectors of captions or tweets and their pictures."""
    words = [source.words if isinstance(source, Example) else split(source.text) for source in sources]
    rows = store.indices(sources)
    pooled = torch.cat([part.float().mean(dim=1) for part in store.table[rows].split(512)])  # (N, C)
    return Matches(sentence_vectors(model, tokenizer, words), pooled, rows, dropout)


def align(
    matching: Matching, captions: Sequence[Matches], tweets: Matches, settings: Alignment, seed: int
) -> Iterator[float]:
    """Train the picture map on matching texts and pictures; yields the mean loss of each epoch (nats)."""
    groups = [*captions, *[tweets] * settings.tweet_passes]
    device = matching.log_scale.device
    parameters = [*matching.picture_map.map.parameters(), matching.log_scale]
    optimizer = torch.optim.AdamW(parameters, settings.learning_rate, weight_decay=settings.weight_decay)
    steps = settings.epochs * sum(len(group.texts) // settings.batch for group in groups)
    if steps == 0:
        raise UserError(
            f"Alignment needs a data set with at least one full batch of {settings.batch}: set a smaller one."
        )
    total = max(steps, 3)  # fewer leave the schedule no room for its two phases
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=total, pct_start=max(0.1, 2 / total)
    )
    generator = torch.Generator().manual_seed(seed)
    for _ in range(settings.epochs):
        losses = []
        for group, chosen in _batches([len(group.texts) for group in groups], settings.batch, generator):
            batch = groups[group].kept(chosen)
            texts = F.normalize(F.dropout(batch.texts.to(device), batch.dropout), dim=1)
            pictures = matching.picture_map(batch.pooled.to(device), settings.channel_dropout)
            loss = contrastive_loss(matching.similarity(texts, pictures), batch.pictures.to(device))
            loss.backward()
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()  # what is left on frozen weights would count when later gradients are clipped
            losses.append(float(loss.detach()))
        yield sum(losses) / len(losses)


@torch.no_grad()
def _map_pictures(matching: Matching, pooled: Tensor) -> Tensor:
    vectors: Tensor = matching.picture_map(pooled.to(matching.log_scale.device)).cpu()
    return vectors


def cross_fit(
    matching: Matching,
    captions: Sequence[Matches],
    tweets: Matches,
    pairs: Sequence[Example],
    settings: Alignment,
    seed: int,
) -> CrossFit:
    """Vectors of the tweets' pairs, of each fold by a map that was aligned without it. `matching` stays as it is.

    Pairs with the same picture are of the same fold, so that no map has seen the picture of another fold.
    """
    number = {picture: place for place, picture in enumerate(tweets.pictures.unique().tolist())}
    order = torch.randperm(len(number), generator=torch.Generator().manual_seed(seed))
    fold = torch.stack([order[number[picture]] for picture in tweets.pictures.tolist()]) % settings.folds  # (N,)
    pictures = torch.empty_like(tweets.texts)
    for index in range(settings.folds):
        apart = copy.deepcopy(matching)
        rest = tweets.kept((fold != index).nonzero().squeeze(1))
        for _ in align(apart, captions, rest, settings, seed):
            pass
        members = fold == index
        pictures[members] = _map_pictures(apart, tweets.pooled[members])
    return CrossFit(tweets.texts, pictures, fold, {(pair.id, pair.picture): row for row, pair in enumerate(pairs)})


def _matching(model: RpBert) -> Matching:
    assert model.matching is not None
    return model.matching


def split(text: str) -> list[str]:
    """The words of a caption or a class name."""
    return [word.text for word in split_words(text)]


def _batches(sizes: Sequence[int], batch: int, generator: torch.Generator) -> list[tuple[int, Tensor]]:
    """Full batches (group, indices) of all groups, in random order."""
    batches = []
    for group, size in enumerate(sizes):
        parts = torch.randperm(size, generator=generator).split(batch)
        batches += [(group, part) for part in parts if len(part) == batch]
    return [batches[index] for index in torch.randperm(len(batches), generator=generator).tolist()]
