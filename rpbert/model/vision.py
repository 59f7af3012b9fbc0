"""Picture -> regions: a frozen CNN without pooling, whose last map is read as 7 x 7 = 49 regions (paper, section 3.2).

The CNN runs once per picture; its regions go to both passes of the model.
"""

import timm
import torch
from torch import Tensor, nn

from rpbert.model.configuration import GRID, RpBertConfig


class RegionEncoder(nn.Module):
    """A `timm` CNN, always in eval mode (BatchNorm too) and without gradients to its weights."""

    def __init__(self, config: RpBertConfig) -> None:
        super().__init__()
        # num_classes=0 drops the classifier; forward_features stops before pooling.
        self.cnn = timm.create_model(config.vision_encoder, pretrained=False, num_classes=0)
        self.requires_grad_(False)
        super().train(False)

    def train(self, mode: bool = True) -> "RegionEncoder":
        """Stay in eval mode: BatchNorm statistics of a frozen CNN must not move."""
        return super().train(False)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Pixels (B, 3, 224, 224), normalised, to regions (B, 49, C), row by row from the upper left."""
        feature_map = self.cnn.forward_features(pixel_values)  # (B, C, 7, 7)
        assert feature_map.shape[-2:] == (GRID, GRID), f"a stride-32 CNN is needed, got a map of {feature_map.shape}"
        return feature_map.flatten(2).transpose(1, 2)  # (B, 49, C)

    @torch.no_grad()
    def regions(self, pixel_values: Tensor) -> Tensor:
        """As `forward`, without a graph: what training and prediction use."""
        return self(pixel_values)
