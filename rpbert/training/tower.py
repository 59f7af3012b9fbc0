"""The sentence tower learns the sentence vectors of a larger encoder, from texts alone (Reimers and Gurevych 2020).

The larger encoder reads tweets, captions and class names; the tower's own layers then learn its vectors by regression.
These have more numbers than the tower has, so they are projected to their first principal axes, which keeps their
cosines as well as so few numbers can. No tweet of the pairs is among the texts: alignment is to see of their vectors
what it will see of a new tweet's.

Reading and training take half an hour. Both are kept in a folder: a run that was killed goes on where it stopped.
"""

import hashlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerBase, get_linear_schedule_with_warmup

from rpbert.errors import UserError
from rpbert.model.inputs import Texts
from rpbert.model.matching import masked_mean
from rpbert.model.modeling import RpBert
from rpbert.model.texts import collate_pieces, to_pieces
from rpbert.training.alignment import class_names, split
from rpbert.training.batches import shuffled_batches
from rpbert.training.recipe import Recipe
from rpbert.training.teacher import save_whole

LIMIT = 96  # pieces that are read of a text
READ_BATCH = 64  # texts at a time when the larger encoder reads
LOSSES = "losses"  # beside the weights of the layers
SAMPLE = 20_000  # vectors that the principal axes are found on


def texts_of(sets: dict[str, Any], recipe: Recipe) -> list[Sequence[str]]:
    """What is read, as words: some tweets, drawn at random, the captions and the class names."""
    tweets = [tweet.words for tweet in sets["sentences"]]
    random.Random(recipe.seed).shuffle(tweets)
    captions = [split(caption.text) for caption in sets["captions"]]
    return [*tweets[: recipe.tower.tweets], *captions, *map(split, class_names())]


def teach_tower(
    model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[Sequence[str]],
    recipe: Recipe,
    weights: str,
    folder: Path,
    accelerator: Accelerator,
) -> list[float]:
    """Train the tower's own layers in place, and keep them in `folder`.

    Args:
        texts: N texts as words, from `texts_of`. weights: folder or Hub id of the larger encoder.

    Returns:
        The mean of 1 - cosine of each epoch.
    """
    assert model.matching is not None
    layers = model.matching.sentence_layers
    joined = [" ".join(words) for words in texts]
    kept = folder / f"tower-{_hash([repr(recipe.tower), str(recipe.seed), *joined])}.safetensors"
    if kept.exists():
        weights_kept = load_file(kept)
        losses = weights_kept.pop(LOSSES).tolist()
        layers.load_state_dict(weights_kept)
        return losses
    vectors = larger_vectors(weights, joined, folder, accelerator)
    torch.manual_seed(recipe.seed)
    targets = principal(vectors, model.config.text.hidden_size, torch.Generator().manual_seed(recipe.seed))
    losses = _regress(model, layers, tokenizer, texts, targets, recipe, accelerator)
    save_whole(kept, lambda file: save_file({**layers.state_dict(), LOSSES: torch.tensor(losses)}, file))
    return losses


@torch.no_grad()
def larger_vectors(weights: str, texts: Sequence[str], folder: Path, accelerator: Accelerator) -> Tensor:
    """The unit sentence vectors (N, D) of a larger encoder, the mean of its states; kept in `folder` in float16.

    Raises `UserError` when the encoder cannot be loaded.
    """
    kept = folder / f"sentences-{_hash([Path(weights).name, *texts])}.safetensors"  # the name of a folder or Hub id
    if kept.exists():
        return load_file(kept)["vectors"].float()
    try:
        tokenizer = AutoTokenizer.from_pretrained(weights)
        encoder = AutoModel.from_pretrained(weights, add_pooling_layer=False, dtype=torch.float32)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"The weights {weights!r}, which the tower learns from, cannot be loaded: {error}") from error
    encoder.to(accelerator.device).eval()
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    vectors = torch.empty(len(texts), encoder.config.hidden_size)
    for begin in tqdm(range(0, len(order), READ_BATCH), desc="larger encoder reads", unit="batch"):
        rows = order[begin : begin + READ_BATCH]
        batch = tokenizer(
            [texts[row] for row in rows], padding=True, truncation=True, max_length=LIMIT, return_tensors="pt"
        ).to(accelerator.device)
        with accelerator.autocast():
            states = encoder(**batch).last_hidden_state.float()  # (B, n, D)
        vectors[rows] = F.normalize(masked_mean(states, batch["attention_mask"]), dim=1).cpu()
    save_whole(kept, lambda file: save_file({"vectors": vectors.half()}, file))
    return vectors


def principal(vectors: Tensor, width: int, generator: torch.Generator) -> Tensor:
    """Vectors (N, D) projected to their first `width` principal axes through zero, as unit vectors (N, width)."""
    sample = vectors[torch.randperm(len(vectors), generator=generator)[:SAMPLE]]
    assert min(sample.shape) >= width, "too few texts, or an encoder smaller than the tower"
    axes = torch.linalg.svd(sample, full_matrices=False).Vh[:width]  # (width, D)
    return F.normalize(vectors @ axes.T, dim=1)


def _regress(
    model: RpBert,
    layers: nn.ModuleList,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[Sequence[str]],
    targets: Tensor,
    recipe: Recipe,
    accelerator: Accelerator,
) -> list[float]:
    """Bring the cosine of the tower's vectors and the targets (N, d) near 1; the mean of 1 - cosine of each epoch."""
    settings = recipe.tower
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    model.requires_grad_(False)
    layers.requires_grad_(True)
    pieces = [to_pieces(tokenizer, words[:LIMIT], LIMIT) for words in texts]
    lengths = [len(tweet.input_ids) for tweet in pieces]
    generator = torch.Generator().manual_seed(recipe.seed)
    epochs = [shuffled_batches(lengths, settings.batch, generator) for _ in range(settings.epochs)]
    optimizer = torch.optim.AdamW(layers.parameters(), settings.learning_rate, weight_decay=0.01)
    steps = sum(len(batches) for batches in epochs)
    schedule = get_linear_schedule_with_warmup(optimizer, steps // 10, steps)
    word_embeddings = model.text_encoder.embeddings.word_embeddings
    losses = []
    for number, batches in enumerate(epochs, start=1):
        model.train()
        total = 0.0
        for rows in tqdm(batches, desc=f"tower, epoch {number}", unit="batch"):
            batch = Texts(**collate_pieces([pieces[row] for row in rows])).to(accelerator.device)
            with accelerator.autocast():
                vectors = model.sentence_vector(batch, word_embeddings(batch.input_ids))  # (B, d)
            loss = (1 - (vectors.float() * targets[rows].to(accelerator.device)).sum(dim=1)).mean()
            loss.backward()
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            total += float(loss.detach())
        losses.append(total / len(batches))
        print(f"tower, epoch {number}: mean of 1 - cosine {losses[-1]:.4f}")
    for parameter in learning:
        parameter.requires_grad_(True)
    return losses


def _hash(texts: Sequence[str]) -> str:
    return hashlib.sha256(repr(list(texts)).encode("utf-8", "surrogatepass")).hexdigest()[:12]
