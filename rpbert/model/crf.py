"""Linear-chain conditional random field over BIO labels (Lafferty et al. 2001), with the constraints of BIO built in.

A path y of a sentence with W words scores

    score(y) = start[y_0] + sum_w emission[w, y_w] + sum_w transition[y_(w-1), y_w] + end[y_(W-1)]

and P(y) = exp(score(y)) / sum over all paths. Parameters and conventions are those of `torchcrf`, which the authors'
2022 code uses. All methods take emissions (B, W, L) and a mask (B, W), True at words, the first column all True.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

Span = tuple[int, int, str]  # first word, end word exclusive, type

# Finite, or logsumexp over a column without one allowed path would have no gradient; e^-10000 is 0 in any float, and so
# is e^-1000, at the highest temperature that `rpbert.evaluation.calibration` chooses.
FORBIDDEN = -1e4


def allowed_starts(labels: tuple[str, ...]) -> Tensor:
    """(L,) bool: a sentence cannot begin with I-."""
    return torch.tensor([not label.startswith("I-") for label in labels])


def allowed_transitions(labels: tuple[str, ...]) -> Tensor:
    """(L, L) bool, [from, to]: I-X only follows B-X or I-X."""
    return torch.tensor(
        [[not to.startswith("I-") or (before != "O" and before[2:] == to[2:]) for to in labels] for before in labels]
    )


class Crf(nn.Module):
    """Likelihood, Viterbi path, marginals and the probability of a span.

    Args:
        labels: the L labels, in the order of the emissions.
        temperature: what `span_log_probability`, and nothing else, divides all scores by;
            see `rpbert.evaluation.calibration`.
    """

    def __init__(self, labels: tuple[str, ...], temperature: float = 1.0) -> None:
        super().__init__()
        self.labels = labels
        self.temperature = temperature
        self.start_transitions = nn.Parameter(torch.empty(len(labels)))
        self.end_transitions = nn.Parameter(torch.empty(len(labels)))
        self.transitions = nn.Parameter(torch.empty(len(labels), len(labels)))  # [from, to]
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Small uniform scores, as `torchcrf` begins with."""
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.1, 0.1)

    def _constrained(self) -> tuple[Tensor, Tensor]:
        """Start (L,) and transition (L, L) scores with what BIO forbids pushed to `FORBIDDEN`."""
        starts = allowed_starts(self.labels).to(self.transitions.device)
        steps = allowed_transitions(self.labels).to(self.transitions.device)
        return (
            self.start_transitions.masked_fill(~starts, FORBIDDEN),
            self.transitions.masked_fill(~steps, FORBIDDEN),
        )

    def log_partition(self, emissions: Tensor, mask: Tensor, temperature: float = 1.0) -> Tensor:
        """log Z: (B,), the log of the summed exponentiated scores of all paths (forward algorithm).

        Every score is divided by `temperature` first.
        """
        start, transitions = (scores / temperature for scores in self._constrained())
        end, emissions = self.end_transitions / temperature, emissions / temperature
        alpha = start + emissions[:, 0]  # (B, L)
        for word in range(1, emissions.shape[1]):
            step = alpha.unsqueeze(2) + transitions + emissions[:, word].unsqueeze(1)  # (B, from, to)
            alpha = torch.where(mask[:, word].unsqueeze(1), step.logsumexp(dim=1), alpha)
        return (alpha + end).logsumexp(dim=1)

    def score(self, emissions: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
        """Score (B,) of the paths `labels` (B, W), padding any valid index."""
        start, transitions = self._constrained()
        per_word = emissions.gather(2, labels.unsqueeze(2)).squeeze(2)  # (B, W)
        steps = transitions[labels[:, :-1], labels[:, 1:]]  # (B, W - 1)
        last = labels.gather(1, mask.long().sum(dim=1, keepdim=True) - 1).squeeze(1)  # (B,)
        total = start[labels[:, 0]] + (per_word * mask).sum(dim=1) + (steps * mask[:, 1:]).sum(dim=1)
        return total + self.end_transitions[last]

    def log_likelihood(self, emissions: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
        """log P (B,) of the paths `labels` (B, W)."""
        return self.score(emissions, labels, mask) - self.log_partition(emissions, mask)

    def cross_entropy(self, emissions: Tensor, mask: Tensor, teacher: "Crf", taught: Tensor) -> Tensor:
        """Mean of -log P(y) over B sentences and, by their probability under `teacher`, over all their paths y.

        It is least where this CRF finds every path as probable as the teacher does; the likelihood of one path is what
        it becomes when the teacher is sure. The expected score of a path takes no enumeration: it is linear in the
        teacher's marginals, which are the gradients of the teacher's log Z.

        Args:
            emissions: (B, W, L) of this CRF. taught: (B, W, L) those of `teacher`, which has the same labels.
        """
        with torch.enable_grad():
            leaf = taught.detach().requires_grad_()
            sources = [leaf, teacher.start_transitions, teacher.end_transitions, teacher.transitions]
            marginals = torch.autograd.grad(teacher.log_partition(leaf, mask).sum(), sources)
        scores = [emissions, self.start_transitions, self.end_transitions, self.transitions]
        expected = torch.stack([(share * score).sum() for share, score in zip(marginals, scores, strict=True)]).sum()
        return (self.log_partition(emissions, mask).sum() - expected) / len(emissions)

    @torch.no_grad()
    def viterbi(self, emissions: Tensor, mask: Tensor) -> list[list[int]]:
        """The most probable path of each sentence, as label indices; never one that BIO forbids."""
        starts = allowed_starts(self.labels).to(emissions.device)
        steps = allowed_transitions(self.labels).to(emissions.device)
        transitions = self.transitions.masked_fill(~steps, -torch.inf)
        best = self.start_transitions.masked_fill(~starts, -torch.inf) + emissions[:, 0]  # (B, L)
        origins = []
        for word in range(1, emissions.shape[1]):
            scores, origin = (best.unsqueeze(2) + transitions).max(dim=1)  # (B, to), the best "from" of each "to"
            active = mask[:, word].unsqueeze(1)
            best = torch.where(active, scores + emissions[:, word], best)
            stay = torch.arange(len(self.labels), device=emissions.device).expand_as(origin)
            origins.append(torch.where(active, origin, stay))  # padding keeps the label it came with
        label = (best + self.end_transitions).argmax(dim=1)  # (B,)
        path = [label]
        for origin in reversed(origins):
            label = origin.gather(1, label.unsqueeze(1)).squeeze(1)
            path.append(label)
        stacked = torch.stack(path[::-1], dim=1)  # (B, W)
        return [row[: int(length)].tolist() for row, length in zip(stacked, mask.sum(dim=1), strict=True)]

    @torch.no_grad()
    def runner_up(self, emissions: Tensor) -> list[int]:
        """The second most probable path of one sentence (1, W, L), as label indices; one that BIO allows.

        It differs from the best path in some word, so it is the best of W Viterbi paths, each of which may not use the
        best path's label at one of the words.
        """
        words = emissions.shape[1]
        mask = torch.ones(words, words, dtype=torch.bool, device=emissions.device)
        (best,) = self.viterbi(emissions, mask[:1])
        forbidden = emissions.repeat(words, 1, 1)  # (W, W, L), row w without the best label at word w
        forbidden[range(words), range(words), best] = -torch.inf
        paths = torch.tensor(self.viterbi(forbidden, mask), device=emissions.device)  # (W, W)
        scores = self.score(emissions.expand(words, -1, -1), paths, mask)  # (W,)
        second: list[int] = paths[int(scores.argmax())].tolist()
        return second

    def marginals(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """P(word w has label l): (B, W, L), the gradient of log Z with respect to the emissions; zeros at padding."""
        with torch.enable_grad():
            leaf = emissions.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.log_partition(leaf, mask).sum(), leaf)
        return gradient

    def span_log_probability(
        self, emissions: Tensor, mask: Tensor, row: Tensor, start: Tensor, end: Tensor, kind: list[str | None]
    ) -> Tensor:
        """log P that words start..end-1 are exactly one entity of a type, or exactly no entity at all.

        The sum over all paths that read the span so, divided by the sum over all paths: log Z of the emissions with
        every other reading forbidden, minus log Z, both at `temperature`: emissions and transitions alike, so that the
        readings of a word still sum to 1. Differentiable with respect to the emissions.

        Args:
            emissions: (B, W, L); mask: (B, W).
            row, start, end: (S,) the sentence of each span and its word range, end exclusive.
            kind: per span an entity type, or None for "each of these words is O".

        Returns:
            (S,) log-probabilities.
        """
        blocked = torch.zeros(len(row), *emissions.shape[1:], dtype=torch.bool, device=emissions.device)  # (S, W, L)
        index = {label: position for position, label in enumerate(self.labels)}
        lengths = mask.sum(dim=1)
        for span, (first, stop, name) in enumerate(zip(start.tolist(), end.tolist(), kind, strict=True)):
            required = "O" if name is None else f"B-{name}"
            blocked[span, first:stop] = True
            blocked[span, first, index[required]] = False
            inside = "O" if name is None else f"I-{name}"
            blocked[span, first + 1 : stop, index[inside]] = False
            if name is not None and stop < int(lengths[row[span]]):
                blocked[span, stop, index[inside]] = True  # the entity ends here and does not go on
        constrained = emissions[row].masked_fill(blocked, FORBIDDEN)  # (S, W, L)
        every = self.log_partition(emissions, mask, self.temperature)[row]  # (S,)
        return self.log_partition(constrained, mask[row], self.temperature) - every


def spans_of(labels: Sequence[str]) -> list[Span]:
    """Entities of a valid BIO sequence, in their order."""
    spans: list[Span] = []
    for word, label in enumerate(labels):
        if label.startswith("B-"):
            spans.append((word, word + 1, label[2:]))
        elif label.startswith("I-"):
            start, end, kind = spans[-1]
            assert (end, kind) == (word, label[2:]), f"not valid BIO: {labels}"
            spans[-1] = (start, word + 1, kind)
    return spans
