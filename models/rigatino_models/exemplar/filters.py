"""Blurring, how strong detail is, and taking out of an answer the grid that a network's strides leave there."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from rigatino_models.layers.diffuse import diffuse
from rigatino_models.layers.resize import average

WIDE = 8.0  # standard deviation in pixels from which a blur can be worked out at half the size
FINE = 3.0  # standard deviation in pixels of what is coarser than a grid's lines
CELLS = 3.0  # standard deviation in cells of the area that shares a grid
ENOUGH = 0.7  # of that area: as much hole as it takes to tell a grid
DETAIL = 2.0  # standard deviation in pixels of what is coarser than detail
SPREAD = 8.0  # standard deviation in pixels of the area over which its strength is averaged
FAINT = 0.01  # a strength below which pictures count as smooth


def without_grid(answer: Tensor, hole: Tensor, stride: int) -> Tensor:
    """An answer [N,C,H,W], whose known pixels are the picture's, less what repeats every `stride` pixels in its hole.

    hole [N,1,H,W] (1 = fill). A network that enlarges its features in steps leaves lines and dots at the same places of
    every cell: fine detail is averaged over the pixels that have the same place in theirs. Near the rim, where fewer
    cells tell and the answer knows more, less is taken away.
    """
    height, width = answer.shape[-2:]
    around = (0, -width % stride, 0, -height % stride)
    fine, there = (
        blur(F.pixel_unshuffle(F.pad(part, around), stride), CELLS)
        for part in ((answer - blur(answer, FINE)) * hole, hole)
    )
    there = there.repeat(1, answer.shape[1], 1, 1)
    repeated = F.pixel_shuffle(fine / there.clamp_min(ENOUGH), stride)
    return answer - repeated[..., :height, :width] * hole


def blur(x: Tensor, sigma: float) -> Tensor:
    """x [N,C,H,W] under a Gaussian of that standard deviation in pixels; the last pixels repeat beyond the edge.

    A wide one is worked out at half the size, and again: beside it, what halving adds is little.
    """
    if sigma >= WIDE:
        height, width = x.shape[-2:]
        half = average(x, (math.ceil(height / 2), math.ceil(width / 2)))
        return F.interpolate(blur(half, sigma / 2), (height, width), mode="bilinear")
    radius = math.ceil(3 * sigma)
    reach = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-reach.square() / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, -1)
    padded = F.pad(x, (radius,) * 4, mode="replicate")
    across = F.conv2d(padded, kernel[:, :, None], groups=x.shape[1])
    return F.conv2d(across, kernel[:, :, :, None], groups=x.shape[1])


def strength(image: Tensor, hole: Tensor) -> Tensor:
    """How strong the fine detail of an image [N,3,H,W] in [0,1] is: [N,1,H,W], on a logarithmic scale.

    In the hole [N,1,H,W] (1 = unknown) it is what is around it, spread inwards.
    """
    known = 1 - hole
    whole = diffuse(image, hole)
    fine = (whole - blur(whole, DETAIL)).abs().mean(1, keepdim=True) * known
    mean = blur(fine, SPREAD) / blur(known, SPREAD).clamp_min(1e-3)
    return diffuse(torch.log(mean + FAINT), hole)
