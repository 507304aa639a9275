"""Holes: seeded, of the promised area, of the promised kind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rigatino_models.data import masks

KINDS: dict[str, Callable[[np.random.Generator, int], masks.Hole]] = {
    "wide": lambda rng, side: masks.strokes(rng, side, masks.WIDE),
    "medium": lambda rng, side: masks.strokes(rng, side, masks.MEDIUM),
    "narrow": lambda rng, side: masks.strokes(rng, side, masks.NARROW),
    "boxes": masks.boxes,
    "blobs": masks.blobs,
    "mixed": masks.mixed,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_hole_is_a_function_of_its_seed(kind: str) -> None:
    first, again, other = (KINDS[kind](np.random.default_rng(seed), 96) for seed in (5, 5, 6))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [32, 97])
def test_holes_are_zeros_and_ones_of_the_asked_size(kind: str, side: int) -> None:
    for seed in range(20):
        hole = KINDS[kind](np.random.default_rng(seed), side)
        assert hole.shape == (side, side)
        assert hole.dtype == np.uint8
        assert set(np.unique(hole)) <= {0, 1}


def test_mixed_holes_keep_to_their_area() -> None:
    shares = [masks.mixed(np.random.default_rng(seed), 96).mean() for seed in range(200)]
    assert min(shares) >= 0.03
    assert max(shares) <= 0.35


def test_narrow_strokes_are_narrower_than_wide_ones() -> None:
    def thickest(kind: str) -> float:
        from scipy import ndimage

        holes = (KINDS[kind](np.random.default_rng(seed), 128) for seed in range(30))
        return float(np.mean([ndimage.distance_transform_edt(hole).max() for hole in holes]))

    assert thickest("narrow") * 2 < thickest("wide")


def test_a_box_may_lie_over_the_border_and_is_still_a_box() -> None:
    touching = 0
    for seed in range(60):
        hole = masks.boxes(np.random.default_rng(seed), 64, count=(1, 1))
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        assert hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        touching += rows[0] == 0 or rows[-1] == 63
    assert touching > 5
