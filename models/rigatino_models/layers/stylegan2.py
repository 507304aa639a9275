"""StyleGAN2's layers (Karras et al., arXiv 1912.04958) in plain torch: scaled weights, modulation, FIR resampling.

Weights are stored at unit variance and scaled where they are used (equalised learning rate); `fold` draws the scale in.
Maps are [N,C,H,W]; activations are a leaky ReLU of slope 0.2 times the square root of 2.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE, GAIN = 0.2, math.sqrt(2)
TAPS = (1.0, 3.0, 3.0, 1.0)  # the low-pass filter along each axis
EPSILON = 1e-8


def activated(x: Tensor, clamp: float = 0.0) -> Tensor:
    """The activation; with `clamp`, kept within plus and minus that."""
    x = F.leaky_relu(x, SLOPE) * GAIN
    return x.clamp(-clamp, clamp) if clamp else x


def blur(x: Tensor, padding: int, gain: float = 1.0) -> Tensor:
    """The low-pass filter, rows and columns apart; each side becomes 2*padding - 3 longer."""
    channels = x.shape[1]
    taps = _taps(x, math.sqrt(gain)).expand(channels, 1, 1, -1)
    x = F.conv2d(x, taps, padding=(0, padding), groups=channels)
    return F.conv2d(x, taps.transpose(2, 3), padding=(padding, 0), groups=channels)


def upsampled(x: Tensor) -> Tensor:
    """[N,C,H,W] -> [N,C,2H,2W]: zeros in between, then the low-pass filter with gain 4."""
    channels = x.shape[1]
    taps = _taps(x, 2.0).expand(channels, 1, 1, -1)
    x = F.conv_transpose2d(x, taps, stride=(1, 2), padding=(0, 1), groups=channels)
    return F.conv_transpose2d(x, taps.transpose(2, 3), stride=(2, 1), padding=(1, 0), groups=channels)


def _taps(x: Tensor, gain: float) -> Tensor:
    return x.new_tensor([tap * gain / sum(TAPS) for tap in TAPS]).view(1, 1, 1, -1)


class Scaled(nn.Module):
    """A weight of unit variance, and the scale at which it is used: rate / sqrt(fan in)."""

    def __init__(self, shape: tuple[int, ...], rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape) / rate)
        self.scale = rate / math.sqrt(math.prod(shape[1:]))

    def scaled(self) -> Tensor:
        """The weight as it is used."""
        return self.weight if self.scale == 1 else self.weight * self.scale

    def fold(self, dtype: torch.dtype) -> None:
        """Store the weight as it is used, for inference in this precision."""
        weight = (self.weight.detach() * self.scale).to(dtype)
        if weight.ndim == 4:
            weight = weight.contiguous(memory_format=torch.channels_last)
        self.weight, self.scale = nn.Parameter(weight, requires_grad=False), 1.0


class Dense(Scaled):
    """A fully connected layer, always in float32. rate: its learning rate relative to the others'."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        active: bool = True,
        rate: float = 1.0,
        start: float = 0.0,
        clamp: float = 0.0,
    ) -> None:
        super().__init__((outputs, inputs), rate)
        self.bias = nn.Parameter(torch.full((outputs,), start))
        self.active, self.rate, self.clamp = active, rate, clamp

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs] -> [N,outputs]."""
        x = F.linear(x.float(), self.scaled(), self.bias * self.rate)
        return activated(x, self.clamp) if self.active else x


class Conv(Scaled):
    """A convolution; with `down`, the filter and a stride of 2."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        down: bool = False,
        linear: bool = False,
        clamp: float = 0.0,
    ) -> None:
        """linear: neither bias nor activation."""
        super().__init__((outputs, inputs, kernel, kernel))
        self.bias = None if linear else nn.Parameter(torch.zeros(outputs))
        self.down, self.clamp = down, clamp

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,outputs,H,W], or half the sides."""
        around = self.weight.shape[-1] // 2
        bias = None if self.bias is None else self.bias.to(x.dtype)
        weight = self.scaled().to(x.dtype)
        if self.down:
            x = F.conv2d(blur(x, around + 1), weight, bias, stride=2)
        else:
            x = F.conv2d(x, weight, bias, padding=around)
        return x if bias is None else activated(x, self.clamp)


class Modulated(Scaled):
    """A convolution whose inputs are scaled by an affine function of a code, without demodulation: a layer to RGB."""

    def __init__(self, inputs: int, outputs: int, kernel: int, code: int) -> None:
        super().__init__((outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.style = Dense(code, inputs, active=False, start=1.0)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """x [N,inputs,H,W], code [N,C] -> [N,outputs,H,W]."""
        x = x * _over(self.style(code), x)
        return F.conv2d(x, self.scaled().to(x.dtype), self.bias.to(x.dtype))


class StyledConv(Modulated):
    """Modulated convolution, demodulated to unit variance, then noise, bias and activation.

    The originals scale the weights once for each picture; scaling inputs and outputs instead is the same, and one
    convolution serves the whole batch. up: twice the sides, by a transposed convolution and the filter.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, code: int, up: bool = False, clamp: float = 0.0
    ) -> None:
        super().__init__(inputs, outputs, kernel, code)
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.up, self.clamp = up, clamp

    def forward(self, x: Tensor, code: Tensor, noise: Tensor | None = None) -> Tensor:
        """x [N,inputs,H,W], code [N,C], noise [N or 1,1,H',W'] -> [N,outputs,H',W']."""
        style = self.style(code)
        weight = self.scaled()
        power = weight.float().square().sum((2, 3))
        demodulation = torch.rsqrt(F.linear(style.square(), power) + EPSILON)
        x = x * _over(style, x)
        weight = weight.to(x.dtype)
        if self.up:
            x = blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), 1, gain=4.0)
        else:
            x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        x = x * _over(demodulation, x)
        if noise is not None:
            x = x + (noise * self.noise_strength).to(x.dtype)
        return activated(x + self.bias.to(x.dtype).view(1, -1, 1, 1), self.clamp)


def _over(factors: Tensor, x: Tensor) -> Tensor:
    """Factors [N,C] as they multiply maps."""
    return factors.to(x.dtype)[:, :, None, None]


def fold(net: nn.Module, dtype: torch.dtype) -> None:
    """Draw all scales in; convolutions go to this precision, dense layers stay in float32."""
    for layer in net.modules():
        if isinstance(layer, Scaled):
            layer.fold(torch.float32 if isinstance(layer, Dense) else dtype)
