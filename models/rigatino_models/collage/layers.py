"""What the collage's networks are made of: batch normalisation by class, and residual blocks up and down.

Shapes: N batch, K classes that are looked at, C channels, H height, W width.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 2e-5  # of batch normalisation
DECAY = 0.1  # of its running statistics: what a batch weighs


@dataclass(frozen=True)
class Painted:
    """Which classes [K] are where: weights [N or 1,K,H,W] at the size of the maps that are normalised."""

    classes: Tensor
    weights: Tensor


Tick = Callable[[], None]  # called after each block; may raise to stop
Look = Tensor | Painted  # labels [N], or weights of classes for every place
Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


def nothing() -> None:
    """A tick that no one follows."""


class ClassNorm(nn.Module):
    """Batch normalisation whose scale and shift depend on the class (arXiv 1610.07629), or on a map of weights of
    classes (spatial conditional batch normalisation, arXiv 1811.10153, section 3.1)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.stats: nn.Module = nn.BatchNorm2d(channels, EPSILON, DECAY, affine=False)
        self.gamma = nn.Parameter(torch.ones(classes, channels))
        self.beta = nn.Parameter(torch.zeros(classes, channels))

    def forward(self, x: Tensor, look: Look) -> Tensor:
        """x [N,C,H,W] -> the same shape."""
        x = self.stats(x)
        # Product and sum apart: so a uniform map of one class is exactly that class.
        return x * spread(self.gamma, look) + spread(self.beta, look)


def spread(table: Tensor, look: Look) -> Tensor:
    """A row of table [classes,C] for each picture [N,C,1,1], or for each place [N or 1,C,H,W]."""
    if isinstance(look, Tensor):
        return table[look][:, :, None, None]
    rows = table[look.classes]
    # A product of matrices: a GPU may round a convolution's factors, and one class alone must stay exact.
    return torch.einsum("nkhw,kc->nchw", look.weights.to(rows.dtype), rows)


class UpBlock(nn.Module):
    """Norm, ReLU, twice the sides, 3x3, norm, ReLU, 3x3, around a 1x1 shortcut.

    The shortcut's convolution comes before its enlargement: the two may change places.
    """

    def __init__(self, inputs: int, outputs: int, classes: int) -> None:
        super().__init__()
        self.norm1 = ClassNorm(inputs, classes)
        self.conv1: nn.Module = conv(inputs, outputs)
        self.norm2 = ClassNorm(outputs, classes)
        self.conv2 = conv(outputs, outputs)
        self.shortcut = conv(inputs, outputs, 1)
        self.enlarge: nn.Module = nn.UpsamplingNearest2d(scale_factor=2)

    def forward(self, x: Tensor, first: Look, second: Look) -> Tensor:
        """[N,inputs,H,W] -> [N,outputs,2H,2W]; what to look at at the smaller and at the larger size."""
        y = self.conv1(self.enlarge(F.relu(self.norm1(x, first))))
        y = self.conv2(F.relu(self.norm2(y, second)))
        out: Tensor = y + F.interpolate(self.shortcut(x), scale_factor=2.0, mode="nearest")
        return out


class DownBlock(nn.Module):
    """The encoder's: norm, ReLU, half the sides, 3x3, norm, ReLU, 3x3, around a 1x1 shortcut."""

    def __init__(self, inputs: int, outputs: int, classes: int) -> None:
        super().__init__()
        self.norm1 = ClassNorm(inputs, classes)
        self.conv1 = conv(inputs, inputs)
        self.norm2 = ClassNorm(inputs, classes)
        self.conv2 = conv(inputs, outputs)
        self.shortcut = conv(inputs, outputs, 1)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,outputs,H/2,W/2]."""
        y = self.conv1(F.avg_pool2d(F.relu(self.norm1(x, labels)), 2))
        y = self.conv2(F.relu(self.norm2(y, labels)))
        out: Tensor = y + self.shortcut(F.avg_pool2d(x, 2))
        return out


def conv(inputs: int, outputs: int, kernel: int = 3, gain: float | None = None) -> nn.Conv2d:
    """A convolution that keeps the size, drawn as the original draws it: 3x3 at twice the variance of 1x1."""
    made = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    return drawn(made, gain or (math.sqrt(2) if kernel > 1 else 1.0))


def dense(inputs: int, outputs: int, bias: bool = True) -> nn.Linear:
    """A fully connected layer, drawn as the original draws it."""
    return drawn(nn.Linear(inputs, outputs, bias=bias))


def drawn(layer: Layer, gain: float = 1.0) -> Layer:
    """The layer itself, its weight drawn after Glorot, its bias 0."""
    nn.init.xavier_uniform_(layer.weight, gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
