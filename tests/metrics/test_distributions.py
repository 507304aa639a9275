"""Scores of sets of features, and how sure means are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from rigatino_models.metrics.bootstrap import LEAST, estimates
from rigatino_models.metrics.distributions import discriminative_scores, frechet_distance

Floats = NDArray[np.float64]


def test_frechet_distance_of_single_columns() -> None:
    real, fake = np.array([[0.0], [2.0], [4.0]]), np.array([[5.0], [6.0], [7.0]])
    # Means 2 and 6, deviations with N - 1: 2 and 1.
    assert frechet_distance(real, fake) == pytest.approx((6 - 2) ** 2 + (2 - 1) ** 2)


def test_frechet_distance_is_the_textbook_s() -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(200, 8)) @ rng.normal(size=(8, 8)), rng.normal(1, 2, (150, 8))
    first, second = np.cov(real.T), np.cov(fake.T)
    shift = real.mean(0) - fake.mean(0)
    expected = shift @ shift + np.trace(first + second - 2 * sqrtm(first @ second).real)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_with_fewer_rows_than_columns() -> None:
    features = np.random.default_rng(0).normal(size=(5, 64))
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(features, features + 3) == pytest.approx(64 * 9)


def by_newton(real: Floats, fake: Floats) -> tuple[float, float]:
    """The scores from the machine's objective, solved here: |(w,b)|^2 / 2 + sum max(0, 1 - y (w.x + b))^2."""
    rows = np.concatenate((real, fake))
    x = np.concatenate((rows, np.ones((len(rows), 1))), 1)
    y = np.concatenate((np.ones(len(real)), -np.ones(len(fake))))
    w = np.zeros(x.shape[1])
    for _ in range(100):
        slack = np.maximum(0, 1 - y * (x @ w))
        active = x[slack > 0]
        step = np.linalg.solve(np.eye(len(w)) + 2 * active.T @ active, w - 2 * x.T @ (y * slack))
        w = w - step
    scores = x @ w
    wrong = np.mean((scores > 0) != (y > 0))
    return float(wrong), float(np.mean(scores[len(real) :] > scores[: len(real)]))


@pytest.mark.parametrize("apart", [0.05, 0.3, 1.0])
def test_discriminative_scores_are_those_of_the_best_plane(apart: float) -> None:
    rng = np.random.default_rng(1)
    real = rng.normal(size=(400, 6))
    fake = real + apart * rng.normal(1, 1, (400, 6))
    assert discriminative_scores(real, fake) == pytest.approx(by_newton(real, fake), abs=2 / 400)


def test_what_a_plane_parts_scores_nothing() -> None:
    real = np.random.default_rng(0).normal(size=(50, 3))
    assert discriminative_scores(real, real + 20) == (0, 0)


def test_equal_sets_cannot_be_told_apart_and_never_look_more_real() -> None:
    features = np.random.default_rng(0).normal(size=(100, 3))
    assert discriminative_scores(features, features) == (0.5, 0)


def test_interval_of_a_normal_mean() -> None:
    values = np.random.default_rng(0).normal(3, 2, (400, 1))
    (found,) = estimates(values)
    spread = 1.96 * values.std() / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(found.mean - spread, abs=0.02)
    assert found.high == pytest.approx(found.mean + spread, abs=0.02)
    assert found.clear(400)
    assert not found.clear(LEAST - 1)
    assert not estimates(values - 3)[0].clear(400)


def test_from_so_many_pictures_on_an_interval_is_about_as_wide_as_it_says() -> None:
    drawn = np.random.default_rng(0).normal(size=(LEAST, 2000))
    wrong = np.mean([estimate.clear(LEAST) for estimate in estimates(drawn)])
    assert 0.03 < wrong < 0.09  # 0.05 is meant
    few = np.mean([estimate.clear(LEAST) for estimate in estimates(drawn[:3])])
    assert few > 0.2


def test_measures_are_drawn_together_and_from_the_seed() -> None:
    values = np.random.default_rng(0).normal(size=(30, 1))
    both = estimates(np.concatenate((values, -values), 1))
    assert both[0].low == pytest.approx(-both[1].high)
    (first,), (again,), (other,) = (estimates(values, seed) for seed in (1, 1, 2))
    assert first == again
    assert first.mean == other.mean
    assert (first.low, first.high) != (other.low, other.high)


def test_a_constant_is_certain() -> None:
    assert estimates(np.full((5, 1), 2.5))[0] == pytest.approx((2.5, 2.5, 2.5))
