"""The holes that are cut: hole i of a kind is a function of the seed, i and the kind alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rigatino_models.data import masks
from rigatino_wire.errors import Failure

# Measuring says "object" for the single round blob that its figures have always stood on.
NAMES = {"object": "blob", "silhouette": "object"}
KINDS = (*(name for name in masks.MASKS if name not in NAMES), *NAMES)


def find(kind: str) -> masks.Maker:
    """The generator of that name. Raises Failure bad_setting."""
    if kind not in KINDS:
        raise Failure("bad_setting", name="masks", value=kind, expected=", ".join(KINDS))
    return masks.MASKS[NAMES.get(kind, kind)]


def draw(kind: str, side: int, seed: int, index: int) -> NDArray[np.uint8]:
    """Hole `index` of a kind, [side,side], 1 = hole."""
    return find(kind)(np.random.default_rng((seed, index, len(kind))), side)
