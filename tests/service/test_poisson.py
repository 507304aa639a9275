"""The Poisson solver: exact where the answer is known, no wrap, no demand where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rigatino import poisson

Mask = NDArray[np.bool_]


def harmonic(height: int = 70, width: int = 90) -> NDArray[np.float64]:
    """[H,W,3] whose five-point Laplacian is 0 everywhere."""
    y, x = np.mgrid[:height, :width] / 90
    return np.stack((x * y, x**2 - y**2, 0.3 * x - 0.2 * y), -1)


def box(height: int, width: int, y: slice, x: slice) -> Mask:
    """[H,W] with a box set."""
    mask = np.zeros((height, width), bool)
    mask[y, x] = True
    return mask


def blob() -> Mask:
    """A star of more pixels than are solved for at once."""
    y, x = np.mgrid[:150, :150] - 75
    star: Mask = np.hypot(y, x) < 55 * (0.8 + 0.2 * np.sin(7 * np.arctan2(y, x)))
    return star


def directly(
    picture: NDArray[np.float64], guide: NDArray[np.float64], hole: Mask, known: Mask
) -> NDArray[np.float64]:
    """The same by its definition: least squares over all pairs of neighbours, dense."""
    height, width = hole.shape
    number = -np.ones(hole.shape, int)
    number[hole] = np.arange(hole.sum())
    left, right = [], []
    for y, x in np.ndindex(height, width):
        for there in ((y + 1, x), (y, x + 1)):
            if there[0] == height or there[1] == width:
                continue
            row = np.zeros(int(hole.sum()))
            value = guide[there] - guide[y, x]
            for sign, at in ((1, there), (-1, (y, x))):
                if hole[at]:
                    row[number[at]] = sign
                elif known[at]:
                    value = value - sign * picture[at]
                else:
                    break
            else:
                left.append(row)
                right.append(value)
    result = picture.copy()
    result[hole] = np.linalg.lstsq(np.array(left), np.array(right), rcond=None)[0]
    return result


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("tolerance", [1e-4, 1e-6])
def test_a_harmonic_picture_comes_back_over_a_flat_guide(kind: type[np.float32], tolerance: float) -> None:
    y, x = np.mgrid[:150, :150] / 150
    truth = np.stack((x * y, x**2 - y**2, 0.3 * x - 0.2 * y), -1).astype(kind)
    hole = blob()
    assert hole.sum() > poisson.DIRECT
    picture = np.where(hole[..., None], kind(0), truth)
    result = poisson.blend(picture, np.full_like(truth, 0.5), hole, tolerance=tolerance)
    assert result.dtype == kind
    assert np.abs(result - truth).max() < 5 * tolerance
    assert np.array_equal(result[~hole], truth[~hole])


def test_a_guide_that_is_the_picture_but_for_its_colours_gives_the_picture() -> None:
    truth = np.random.default_rng(0).random((150, 150, 3))
    hole = blob()
    guide = truth + np.array((0.3, -0.1, 0.02))
    result = poisson.blend(np.where(hole[..., None], 0, truth), guide, hole, tolerance=1e-9)
    assert np.abs(result - truth).max() < 1e-7


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), part=st.floats(0.05, 0.95), unknown=st.floats(0, 0.5))
def test_any_hole_is_solved_as_least_squares_over_neighbours_would(
    seed: int, part: float, unknown: float
) -> None:
    random = np.random.default_rng(seed)
    hole = random.random((9, 11)) < part
    known = ~hole & (random.random(hole.shape) >= unknown)
    picture, guide = random.random((2, 9, 11, 2))
    result = poisson.blend(picture, guide, hole, known, tolerance=1e-12)
    held = hole & (np.abs(result - guide) > 0).any(-1)
    wanted = directly(picture, guide, hole, known)
    assert np.allclose(result[held], wanted[held], atol=1e-8)


@pytest.mark.parametrize("known_part", [0.5, 0.05, 0.001])
def test_large_scattered_holes_meet_the_equation(known_part: float) -> None:
    random = np.random.default_rng(1)
    hole = random.random((120, 130)) >= known_part
    picture = random.random((120, 130, 1))
    result = poisson.blend(picture, np.zeros_like(picture), hole, tolerance=1e-8)[..., 0]
    around = np.pad(result, 1, mode="edge")
    laplacian = around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:] - 4 * result
    solved = hole & (result != 0)
    assert np.abs(laplacian[solved]).max() < 1e-5


def test_nothing_wraps_at_the_edge() -> None:
    picture = np.zeros((40, 60, 1))
    picture[:, :30] = 1
    hole = box(40, 60, slice(None), slice(40, 60))
    result = poisson.blend(picture, np.zeros_like(picture), hole, tolerance=1e-10)
    assert np.abs(result[hole]).max() < 1e-6


def test_at_the_edge_the_guides_gradient_goes_on_undisturbed() -> None:
    truth = harmonic()
    guide = truth + 0.25
    hole = box(70, 90, slice(0, 40), slice(20, 90))
    result = poisson.blend(np.where(hole[..., None], 0, truth), guide, hole, tolerance=1e-10)
    assert np.abs(result - truth).max() < 1e-7


def test_pixels_that_are_not_known_demand_nothing() -> None:
    truth = harmonic()
    hole = box(70, 90, slice(10, 60), slice(10, 80))
    broken = box(70, 90, slice(None), slice(80, 90))
    picture = np.where((hole | broken)[..., None], 1e6, truth)
    result = poisson.blend(picture, truth - 0.5, hole, ~hole & ~broken, tolerance=1e-10)
    assert np.abs(result - truth)[hole].max() < 1e-6
    assert (result[broken] == 1e6).all()


def test_a_part_that_nothing_known_touches_takes_the_guide() -> None:
    picture, guide = np.zeros((30, 30, 3)), np.random.default_rng(0).random((30, 30, 3))
    whole = np.ones((30, 30), bool)
    assert np.array_equal(poisson.blend(picture, guide, whole), guide)
    hole, known = box(30, 30, slice(0, 10), slice(0, 10)), box(30, 30, slice(20, 30), slice(20, 30))
    assert np.array_equal(poisson.blend(picture, guide, hole, known)[hole], guide[hole])


def test_an_empty_hole_changes_nothing() -> None:
    picture = harmonic()
    assert np.array_equal(poisson.blend(picture, picture + 1, np.zeros((70, 90), bool)), picture)


def test_mixed_gradients_keep_the_stronger_of_both() -> None:
    x = np.mgrid[:60, :60][1]
    picture = (x >= 20).astype(np.float64)[..., None]  # an edge that the guide does not have
    guide = 0.4 * (x >= 40).astype(np.float64)[..., None] + 0.1  # and one that the picture does not have
    hole = box(60, 60, slice(0, 60), slice(5, 60))
    known = np.ones((60, 60), bool)
    result = poisson.blend(picture, guide, hole, known, mixed=True, tolerance=1e-10)[..., 0]
    assert np.allclose(result, (x >= 20) + 0.4 * (x >= 40), atol=1e-6)
    plain = poisson.blend(picture, guide, hole, tolerance=1e-10)[..., 0]
    assert np.allclose(plain, 0.4 * (x >= 40), atol=1e-6)


def test_an_answer_of_another_colour_is_drawn_to_the_rim() -> None:
    hole, shift = blob()[..., None], np.array((0.2, 0, -0.3))
    answer = np.where(hole, 0.4, np.nan) * np.ones(3)  # it says nothing outside the hole
    picture = np.where(hole, np.nan, 0.4 + shift)
    result = poisson.continued(picture, answer, hole[..., 0], tolerance=1e-9)
    assert np.allclose(result, 0.4 + shift)


def test_what_is_added_ends_at_its_reach() -> None:
    hole = box(60, 200, slice(None), slice(50, 200))
    answer = np.random.default_rng(0).random((60, 200, 3))
    picture = np.where(hole[..., None], 0, answer + 0.5)
    added = poisson.continued(picture, answer, hole, reach=40, tolerance=1e-9) - answer
    level = poisson.continued(picture, answer, hole, tolerance=1e-9) - answer
    assert (added[:, 90:] == 0).all()
    assert (added[:, 50:88].mean((0, 2)) > 0).all()
    assert np.abs(added[:, 50:52] - level[:, 50:52]).mean() < 0.05
    everywhere = poisson.continued(picture, answer, hole, reach=400, tolerance=1e-9) - answer
    assert np.allclose(everywhere, level)


def test_progress_rises_and_stops_the_work() -> None:
    truth = np.random.default_rng(0).random((150, 150, 3))
    told: list[float] = []
    poisson.blend(truth, np.zeros_like(truth), blob(), progress=told.append)
    assert len(told) > 3
    assert told == sorted(told)
    assert told[0] == 0
    assert told[-1] == 1

    class Stopped(Exception):
        pass

    def stop(fraction: float) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        poisson.blend(truth, np.zeros_like(truth), blob(), progress=stop)
