"""Hole, seam and composite, as arrays.

Masks are float32 [H,W] in [0,1], pictures float32 [H,W,3] in [0,1].
"""

from __future__ import annotations

from math import ceil
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rigatino_wire.region import Box

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Distances = NDArray[np.floating[Any]]
Kind = TypeVar("Kind", bound=np.generic)


def hole_for_network(selection: Floats, grow: int) -> Bools:
    """What the network must not look at: all that is selected, however faintly, grown by `grow` pixels."""
    return distance(selection > 0, grow) <= grow


def seam(selection: Floats, grow: int, feather: float) -> Floats:
    """The fill's opacity: 1 on the core and `grow` pixels around it, then down to 0 within `feather` pixels.

    The core is what is selected by half or more. A feathered selection stays as soft as it is: the opacity is nowhere
    less than the selection itself.
    """
    beyond = distance(selection >= 0.5, grow + feather + 1) - grow
    # One pixel past the core is the first that may fade; feather 0 gives a hard edge.
    fade = 1 - beyond / (feather + 1) if feather else (beyond <= 0).astype(np.float32)
    fade = np.clip(fade, 0, 1)
    smooth = fade * fade * (3 - 2 * fade)
    return np.maximum(smooth, selection).astype(np.float32)


def depth(known: Bools) -> float:
    """How far the unknown pixel that is farthest from all known ones is from them; infinite where nothing is known."""
    box = bounds(~known)
    # The nearest known pixel of an unknown one lies at most one pixel outside the box.
    part = _part(known, box.grow(1))
    return float(_to_nearest(part).max(initial=0))


def distance(mask: Bools, reach: float = np.inf) -> Distances:
    """Euclidean distance of every pixel to the nearest set one, exact up to `reach`, infinite or larger beyond."""
    found = np.full(mask.shape, np.inf)
    near = bounds(mask).grow(ceil(min(reach, sum(mask.shape)))) if mask.any() else Box(0, 0, 0, 0)
    _part(found, near)[...] = _to_nearest(_part(mask, near))
    return found


def _to_nearest(mask: Bools) -> Distances:
    """Euclidean distance of every pixel to the nearest set one; infinite where none is set."""
    if not mask.any():
        return np.full(mask.shape, np.inf)
    found = np.empty(mask.shape, np.float64)
    ndimage.distance_transform_edt(~mask, distances=found)
    return found


def _part(values: NDArray[Kind], box: Box) -> NDArray[Kind]:
    """What a box shows of an array [H,W], as a view."""
    shown = box.intersect(Box(0, 0, values.shape[1], values.shape[0]))
    return values[shown.y : shown.bottom, shown.x : shown.right]


def bounds(mask: Bools) -> Box:
    """The smallest box around the set pixels; of size 0 where none is set."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return Box(0, 0, 0, 0)
    top, left = int(rows[0]), int(columns[0])
    return Box(left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1)
