"""A smooth first guess for a hole: known colours spread inwards over a pyramid (pull-push, Gortler et al. 1996)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rigatino_models.layers.resize import average


def diffuse(image: Tensor, hole: Tensor) -> Tensor:
    """image [N,C,H,W], hole [N,1,H,W] (1 = unknown) -> the image with its hole filled smoothly, float32.

    Known pixels stay as they are; with nothing known the guess is 0.
    """
    with torch.autocast(image.device.type, enabled=False):
        return _fill(image.float() * (1 - hole.float()), 1 - hole.float())


def _fill(colour: Tensor, weight: Tensor) -> Tensor:
    """colour: premultiplied by weight. Halve until a cell knows something everywhere, then come back up."""
    height, width = weight.shape[-2:]
    if max(height, width) == 1:
        return colour / weight.clamp_min(1e-6)
    half = ((height + 1) // 2, (width + 1) // 2)
    coarse_weight, coarse_colour = (average(x, half) for x in (weight, colour))
    # A cell that knows anything counts as known, or far pixels would bleed through.
    sure = (4 * coarse_weight).clamp_max(1)
    coarse = _fill(coarse_colour / coarse_weight.clamp_min(1e-6) * sure, sure)
    spread = F.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)
    return colour + spread * (1 - weight)
