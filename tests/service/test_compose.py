"""Hole and seam as arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from rigatino import compose
from rigatino_wire.region import Box


def square(size: int = 40, low: int = 15, high: int = 25) -> compose.Floats:
    """A selected square."""
    selection = np.zeros((size, size), np.float32)
    selection[low:high, low:high] = 1
    return selection


def test_the_seam_is_whole_on_core_and_grown_rim_and_gone_beyond_the_feather() -> None:
    alpha = compose.seam(square(), grow=3, feather=4)
    row = alpha[20]
    assert (row[12:28] == 1).all()
    assert (np.diff(row[27:33]) < 0).all()
    assert row[31] > 0
    assert (row[32:] == 0).all()


def test_feather_zero_is_a_hard_edge() -> None:
    alpha = compose.seam(square(), grow=2, feather=0)
    assert set(np.unique(alpha)) == {0, 1}
    assert alpha[20].sum() == 14


def test_a_soft_selection_stays_as_soft_as_it_is() -> None:
    ramp = np.clip((30 - np.abs(np.arange(80) - 40)) / 20, 0, 1).astype(np.float32)
    selection = np.repeat(ramp[None], 10, 0)
    alpha = compose.seam(selection, grow=0, feather=0)
    assert (alpha >= selection).all()
    assert (alpha[selection >= 0.5] == 1).all()
    faint = (selection > 0) & (selection < 0.5)
    assert np.allclose(alpha[faint], selection[faint])


def test_a_faint_selection_fills_faintly_but_the_network_sees_none_of_it() -> None:
    selection = 0.3 * square()
    assert compose.seam(selection, grow=4, feather=4).max() == pytest.approx(0.3)
    assert compose.hole_for_network(selection, grow=0).sum() == 100


@given(grow=st.integers(0, 9), feather=st.floats(0, 9), at=st.tuples(st.integers(0, 29), st.integers(0, 29)))
def test_no_pixel_farther_than_grow_plus_feather_changes(
    grow: int, feather: float, at: tuple[int, int]
) -> None:
    selection = np.zeros((30, 30), np.float32)
    selection[at] = 1
    y, x = np.mgrid[0:30, 0:30]
    far = np.hypot(y - at[0], x - at[1]) > grow + feather + 1
    assert not compose.seam(selection, grow, feather)[far].any()


def test_the_hole_grows_by_euclidean_distance() -> None:
    selection = np.zeros((21, 21), np.float32)
    selection[10, 10] = 0.01
    hole = compose.hole_for_network(selection, grow=5)
    assert hole[10, 15]
    assert not hole[10, 16]
    assert hole[13, 14]
    assert not hole[14, 14]


@given(seed=st.integers(0, 10**6), count=st.integers(0, 6), reach=st.floats(0, 12))
def test_distances_are_those_of_the_whole_picture_within_reach(seed: int, count: int, reach: float) -> None:
    random = np.random.default_rng(seed)
    mask = np.zeros((30, 40), bool)
    mask[random.integers(0, 30, count), random.integers(0, 40, count)] = True
    whole = ndimage.distance_transform_edt(~mask) if count else np.full(mask.shape, np.inf)
    found = compose.distance(mask, reach)
    near = whole <= reach
    assert np.array_equal(found[near], whole[near])
    assert (found[~near] > reach).all()


@given(seed=st.integers(0, 10**6), count=st.integers(0, 6), size=st.integers(1, 20))
def test_the_depth_of_holes_is_that_of_the_whole_picture(seed: int, count: int, size: int) -> None:
    random = np.random.default_rng(seed)
    known = np.ones((30, 40), bool)
    for y, x in random.integers(0, 30, (count, 2)):
        known[y : y + size, x : x + size] = False
    expected = float(ndimage.distance_transform_edt(~known).max()) if known.any() else np.inf
    assert compose.depth(known) == expected


def test_where_nothing_is_known_the_depth_has_no_end() -> None:
    assert compose.depth(np.zeros((3, 4), bool)) == np.inf


def test_bounds() -> None:
    mask = np.zeros((9, 7), bool)
    assert compose.bounds(mask) == Box(0, 0, 0, 0)
    mask[2:5, 3] = True
    assert compose.bounds(mask) == Box(3, 2, 1, 3)
