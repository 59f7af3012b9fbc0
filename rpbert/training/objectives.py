"""The losses. One module around the model, so that `accelerate` prepares (and splits over devices) just this."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rpbert.model.crf import Crf
from rpbert.model.gates import parse_gate
from rpbert.model.modeling import RpBert
from rpbert.model.texts import word_means
from rpbert.training.recipe import Multitask


class Objectives(nn.Module):
    """`forward(task, batch)` gives the mean loss of a batch."""

    def __init__(self, model: RpBert, settings: Multitask, teacher: Crf | None = None, share: float = 0.0) -> None:
        super().__init__()
        self.model = model
        self.settings = settings
        self.teacher = teacher
        self.share = share
        # Whether a name is depicted, read from its words after pass 2. It is no part of the model: it only makes the
        # words look at the picture.
        self.visible_head = nn.Linear(model.config.text.hidden_size, 1) if settings.visible_weight else None

    def forward(self, task: str, batch: dict[str, Tensor]) -> Tensor:
        """`task` is "ner" or "relation"."""
        losses: dict[str, Callable[..., Tensor]] = {"ner": self.ner, "relation": self.relation}
        return losses[task](**batch)

    def ner(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        word_index: Tensor,
        labels: Tensor,
        case_ids: Tensor | None = None,
        regions: Tensor | None = None,
        taught: Tensor | None = None,
        visible: Tensor | None = None,
        **others: Tensor,
    ) -> Tensor:
        """CRF negative log-likelihood per tweet, a share of it of the teacher's paths instead of the labels; and, where
        `visible` is given, the loss for telling which names are depicted.

        Args:
            labels: (B, W), padding any valid index.
            taught: (B, W, L) the teacher's emissions, where there is a teacher.
            visible: (B, W) whether a word's name is depicted, 0 or 1, -1 where it is not known.
            others: `WordFeatures.inputs`, `PictureInputs.tensors`.
        """
        gate = parse_gate(self.settings.gate)
        output = self.model(input_ids, attention_mask, word_index, case_ids, regions, gate=gate, **others)
        loss = -self.model.crf.log_likelihood(output.emissions, labels, output.word_mask).mean()
        if self.teacher is not None and taught is not None:
            cross_entropy = self.model.crf.cross_entropy(output.emissions, output.word_mask, self.teacher, taught)
            loss = (1 - self.share) * loss + self.share * cross_entropy
        if visible is not None:
            loss = loss + self.settings.visible_weight * self._visible_loss(output.states, word_index, visible)
        return loss

    def _visible_loss(self, states: Tensor, word_index: Tensor, visible: Tensor) -> Tensor:
        """Mean cross-entropy (nats) over the words of names of which it is known whether they are depicted."""
        assert self.visible_head is not None
        vectors, _ = word_means(states, word_index)  # (B, W, d)
        logits = self.visible_head(vectors).squeeze(2).float()  # (B, W, 1) -> (B, W)
        known = (visible >= 0).float()
        per_word = F.binary_cross_entropy_with_logits(logits, visible.clamp(min=0).float(), reduction="none")
        return (known * per_word).sum() / known.sum().clamp(min=1)

    def relation(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        regions: Tensor,
        belongs: Tensor,
        image_adds: Tensor,
        text_represented: Tensor,
        case_ids: Tensor | None = None,
        **others: Tensor,
    ) -> Tensor:
        """Cross-entropy of the relations, each the mean over the rows of which it is known.

        Args:
            belongs: (B,) 1 with the own picture, 0 with another's; not looked at by a model that does not ask.
            image_adds, text_represented: (B,) 0 or 1, -1 where not labelled, and with another's picture.
            others: `PictureInputs.tensors`.
        """
        relation = self.model(input_ids, attention_mask, None, case_ids, regions, **others).relation
        tasks = [(relation.image_adds, image_adds), (relation.text_represented, text_represented)]
        if relation.belongs is not None:
            tasks.append((relation.belongs, belongs))
        total = torch.zeros((), device=regions.device)
        for logits, labels in tasks:
            if (labels >= 0).any():
                total = total + F.cross_entropy(logits, labels, ignore_index=-1)
        return self.settings.relation_weight * total
