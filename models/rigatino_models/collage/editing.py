"""From what a user paints to what the generator takes: maps of classes, and weights of blending.

Masks are [S,S], painted areas [K,S,S], in [0,1], of the generator's side S.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from rigatino_models.collage.layers import Look, Painted
from rigatino_models.layers.resize import average

SOFT = (
    8 / 256
)  # of the side: the deviation by which painted areas are blurred, as in the original's demonstration


def class_maps(
    areas: Tensor, palette: Sequence[int], base: int, strength: float, sides: Sequence[int]
) -> list[Look]:
    """What to look at at each of these sides: palette[k] as far as areas[k] is painted, times strength, else base."""
    painted = blurred(areas, SOFT * areas.shape[-1]) * strength
    weights = torch.cat((1 - painted.sum(0, keepdim=True), painted))[None]
    classes = torch.tensor([base, *palette], device=areas.device)
    return [Painted(classes, average(weights, (side, side))) for side in sides]


def blend_maps(mask: Tensor, sliders: Sequence[float], sides: Sequence[int]) -> list[Tensor]:
    """Weights [1,3,s,s] of source, reference and own features at each of these sides, from the coarsest on.

    The reference counts where the mask is, by the slider of the level; levels without a slider keep their own.
    """
    maps = []
    for level, side in enumerate(sides):
        share = sliders[level] if level < len(sliders) else 0.0
        reference = share * average(mask[None, None], (side, side))
        rest, none = 1 - reference, torch.zeros_like(reference)
        # At the start there are no features of its own yet: the source stands for them.
        maps.append(torch.cat((rest, reference, none) if level == 0 else (none, reference, rest), 1))
    return maps


def blurred(x: Tensor, deviation: float) -> Tensor:
    """Maps [K,S,S] through a Gaussian of this deviation in pixels; the edge's pixels go on beyond it."""
    reach = min(round(4 * deviation), x.shape[-1] - 1)
    if reach < 1:
        return x
    places = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    taps = torch.softmax(-0.5 * (places / deviation) ** 2, 0)
    wide = F.pad(x[:, None], (reach,) * 4, mode="replicate")
    wide = F.conv2d(wide, taps.view(1, 1, 1, -1))
    return F.conv2d(wide, taps.view(1, 1, -1, 1))[:, 0]
