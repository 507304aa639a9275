"""The collage's networks for inference: statistics folded, channels last, resampling inside convolutions.

A convolution of an enlarged map is one transposed 4x4 convolution with stride 2, and one whose answer is averaged over
2x2 is one of 4x4 with stride 2: 4/9 of the work. Same mathematics as net.py, tested against it.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.collage.discriminator import FirstBlock, HalvingBlock
from rigatino_models.collage.layers import ClassNorm, UpBlock
from rigatino_models.collage.net import Collage

Resampling = TypeVar("Resampling", nn.Conv2d, nn.ConvTranspose2d)
SHIFTS = [(dx, 1 - dx, dy, 1 - dy) for dx in (0, 1) for dy in (0, 1)]  # a 3x3 kernel's places in a 4x4 one


def fast(net: Collage, dtype: torch.dtype = torch.float32) -> Collage:
    """The fast form of a network in evaluation mode; takes and gives float32, computes in `dtype`."""
    quick = copy.deepcopy(net).eval().requires_grad_(False)
    for part in quick.modules():
        if isinstance(part, ClassNorm):
            fold(part)
        elif isinstance(part, UpBlock):
            part.conv1, part.enlarge = enlarging(part.conv1), nn.Identity()
        elif isinstance(part, FirstBlock | HalvingBlock):
            part.conv2, part.halve = halving(part.conv2), nn.Identity()
    return quick.to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def fold(norm: ClassNorm) -> None:
    """Draw mean and variance into scale and shift of every class."""
    stats = norm.stats
    assert isinstance(stats, nn.BatchNorm2d)
    assert stats.running_mean is not None
    assert stats.running_var is not None
    gamma = norm.gamma.double() / (stats.running_var.double() + stats.eps).sqrt()
    beta = norm.beta.double() - stats.running_mean.double() * gamma
    norm.gamma, norm.beta = (nn.Parameter(x.float(), requires_grad=False) for x in (gamma, beta))
    norm.stats = nn.Identity()


def halving(conv: nn.Module) -> nn.Conv2d:
    """A 3x3 convolution and the mean of 2x2 after it, as one convolution."""
    assert isinstance(conv, nn.Conv2d)
    with torch.device("meta"):
        one = nn.Conv2d(conv.in_channels, conv.out_channels, 4, stride=2, padding=1)
    return _with(one, conv, _moved(conv.weight).mean(0))


def enlarging(conv: nn.Module) -> nn.ConvTranspose2d:
    """Every pixel four times and a 3x3 convolution after it, as one transposed convolution."""
    assert isinstance(conv, nn.Conv2d)
    with torch.device("meta"):
        one = nn.ConvTranspose2d(conv.in_channels, conv.out_channels, 4, stride=2, padding=1)
    return _with(one, conv, _moved(conv.weight.flip(2, 3)).sum(0).transpose(0, 1))


def _moved(weight: Tensor) -> Tensor:
    """The kernel at each of its four places."""
    return torch.stack([F.pad(weight.detach(), shift) for shift in SHIFTS])


def _with(one: Resampling, old: nn.Conv2d, weight: Tensor) -> Resampling:
    """The layer with this weight, and the bias of the one that it stands for."""
    assert old.bias is not None
    one.load_state_dict({"weight": weight.contiguous(), "bias": old.bias.detach()}, assign=True)
    one.requires_grad_(False)
    return one
