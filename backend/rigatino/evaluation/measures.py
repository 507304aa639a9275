"""The measures of one filled hole: their names, what they say, and how they are taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rigatino_models.metrics import patches, perceptual, pixel, texture
from rigatino_models.metrics.lpips import Lpips
from rigatino_models.metrics.perceptual import LpSq10

Pixels = NDArray[np.uint8]
Values = dict[str, float]


@dataclass(frozen=True)
class Measure:
    """A measure of one fill. `better` is +1 where more is better, -1 where less is, 0 where 1 is best.

    geometric: its values are ratios, so that their mean is the geometric one and their differences are factors.
    weights: whose it needs, as settings and options call them.
    """

    heading: str
    better: int
    digits: int
    geometric: bool = False
    weights: str = ""


MEASURES = {
    "psnr": Measure("hole PSNR dB", 1, 2),
    "psnr_whole": Measure("PSNR dB", 1, 2),
    "ssim": Measure("hole SSIM", 1, 4),
    "ssim_whole": Measure("SSIM", 1, 4),
    "l1": Measure("hole L1", -1, 2),
    "l1_whole": Measure("L1", -1, 2),
    "boundary": Measure("boundary error", -1, 2),
    "lp_sq10": Measure("LP-sq10", -1, 4, weights="perceptual"),
    "lp_sq10_native": Measure("LP-sq10 native", -1, 4, weights="perceptual"),
    "lpips": Measure("LPIPS", -1, 4, weights="lpips"),
    "swd": Measure("patch SWD", -1, 2),
    "texture": Measure("texture ratio", 0, 2, geometric=True),
}
Start = Callable[[Pixels, Pixels], Callable[[Pixels], Values]]


class Judge:
    """Takes the measures of fills of one hole; what judging networks make of the original is computed once."""

    def __init__(self, seed: int, perceptual: Path | None = None, lpips: Path | None = None) -> None:
        self.seed = seed
        self.starts: list[Start] = [_pixels, self._patches]
        if perceptual:
            self.starts.append(_perceptual(LpSq10(perceptual)))
        if lpips:
            self.starts.append(_lpips(Lpips(lpips)))

    def of(self, original: Pixels, hole: Pixels) -> Callable[[Pixels], Values]:
        """Measures of a result [H,W,3] uint8 against the original, for a hole [H,W], 1 = hole."""
        judges = [start(original, hole) for start in self.starts]
        return lambda result: {name: value for judge in judges for name, value in judge(result).items()}

    def _patches(self, original: Pixels, hole: Pixels) -> Callable[[Pixels], Values]:
        return lambda result: {"swd": patches.sliced_wasserstein(result, original, hole, self.seed)}


def _pixels(original: Pixels, hole: Pixels) -> Callable[[Pixels], Values]:
    def judge(result: Pixels) -> Values:
        whole, inside = pixel.ssim(result, original, hole)
        return {
            "psnr": pixel.psnr(result, original, hole),
            "psnr_whole": pixel.psnr(result, original),
            "ssim": inside,
            "ssim_whole": whole,
            "l1": pixel.l1(result, original, hole),
            "l1_whole": pixel.l1(result, original),
            "boundary": pixel.boundary_error(result, original, hole),
            "texture": texture.texture_ratio(result, hole),
        }

    return judge


def _perceptual(net: LpSq10) -> Start:
    def start(original: Pixels, hole: Pixels) -> Callable[[Pixels], Values]:
        views: dict[str, Callable[[Pixels], Tensor]] = {
            "lp_sq10": perceptual.reduced,
            "lp_sq10_native": lambda picture: perceptual.around(picture, hole),
        }
        wanted = {name: net.features(view(original)) for name, view in views.items()}

        def judge(result: Pixels) -> Values:
            given = {name: net.features(view(result)) for name, view in views.items()}
            return {name: net.distance(given[name], wanted[name]) for name in views}

        return judge

    return start


def _lpips(net: Lpips) -> Start:
    def start(original: Pixels, hole: Pixels) -> Callable[[Pixels], Values]:
        wanted = net.features(perceptual.to_tensor(original))
        return lambda result: {"lpips": net.distance(net.features(perceptual.to_tensor(result)), wanted)}

    return start


def taken(given: Mapping[str, Any]) -> list[str]:
    """The measures that are taken where these weights are given (others are missing or None), in the tables' order."""
    return [name for name, measure in MEASURES.items() if not measure.weights or given.get(measure.weights)]


def scale(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """The values in the scale in which they are averaged."""
    return np.log(values) if MEASURES[name].geometric else values


def unscale(name: str, value: float) -> float:
    """Back from the scale of averages."""
    return float(np.exp(value)) if MEASURES[name].geometric else value
