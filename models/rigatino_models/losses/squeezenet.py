"""SqueezeNet 1.0 features (arXiv 1602.07360) and the perceptual distance made of them.

The distance follows LPIPS (arXiv 1801.03924) without its learned weights: features of unit length, squared difference
summed over channels, mean over pixels. It is not LPIPS; scores made with it carry another name.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.losses.frozen import Normalise, fill_in

FIRES = {3: (96, 16, 64), 4: (128, 16, 64), 5: (128, 32, 128), 7: (256, 32, 128), 8: (256, 48, 192)} | {
    9: (384, 48, 192),
    10: (384, 64, 256),
    12: (512, 64, 256),
}
TAPS = (1, 4, 5, 7, 8, 9, 10, 12)
POOLS = (2, 6, 11)
TINY = 1e-8  # length below which features count as none


class Fire(nn.Module):
    """Squeeze to few channels, expand by a 1x1 and a 3x3 convolution."""

    def __init__(self, inputs: int, narrow: int, wide: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, narrow, 1)
        self.expand1x1 = nn.Conv2d(narrow, wide, 1)
        self.expand3x3 = nn.Conv2d(narrow, wide, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,2*wide,H,W]."""
        x = F.relu(self.squeeze(x))
        return F.relu(torch.cat((self.expand1x1(x), self.expand3x3(x)), 1))


class SqueezeNet(nn.Module):
    """The convolutional part, frozen, in the key layout of torchvision."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        layers: dict[str, nn.Module] = {"0": nn.Conv2d(3, 96, 7, stride=2)}
        layers |= {str(i): Fire(*shape) for i, shape in FIRES.items()}
        self.features = nn.ModuleDict(layers)
        self.normalise = Normalise()
        fill_in(self, weights)

    def forward(self, image: Tensor, last: int = 12) -> list[Tensor]:
        """image [N,3,H,W] RGB in [0,1] -> features at the taps up to index `last`, of unit length per pixel."""
        return [F.normalize(x.float(), dim=1, eps=TINY) for x in self.activations(image, last)]

    def activations(self, image: Tensor, last: int = 12) -> list[Tensor]:
        """The same features, of the length that the network gives them."""
        x = self.normalise(image)
        found = []
        for index in range(last + 1):
            if index in POOLS:
                x = F.max_pool2d(x, 3, 2, ceil_mode=True)
            elif index == 1:
                x = F.relu(x)
            else:
                x = self.features[str(index)](x)
            if index in TAPS:
                found.append(x)
        return found


class PerceptualLoss(nn.Module):
    """Weighted mean over taps of the mean squared difference of unit-length features."""

    def __init__(self, weights: Path, taps: Sequence[float] = (0.5, 1, 1, 1, 1, 0.5, 0.5, 0.5)) -> None:
        super().__init__()
        self.net = SqueezeNet(weights).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.taps = tuple(taps)

    def forward(self, result: Tensor, target: Tensor) -> Tensor:
        """Pictures [N,3,H,W] in [0,1] -> scalar."""
        with torch.no_grad():
            wanted = self.net.activations(target)
        given = self.net.activations(result)
        terms = [
            weight * unit_distance(a, b).mean() for weight, a, b in zip(self.taps, given, wanted, strict=True)
        ]
        return torch.stack(terms).sum() / sum(self.taps)


def unit_distance(one: Tensor, other: Tensor) -> Tensor:
    """Squared distance [N,H,W] of the features [N,C,H,W] of each pixel, thought of unit length; in float32.

    |a|^2 + |b|^2 - 2ab: no unit-length copies are made, which took a seventh of the loss's time.
    """
    one, other = one.float(), other.float()
    a, b = one.square().sum(1), other.square().sum(1)
    ones = (a > TINY**2).float() + (b > TINY**2).float()
    lengths = a.clamp_min(TINY**2).rsqrt() * b.clamp_min(TINY**2).rsqrt()
    return ones - 2 * (one * other).sum(1) * lengths
