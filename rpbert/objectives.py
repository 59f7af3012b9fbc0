"""The three losses. One module around the model, so that `accelerate` prepares (and splits over devices) just this."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rpbert.gates import parse_gate
from rpbert.modeling import RpBert
from rpbert.recipe import Multitask


def contrastive_loss(logits: Tensor, pictures: Tensor) -> Tensor:
    """Symmetric cross-entropy (Radford et al. 2021) of logits (B, B), texts against pictures.

    `pictures` (B,) names the picture of each row: a caption's other captions in the batch are no negatives, its target
    is spread over all rows with the same picture.
    """
    same = (pictures.unsqueeze(0) == pictures.unsqueeze(1)).float()  # (B, B)
    target = same / same.sum(dim=1, keepdim=True)
    to_picture = -(target * logits.log_softmax(dim=1)).sum(dim=1)
    to_text = -(target * logits.log_softmax(dim=0)).sum(dim=0)
    return (to_picture.mean() + to_text.mean()) / 2


class Objectives(nn.Module):
    """`forward(task, batch)` gives the mean loss of a batch."""

    def __init__(self, model: RpBert, settings: Multitask) -> None:
        super().__init__()
        self.model = model
        self.settings = settings

    def forward(self, task: str, batch: dict[str, Tensor]) -> Tensor:
        """`task` is "ner", "relation" or "matching"."""
        losses: dict[str, Callable[..., Tensor]] = {
            "ner": self.ner,
            "relation": self.relation,
            "matching": self.matching,
        }
        if "regions" in batch:
            # Whole channels of a picture: dropped region by region, the noise would average out over the 49.
            regions = batch["regions"].transpose(1, 2)  # (B, C, 49)
            dropped = F.dropout1d(regions, self.settings.region_dropout, self.training)
            batch = {**batch, "regions": dropped.transpose(1, 2)}  # (B, 49, C)
        return losses[task](**batch)

    def ner(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        word_index: Tensor,
        labels: Tensor,
        regions: Tensor | None = None,
    ) -> Tensor:
        """CRF negative log-likelihood per tweet; labels (B, W), padding any valid index."""
        output = self.model(input_ids, attention_mask, word_index, regions, gate=parse_gate(self.settings.gate))
        likelihood = self.model.crf.log_likelihood(output.emissions, labels, output.word_mask)
        return -likelihood.mean()

    def relation(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        regions: Tensor,
        pictures: Tensor,
        image_adds: Tensor,
        text_represented: Tensor,
        weight: Tensor,
        own: Tensor,
    ) -> Tensor:
        """Cross-entropy of both relations, weighted per row (B,), and the contrast among pairs that belong together.

        Args:
            image_adds, text_represented: (B,) 0 or 1, -1 where not labelled. own: (B,) bool, not a swapped pair.
        """
        output = self.model(input_ids, attention_mask, None, regions)
        total = torch.zeros((), device=regions.device)
        for logits, labels in (
            (output.image_adds_logits, image_adds),
            (output.text_represented_logits, text_represented),
        ):
            per_row = F.cross_entropy(logits, labels, ignore_index=-1, reduction="none")  # (B,)
            total = total + (weight * per_row).sum() / weight.sum()
        total = self.settings.relation_weight * total
        if output.text_vector is not None and self.model.matching is not None:
            logits = self.model.matching.similarity(output.text_vector[own], output.picture_vector[own])
            total = total + self.settings.matching_weight * contrastive_loss(logits, pictures[own])
        return total

    def matching(self, input_ids: Tensor, attention_mask: Tensor, regions: Tensor, pictures: Tensor) -> Tensor:
        """The contrast alone, of captions and their photographs."""
        assert self.model.matching is not None
        text, picture = self.model.pair_vectors(input_ids, attention_mask, self.model.project(regions))
        logits = self.model.matching.similarity(text, picture)
        return self.settings.matching_weight * contrastive_loss(logits, pictures)
