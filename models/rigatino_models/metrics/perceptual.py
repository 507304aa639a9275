"""LP-sq10: a perceptual distance on SqueezeNet 1.0. It is not LPIPS, nor comparable with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from rigatino_models.losses.squeezenet import SqueezeNet

SIDE = 256
Features = list[Tensor]


class LpSq10:
    """Unit-length SqueezeNet 1.0 features; their squared difference summed over channels, mean over pixels and taps."""

    def __init__(self, weights: Path) -> None:
        self.net = SqueezeNet(weights)

    @torch.inference_mode()
    def features(self, picture: Tensor) -> Features:
        """Features of a picture [1,3,H,W] in [0,1], sides of at least 32, at the eight taps."""
        return self.net(picture)  # type: ignore[no-any-return]

    @staticmethod
    def distance(given: Features, wanted: Features) -> float:
        """From 0 for equal features to at most 4."""
        terms = [(a - b).square().sum(1).mean() for a, b in zip(given, wanted, strict=True)]
        return float(torch.stack(terms).mean())


def reduced(picture: NDArray[np.uint8], side: int = SIDE) -> Tensor:
    """The picture [1,3,h,w] in [0,1], its shorter side brought down to `side` by area; smaller ones stay."""
    tensor = to_tensor(picture)
    short = min(picture.shape[:2])
    if short <= side:
        return tensor
    size = tuple(round(extent * side / short) for extent in picture.shape[:2])
    return F.interpolate(tensor, size, mode="area")


def around(picture: NDArray[np.uint8], hole: NDArray[Any], side: int = SIDE) -> Tensor:
    """The square [1,3,side,side] in [0,1], unscaled, that holds most of the hole; a smaller picture whole."""
    top, left = fullest_window(hole, side)
    return to_tensor(picture[top : top + side, left : left + side])


def fullest_window(hole: NDArray[Any], side: int) -> tuple[int, int]:
    """Top and left of the window of `side` pixels with most hole in it; the middle one of equals."""
    sums = np.pad((hole > 0).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    height, width = (min(side, extent) for extent in hole.shape)
    counts = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    tops, lefts = np.nonzero(counts == counts.max())
    middle = len(tops) // 2
    return int(tops[middle]), int(lefts[middle])


def to_tensor(picture: NDArray[np.uint8]) -> Tensor:
    """[H,W,3] uint8 -> [1,3,H,W] in [0,1]."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].float() / 255
