"""Grain: as much in the fill as around it, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from rigatino import compose
from rigatino.grain import grain, with_grain


def scene(sigma: float) -> tuple[compose.Floats, compose.Bools]:
    """A picture with slopes, an edge and noise, but for its smooth hole."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[:160, :180].astype(np.float32) / 400
    clean = np.stack((0.2 + x, 0.3 + y, 0.4 + 0.2 * (x > 0.1)), -1)
    hole = np.zeros((160, 180), bool)
    hole[40:120, 50:130] = True
    noise = sigma * random.standard_normal(clean.shape) * ~hole[..., None]
    return (clean + noise).astype(np.float32), hole


@pytest.mark.parametrize("sigma", [2 / 255, 6 / 255, 15 / 255])
def test_a_smooth_fill_gets_the_grain_of_its_surroundings(sigma: float) -> None:
    picture, hole = scene(sigma)
    result = with_grain(picture, hole, ~hole)
    assert np.array_equal(result[~hole], picture[~hole])
    added = (result - picture)[hole]
    assert added.std(0) == pytest.approx(np.full(3, sigma), rel=0.1)
    assert np.array_equal(result, with_grain(picture, hole, ~hole))


def test_a_clean_picture_and_a_grainy_fill_stay_as_they_are() -> None:
    picture, hole = scene(0)
    assert with_grain(picture, hole, ~hole) is picture
    grainy = picture + 0.02 * np.random.default_rng(2).standard_normal(picture.shape).astype(np.float32)
    assert with_grain(grainy, hole, ~hole) is grainy


def test_what_is_neither_known_nor_filled_says_nothing() -> None:
    picture, hole = scene(6 / 255)
    known = ~hole
    known[:, ::12] = False
    other = picture.copy()
    other[~known & ~hole] = (1, 0, 1)
    assert np.array_equal(with_grain(picture, hole, known)[hole], with_grain(other, hole, known)[hole])


def test_texture_is_no_grain() -> None:
    picture, hole = scene(0)
    picture[:, :25] += 0.3 * np.random.default_rng(3).random((160, 25, 3), np.float32)
    assert with_grain(picture, hole, ~hole) is picture


@pytest.mark.parametrize("period", [3, 5, 8, 13, 20])
def test_nor_are_stripes_that_leave_nothing_calm(period: int) -> None:
    picture, hole = scene(0)
    lines = 0.5 + 0.5 * np.sin(2 * np.pi * (np.mgrid[:160, :180][0] * 0.7 + np.mgrid[:160, :180][1]) / period)
    picture[~hole] = np.repeat((lines > 0.5)[..., None], 3, -1).astype(np.float32)[~hole]
    assert with_grain(picture, hole, ~hole) is picture


def test_too_little_tells_nothing() -> None:
    picture, hole = scene(6 / 255)
    assert np.isnan(grain(picture, np.zeros_like(hole))).all()
    assert with_grain(picture, hole, np.zeros_like(hole)) is picture
    small = np.zeros_like(hole)
    small[3:8, 3:8] = True
    assert with_grain(picture, small, ~small) is picture
    assert with_grain(picture[:2, :2], hole[:2, :2], ~hole[:2, :2]) is not None
