"""How sure a mean is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROUNDS, PER_STEP = 2000, 100
LEAST = 20  # pictures: intervals of 3 values of a Gaussian hold its mean in 74 % of cases, of 10 in 89, of 20 in 93


class Estimate(NamedTuple):
    """A mean and its bootstrap 95 % interval."""

    mean: float
    low: float
    high: float

    def clear(self, count: int) -> bool:
        """Whether the interval does not hold zero, and as many pictures are enough to say so."""
        return count >= LEAST and (self.low > 0 or self.high < 0)


def estimates(values: NDArray[np.float64], seed: int = 0) -> list[Estimate]:
    """Of values [N,M], N pictures of M measures each: the mean of each measure, pictures drawn with replacement.

    The percentile bootstrap (Efron 1979) with 2000 rounds; the same draws for all measures.
    """
    count = len(values)
    rng = np.random.default_rng(seed)
    shares = np.full(count, 1 / count)
    means = [rng.multinomial(count, shares, PER_STEP) @ values / count for _ in range(ROUNDS // PER_STEP)]
    low, high = np.percentile(np.concatenate(means), (2.5, 97.5), axis=0)
    return [Estimate(*map(float, row)) for row in zip(values.mean(0), low, high, strict=True)]
