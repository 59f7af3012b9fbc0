"""The losses. One module around the model, so that `accelerate` prepares (and splits over devices) just this."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rpbert.crf import Crf
from rpbert.gates import parse_gate
from rpbert.modeling import RpBert
from rpbert.recipe import Multitask


class Objectives(nn.Module):
    """`forward(task, batch)` gives the mean loss of a batch."""

    def __init__(self, model: RpBert, settings: Multitask, teacher: Crf | None = None, share: float = 0.0) -> None:
        super().__init__()
        self.model = model
        self.settings = settings
        self.teacher = teacher
        self.share = share

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
        **word_inputs: Tensor,
    ) -> Tensor:
        """CRF negative log-likelihood per tweet, a share of it of the teacher's paths instead of the labels.

        Args:
            labels: (B, W), padding any valid index.
            taught: (B, W, L) the teacher's emissions, where there is a teacher.
            word_inputs: `WordFeatures.inputs`.
        """
        gate = parse_gate(self.settings.gate)
        output = self.model(input_ids, attention_mask, word_index, case_ids, regions, gate=gate, **word_inputs)
        likelihood = self.model.crf.log_likelihood(output.emissions, labels, output.word_mask)
        if self.teacher is None or taught is None:
            return -likelihood.mean()
        cross_entropy = self.model.crf.cross_entropy(output.emissions, output.word_mask, self.teacher, taught)
        return (1 - self.share) * -likelihood.mean() + self.share * cross_entropy

    def relation(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        regions: Tensor,
        image_adds: Tensor,
        text_represented: Tensor,
        weight: Tensor,
        case_ids: Tensor | None = None,
    ) -> Tensor:
        """Cross-entropy of both relations, weighted per row (B,).

        Args:
            image_adds, text_represented: (B,) 0 or 1, -1 where not labelled.
        """
        output = self.model(input_ids, attention_mask, None, case_ids, regions)
        total = torch.zeros((), device=regions.device)
        for logits, labels in (
            (output.image_adds_logits, image_adds),
            (output.text_represented_logits, text_represented),
        ):
            per_row = F.cross_entropy(logits, labels, ignore_index=-1, reduction="none")  # (B,)
            total = total + (weight * per_row).sum() / weight.sum()
        return self.settings.relation_weight * total
