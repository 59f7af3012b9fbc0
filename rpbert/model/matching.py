"""Does this picture go with this tweet? Two vectors in one space, and the words that both share.

Not in the paper. A BERT trained on a few thousand tweets reads text and picture side by side without comparing them:
it cannot tell a tweet's own picture from another's. Two pooled vectors learn that comparison cheaply (contrastively, as
in CLIP, Radford et al. 2021), and the relation heads may then see it.

The tweet's vector comes from a sentence tower: the text encoder as it was pretrained on sentences, of which the lower
layers are shared (and frozen) and the upper ones kept apart, since the names rewrite them. The picture's vector is a
linear map of what the CNN found, on average over the regions, and of the names of the classes it is likely to show. The
words in the picture are one more sentence, which the tower reads as it reads the tweet.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.models.bert.modeling_bert import BertLayer

from rpbert.model.configuration import RpBertConfig
from rpbert.model.scene_text import COUNTS

CLASSES = 1000  # of ImageNet
PAIR_HIDDEN = 16
COSINE_SCALE = 5.0  # cosines of real pairs lie within about 0.5; this spreads them over the GELU's bend
MAX_LOG_SCALE = 4.6  # log 100, as in CLIP: keeps the contrastive loss from sharpening without end


def masked_mean(vectors: Tensor, mask: Tensor) -> Tensor:
    """The mean (B, d) of those vectors (B, n, d) whose mask (B, n) is not 0, weighted by it; 0 where all are 0."""
    weights = mask.unsqueeze(2).to(vectors.dtype)  # (B, n, 1)
    return (vectors * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-6)


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


class PictureMap(nn.Module):
    """Pooled regions to unit vectors in the space of sentences."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.classifier = nn.Linear(channels, CLASSES)  # the CNN's own
        self.class_vectors = nn.Linear(CLASSES, hidden, bias=False)  # sentence vectors of the class names
        self.requires_grad_(False)
        self.map = nn.Linear(channels + hidden, hidden)

    def forward(self, pooled: Tensor, dropout: float = 0.0) -> Tensor:
        """Mean regions (B, C) to (B, d); `dropout` is the share of channels left out, for training."""
        names = self.class_vectors(self.classifier(pooled).softmax(dim=1))  # (B, d)
        features = F.dropout(torch.cat([pooled, names], dim=1), dropout)  # (B, C + d)
        return F.normalize(self.map(features), dim=1)


class Matching(nn.Module):
    """Sentence tower, picture map, and what the pair says of its relation."""

    def __init__(self, config: RpBertConfig) -> None:
        super().__init__()
        hidden, own = config.text.hidden_size, config.text.num_hidden_layers - config.matching_layer
        self.sentence_layers = nn.ModuleList(BertLayer(config.text) for _ in range(own))
        self.picture_map = PictureMap(config.region_channels, hidden)
        self.log_scale = nn.Parameter(torch.tensor(2.659))  # log(1 / 0.07), as CLIP begins with
        numbers = 2 + COUNTS
        self.pair_head = nn.Sequential(nn.Linear(numbers, PAIR_HIDDEN), nn.GELU(), nn.Linear(PAIR_HIDDEN, 2))
        self.vector_head = nn.Linear(3 * hidden + numbers, 4)

    def similarity(self, text: Tensor, picture: Tensor) -> Tensor:
        """Logits (B, B): each text (B, d) against each picture (B, d), scaled cosine."""
        return self.log_scale.clamp(max=MAX_LOG_SCALE).exp() * text @ picture.T

    def pair_numbers(self, cosines: Tensor, counts: Tensor) -> Tensor:
        """The pair in numbers (B, 8).

        Args:
            cosines: (B, 2) of the tweet with the picture, and with the words in it.
            counts: (B, 6), `line_counts` summed over the lines of the picture.
        """
        return torch.cat([COSINE_SCALE * cosines, counts.clamp(min=0).log1p()], dim=1)

    def belongs_logits(self, numbers: Tensor) -> Tensor:
        """Logits (B, 2) of belongs, [no, yes], of `pair_numbers` alone: the vectors themselves did not help."""
        logits: Tensor = self.pair_head(numbers)
        return logits

    def vector_logits(self, vectors: Tensor, numbers: Tensor) -> Tensor:
        """Logits (B, 4) of adds and shows, [no, yes] each: here it counts what tweet and picture are about.

        Args:
            vectors: (B, 3, d) of the tweet, the picture and the words in it. numbers: (B, 8), `pair_numbers`.
        """
        logits: Tensor = self.vector_head(torch.cat([vectors.flatten(1), numbers], dim=1))  # (B, 3 d + 8) -> (B, 4)
        return logits
