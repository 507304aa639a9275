"""Light brighter than white, and colours outside the gamut, as networks can see them: on a curve with soft ends.

Networks know values from 0 to 1. What lies beyond is drawn in by a logarithm, as film draws in highlights; it begins
with slope 1, so that all in between stays as it is. An answer is brought back by the inverse.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log1p
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rigatino.compose import Bools, Floats

Values = NDArray[np.floating[Any]]

END = 0.3  # of the values from 0 to 1, what an end takes where more lies beyond
ROUNDS = 50  # of Newton's; a few are usual, more only where hardly anything lies beyond
LEAST = 1e-6  # what lies less far beyond need not be told from 0 or 1
LIMIT = 1e6  # beyond any light in pictures; squares of it are still numbers


class Tones(NamedTuple):
    """A curve from `low` (at most 0) ... `high` (at least 1) to 0 ... 1; from 0 to 1 itself it changes nothing."""

    low: float = 0.0
    high: float = 1.0

    @classmethod
    def of(cls, light: Floats, known: Bools) -> Tones:
        """The curve for RGB [H,W,3], of which what is known [H,W] counts."""
        low, high = (
            limit(light, initial=end, where=known[..., None]) for limit, end in ((np.min, 0), (np.max, 1))
        )
        return cls(float(low), float(high))

    def shown(self, light: Floats) -> Floats:
        """Light as a network sees it, in [0,1]; what lies beyond the curve is cut off."""
        return self._along(light.clip(self.low, self.high), _drawn_in).clip(0, 1)

    def meant(self, shown: Floats) -> Floats:
        """The inverse of `shown`."""
        return self._along(shown, _drawn_out).clip(self.low, self.high)

    def _along(self, values: Floats, drawn: Callable[[Values, float], Values]) -> Floats:
        """Values with those that lie in an end of the curve drawn in or out."""
        found: Values = values
        if self.high > 1:
            begin = 1 - END
            found = np.where(values > begin, begin + drawn(values - begin, _rate(self.high - 1)), found)
        if self.low < 0:
            found = np.where(values < END, END - drawn(END - values, _rate(-self.low)), found)
        return found.astype(np.float32)


UNBENT = Tones()


def _drawn_in(beyond: Values, rate: float) -> Values:
    """How far into an end of the curve these values lie; 0 for those that do not."""
    return END / rate * np.log1p(rate / END * beyond.clip(0).astype(np.float64))


def _drawn_out(beyond: Values, rate: float) -> Values:
    """The inverse of `_drawn_in`."""
    return END / rate * np.expm1(rate / END * beyond.clip(0).astype(np.float64))


def _rate(beyond: float) -> float:
    """The rate r at which END + `beyond` is drawn in to END: log(1 + r*t) = r with t = 1 + beyond / END."""
    reach = 1 + max(beyond, LEAST) / END
    rate = reach - 1 / reach  # above the solution, from where Newton's steps never pass it
    for _ in range(ROUNDS):
        rate -= (log1p(rate * reach) - rate) / (reach / (1 + rate * reach) - 1)
    return rate
