"""Answers of networks that say by themselves how their answer passes into the picture."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

LUMINANCE = (0.2126, 0.7152, 0.0722)  # of R, G and B (ITU-R BT.709)


class Fused(NamedTuple):
    """picture = alpha * own + (1 - alpha) * known, all [N,3,h,w] RGB in [0,1]; `known` is the picture, 0 in the hole.

    picture: what the network gives as its result. alpha: how much of each channel is its own. own: what it made up.
    """

    picture: Tensor
    alpha: Tensor
    own: Tensor

    def layer(self, hole: Tensor) -> tuple[Tensor, Tensor]:
        """Colour and opacity [N,3,h,w] of a layer that shows `picture` where it lies over the picture itself.

        In the hole [N,1,h,w] the picture below is what is to go, and alpha a share of nothing: there the layer is
        opaque.
        """
        return torch.where(hole > 0, self.picture, self.own), torch.where(hole > 0, 1.0, self.alpha)


def luminance(rgb: Tensor) -> Tensor:
    """[N,3,h,w] -> [N,1,h,w]."""
    return (rgb * rgb.new_tensor(LUMINANCE).view(1, 3, 1, 1)).sum(1, keepdim=True)
