"""The holes that PIC is trained with (arXiv 1903.04227): the middle, rectangles, and figures of many kinds."""

from __future__ import annotations

from math import cos, pi, radians, sin

import numpy as np
from PIL import ImageDraw

from rigatino_models.data.masks.shapes import Hole, Random, canvas, line

FIGURES = (16, 65)  # how many
LINES, DISCS = 0.6, 0.8  # shares of lines, and of lines and discs; the rest are arcs
WIDTH = (4, 21)  # of lines and arcs, and a disc's radius, in pixels of 256
NATIVE = 256
STEPS = 64  # of half an ellipse


def centre(rng: Random, side: int) -> Hole:
    """The middle quarter."""
    hole = np.zeros((side, side), np.uint8)
    hole[side // 4 : side * 3 // 4, side // 4 : side * 3 // 4] = 1
    return hole


def regular(rng: Random, side: int) -> Hole:
    """One to five rectangles; the more, the smaller they may be."""
    hole = np.zeros((side, side), np.uint8)
    count = int(rng.integers(1, 6))
    for _ in range(count):
        start = rng.integers(0, side - side // (count + 1) + 1, 2)
        least = side // (count + 7)
        height, width = (int(rng.integers(min(least, side - s), side - s + 1)) for s in start)
        hole[start[0] : start[0] + height, start[1] : start[1] + width] = 1
    return hole


def irregular(rng: Random, side: int) -> Hole:
    """Lines, discs and arcs of ellipses, as wide as at 256 pixels."""
    image, draw = canvas(side)
    for _ in range(rng.integers(*FIGURES)):
        kind, width = rng.random(), float(rng.integers(*WIDTH)) * side / NATIVE
        (x, y), (u, v) = rng.uniform(0, side, (2, 2))
        if kind < LINES:
            line(draw, (x, y), (u, v), width)
        elif kind < DISCS:
            draw.ellipse((x - width, y - width, x + width, y + width), fill=1)
        else:
            _arc(rng, draw, (x, y), (u, v), width)
    return np.asarray(image, np.uint8).copy()


def _arc(
    rng: Random,
    draw: ImageDraw.ImageDraw,
    middle: tuple[float, float],
    radii: tuple[float, float],
    width: float,
) -> None:
    """A part of a turned ellipse, from one angle to another."""
    turn, start, end = (radians(angle) for angle in rng.integers(3, 181, 3))
    steps = np.linspace(start, end, 2 + int(abs(end - start) / pi * STEPS))
    across, down = radii[0] * np.cos(steps), radii[1] * np.sin(steps)
    x = middle[0] + across * cos(turn) - down * sin(turn)
    y = middle[1] + across * sin(turn) + down * cos(turn)
    points = [(float(a), float(b)) for a, b in zip(x, y, strict=True)]
    draw.line(points, fill=1, width=max(1, round(width)), joint="curve")
