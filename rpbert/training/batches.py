"""Examples -> batches of one epoch, of similar length, in an order that the generator alone decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example, repair_bio
from rpbert.model.configuration import LABELS
from rpbert.model.inputs import scene_tensors
from rpbert.model.texts import CASES, Pieces, collate_pieces, to_pieces
from rpbert.model.word_features import WordFeatures
from rpbert.training.alignment import CrossFit
from rpbert.training.hashtags import as_hashtags, moved_reading
from rpbert.training.recipe import Multitask

LABEL_INDEX = {label: index for index, label in enumerate(LABELS)}
TeacherEmissions = Mapping[tuple[str, ...], Tensor]  # the words of a tweet -> a teacher's emissions (W, L)
HARD_OF = 8  # pictures of which a hard negative is the most similar
POOL = 50  # batches are cut from pools of this many, sorted by length: little padding, still much chance


@dataclass(frozen=True)
class PictureInputs:
    """What goes with pictures besides their regions: words in them, and cosines from maps that have not seen them."""

    tokenizer: PreTrainedTokenizerBase
    scene_pieces: int  # of the words in a picture at most; 0 leaves them out
    cross_fit: CrossFit | None  # None: the model's own cosines

    def tensors(
        self, tweets: Sequence[Example], pieces: Sequence[Pieces], pictures: Sequence[Example]
    ) -> dict[str, Tensor]:
        """Of B tweets beside the pictures of B examples."""
        found: dict[str, Tensor] = {}
        if self.scene_pieces:
            rows = [(tweet.words, read) for tweet, read in zip(tweets, pieces, strict=True)]
            found |= scene_tensors(self.tokenizer, self.scene_pieces, rows, [picture.scene for picture in pictures])
        if self.cross_fit is not None:
            found["cosine"] = self.cross_fit.cosines(tweets, pictures)
        return found


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
    readings: TeacherEmissions | None = None,
    inputs: PictureInputs | None = None,
) -> list[Batch]:
    """Labelled tweets, some augmented; with pictures and without never in one batch: text alone costs no regions.

    A share `text_only` of the tweets with pictures come twice, the second time without. With `features` a batch also
    has what these need to know of its words; with `readings` (of every tweet), what a teacher reads in it; with
    `inputs`, what goes with its pictures.
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
        pieces = [lower_cased(tweet, settings.lower_cased, generator) for tweet in pieces]
        lengths = [len(tweet.input_ids) for tweet in pieces]
        for rows in shuffled_batches(lengths, settings.tweet_batch, generator):
            chosen = [group[row] for row in rows]
            tensors = collate_pieces([pieces[row] for row in rows])
            tensors["labels"] = _label_tensor(chosen, [pieces[row] for row in rows])
            if features is not None:
                tensors |= features.inputs([_words_read(pieces[row], group[row]) for row in rows])
            if readings is not None:
                taught = [moved_reading(readings[plain[row].words], tagged[row][1]) for row in rows]
                tensors["taught"] = _taught_tensor(taught, tensors["labels"].shape[1])
            if settings.visible_weight and with_picture:
                tensors["visible"] = _visible_tensor(chosen, tensors["labels"].shape[1])
            if inputs is not None and with_picture:
                tensors |= inputs.tensors(chosen, [pieces[row] for row in rows], chosen)
            batches.append(Batch(tensors, chosen if with_picture else []))
    return [batches[index] for index in torch.randperm(len(batches), generator=generator).tolist()]


def lower_cased(tweet: Pieces, share: float, generator: torch.Generator) -> Pieces:
    """The tweet, with the chance `share` as if written without capitals."""
    if float(torch.rand((), generator=generator)) >= share:
        return tweet
    small = CASES.index("lower")
    return replace(tweet, case_ids=[min(case, small) for case in tweet.case_ids])


def _words_read(tweet: Pieces, example: Example) -> list[str]:
    """The words that fitted, without capitals where the pieces have none."""
    words = list(example.words[: tweet.words])
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
    inputs: PictureInputs | None = None,
) -> list[Batch]:
    """Pairs with their own picture, and a share of them once more with another's, as negatives of `belongs` alone."""
    known = [pair for pair in pairs if pair.image_adds is not None or pair.text_represented is not None]
    pieces = [to_pieces(tokenizer, pair.words, limit) for pair in known]
    draw = _Swaps(known, settings.hard, None if inputs is None else inputs.cross_fit, generator)
    batches = []
    for sorted_rows in shuffled_batches([len(tweet.input_ids) for tweet in pieces], settings.relation_batch, generator):
        rows = [sorted_rows[index] for index in torch.randperm(len(sorted_rows), generator=generator).tolist()]
        drawn = [(row, draw(known[row])) for row in rows[: round(settings.swapped * len(rows))]]
        swapped = [(row, other) for row, other in drawn if other is not None]
        every = [*rows, *(row for row, _ in swapped)]
        pictures = [*(known[row] for row in rows), *(other for _, other in swapped)]
        tensors = collate_pieces([pieces[row] for row in every])
        del tensors["word_index"]
        for task in ("image_adds", "text_represented"):
            labels = [getattr(known[row], task) for row in rows]
            tensors[task] = torch.tensor([-1 if label is None else label for label in labels] + [-1] * len(swapped))
        tensors["belongs"] = torch.tensor([1] * len(rows) + [0] * len(swapped))
        if inputs is not None:
            tensors |= inputs.tensors([known[row] for row in every], [pieces[row] for row in every], pictures)
        batches.append(Batch(tensors, pictures))
    return batches


class _Swaps:
    """Draws another pair's picture for a tweet, a share `hard` of them the most similar of some that were drawn.

    With `cross_fit` it is of the same fold, so that the two can be compared by a map that has seen neither; without,
    there is no such comparison, and none is hard.
    """

    def __init__(
        self, pairs: Sequence[Example], hard: float, cross_fit: CrossFit | None, generator: torch.Generator
    ) -> None:
        self.hard, self.cross_fit, self.generator = hard, cross_fit, generator
        self.pairs_of: dict[int, list[Example]] = {}
        for pair in pairs:
            self.pairs_of.setdefault(self._fold(pair), []).append(pair)

    def _fold(self, pair: Example) -> int:
        return 0 if self.cross_fit is None else int(self.cross_fit.fold[self.cross_fit.rows([pair])])

    def __call__(self, tweet: Example) -> Example | None:
        """The pair whose picture the tweet gets; None where all of the fold have its own picture."""
        fellows = self.pairs_of[self._fold(tweet)]
        drawn = torch.randint(len(fellows), (HARD_OF,), generator=self.generator).tolist()
        is_hard = float(torch.rand((), generator=self.generator)) < self.hard
        others = [fellows[index] for index in drawn if fellows[index].picture != tweet.picture]
        if not others:  # none of those drawn: take the first that will do
            return next((fellow for fellow in fellows if fellow.picture != tweet.picture), None)
        if is_hard and self.cross_fit is not None:
            return others[int(self.cross_fit.cosines([tweet] * len(others), others).argmax())]
        return others[0]
