"""A judge that knows no network: the distribution of small patches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 7
PROJECTIONS = 128
MOST = 8192  # patches looked at; more change the third digit


def sliced_wasserstein(
    result: NDArray[np.uint8], original: NDArray[np.uint8], hole: NDArray[Any], seed: int = 0
) -> float:
    """Sliced Wasserstein-1 distance between the raw 7x7 patches of two pictures whose centres lie in the hole.

    The mean over fixed random directions of unit length of the distance between the sorted projections (Rabin et al.
    2011), in steps of 255. Directions, and which of very many patches are looked at, depend on the seed alone.
    """
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((SIDE * SIDE * 3, PROJECTIONS)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=0)
    rows, columns = np.nonzero(hole)
    if rows.size > MOST:
        chosen = rng.choice(rows.size, MOST, replace=False)
        rows, columns = rows[chosen], columns[chosen]
    ordered = [
        np.sort(_patches(picture, rows, columns) @ directions, axis=0) for picture in (result, original)
    ]
    return float(np.abs(ordered[0] - ordered[1]).mean())


def _patches(picture: NDArray[np.uint8], rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.float32]:
    """The patches around these pixels, [N, 7*7*3], the picture mirrored beyond its border."""
    margin = SIDE // 2
    padded = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (SIDE, SIDE), axis=(0, 1))
    found: NDArray[np.float32] = windows[rows, columns].reshape(rows.size, -1).astype(np.float32)
    return found
