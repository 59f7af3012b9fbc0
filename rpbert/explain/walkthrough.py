"""One tweet's way through the model in numbers, for the page that teaches how it works.

Everything here is read from the same modules, in the same order, that make the prediction: nothing is approximated, and
the labels of the best path are those of `Analyzer.predict`. All values are plain Python.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from rpbert.analyzer import Analyzer, Prepared
from rpbert.explain.methods import Grid
from rpbert.model.configuration import GRID, REGIONS, RELATIONS
from rpbert.model.crf import Crf
from rpbert.model.gates import Gate, closes_regions, parse_gate
from rpbert.model.inputs import Embedded, Texts
from rpbert.model.modeling import RpBert
from rpbert.model.scene_text import shared_words
from rpbert.model.texts import to_pieces


class Step(NamedTuple):
    """One step of the way, and where in the code it is done."""

    title: str
    sentence: str
    code: str  # "file: function or class"


STEPS = (
    Step(
        "Words to pieces",
        "The tweet is split into words, and each word into pieces from the vocabulary of the text network, BERT.",
        "rpbert/model/texts.py: to_pieces",
    ),
    Step(
        "Picture to 49 regions",
        "A picture network (CNN) reads the picture as a grid of 7 by 7 regions and gives one vector for each of them.",
        "rpbert/model/vision.py: RegionEncoder",
    ),
    Step(
        "Words in the picture",
        "A text reader looks for words in the picture; their pieces stand behind the regions, marked as seen there.",
        "rpbert/model/scene_text.py: SceneTextReader",
    ),
    Step(
        "Pass 1: the relation",
        "BERT reads tweet and picture together and says how probable it is that the picture belongs, and what it adds.",
        "rpbert/model/modeling.py: relate",
    ),
    Step(
        "The gate",
        "The picture is multiplied by one number from 0 to 1: with the setting “soft”, the probability from pass 1.",
        "rpbert/model/gates.py: gate_value",
    ),
    Step(
        "Pass 2: the gated picture",
        "The same BERT reads the pieces once more, now beside the gated picture.",
        "rpbert/model/modeling.py: read",
    ),
    Step(
        "Emissions: scores per word",
        "Each word gets one score per label: how well the label fits, whatever labels its neighbours get.",
        "rpbert/model/modeling.py: emit",
    ),
    Step(
        "Transitions: scores between words",
        "The CRF adds a score for each step from label to label and forbids some, as from O into the middle of a name.",
        "rpbert/model/crf.py: score",
    ),
    Step(
        "Best path and runner-up",
        "The labels with the highest total score are the answer; the runner-up is the next best choice of labels.",
        "rpbert/model/crf.py: runner_up",
    ),
)


@dataclass(frozen=True)
class WordPieces:
    """A word and what the text encoder read of it."""

    text: str
    pieces: tuple[str, ...]  # as the tokenizer spells them; empty for a word that was not read
    cut_off: bool  # some or all of its pieces were beyond the limit


@dataclass(frozen=True)
class RegionStep:
    """Lengths (Euclidean norms, no unit) of the 49 visual tokens V."""

    before: Grid  # |V_k|, as pass 1 reads them
    after: Grid  # |gate * V_k|, as pass 2 does; zeros where the gate masks them out


@dataclass(frozen=True)
class SceneStep:
    """A line of words in the picture."""

    text: str
    pieces: tuple[str, ...]  # as the tokenizer spells them
    shared: tuple[str, ...]  # the words of the tweet that stand in it


@dataclass(frozen=True)
class RelationScore:
    """What pass 1 says of one relation by itself, calibrated; log-odds are in nats."""

    log_odds: float  # logit of yes minus logit of no
    probability: float  # of adds and shows: given that the picture belongs, where the model asks that
    from_cls: float  # the part of the log-odds that the head reads from h_CLS, with its bias and the calibration's
    from_pair: float | None  # the part from the pair itself, bias included; None without `config.matching`


@dataclass(frozen=True)
class RelationStep:
    """The relations of tweet and picture."""

    belongs: RelationScore | None  # None for a model that does not ask
    image_adds: RelationScore
    text_represented: RelationScore
    similarity: float | None  # cosine of the matching vectors, -1..1; None without `config.matching`
    said: float | None  # cosine of the tweet's vector and that of the words in the picture; None without words, too


@dataclass(frozen=True)
class GateStep:
    """The gate on the regions."""

    setting: Gate
    value: float  # the factor, 0..1
    masked: bool  # pass 2 gives the regions no attention at all, which is more than a factor of 0


@dataclass(frozen=True)
class Path:
    """One label per word and what it scores: `score` = start + emissions + transitions + end."""

    labels: tuple[str, ...]  # W
    start: float  # for beginning with the first label
    emissions: tuple[float, ...]  # W
    transitions: tuple[float, ...]  # W - 1, entry w for the step from word w to word w + 1
    end: float  # for ending with the last label
    score: float
    log_probability: float  # nats: score minus the log of the summed exp(score) of all paths


@dataclass(frozen=True)
class CrfStep:
    """The two best paths.

    A path's probability is no name's confidence: that sums over all paths with the name, at `temperature`.
    """

    best: Path
    runner_up: Path
    differs: tuple[int, ...]  # words where the two have different labels
    temperature: float  # what confidences of names divide all scores by; no part of the numbers here


@dataclass(frozen=True)
class Walkthrough:
    """The numbers of all steps; without a picture `regions`, `relation` and `gate` are None."""

    pieces: tuple[WordPieces, ...]  # of all words of the tweet, also those not read
    special: tuple[str, str]  # the pieces around them, [CLS] and [SEP]
    regions: RegionStep | None
    scene: tuple[SceneStep, ...]
    relation: RelationStep | None
    gate: GateStep | None
    labels: tuple[str, ...]  # L
    emissions: tuple[tuple[float, ...], ...]  # logits, W rows of L, for the words that were read
    crf: CrfStep


@torch.no_grad()
def walk(analyzer: Analyzer, prepared: Prepared, gate: Gate = "soft") -> Walkthrough:
    """The numbers inside `analyzer.predict(prepared, gate)`. Raises `UserError` for an unknown gate."""
    gate, model = parse_gate(gate), analyzer.model
    output = model.run(prepared.texts, prepared.pictures, gate)
    regions = relation = gate_step = None
    if prepared.pictures is not None:
        embedded = model.embed(prepared.texts, prepared.pictures)
        visual = embedded.visual[:, :REGIONS]  # (1, 49, d)
        regions = RegionStep(_norms(visual), _norms(output.gate.view(-1, 1, 1) * visual))
        relation = _relation(model, prepared.texts, embedded)
        gate_step = GateStep(gate, float(output.gate[0]), bool(closes_regions(gate, output.gate)[0]))
    pieces, special = _pieces(analyzer, prepared)
    emissions = tuple(tuple(row) for row in output.emissions[0].tolist())
    crf_step = _crf(model.crf, output.emissions)
    scene = _scene(analyzer, prepared)
    return Walkthrough(pieces, special, regions, scene, relation, gate_step, model.config.labels, emissions, crf_step)


def _pieces(analyzer: Analyzer, prepared: Prepared) -> tuple[tuple[WordPieces, ...], tuple[str, str]]:
    """All words with the pieces that were read of them, and the two special pieces."""
    assert prepared.texts.word_index is not None
    spelled = analyzer.tokenizer.convert_ids_to_tokens(prepared.texts.input_ids[0].tolist())
    read: list[list[str]] = [[] for _ in prepared.words]
    for piece, word in zip(spelled, prepared.texts.word_index[0].tolist(), strict=True):
        if word >= 0:
            read[word].append(piece)
    everything = to_pieces(analyzer.tokenizer, [word.text for word in prepared.words], limit=10**9).word_index
    words = tuple(
        WordPieces(word.text, tuple(pieces), cut_off=len(pieces) < everything.count(number))
        for number, (word, pieces) in enumerate(zip(prepared.words, read, strict=True))
    )
    return words, (spelled[0], spelled[-1])


def _norms(visual: Tensor) -> Grid:
    """Lengths of the visual tokens (1, 49, d) as a grid."""
    return tuple(tuple(row) for row in visual.norm(dim=2).view(GRID, GRID).tolist())  # (1, 49) -> (7, 7)


def _scene(analyzer: Analyzer, prepared: Prepared) -> tuple[SceneStep, ...]:
    """The lines of words in the picture, with what they share with the tweet."""
    words = [word.text for word in prepared.words[: prepared.texts.words_read]]
    return tuple(
        SceneStep(
            line.text,
            tuple(analyzer.tokenizer.tokenize(line.text)),
            tuple(words[index] for index in shared_words(words, line.text)),
        )
        for line in prepared.scene
    )


def _relation(model: RpBert, texts: Texts, embedded: Embedded) -> RelationStep:
    """Pass 1 once more, with its two terms kept apart."""
    from_cls, from_pair, cosines = model.relation_terms(texts, embedded)
    scores = [
        _score(model, task, own, None if cosines is None else pair)
        for task, own, pair in zip(RELATIONS, from_cls, from_pair, strict=True)
    ]
    belongs = scores[0] if model.config.belongs else None
    similarity, said = (None, None) if cosines is None else cosines[0].tolist()
    return RelationStep(belongs, scores[1], scores[2], similarity, said if embedded.scene_there.any() else None)


def _score(model: RpBert, task: str, cls: Tensor, pair: Tensor | None) -> RelationScore:
    """Of one relation, from its two terms (1, 2), not yet calibrated."""
    own = _log_odds(model.calibrated(cls, task))
    from_pair = None if pair is None else _log_odds(pair) / getattr(model.config, f"{task}_temperature")
    log_odds = own + (from_pair or 0.0)
    return RelationScore(log_odds, 1 / (1 + math.exp(-log_odds)), own, from_pair)


def _log_odds(logits: Tensor) -> float:
    """Of one pair's logits (1, 2), [no, yes]."""
    return float(logits[0, 1] - logits[0, 0])


