"""Probabilities that can be taken at their word: temperatures (Guo et al., ICML 2017), biases, and the error left.

A trained network is surer than it is right. Dividing its scores by one number, fitted on dev after training, makes 0.8
mean "right in four cases of five". The log-odds of a relation also get a bias (Platt 1999): training shows it many
swapped pictures, all negatives, that no user's tweet has. Neither changes the order of the pairs or the best path of
given emissions; only the soft gate, which is one of these probabilities, moves.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.optimize import minimize, minimize_scalar
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example, repair_bio
from rpbert.evaluation.prediction import Regions, best_labels, log_confidences, outputs
from rpbert.model.configuration import RELATIONS, RpBertConfig
from rpbert.model.crf import Crf, spans_of
from rpbert.model.modeling import RpBert

LIMIT = 10.0  # temperatures are looked for between 1 / LIMIT and LIMIT
BIAS_LIMIT = 5.0  # biases between -BIAS_LIMIT and BIAS_LIMIT, log-odds
SETTINGS = (  # what is fitted, by its names in the configuration
    *(f"{task}_{number}" for task in RELATIONS for number in ("temperature", "bias")),
    "span_temperature",
)


def expected_calibration_error(
    probabilities: Sequence[float],
    correct: Sequence[int | bool],
    bins: int = 15,
    weights: Sequence[float] | None = None,
) -> float:
    """Mean distance of what was claimed from what came true, over `bins` equally wide ranges of the claim (0..1).

    Each range counts |mean probability - share correct| with the share of cases that fall in it. For spans the
    probability is the confidence and `correct` whether the span is exactly right. For a relation it is always P(yes)
    and `correct` whether the label is yes: also a sure and right "no", 0.05 of a pair labelled 0, counts as calibrated.
    Cases count alike, or by their `weights`.
    """
    claimed, came_true = np.array(probabilities, dtype=float), np.array(correct, dtype=float)
    weight = np.ones(len(claimed)) if weights is None else np.array(weights, dtype=float)
    which = np.minimum((claimed * bins).astype(int), bins - 1)  # the last range includes 1
    error = 0.0
    for index in np.unique(which):
        members = which == index
        error += abs((weight[members] * (claimed[members] - came_true[members])).sum()) / weight.sum()
    return float(error)


def exactly_right(gold: Sequence[str], found: Sequence[str]) -> list[bool]:
    """Of each span of the labels `found`, whether `gold` has it with the same words and type.

    Gold spans that begin with I- count, as in the lenient F1 and in training.
    """
    spans = set(spans_of(repair_bio(tuple(gold))))
    return [span in spans for span in spans_of(found)]


def fit_temperature(loss: Callable[[float], float]) -> float:
    """The temperature with the least `loss(temperature)`, looked for on a logarithmic scale."""
    found = minimize_scalar(lambda exponent: loss(LIMIT**exponent), bounds=(-1, 1), method="bounded")
    return float(LIMIT**found.x)


def fit_relation(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Temperature and bias under which logits (N, 2) explain labels (N,) best; 1 and 0 when these are all the same."""
    if len(labels.unique()) < 2:
        return 1.0, 0.0  # nothing to be calibrated against: the surer, the better
    log_odds = (logits[:, 1] - logits[:, 0]).double()  # (N,)
    wanted = labels.double()

    def loss(numbers: np.ndarray) -> float:
        exponent, bias = numbers.tolist()
        return float(F.binary_cross_entropy_with_logits(log_odds / LIMIT**exponent + bias, wanted))

    found = minimize(loss, [0.0, 0.0], method="L-BFGS-B", bounds=[(-1, 1), (-BIAS_LIMIT, BIAS_LIMIT)])
    return float(LIMIT ** found.x[0]), float(found.x[1])


