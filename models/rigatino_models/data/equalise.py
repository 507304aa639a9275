"""Contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994), on any device."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

TILES, LEVELS = 8, 256  # along each axis; of grey


def equalised(images: Tensor, limits: Tensor) -> Tensor:
    """Pictures [N,3,H,W] in [0,1], their grey equalised in 8x8 tiles; colours keep their distance from it.

    limits [N]: how often a level may be counted, as a multiple of the mean; 0 leaves a picture as it is.
    """
    grey = images.mean(1)
    curves, levels = _curves(grey, limits)
    numbers = torch.arange(len(grey), device=grey.device)[:, None, None]
    value = torch.zeros_like(grey)
    for rows, high in _tiles(grey.shape[1], grey.device):
        for columns, wide in _tiles(grey.shape[2], grey.device):
            tile = rows[:, None] * TILES + columns
            value += high[:, None] * wide * curves[numbers, tile, levels]
    change = torch.where(limits[:, None, None] > 0, value - grey, 0.0)
    return images + change[:, None]


def _curves(grey: Tensor, limits: Tensor) -> tuple[Tensor, Tensor]:
    """Of each tile what becomes of each level [N,64,256], and the level of each pixel [N,H,W]."""
    number, height, width = grey.shape
    down, across = -(-height // TILES), -(-width // TILES)
    beyond = (0, across * TILES - width, 0, down * TILES - height)
    levels = (F.pad(grey[:, None], beyond, mode="replicate") * (LEVELS - 1)).round().long()
    tiles = levels.view(number, TILES, down, TILES, across).transpose(2, 3).reshape(number, TILES**2, -1)
    counts = grey.new_zeros(number, TILES**2, LEVELS)
    counts.scatter_add_(2, tiles, torch.ones_like(tiles, dtype=grey.dtype))
    most = (limits * down * across / LEVELS).clamp_min(1)[:, None, None]
    over = (counts - most).clamp_min(0).sum(2, keepdim=True)
    counts = counts.minimum(most) + over / LEVELS
    return counts.cumsum(2) / (down * across), levels[:, 0, :height, :width]


def _tiles(side: int, device: torch.device) -> list[tuple[Tensor, Tensor]]:
    """The two tiles whose middles each pixel lies between, with their weights."""
    place = (torch.arange(side, device=device) + 0.5) / -(-side // TILES) - 0.5
    place = place.clamp(0, TILES - 1)
    first = place.floor()
    share = place - first
    return [(first.long(), 1 - share), ((first.long() + 1).clamp_max(TILES - 1), share)]
