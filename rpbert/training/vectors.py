"""At the end of an epoch: what a pair's vectors say of whether the picture adds, and whether it shows the tweet.

h_CLS comes from a text encoder that has learned the training pairs nearly by heart. The vectors come from a tower that
has not seen one of these labels, and a linear map of them with a strong penalty cannot learn the pairs by heart. The
two err differently, so their sum errs less than either.
"""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from rpbert.data.readers import Example
from rpbert.data.regions import RegionStore
from rpbert.evaluation.prediction import outputs
from rpbert.model.modeling import RpBert
from rpbert.training.alignment import CrossFit
from rpbert.training.pairs import READ_BATCH, pair_counts, scene_sentences

TASKS = ("image_adds", "text_represented")
INVERSE_PENALTY = 1e-3  # scikit-learn's C, of standardised features; chosen by cross-validation on the training pairs
LEAST_SPREAD = 1e-6  # standard deviation of an input that counts


@torch.no_grad()
def fit_vectors(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Example], store: RegionStore, folds: CrossFit
) -> None:
    """Fit what the vectors say of the two relations, in place, from own pictures alone.

    Each of the two is a logistic regression. It is then stretched until its log-odds spread over the pairs as those of
    h_CLS do: both count alike, and the calibration on dev settles how sure their sum is. A relation whose labels are
    all the same, or not known, learns nothing.
    """
    assert model.matching is not None
    head = model.matching.vector_head
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    from_cls = _log_odds(model, tokenizer, pairs, store)
    inputs = _inputs(model, tokenizer, pairs, store, folds)
    for index, task in enumerate(TASKS):
        known = [row for row, pair in enumerate(pairs) if getattr(pair, task) is not None]
        labels = [getattr(pairs[row], task) for row in known]
        if len(set(labels)) < 2:
            continue
        weight, bias = _regression(inputs[known], np.array(labels))
        stretch = from_cls[task][known].std() / (inputs[known] @ weight).std()
        yes = 2 * index + 1  # the logits of "no" stay 0
        head.weight[yes] = torch.from_numpy(stretch * weight)
        head.bias[yes] = float(stretch * bias)


def _log_odds(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Example], store: RegionStore
) -> dict[str, np.ndarray]:
    """Log-odds (N,) of the relations of N pairs, as the model reads them now."""
    found = {task: np.zeros(len(pairs)) for task in TASKS}
    for rows, output in outputs(model, tokenizer, pairs, store, pictures=pairs):
        for task in TASKS:
            logits = getattr(output.relation, task).float().cpu()  # (B, 2)
            found[task][rows] = (logits[:, 1] - logits[:, 0]).numpy()
    return found


def _inputs(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Example], store: RegionStore, folds: CrossFit
) -> np.ndarray:
    """What `vector_head` reads (N, 3 d + 8) of N pairs; the cosines are of maps that have not seen them."""
    assert model.matching is not None
    parts = [pairs[begin : begin + READ_BATCH] for begin in range(0, len(pairs), READ_BATCH)]
    pooled = torch.cat([store(part).mean(dim=1) for part in parts])  # (N, C)
    picture = model.matching.picture_map(pooled.to(model.device)).cpu()  # (N, d)
    tweet = folds.texts[folds.rows(pairs)]  # (N, d)
    limit = model.config.scene_pieces if model.config.scene_text else 0
    said = scene_sentences(model, tokenizer, limit, pairs)  # (N, d)
    cosines = torch.stack([folds.cosines(pairs, pairs), (tweet * said).sum(dim=1)], dim=1)  # (N, 2)
    numbers = model.matching.pair_numbers(cosines, pair_counts(tokenizer, limit, pairs, pairs))
    inputs: Tensor = torch.cat([tweet, picture, said, numbers], dim=1)
    return inputs.double().numpy()


def _regression(inputs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """Weight (F,) and bias of the logistic regression of labels (N,) on inputs (N, F), each standardised for it."""
    mean, spread = inputs.mean(axis=0), inputs.std(axis=0)
    spread[spread < LEAST_SPREAD] = np.inf  # constant but for rounding: no weight
    regression = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000).fit((inputs - mean) / spread, labels)
    weight = regression.coef_[0] / spread  # (F,)
    return weight, float(regression.intercept_[0] - weight @ mean)
