"""PIC for inference: channels last, and a convolution that is averaged over 2x2 is one of 4x4 with stride 2.

Same mathematics as net.py, tested against it.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import nn

from rigatino_models.pic.blocks import DownBlock
from rigatino_models.pic.net import Pic


def fast(net: Pic, dtype: torch.dtype = torch.float32) -> Pic:
    """The fast form of a network in evaluation mode; takes and gives float32 pictures, computes in `dtype`."""
    quick = copy.deepcopy(net).eval().requires_grad_(False)
    for block in quick.modules():
        if isinstance(block, DownBlock):
            block.conv2, block.pool = halving(block.conv2), nn.Identity()
    return quick.to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def halving(conv: nn.Conv2d) -> nn.Conv2d:
    """A 3x3 convolution and the mean of 2x2 after it, as one convolution."""
    assert conv.bias is not None
    with torch.device("meta"):
        one = nn.Conv2d(conv.in_channels, conv.out_channels, 4, stride=2, padding=1)
    shifts = [(dx, 1 - dx, dy, 1 - dy) for dx in (0, 1) for dy in (0, 1)]
    weight = torch.stack([F.pad(conv.weight.detach(), shift) for shift in shifts]).mean(0)
    one.load_state_dict({"weight": weight, "bias": conv.bias.detach()}, assign=True)
    return one.requires_grad_(False)
