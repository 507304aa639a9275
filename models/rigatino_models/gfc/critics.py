"""GFC's discriminators (arXiv 1704.05838, section 3.2): a local one for what fills the hole, a global one."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2  # of the leaky ReLUs
LOWEST = 4  # side of the last features


class Critic(nn.Module):
    """A 3x3 convolution and a halving one of 4x4 for each width, down to 4x4 features and one verdict.

    It takes squares of 4 * 2**len(widths) pixels. Layers are named as in the original's files, with Matlab's exchange
    of rows and columns left out: these networks are trained here.
    """

    def __init__(self, widths: Sequence[int], first: int = 1) -> None:
        super().__init__()
        self.side = LOWEST << len(widths)
        self.levels = range(first, first + len(widths))
        inputs = 3
        for level, width in zip(self.levels, widths, strict=True):
            self.add_module(f"conv{level}_1", nn.Conv2d(inputs, width, 3, padding=1))
            self.add_module(f"conv{level}_2", nn.Conv2d(width, width, 4, stride=2, padding=1))
            inputs = width
        self.conv5 = nn.Conv2d(inputs, 1, LOWEST)

    def forward(self, x: Tensor) -> Tensor:
        """x [N,3,S,S] RGB in [0,1] -> logits [N]: more is more real. Raises ValueError for other sizes."""
        if x.shape[-2:] != (self.side, self.side):
            raise ValueError(f"pictures of {self.side}x{self.side} pixels, not {tuple(x.shape[-2:])}")
        x = 2 * x - 1
        for level in self.levels:
            for part in (1, 2):
                x = F.leaky_relu(self.get_submodule(f"conv{level}_{part}")(x), SLOPE)
        out: Tensor = self.conv5(x).flatten()
        return out


def local_critic(widths: Sequence[int] = (64, 128, 256, 512)) -> Critic:
    """The discriminator of what fills the hole: 64x64 pixels with the published widths."""
    return Critic(widths)


def global_critic(widths: Sequence[int] = (32, 64, 128, 256, 512)) -> Critic:
    """The discriminator of whole faces: 128x128 pixels with the published widths."""
    return Critic(widths, first=0)
