"""The random holes of CoModGAN (Zhao et al., ICLR 2021), for training and evaluation, and MAT's variants of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rigatino_models.data.masks.shapes import Hole, Random, canvas, line

VERTICES, TURN, SPREAD = (4, 18), 2 * math.pi / 5, 2 * math.pi / 15
BRUSH = (12.0, 48.0)  # pixels, at every size of the picture


@dataclass(frozen=True)
class Free:
    """Rectangles and brush strokes; all counts are drawn below the given bounds, scaled by the share asked for.

    small: bound on rectangles of at most half the side; large: on those of at most the side; strokes: on brush strokes.
    share: the part of the picture that is hole; what lies outside is drawn again (by the caller).
    """

    small: int = 10
    large: int = 5
    strokes: int = 20
    share: tuple[float, float] = (0.0, 1.0)

    def __call__(self, rng: Random, side: int) -> Hole:
        """A hole [side, side], of any share."""
        amount = min(sum(self.share), 1.0)
        hole = np.zeros((side, side), np.uint8)
        for bound, largest in ((self.small, side // 2), (self.large, side)):
            for _ in range(_below(rng, bound * amount)):
                _rectangle(rng, hole, largest)
        return np.maximum(hole, _brush(rng, side, _below(rng, self.strokes * amount)))


def _below(rng: Random, bound: float) -> int:
    return int(rng.integers(max(1, int(bound))))


def _rectangle(rng: Random, hole: Hole, largest: int) -> None:
    """Up to half of it may lie outside."""
    side = len(hole)
    height, width = (int(extent) for extent in rng.integers(max(1, largest), size=2))
    top, left = (int(rng.integers(-(e // 2), max(side - e + e // 2, 1 - e // 2))) for e in (height, width))
    hole[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)] = 1


def _brush(rng: Random, side: int, count: int) -> Hole:
    """Zigzag strokes of one width each, mirrored at random."""
    image, draw = canvas(side)
    radius = math.hypot(side, side) / 8
    for _ in range(count):
        low, high = TURN - rng.uniform(0, SPREAD), TURN + rng.uniform(0, SPREAD)
        width = float(int(rng.uniform(*BRUSH)))
        start = (float(rng.integers(side)), float(rng.integers(side)))
        for vertex in range(rng.integers(*VERTICES)):
            angle = rng.uniform(low, high)
            angle = 2 * math.pi - angle if vertex % 2 == 0 else angle
            length = float(np.clip(rng.normal(radius, radius / 2), 0, 2 * radius))
            end = (
                float(np.clip(start[0] + length * math.cos(angle), 0, side)),
                float(np.clip(start[1] + length * math.sin(angle), 0, side)),
            )
            line(draw, start, end, width)
            start = end
    hole = np.asarray(image, np.uint8)
    for axis in (0, 1):
        hole = np.flip(hole, axis) if rng.random() < 0.5 else hole
    return hole.copy()
