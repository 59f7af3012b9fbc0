"""The stage before the two tasks: teach the projection which words a picture's regions go with (DESIGN section 3).

The projection starts as a map from a region to the word embeddings of its likely ImageNet class names; then it and the
matching vectors are trained contrastively, while both backbones stay frozen, so that an epoch takes seconds.
"""

from collections.abc import Iterator, Sequence

import torch
from timm.data import ImageNetInfo
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Caption
from rpbert.data.regions import RegionStore
from rpbert.errors import UserError
from rpbert.model.matching import contrastive_loss, masked_mean
from rpbert.model.modeling import RpBert
from rpbert.model.processing import collate_pieces, split_words, to_pieces
from rpbert.training.recipe import Alignment

FIT_PICTURES = 3000  # pictures whose 49 regions the class-name map is fitted on
RIDGE = 1e-2


def class_name_projection(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, store: RegionStore, classifier: tuple[Tensor, Tensor]
) -> None:
    """Set `model.projection` to the ridge regression from regions to mixtures of class-name embeddings.

    A region's target is the mean word embedding of each ImageNet class name, weighted by the probability that the
    CNN's own classifier (weight (1000, C), bias (1000,)) gives the class at that region. The map is scaled so that a
    projected region is as long as a word embedding.
    """
    table = model.text_encoder.embeddings.word_embeddings.weight.detach().cpu()  # (vocabulary, d)
    info = ImageNetInfo("imagenet-1k")
    names = [info.index_to_description(index).split(",")[0] for index in range(info.num_classes())]
    pieces = [tokenizer(name, add_special_tokens=False)["input_ids"] for name in names]
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


@torch.no_grad()
def text_means(model: RpBert, tokenizer: PreTrainedTokenizerBase, texts: Sequence[Sequence[str]]) -> Tensor:
    """The mean piece (N, d) of each text, given as words, above `config.matching_layer` layers."""
    model.eval()
    pieces = [to_pieces(tokenizer, words, model.config.max_pieces) for words in texts]
    order = sorted(range(len(texts)), key=lambda index: len(pieces[index].input_ids))
    means = torch.empty(len(texts), model.config.text.hidden_size)
    for begin in range(0, len(order), 64):
        rows = order[begin : begin + 64]
        batch = {name: tensor.to(model.device) for name, tensor in collate_pieces([pieces[i] for i in rows]).items()}
        words = model.text_encoder.embeddings.word_embeddings(batch["input_ids"])  # (B, n, d)
        states = model.lower_states(words, batch["attention_mask"])
        means[rows] = masked_mean(states, batch["attention_mask"]).cpu()
    return means


def align(
    model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    store: RegionStore,
    groups: Sequence[Sequence[Caption]],
    settings: Alignment,
    seed: int,
) -> Iterator[float]:
    """Train projection and matching vectors on matching texts and pictures; yields the mean loss of each epoch.

    Args:
        groups: data sets; a batch comes from one of them, or telling photographs of different origin apart would be
            enough to tell pictures apart.
    """
    assert model.matching is not None
    device = model.device
    means = [text_means(model, tokenizer, [_words(caption.text) for caption in group]) for group in groups]
    rows = [store.indices(group) for group in groups]
    pooled = torch.cat([part.float().mean(dim=1) for part in store.table.split(512)])  # (pictures, C)
    trained = [model.projection, model.matching.text_map, model.matching.region_map]
    parameters = [parameter for module in trained for parameter in module.parameters()] + [model.matching.log_scale]
    optimizer = torch.optim.AdamW(parameters, settings.learning_rate, weight_decay=settings.weight_decay)
    steps = settings.epochs * sum(len(group) // settings.batch for group in groups)
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
        for group, chosen in _batches([len(group) for group in groups], settings.batch, generator):
            pictures = rows[group][chosen]
            regions = F.dropout(pooled[pictures].to(device), settings.region_dropout)  # (B, C)
            text = F.dropout(means[group][chosen].to(device), 0.1)  # (B, d)
            text_vector = F.normalize(model.matching.text_map(text), dim=1)
            picture_vector = model.matching.picture_vector(model.projection(regions).unsqueeze(1))  # (B, 1, d)
            loss = contrastive_loss(model.matching.similarity(text_vector, picture_vector), pictures.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        yield sum(losses) / len(losses)


def _words(text: str) -> list[str]:
    return [word.text for word in split_words(text)]


def _batches(sizes: Sequence[int], batch: int, generator: torch.Generator) -> list[tuple[int, Tensor]]:
    """Full batches (group, indices) of all groups, in random order."""
    batches = []
    for group, size in enumerate(sizes):
        parts = torch.randperm(size, generator=generator).split(batch)
        batches += [(group, part) for part in parts if len(part) == batch]
    return [batches[index] for index in torch.randperm(len(batches), generator=generator).tolist()]