def _crf(crf: Crf, emissions: Tensor) -> CrfStep:
    """The two best paths of one sentence's emissions (1, W, L)."""
    (best,) = crf.viterbi(emissions, torch.ones(emissions.shape[:2], dtype=torch.bool, device=emissions.device))
    second = crf.runner_up(emissions)
    differs = tuple(word for word, (one, two) in enumerate(zip(best, second, strict=True)) if one != two)
    return CrfStep(_path(crf, emissions, best), _path(crf, emissions, second), differs, crf.temperature)


def _path(crf: Crf, emissions: Tensor, path: list[int]) -> Path:
    """The parts of a path's score, from emissions (1, W, L)."""
    exact = emissions.double()  # a sure model's log-probability is the small difference of two large numbers
    labels, mask = torch.tensor([path]), torch.ones(1, len(path), dtype=torch.bool)
    return Path(
        labels=tuple(crf.labels[label] for label in path),
        start=float(crf.start_transitions[path[0]]),
        emissions=tuple(emissions[0, range(len(path)), path].tolist()),
        transitions=tuple(crf.transitions[path[:-1], path[1:]].tolist()),
        end=float(crf.end_transitions[path[-1]]),
        score=float(crf.score(exact, labels, mask)),
        log_probability=float(crf.log_likelihood(exact, labels, mask)),
    )
