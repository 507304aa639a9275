"""Grain of a camera, as it lies around a hole, over a fill that has less of it.

Noise is told from texture by looking where it is calmest: second differences (Immerkaer 1996) in blocks, of which the
calmest fifth counts. Where all is texture these are no noise either; but noise is a quarter as strong, squared, in the
picture at half the size, and texture is not weaker there.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from rigatino.compose import Bools, Floats, bounds
from rigatino_wire.region import Box

BLOCK = 8  # pixels of a block's side
FEWEST = 4  # blocks that tell something
CALM = 20  # percentile of blocks that show noise alone
LOST = 0.75  # of white noise, squared, that half the size does not show
SHOWN = 0.704  # of white noise's deviation in the blocks below that percentile
RING = 32  # pixels around the hole that are looked at
FAINT, STRONG = 1 / 255, 20 / 255  # grain that nobody sees, and more than any is
MORE = 1.15  # times the fill's grain, before any is missing: telling it is not exact


def with_grain(picture: Floats, hole: Bools, known: Bools) -> Floats:
    """The picture [H,W,C], its filled hole [H,W] as grainy as what is known around it; the same every time.

    Where the surroundings have little more grain than the fill, and where either is too small to tell, nothing changes.
    Results are not clipped.
    """
    box = bounds(hole).grow(RING).intersect(Box(0, 0, hole.shape[1], hole.shape[0]))
    part = np.s_[box.y : box.bottom, box.x : box.right]
    inside, colours = hole[part], picture[part]
    around, within = grain(colours, known[part]), grain(colours, inside)
    missing = np.sqrt(np.maximum(around**2 - within**2, 0))
    missing[~((missing >= FAINT) & (around <= STRONG) & (around > MORE * within))] = 0
    if not missing.any():
        return picture
    noise = np.random.default_rng(0).standard_normal(colours.shape, np.float32) * missing
    result = picture.copy()
    result[part][inside] = (colours + noise.astype(np.float32))[inside]
    return result


def grain(picture: Floats, where: Bools) -> Floats:
    """Standard deviation [C] of the grain of a picture [H,W,C] within `where` [H,W]; NaN if that is too little."""
    halved = ndimage.uniform_filter(picture, (2, 2, 1))
    fine, coarse = _differences(picture, 1)[1:-1, 1:-1], _differences(halved, 2)
    # A difference to what lies beyond is no grain.
    whole = ndimage.binary_erosion(where, np.ones((7, 7), bool))[2:-2, 2:-2]
    told = _blocks(whole[..., None].astype(np.float32))[..., 0] == 1
    if told.sum() < FEWEST:
        return np.full(picture.shape[-1], np.nan, np.float32)
    fine, coarse = _blocks(np.square(fine))[told], _blocks(np.square(coarse))[told]
    calm = fine <= np.percentile(fine, CALM, axis=0)
    lost = ((fine - coarse) * calm).sum(0) / calm.sum(0)
    found: Floats = (np.sqrt(np.maximum(lost, 0) / LOST) / SHOWN).astype(np.float32)
    return found


def _differences(picture: Floats, step: int) -> Floats:
    """Second differences over `step` pixels along both axes [H-2*step,W-2*step,C], as strong as white noise."""
    rows = picture[: -2 * step] - 2 * picture[step:-step] + picture[2 * step :]
    both: Floats = (rows[:, : -2 * step] - 2 * rows[:, step:-step] + rows[:, 2 * step :]) / 6
    return both


def _blocks(values: Floats) -> Floats:
    """The means [h,w,C] of the whole blocks of [H,W,C]."""
    height, width = (side // BLOCK for side in values.shape[:2])
    whole = values[: height * BLOCK, : width * BLOCK]
    means: Floats = whole.reshape(height, BLOCK, width, BLOCK, values.shape[-1]).mean((1, 3))
    return means
