"""Linear light and sRGB's curve (IEC 61966-2-1): floating-point pictures are in the one, networks know the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def encoded(linear: Floats) -> Floats:
    """Linear values as sRGB's curve has them; below 0 they are mirrored, above 1 it goes on."""
    size = np.abs(linear)
    curve = 1.055 * size ** (1 / 2.4) - 0.055
    return np.copysign(np.where(size <= 0.0031308, 12.92 * size, curve), linear).astype(np.float32)


def decoded(curved: Floats) -> Floats:
    """The inverse of `encoded`."""
    size = np.abs(curved)
    power = ((size + 0.055) / 1.055) ** 2.4
    return np.copysign(np.where(size <= 0.04045, size / 12.92, power), curved).astype(np.float32)
