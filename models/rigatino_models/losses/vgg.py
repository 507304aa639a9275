"""The perceptual loss of Johnson et al. (arXiv 1603.08155, equation 2) on VGG-16 (arXiv 1409.1556)."""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.losses.frozen import FeatureLoss, Normalise, fill_in

# Index in torchvision's `features` -> (inputs, outputs); what is not there is a ReLU or, at POOLS, a 2x2 maximum.
CONVOLUTIONS = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256)} | {
    14: (256, 256),
    17: (256, 512),
    19: (512, 512),
    21: (512, 512),
}
POOLS = (4, 9, 16)
TAPS = (2, 7, 14, 21)  # relu1_2, relu2_2, relu3_3, relu4_3


class Vgg16(nn.Module):
    """The first ten convolutions, frozen, in torchvision's key layout (`features.N.weight`)."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.normalise: nn.Module = Normalise()
        self.features = nn.ModuleDict(
            {str(i): nn.Conv2d(ins, outs, 3, padding=1) for i, (ins, outs) in CONVOLUTIONS.items()}
        )
        fill_in(self, weights)

    def forward(self, image: Tensor, last: int = TAPS[-1]) -> list[Tensor]:
        """image [N,3,H,W] RGB in [0,1], H and W at least 8 -> the activations at the taps up to index `last`."""
        x = self.normalise(image)
        found = []
        for index in range(last + 1):
            if index in CONVOLUTIONS:
                x = F.relu(self.features[str(index)](x))
                if index in TAPS:
                    found.append(x)
            elif index in POOLS:
                x = F.max_pool2d(x, 2)
        return found


class VggLoss(FeatureLoss):
    """Sum over four layers of the mean squared difference of activations."""

    def __init__(self, weights: Path) -> None:
        super().__init__(Vgg16(weights))
