"""PIC's discriminator. The original trains two alike: one for drawn answers, one for reconstructions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.pic.blocks import SLOPE, DownBlock, FirstBlock, ResBlock, SelfAttention

ATTENTION = 2  # the block before which it stands


class Critic(nn.Module):
    """Residual blocks down to 1/32 size, with attention at 1/8, to a map of verdicts."""

    def __init__(self, widths: Sequence[int] = (32, 64, 128, 128, 128)) -> None:
        super().__init__()
        first, *_, last = widths
        self.block0 = FirstBlock(3, first, first)
        for i, (narrow, wide) in enumerate(pairwise(widths)):
            self.add_module(f"encoder{i}", DownBlock(narrow, wide, narrow))
        self.attn2 = SelfAttention(widths[ATTENTION])
        self.block1 = ResBlock(last, last, last)
        self.conv = nn.Conv2d(last, 1, 3)
        self.downs = len(widths) - 1

    def forward(self, x: Tensor) -> Tensor:
        """x [N,3,H,W] in [-1,1] -> verdicts [N,1,H/32-2,W/32-2]; 1 was meant for real, 0 for made up."""
        x = self.block0(x)
        for i in range(self.downs):
            x = self.get_submodule(f"encoder{i}")(self.attn2(x) if i == ATTENTION else x)
        out: Tensor = self.conv(F.leaky_relu(self.block1(x), SLOPE))
        return out
