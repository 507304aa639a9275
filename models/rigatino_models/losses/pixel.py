"""Pixel losses on the composite, looking only at the hole and its rim.

Pictures are [N,3,H,W] in [0,1], holes [N,1,H,W] with 1 = hole. Every mean is over the pixels looked at.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def masked_l1(result: Tensor, target: Tensor, where: Tensor) -> Tensor:
    """Mean absolute difference where `where` [N,1,H,W] is 1."""
    total = ((result - target).abs() * where).sum()
    return total / (where.sum() * result.shape[1]).clamp_min(1)


def weighted_l1(result: Tensor, target: Tensor, hole: Tensor, known: float, missing: float) -> Tensor:
    """LaMa's L1, of its published configurations: known and missing pixels weighted, the mean over all pixels."""
    weight = known * (1 - hole) + missing * hole
    return ((result - target).abs() * weight).mean()


def dilate(mask: Tensor, radius: int) -> Tensor:
    """Grow the ones of a mask [N,1,H,W] by a square of 2*radius+1."""
    down = F.max_pool2d(mask, (2 * radius + 1, 1), stride=1, padding=(radius, 0))
    return F.max_pool2d(down, (1, 2 * radius + 1), stride=1, padding=(0, radius))


def border_l1(result: Tensor, target: Tensor, hole: Tensor, width: int = 8) -> Tensor:
    """L1 within the hole, at most `width` pixels from its border: where the known picture settles the answer."""
    return masked_l1(result, target, hole * dilate(1 - hole, width))


def rim_l1(result: Tensor, target: Tensor, hole: Tensor, width: int = 8) -> Tensor:
    """L1 of the raw answer outside the hole, at most `width` pixels from it: what a feathered seam will show."""
    return masked_l1(result, target, (1 - hole) * dilate(hole, width))


def reduced_l1(result: Tensor, target: Tensor, hole: Tensor, factor: int = 4) -> Tensor:
    """L1 of the pictures reduced by area, over the cells that the hole touches: structure and colour, not texture."""
    return masked_l1(F.avg_pool2d(result, factor), F.avg_pool2d(target, factor), F.max_pool2d(hole, factor))