def fit_span_temperature(crf: Crf, emissions: Sequence[Tensor], gold: Sequence[Sequence[str]]) -> None:
    """Set the CRF's temperature to that under which the confidences of its spans say best which are exactly right.

    It becomes 1 when all spans are right or all are wrong.

    Args:
        emissions: (W, L) of each tweet. gold: its labels.
    """
    mask = pad_sequence([row.new_ones(len(row), dtype=torch.bool) for row in emissions], batch_first=True)  # (B, W)
    padded = pad_sequence(list(emissions), batch_first=True).double()  # (B, W, L)
    labels = best_labels(crf, padded, mask)
    spans = [spans_of(row) for row in labels]
    right = torch.tensor([hit for pair in zip(gold, labels, strict=True) for hit in exactly_right(*pair)])

    def loss(temperature: float) -> float:
        crf.temperature = temperature
        yes = log_confidences(crf, padded, mask, spans).clamp(max=-1e-6)  # log(1 - p) needs a p below 1
        no = torch.log1p(-yes.exp())
        return -float(torch.where(right.to(yes.device), yes, no).mean())

    crf.temperature = fit_temperature(loss) if len(right.unique()) == 2 else 1.0


def _relation_logits(
    model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[Example],
    regions: Regions,
    pictures: Sequence[Example],
) -> dict[str, Tensor]:
    """Logits (N, 2) of every relation that the model has, of tweets with the given pictures."""
    tasks = RELATIONS if model.config.belongs else RELATIONS[1:]
    logits = {task: torch.zeros(len(pairs), 2) for task in tasks}
    for rows, output in outputs(model, tokenizer, pairs, regions, pictures=pictures):
        for task in tasks:
            logits[task][rows] = getattr(output.relation, task).float().cpu()
    return logits


def _fit_belongs(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Example], regions: Regions, own: Tensor
) -> None:
    """Calibrate `belongs` on as many swapped pictures as own ones: each tweet with the picture of the next.

    The prior of the configuration comes on top, so what is fitted here holds for a prior of one half.
    """
    config = model.config
    swapped = _relation_logits(model, tokenizer, pairs, regions, [*pairs[1:], pairs[0]])["belongs"]
    prior = math.log(config.belongs_prior / (1 - config.belongs_prior))
    logits = torch.cat([own, swapped]) - torch.tensor([0.0, prior])
    labels = torch.tensor([1] * len(own) + [0] * len(swapped))
    set_relation(config, "belongs", *fit_relation(logits, labels))


def set_relation(config: RpBertConfig, task: str, temperature: float, bias: float) -> None:
    """Set how the logits of a relation become log-odds."""
    setattr(config, f"{task}_temperature", temperature)
    setattr(config, f"{task}_bias", bias)


@torch.no_grad()
def calibrate(
    model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[Example],
    regions: Regions,
    tweets: Sequence[Example] = (),
) -> dict[str, float]:
    """Fit all of `SETTINGS` on a dev set and set them in the model and its configuration, in place of earlier ones.

    Args:
        pairs: with pictures, for the relations where these are known.
        regions: where pictures come from.
        tweets: more tweets for the span temperature, which is fitted on all pairs and tweets with entities (there must
            be some), with the soft gate where there is a picture.

    Returns:
        What was fitted, by its names in the configuration.
    """
    config = model.config
    for task in RELATIONS:
        set_relation(config, task, 1.0, 0.0)
    own = _relation_logits(model, tokenizer, pairs, regions, pairs)
    for task in ("image_adds", "text_represented"):
        known = [row for row, pair in enumerate(pairs) if getattr(pair, task) is not None]
        labels = torch.tensor([getattr(pairs[row], task) for row in known])
        set_relation(config, task, *fit_relation(own[task][known], labels))
    if config.belongs:
        _fit_belongs(model, tokenizer, pairs, regions, own["belongs"])

    # The spans come second: by now the soft gate is the calibrated probability that it will be from here on.
    named = [example for example in (*pairs, *tweets) if example.labels is not None]
    emissions, gold = [], []
    for rows, output in outputs(model, tokenizer, named, regions):
        emissions += [row[mask] for row, mask in zip(output["emissions"], output["word_mask"], strict=True)]
        gold += [named[row].labels or () for row in rows]
    fit_span_temperature(model.crf, emissions, gold)
    config.span_temperature = model.crf.temperature
    return {name: getattr(config, name) for name in SETTINGS}
