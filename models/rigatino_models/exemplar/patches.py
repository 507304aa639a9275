"""Patches as short vectors: where they may be taken from, how they are told apart, and how they vote.

A patch is the square of 2*radius + 1 pixels around its centre. Coordinates are (row, column).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

SAMPLED = 4000  # patches from which the components are found
SHARPNESS = 0.5  # of the votes: a patch at the median distance counts exp(-1 / (2 * SHARPNESS))
WINDOW = 0.7  # standard deviation of a patch's weights around its centre, in radii


def known(hole: Tensor, radius: int) -> Tensor:
    """hole [1,1,H,W] -> [H,W] bool: the centres of patches that lie inside the picture and touch no hole."""
    height, width = hole.shape[-2:]
    inside = torch.zeros(height, width, dtype=torch.bool, device=hole.device)
    inside[radius : height - radius, radius : width - radius] = True
    return inside & ~touched(hole, radius)


def touched(hole: Tensor, radius: int) -> Tensor:
    """hole [1,1,H,W] -> [H,W] bool: the centres of patches that touch the hole."""
    side = 2 * radius + 1
    down: Tensor = F.max_pool2d(hole, (side, 1), 1, (radius, 0))  # one axis at a time: a wide window is slow
    spread: Tensor = F.max_pool2d(down, (1, side), 1, (0, radius))
    return spread[0, 0] > 0


def components(features: Tensor, centres: Tensor, radius: int, count: int) -> Tensor:
    """The principal components of patches of features [1,C,H,W], as filters [count,C,2*radius+1,2*radius+1].

    centres [N,2] are the patches to learn from.
    """
    channels, side = features.shape[1], 2 * radius + 1
    order = torch.randperm(len(centres), generator=torch.Generator().manual_seed(0))[:SAMPLED]
    sample = centres[order.to(centres.device)]
    reach = torch.arange(-radius, radius + 1, device=features.device)
    rows, columns = sample[:, 0, None, None] + reach[:, None], sample[:, 1, None, None] + reach
    flat = features[0][:, rows, columns].permute(1, 0, 2, 3).flatten(1)
    flat = flat - flat.mean(0)
    # On the CPU: the matrix is small, and not every device has this decomposition.
    _, vectors = torch.linalg.eigh((flat.T @ flat).cpu())
    # Eigenvalues ascend: the last vectors say most.
    filters: Tensor = vectors[:, -count:].T.reshape(-1, channels, side, side).contiguous()
    return filters.to(features.device)


def describe(features: Tensor, filters: Tensor) -> Tensor:
    """The vectors [H*W,D] of all patches of features [1,C,H,W]; beyond its edge the picture repeats its last pixels."""
    return F.conv2d(_bordered(features, filters), filters)[0].flatten(1).T.contiguous()


def describe_at(places: Tensor, features: Tensor, filters: Tensor) -> Tensor:
    """The vectors [N,D] of the patches around these places [N,2], one or more; computed in their box alone."""
    (top, left), (bottom, right) = places.amin(0).tolist(), places.amax(0).tolist()
    beyond = filters.shape[-1]
    box = _bordered(features, filters)[..., top : bottom + beyond, left : right + beyond]
    row, column = (places - places.amin(0)).unbind(1)
    return F.conv2d(box, filters)[0][:, row, column].T.contiguous()


def _bordered(features: Tensor, filters: Tensor) -> Tensor:
    return F.pad(features, (filters.shape[-1] // 2,) * 4, mode="replicate")


def vote(
    image: Tensor, hole: Tensor, targets: Tensor, sources: Tensor, distances: Tensor, radius: int
) -> Tensor:
    """Fill the hole of an image [1,3,H,W]: each source patch is laid over its target, and where they overlap, averaged.

    targets, sources [N,2]: centres, one or more, whose patches cover the hole; distances [N]: squared, the smaller the
    more a patch counts. (Wexler et al., Space-Time Completion of Video, PAMI 2007.)
    """
    width = hole.shape[-1]
    rows, columns = (_reach(targets[:, axis], radius, hole.shape[axis - 2]) for axis in (0, 1))
    high, wide = rows.stop - rows.start, columns.stop - columns.start
    pixels = image[0].flatten(1).T
    trust = torch.exp(-distances / (2 * SHARPNESS * distances.median().clamp_min(1e-4))) + 1e-6
    total = torch.zeros(high * wide, 4, device=image.device)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            row, column = targets[:, 0] + dy - rows.start, targets[:, 1] + dx - columns.start
            inside = (row >= 0) & (row < high) & (column >= 0) & (column < wide)
            near = math.exp(-(dy * dy + dx * dx) / (2 * (radius * WINDOW) ** 2))
            weight = (trust * near * inside)[:, None]
            colour = pixels[(sources[:, 0] + dy) * width + sources[:, 1] + dx]
            place = (row * wide + column).clamp(0, high * wide - 1)
            total.index_add_(0, place, torch.cat((colour * weight, weight), 1))
    mean = (total[:, :3] / total[:, 3:].clamp_min(1e-8)).T.reshape(1, 3, high, wide)
    filled = image.clone()
    filled[..., rows, columns] = torch.where(hole[..., rows, columns] > 0, mean, image[..., rows, columns])
    return filled


def _reach(centres: Tensor, radius: int, extent: int) -> slice:
    """What patches with these centres touch of an axis of `extent` pixels."""
    return slice(max(0, int(centres.min()) - radius), min(extent, int(centres.max()) + radius + 1))
