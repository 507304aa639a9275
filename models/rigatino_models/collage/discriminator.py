"""SNGAN's projection discriminator (arXiv 1802.05637, 1802.05957): what a picture shows, and how real it is of a class.

Weights at rest have their spectral normalisation worked in; `spectral` has it for training.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.collage.layers import Tick, conv, dense, nothing


class FirstBlock(nn.Module):
    """3x3, ReLU, 3x3 to half the sides, around a 1x1 shortcut: a picture takes no activation."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = conv(inputs, outputs)
        self.conv2: nn.Module = conv(outputs, outputs)
        self.shortcut = conv(inputs, outputs, 1)
        self.halve: nn.Module = nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,outputs,H/2,W/2]."""
        out: Tensor = self.halve(self.conv2(F.relu(self.conv1(x)))) + self.shortcut(F.avg_pool2d(x, 2))
        return out


class HalvingBlock(nn.Module):
    """ReLU, 3x3, ReLU, 3x3 to half the sides, around a 1x1 shortcut, taken at half the size already."""

    def __init__(self, inputs: int, outputs: int, hidden: int) -> None:
        super().__init__()
        self.conv1 = conv(inputs, hidden)
        self.conv2: nn.Module = conv(hidden, outputs)
        self.shortcut = conv(inputs, outputs, 1)
        self.halve: nn.Module = nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,outputs,H/2,W/2]."""
        y = self.conv2(F.relu(self.conv1(F.relu(x))))
        out: Tensor = self.halve(y) + self.shortcut(F.avg_pool2d(x, 2))
        return out


class FlatBlock(nn.Module):
    """ReLU, 3x3, ReLU, 3x3, around nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv(channels, channels)
        self.conv2 = conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[N,channels,H,W] -> the same shape."""
        out: Tensor = x + self.conv2(F.relu(self.conv1(F.relu(x))))
        return out


class Discriminator(nn.Module):
    """Residual blocks to features, a score of their sum, and one for each class."""

    def __init__(self, widths: Sequence[int], classes: int, wide: bool, flat: bool) -> None:
        super().__init__()
        *halving, last = widths if flat else (*widths, widths[-1])
        blocks: list[nn.Module] = [FirstBlock(3, halving[0])]
        blocks += [HalvingBlock(a, b, b if wide else a) for a, b in pairwise(halving)]
        self.blocks = nn.ModuleList([*blocks, FlatBlock(last)] if flat else blocks)
        self.score = dense(last, 1)
        self.class_scores = dense(last, classes, bias=False)
        self.multiple = 2 ** len(halving)

    def features(self, x: Tensor, tick: Tick = nothing) -> Tensor:
        """x [N,3,H,W] in [-1,1], sides multiples of `multiple` -> [N,C,h,w], at least 0."""
        x = x.to(self.score.bias.dtype)  # in training, a look at its weight would move its normalisation on
        for block in self.blocks:
            x = block(x)
            tick()
        return F.relu(x).float()

    def scores(self, features: Tensor) -> Tensor:
        """How real a picture is of each class [N,classes]; more is more."""
        seen = features.sum((2, 3)).to(self.score.bias.dtype)
        verdict: Tensor = self.score(seen) + self.class_scores(seen)
        return verdict.float()

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """x [N,3,H,W] in [-1,1], labels [N] -> scores [N,1]."""
        return self.scores(self.features(x)).gather(1, labels[:, None])
