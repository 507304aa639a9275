"""Making pictures with holes smaller, and the sizes of a pyramid."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor


def reduce_known(rgb: Tensor, known: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Reduce a picture [N,3,H,W] without letting unknown pixels bleed into known ones; known [N,1,H,W] is 1 or 0.

    Returns the picture and the hole [N,1,h,w] at the new size; a cell that holds an unknown pixel is hole.
    """
    if rgb.shape[-2:] == size:
        return rgb, 1 - known
    weight = _smaller(known, size)
    reduced = _smaller(rgb * known, size) / weight.clamp_min(1e-3)
    # Adaptive pooling looks at every source pixel, so that no thin hole is lost.
    hole = F.adaptive_max_pool2d(_reducible(1 - known), size).to(known.device)
    return reduced.clamp(0, 1), hole


def average(x: Tensor, size: tuple[int, int]) -> Tensor:
    """The means [N,C,h,w] of the cells into which this size divides x [N,C,H,W]; x itself where it has that size."""
    return x if x.shape[-2:] == size else F.adaptive_avg_pool2d(_reducible(x), size).to(x.device)


def _smaller(x: Tensor, size: tuple[int, int]) -> Tensor:
    small = F.interpolate(_reducible(x), size, mode="bilinear", antialias=True, align_corners=False)
    return small.to(x.device)


def _reducible(x: Tensor) -> Tensor:
    """x where it can be reduced by any factor: Metal pools by whole factors only, and in older torch not smoothly."""
    return x.cpu() if x.device.type == "mps" else x


def doubling(height: int, width: int, coarsest: int) -> list[tuple[int, int]]:
    """Sizes, each half the next, from a longer side of about `coarsest` up to the given one; 0: that one alone."""
    halvings = max(0, round(math.log2(max(height, width) / coarsest))) if coarsest else 0
    return [(-(-height >> k) or 1, -(-width >> k) or 1) for k in range(halvings, -1, -1)]
