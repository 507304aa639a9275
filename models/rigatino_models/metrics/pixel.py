"""Differences of pixels, over the whole picture and over its hole."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.metrics import structural_similarity

Pixels = NDArray[np.uint8]
Hole = NDArray[Any]
LEAST_ERROR = 1e-3  # of 255 squared: what equal pictures are given, so that their PSNR is finite (78 dB)


def l1(result: Pixels, original: Pixels, where: Hole | None = None) -> float:
    """Mean absolute difference of the pixels `where` is not 0 (of all without it), in steps of 255."""
    return float(np.abs(_difference(result, original, where)).mean())


def psnr(result: Pixels, original: Pixels, where: Hole | None = None) -> float:
    """10 log10(255² / mean squared difference) in dB, of the pixels `where` is not 0 (of all without it)."""
    error = float(np.square(_difference(result, original, where)).mean())
    return float(10 * np.log10(255**2 / max(error, LEAST_ERROR)))


def ssim(result: Pixels, original: Pixels, hole: Hole) -> tuple[float, float]:
    """Structural similarity (Wang et al. 2004: Gaussian window of 1.5 pixels): mean over the picture, over the hole."""
    mean, chart = structural_similarity(  # type: ignore[no-untyped-call]
        result,
        original,
        channel_axis=-1,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return float(mean), float(chart[hole > 0].mean())


def boundary_error(result: Pixels, original: Pixels, hole: Hole, width: int = 4) -> float:
    """L1 over the hole's pixels at most `width` from its edge: where a seam would show.

    After the boundary pixels error of DFNet (arXiv 1904.08060). The picture's own border is no edge.
    """
    band = (hole > 0) & (distance_transform_edt(hole > 0) <= width)
    return l1(result, original, band)


def _difference(result: Pixels, original: Pixels, where: Hole | None) -> NDArray[np.float64]:
    difference = result.astype(np.float64) - original
    return difference if where is None else difference[where > 0]
