"""Whether the filled hole is as rough as what surrounds it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

SIGMA = 1.5  # pixels; what is finer than this is texture
RING = 24  # pixels around the hole
FLOOR = 1.0  # of 255 squared: noise that nobody sees, so that plain skies compare as equal
LUMA = (0.299, 0.587, 0.114)


def texture_ratio(picture: NDArray[np.uint8], hole: NDArray[Any]) -> float:
    """High-frequency variance within the hole / in the known ring around it: 1 where they are equally rough.

    A fill that is too smooth gives less than 1. Ratios are averaged as geometric means. The hole must leave something
    known.
    """
    grey = picture.astype(np.float64) @ np.asarray(LUMA)
    energy = np.square(grey - gaussian_filter(grey, SIGMA, mode="reflect"))
    inside = hole > 0
    ring = ~inside & (distance_transform_edt(~inside) <= RING)
    return float((energy[inside].mean() + FLOOR) / (energy[ring].mean() + FLOOR))
