"""What PIC's networks are made of: residual blocks without normalisation (or with, upwards), and attention.

Convolutions are named as in the original's files. Shapes: N batch, C channels, H height, W width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.1  # of the leaky ReLUs
CONTEXT_SLOPE = 0.01  # of those in the block that follows attention


class ResBlock(nn.Module):
    """Activation, 3x3, activation, 3x3, around a 1x1 bypass."""

    def __init__(self, inputs: int, outputs: int, hidden: int, slope: float = SLOPE) -> None:
        super().__init__()
        self.slope = slope
        self.conv1 = nn.Conv2d(inputs, hidden, 3, padding=1)
        self.conv2 = nn.Conv2d(hidden, outputs, 3, padding=1)
        self.bypass = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,outputs,H,W]."""
        y = self.conv1(F.leaky_relu(x, self.slope))
        out: Tensor = self.conv2(F.leaky_relu(y, self.slope)) + self.bypass(x)
        return out


class DownBlock(ResBlock):
    """A residual block whose answer is averaged to half the size.

    The bypass is taken at half the size already: a 1x1 convolution and averaging may change places.
    """

    def __init__(self, inputs: int, outputs: int, hidden: int, slope: float = SLOPE) -> None:
        super().__init__(inputs, outputs, hidden, slope)
        self.pool: nn.Module = nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,outputs,H/2,W/2]."""
        y = self.conv1(F.leaky_relu(x, self.slope))
        y = self.pool(self.conv2(F.leaky_relu(y, self.slope)))
        out: Tensor = y + self.bypass(F.avg_pool2d(x, 2))
        return out


class FirstBlock(DownBlock):
    """The block that sees the picture: no activation before its first convolution."""

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,outputs,H/2,W/2]."""
        y = self.pool(self.conv2(F.leaky_relu(self.conv1(x), self.slope)))
        out: Tensor = y + self.bypass(F.avg_pool2d(x, 2))
        return out


class UpBlock(nn.Module):
    """A residual block to twice the size by transposed convolutions, with instance normalisation."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm1 = nn.InstanceNorm2d(inputs, affine=True)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = nn.InstanceNorm2d(outputs, affine=True)
        self.conv2 = nn.ConvTranspose2d(outputs, outputs, 3, 2, 1, output_padding=1)
        self.bypass = nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, output_padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,outputs,2H,2W]."""
        y = self.conv1(F.leaky_relu(self.norm1(x), SLOPE))
        out: Tensor = self.conv2(F.leaky_relu(self.norm2(y), SLOPE)) + self.bypass(x)
        return out


class Output(nn.Module):
    """Features to a picture in [-1,1]."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,3,H,W]."""
        return torch.tanh(self.conv1(F.pad(F.leaky_relu(x, SLOPE), (1, 1, 1, 1), mode="reflect")))


class SelfAttention(nn.Module):
    """Attention whose queries are its keys, without scaling (paper, equation 6): x + gamma * attended x."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query_conv = nn.Conv2d(channels, channels // 4, 1)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C,H,W]."""
        return self.gamma * attended(x, self.weights(x)) + x

    def weights(self, x: Tensor) -> Tensor:
        """How much each place (dim 1) takes from each other place (dim 2), [N,HW,HW]."""
        query = self.query_conv(x).flatten(2)
        energy: Tensor = query.transpose(1, 2) @ query
        return energy.softmax(-1)


class ContextAttention(SelfAttention):
    """Short+long term attention: the decoder attends to itself, and copies the encoder's features where it looked.

    What is known comes from the encoder as it is, what is not is attended there with the decoder's weights.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.alpha = nn.Parameter(torch.zeros(1))
        self.model = ResBlock(2 * channels, channels, channels, CONTEXT_SLOPE)

    def forward(self, x: Tensor, encoded: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """x [K,C,H,W], encoded [N,C,H,W], known [N,1,H,W] in [0,1], N = K or 1 -> [K,C,H,W]."""
        assert encoded is not None
        assert known is not None
        weights = self.weights(x)
        near = self.gamma * attended(x, weights) + x
        far = self.alpha * (1 - known) * attended(encoded, weights) + known * encoded
        out: Tensor = self.model(torch.cat((near, far), 1))
        return out


def attended(values: Tensor, weights: Tensor) -> Tensor:
    """values [N,C,H,W] (N may be 1) taken with weights [K,HW,HW] -> [K,C,H,W]."""
    mixed: Tensor = values.flatten(2) @ weights.transpose(1, 2)
    return mixed.view(*mixed.shape[:2], *values.shape[-2:])
