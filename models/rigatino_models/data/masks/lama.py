"""The hole generators of LaMa (arXiv 2109.07161, appendix; the settings are those of the published configurations).

Lengths are pixels at the side that a configuration is meant for, and scale with the picture. Where the original
draws a whole number, so do these; the angles of its strokes are whole numbers too, plus 0.01.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rigatino_models.data.masks.shapes import Hole, Random, between, canvas, line

Draw = Callable[[Random, int], Hole]
Family = tuple[float, Draw]


@dataclass(frozen=True)
class Irregular:
    """Chains of 1 to 5 strokes. times: least and most chains, of which the original draws one more than it says."""

    length: int
    width: int
    times: tuple[int, int]
    nominal: int = 256
    angles: int = 4

    def __call__(self, rng: Random, side: int) -> Hole:
        """A hole [side, side]."""
        scale = side / self.nominal
        image, draw = canvas(side)
        for chain in range(rng.integers(self.times[0], self.times[1] + 2)):
            start = (float(rng.integers(side)), float(rng.integers(side)))
            for _ in range(rng.integers(1, 6)):
                angle = 0.01 + rng.integers(self.angles)
                turn = 2 * math.pi - angle if chain % 2 == 0 else angle
                length = (10 + rng.integers(self.length)) * scale
                width = (5 + rng.integers(self.width)) * scale
                end = (
                    float(np.clip(start[0] + length * math.sin(turn), 0, side)),
                    float(np.clip(start[1] + length * math.cos(turn), 0, side)),
                )
                line(draw, start, end, width)
                start = end
        return np.asarray(image, np.uint8).copy()


@dataclass(frozen=True)
class Boxes:
    """Upright rectangles that keep a margin to the border; sizes exclude the upper bound, as the original's do."""

    margin: int
    size: tuple[int, int]
    times: tuple[int, int]
    nominal: int = 256

    def __call__(self, rng: Random, side: int) -> Hole:
        """A hole [side, side]."""
        scale = side / self.nominal
        margin = round(self.margin * scale)
        least = max(1, round(self.size[0] * scale))
        most = max(least + 1, min(round(self.size[1] * scale), side - 2 * margin))
        hole = np.zeros((side, side), np.uint8)
        for _ in range(between(rng, self.times)):
            width, height = rng.integers(least, most, 2)
            left = rng.integers(margin, side - margin - width + 1)
            top = rng.integers(margin, side - margin - height + 1)
            hole[top : top + height, left : left + width] = 1
        return hole


def superres(rng: Random, side: int) -> Hole:
    """A grid of lines 1 to 3 pixels wide, 2 to 4 apart: what is known is a smaller picture."""
    hole = np.zeros((side, side), np.uint8)
    for axis in (hole, hole.T):
        step = int(rng.integers(2, 5))
        width = int(rng.integers(1, min(step, 4)))
        offset = int(rng.integers(step))
        for line_ in range(width):
            axis[(offset + line_) % step :: step] = 1
    return hole


def outpainting(rng: Random, side: int) -> Hole:
    """Margins of 4 to 25 % of the side, each with probability 1/2, and at least one of them."""
    hole = np.zeros((side, side), np.uint8)
    chosen = rng.random(4) < 0.5
    if not chosen.any():
        chosen[rng.integers(4)] = True
    for turn in np.flatnonzero(chosen):
        np.rot90(hole, int(turn))[: max(1, round(rng.uniform(0.04, 0.25) * side))] = 1
    return hole


def dumb(rng: Random, side: int) -> Hole:
    """One rectangle of 10 to 35 % of the area."""
    height, width = np.round(rng.uniform(0.1**0.5, 0.35**0.5, 2) * side).astype(int)
    top, left = rng.integers(0, side - height + 1), rng.integers(0, side - width + 1)
    hole = np.zeros((side, side), np.uint8)
    hole[top : top + height, left : left + width] = 1
    return hole


@dataclass(frozen=True)
class Mixed:
    """One of several generators, drawn by its weight; inverted with probability `invert`."""

    families: Sequence[Family]
    invert: float = 0.0

    def __call__(self, rng: Random, side: int) -> Hole:
        """A hole [side, side]."""
        weights = np.asarray([weight for weight, _ in self.families])
        chosen = self.families[int(rng.choice(len(weights), p=weights / weights.sum()))][1]
        hole = chosen(rng, side)
        return 1 - hole if rng.random() < self.invert else hole


def _set(irregular: Irregular, *boxes: tuple[float, Boxes]) -> Mixed:
    return Mixed(((1.0, irregular), *boxes))


TRAIN_LARGE = _set(Irregular(200, 100, (1, 5)), (1.0, Boxes(10, (30, 150), (1, 4))))
TRAIN_SMALL = _set(Irregular(80, 40, (4, 12)), (1.0, Boxes(0, (30, 128), (1, 1))))
NARROW_256 = _set(Irregular(40, 10, (4, 50)))
MEDIUM_256 = _set(Irregular(100, 50, (4, 5)), (0.3, Boxes(0, (10, 50), (1, 5))))
WIDE_256 = _set(Irregular(200, 100, (1, 5)), (0.3, Boxes(10, (30, 150), (1, 3))))
NARROW_512 = _set(Irregular(100, 20, (4, 70), 512))
MEDIUM_512 = _set(Irregular(200, 100, (4, 10), 512), (0.3, Boxes(0, (30, 150), (1, 5), 512)))
WIDE_512 = _set(Irregular(450, 250, (1, 5), 512), (0.3, Boxes(10, (30, 300), (1, 4), 512)))
