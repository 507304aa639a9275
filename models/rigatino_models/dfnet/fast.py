"""DFNet for inference: BatchNorm folded into the convolutions, channels last.

What is enlarged is not convolved at its new size: nearest neighbours and a 3x3 convolution are one transposed
convolution of 4x4. Fusion stays in float32: it takes little time, and its answers are pictures. Same mathematics as
net.py, tested against it.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from rigatino_models.dfnet.net import SLOPE, DFNet, Down, Fusion, Up


def fast(net: DFNet, dtype: torch.dtype = torch.float32) -> DFNet:
    """The fast form of a network in evaluation mode; takes and gives float32 pictures, computes in `dtype`."""
    quick = copy.deepcopy(net).eval().requires_grad_(False)
    for down in cast("list[Down]", quick.encoder):
        if down.norm is not None:
            down.conv, down.norm = folded(down.conv, down.norm), nn.Identity()
    quick.decoder = nn.ModuleList(QuickUp(up) for up in cast("list[Up]", quick.decoder))
    for fusion in cast("list[Fusion]", quick.fusion):
        for i, norm in enumerate(fusion.norms):
            fusion.mix[i], fusion.norms[i] = folded(fusion.mix[i], norm), nn.Identity()
    quick.encoder.to(dtype)
    quick.decoder.to(dtype)
    return quick.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


class QuickUp(nn.Module):
    """forward(x, skip) as Up's."""

    def __init__(self, up: Up) -> None:
        super().__init__()
        conv = folded(up.conv, up.norm)
        deep, skip = conv.weight.detach()[:, : up.inputs], conv.weight.detach()[:, up.inputs :]
        with torch.device("meta"):
            self.up = nn.ConvTranspose2d(up.inputs, len(deep), 4, stride=2, padding=1)
            self.skip = nn.Conv2d(skip.shape[1], len(skip), 3, padding=1, bias=False)
        self.up.load_state_dict({"weight": enlarging(deep), "bias": conv.bias}, assign=True)
        self.skip.load_state_dict({"weight": skip.contiguous()}, assign=True)
        self.requires_grad_(False)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """[N,inputs,H,W], [N,skip,2H,2W] -> [N,outputs,2H,2W]."""
        return F.leaky_relu_(self.up(x).add_(self.skip(skip)), SLOPE)


def enlarging(weight: Tensor) -> Tensor:
    """Nearest neighbours at twice the size, then this 3x3 convolution [O,I,3,3]: as a transposed one, [I,O,4,4]."""
    turned = weight.flip(2, 3).transpose(0, 1)
    shifts = [(dx, 1 - dx, dy, 1 - dy) for dx in (0, 1) for dy in (0, 1)]
    return torch.stack([F.pad(turned, shift) for shift in shifts]).sum(0)


def folded(conv: nn.Module, norm: nn.Module) -> nn.Conv2d:
    """A convolution and the BatchNorm after it, as one."""
    return fuse_conv_bn_eval(cast(nn.Conv2d, conv), cast(nn.BatchNorm2d, norm))
