"""Text-image matching: tweet and picture as two vectors in one space (contrastive, as in CLIP, Radford et al. 2021).

Not in the paper. A BERT trained on a few thousand tweets reads text and picture side by side without comparing them:
it cannot tell a tweet's own picture from another's. Two pooled vectors learn that comparison cheaply, and the relation
heads may then see it. The tweet's vector is pooled from the embedding layer, not from the last one: a bag of words
matches pictures nearly as well, and the NER task, which rewrites the layers above, cannot unlearn it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

RELATION_HIDDEN = 16
COSINE_SCALE = 5.0  # cosines of real pairs lie within about 0.5; this spreads them over the GELU's bend
MAX_LOG_SCALE = 4.6  # log 100, as in CLIP: keeps the contrastive loss from sharpening without end


def masked_mean(vectors: Tensor, mask: Tensor) -> Tensor:
    """The mean (B, d) of those vectors (B, n, d) whose mask (B, n) is 1."""
    weights = mask.unsqueeze(2).to(vectors.dtype)  # (B, n, 1)
    return (vectors * weights).sum(dim=1) / weights.sum(dim=1)


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


class Matching(nn.Module):
    """Pools a tweet and its picture into unit vectors, each without the other, and compares the two."""

    def __init__(self, hidden: int, size: int) -> None:
        super().__init__()
        self.text_map = nn.Linear(hidden, size)
        self.region_map = nn.Linear(hidden, size)  # linear: a picture's vector is the sum of what its regions give
        self.log_scale = nn.Parameter(torch.tensor(2.659))  # log(1 / 0.07), as CLIP begins with
        self.relation = nn.Sequential(nn.Linear(1, RELATION_HIDDEN), nn.GELU(), nn.Linear(RELATION_HIDDEN, 4))

    def text_vector(self, embedded: Tensor, attention_mask: Tensor) -> Tensor:
        """Embedded pieces (B, n, d) to unit vectors (B, m)."""
        return F.normalize(self.text_map(masked_mean(embedded, attention_mask)), dim=1)

    def picture_vector(self, visual: Tensor) -> Tensor:
        """Visual tokens (B, 49, d) to unit vectors (B, m)."""
        return F.normalize(self.region_map(visual.mean(dim=1)), dim=1)

    def similarity(self, text: Tensor, picture: Tensor) -> Tensor:
        """Logits (B, B): each text (B, m) against each picture (B, m), scaled cosine."""
        return self.log_scale.clamp(max=MAX_LOG_SCALE).exp() * text @ picture.T

    def relation_logits(self, text: Tensor, picture: Tensor) -> Tensor:
        """What the similarity of pairs (B, m), (B, m) adds to the relation logits: (B, 4), two of `image_adds`, two of
        `text_represented`.

        Of the cosine alone: given the vectors themselves, the heads learned the few thousand tweets by heart.
        """
        cosine = (text * picture).sum(dim=1, keepdim=True)  # (B, 1)
        logits: Tensor = self.relation(COSINE_SCALE * cosine)
        return logits
