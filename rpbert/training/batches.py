"""Examples -> batches of one epoch, of similar length, in an order that the generator alone decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example, repair_bio
from rpbert.model.configuration import LABELS
from rpbert.model.processing import CASES, Pieces, collate_pieces, to_pieces
from rpbert.model.word_features import WordFeatures
from rpbert.training.hashtags import as_hashtags, moved_reading
from rpbert.training.recipe import Multitask

LABEL_INDEX = {label: index for index, label in enumerate(LABELS)}
Readings = Mapping[tuple[str, ...], Tensor]  # the words of a tweet -> a teacher's emissions (W, L)
POOL = 50  # batches are cut from pools of this many, sorted by length: little padding, still much chance


@dataclass(frozen=True)
class Batch:
    """Tensors of a loss in `rpbert.training.objectives`, and the examples whose pictures go along (none: text only)."""

    tensors: dict[str, Tensor]
    pictures: Sequence[Example]


def shuffled_batches(lengths: Sequence[int], size: int, generator: torch.Generator) -> list[list[int]]:
    """Indices in batches of `size`, random but of similar length."""
    order = torch.randperm(len(lengths), generator=generator).tolist()
    batches = []
    for begin in range(0, len(order), POOL * size):
        pool = sorted(order[begin : begin + POOL * size], key=lambda index: lengths[index])
        batches += [pool[start : start + size] for start in range(0, len(pool), size)]
    return [batches[index] for index in torch.randperm(len(batches), generator=generator).tolist()]


def ner_batches(
    examples: Sequence[Example],
    tokenizer: PreTrainedTokenizerBase,
    limit: int,
    settings: Multitask,
    generator: torch.Generator,
    features: WordFeatures | None = None,
    readings: Readings | None = None,
) -> list[Batch]:
    """Labelled tweets, some obscured; with pictures and without never in one batch: text alone costs no regions.

    A share `text_only` of the tweets with pictures come twice, the second time without. A masked name can be read only
    from what stands around it, the picture included; where there is none, no name is masked. With `features` a batch
    also has what these need to know of its words; with `readings` (of every tweet), what a teacher reads in it.
    """
    labelled = [example for example in examples if example.labels is not None]
    chance = torch.rand(len(labelled), generator=generator).tolist()
    seen = [e for e in labelled if e.picture]
    unseen = [e for e, draw in zip(labelled, chance, strict=True) if not e.picture or draw < settings.text_only]
    batches = []
    for plain, with_picture in ((seen, True), (unseen, False)):
        tagged = [as_hashtags(example, settings.hashtags, generator) for example in plain]
        group = [example for example, _ in tagged]
        pieces = [to_pieces(tokenizer, example.words, limit) for example in group]
        masked = settings.masked if with_picture else 0.0
        pieces = [
            obscure(tweet, example, tokenizer, masked, settings.lower_cased, generator)
            for tweet, example in zip(pieces, group, strict=True)
        ]
        lengths = [len(tweet.input_ids) for tweet in pieces]
        for rows in shuffled_batches(lengths, settings.tweet_batch, generator):
            chosen = [group[row] for row in rows]
            tensors = collate_pieces([pieces[row] for row in rows])
            tensors["labels"] = _label_tensor(chosen, [pieces[row] for row in rows])
            if features is not None:
                tensors |= features.inputs([_words_read(pieces[row], group[row], tokenizer) for row in rows])
            if readings is not None:
                taught = [moved_reading(readings[plain[row].words], tagged[row][1]) for row in rows]
                tensors["taught"] = _taught_tensor(taught, tensors["labels"].shape[1])
            if settings.visible_weight and with_picture:
                tensors["visible"] = _visible_tensor(chosen, tensors["labels"].shape[1])
            batches.append(Batch(tensors, chosen if with_picture else []))
    return [batches[index] for index in torch.randperm(len(batches), generator=generator).tolist()]


def obscure(
    tweet: Pieces,
    example: Example,
    tokenizer: PreTrainedTokenizerBase,
    masked: float,
    lower_cased: float,
    generator: torch.Generator,
) -> Pieces:
    """The tweet with the words of a share `masked` of its names replaced by [MASK], and, with the chance `lower_cased`,
    as if written without capitals."""
    assert example.labels is not None
    chance = torch.rand(len(example.words) + 1, generator=generator).tolist()
    hidden: set[int] = set()
    for word, label in enumerate(repair_bio(example.labels)):
        if (label.startswith("B-") and chance[word] < masked) or (label.startswith("I-") and word - 1 in hidden):
            hidden.add(word)
    inside = [word in hidden for word in tweet.word_index]
    input_ids = [
        tokenizer.mask_token_id if hide else piece for piece, hide in zip(tweet.input_ids, inside, strict=True)
    ]
    case_ids = tweet.case_ids
    if chance[-1] < lower_cased:
        small = CASES.index("lower")
        case_ids = [min(case, small) for case in case_ids]
    return replace(tweet, input_ids=input_ids, case_ids=case_ids)


def _words_read(tweet: Pieces, example: Example, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The words that fitted, as obscured as their pieces: nothing of a masked one, no capitals where hidden."""
    pairs = zip(tweet.input_ids, tweet.word_index, strict=True)
    masked = {word for piece, word in pairs if piece == tokenizer.mask_token_id}
    words = ["" if word in masked else text for word, text in enumerate(example.words[: tweet.words])]
    return [word.lower() for word in words] if max(tweet.case_ids) <= CASES.index("lower") else words


def _label_tensor(examples: Sequence[Example], pieces: Sequence[Pieces]) -> Tensor:
    """(B, W) label indices of the words that fitted; 0 at padding."""
    labels = torch.zeros(len(examples), max(tweet.words for tweet in pieces), dtype=torch.long)
    for row, (example, tweet) in enumerate(zip(examples, pieces, strict=True)):
        kept = repair_bio(example.labels or ())[: tweet.words]
        labels[row, : len(kept)] = torch.tensor([LABEL_INDEX[label] for label in kept])
    return labels


def _taught_tensor(readings: Sequence[Tensor], words: int) -> Tensor:
    """(B, W, L) a teacher's emissions (W, L) of the first `words` words; 0 at padding."""
    return pad_sequence([reading[:words] for reading in readings], batch_first=True)


def _visible_tensor(examples: Sequence[Example], words: int) -> Tensor:
    """(B, W) 1 where the name that a word belongs to is depicted, 0 where it is not, -1 where neither is known."""
    rows = []
    for example in examples:
        known = example.visible or (None,) * len(example.words)
        rows.append(torch.tensor([-1 if seen is None else int(seen) for seen in known[:words]]))
    return pad_sequence(rows, batch_first=True, padding_value=-1)


def relation_batches(
    pairs: Sequence[Example],
    tokenizer: PreTrainedTokenizerBase,
    limit: int,
    settings: Multitask,
    generator: torch.Generator,
) -> list[Batch]:
    """Pairs with their own picture, and a share of them once more with another's, as negatives of both relations."""
    known = [pair for pair in pairs if pair.image_adds is not None or pair.text_represented is not None]
    pieces = [to_pieces(tokenizer, pair.words, limit) for pair in known]
    batches = []
    for sorted_rows in shuffled_batches([len(tweet.input_ids) for tweet in pieces], settings.relation_batch, generator):
        rows = [sorted_rows[index] for index in torch.randperm(len(sorted_rows), generator=generator).tolist()]
        swaps = round(settings.swapped * len(rows)) if len(rows) > 1 else 0
        drawn = torch.randint(len(known), (swaps,), generator=generator).tolist()
        pairings = [(row, _other_picture(known, row, index)) for row, index in zip(rows, drawn, strict=False)]
        swapped = [(row, other) for row, other in pairings if other is not None]
        own = [known[row] for row in rows]
        tensors = collate_pieces([pieces[row] for row in [*rows, *(row for row, _ in swapped)]])
        del tensors["word_index"]
        for task in ("image_adds", "text_represented"):
            labels = [getattr(pair, task) for pair in own]
            tensors[task] = torch.tensor([-1 if label is None else label for label in labels] + [0] * len(swapped))
        tensors["weight"] = torch.tensor([1.0] * len(rows) + [settings.swapped_weight] * len(swapped))
        batches.append(Batch(tensors, [*own, *(other for _, other in swapped)]))
    return batches


def _other_picture(known: Sequence[Example], row: int, drawn: int) -> Example | None:
    """The pair that was drawn, or, where it has the picture of `row` itself, the nearest before it that has not."""
    candidates = [known[drawn], *(known[row - step] for step in range(1, len(known)))]
    return next((pair for pair in candidates if pair.picture != known[row].picture), None)
