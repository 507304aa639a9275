"""Our own hole generators. Each draws one hole [H,W] uint8 (1 = hole) from a seeded generator.

Sizes are fractions of the picture's side, so that one setting serves every resolution. Strokes and boxes follow the
families of LaMa (arXiv 2109.07161, appendix) and DeepFill v2 (arXiv 1806.03589); blobs stand for objects.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Hole = NDArray[np.uint8]
Random = np.random.Generator


@dataclass(frozen=True)
class Strokes:
    """Chains of straight strokes: their number, length and width (fractions of the side), largest turn in radians."""

    count: tuple[int, int]
    length: tuple[float, float]
    width: tuple[float, float]
    max_turn: float = 4.0
    max_segments: int = 5


WIDE = Strokes(count=(1, 5), length=(0.04, 0.8), width=(0.06, 0.4))
MEDIUM = Strokes(count=(4, 6), length=(0.04, 0.4), width=(0.04, 0.2))
NARROW = Strokes(count=(4, 20), length=(0.04, 0.2), width=(0.02, 0.06))


def strokes(rng: Random, side: int, kind: Strokes) -> Hole:
    """Polylines with round ends, every other one turning the opposite way."""
    image, draw = canvas(side)
    for i in range(rng.integers(kind.count[0], kind.count[1], endpoint=True)):
        x, y = rng.uniform(0, side, 2)
        for _ in range(rng.integers(1, kind.max_segments, endpoint=True)):
            angle = rng.uniform(0.01, kind.max_turn)
            angle = 2 * math.pi - angle if i % 2 == 0 else angle
            length, width = (rng.uniform(*kind.length) * side, rng.uniform(*kind.width) * side)
            end = (
                float(np.clip(x + length * math.sin(angle), 0, side)),
                float(np.clip(y + length * math.cos(angle), 0, side)),
            )
            line(draw, (x, y), end, width)
            x, y = end
    return np.asarray(image, np.uint8).copy()


def boxes(
    rng: Random, side: int, count: tuple[int, int] = (1, 3), size: tuple[float, float] = (0.12, 0.5)
) -> Hole:
    """Upright rectangles, possibly over the border."""
    hole = np.zeros((side, side), np.uint8)
    for _ in range(rng.integers(count[0], count[1], endpoint=True)):
        height, width = np.round(rng.uniform(*size, 2) * side).astype(int)
        top, left = (
            int(rng.integers(-extent // 3, side - 2 * extent // 3 + 1)) for extent in (height, width)
        )
        hole[max(top, 0) : top + height, max(left, 0) : left + width] = 1
    return hole


def square(rng: Random, side: int) -> Hole:
    """One square of half the side, wholly inside (Generative Face Completion, arXiv 1704.05838)."""
    hole = np.zeros((side, side), np.uint8)
    top, left = rng.integers(0, side - side // 2 + 1, 2)
    hole[top : top + side // 2, left : left + side // 2] = 1
    return hole


def blobs(
    rng: Random, side: int, count: tuple[int, int] = (1, 2), radius: tuple[float, float] = (0.08, 0.28)
) -> Hole:
    """Smooth closed outlines with a few harmonics, stretched at random: the shape of an object's silhouette."""
    image, draw = canvas(side)
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    for _ in range(rng.integers(count[0], count[1], endpoint=True)):
        outline = np.ones_like(turn)
        for order in range(2, 6):
            outline += rng.normal(0, 0.25 / order) * 2 * np.cos(order * turn + rng.uniform(0, 2 * np.pi))
        size = rng.uniform(*radius) * side
        stretch, tilt = rng.uniform(0.5, 2.0) ** 0.5, rng.uniform(0, np.pi)
        x, y = outline * np.cos(turn) * size * stretch, outline * np.sin(turn) * size / stretch
        x, y = x * math.cos(tilt) - y * math.sin(tilt), x * math.sin(tilt) + y * math.cos(tilt)
        centre = rng.uniform(0, side, 2)
        points = np.stack((x + centre[0], y + centre[1]), 1)
        draw.polygon([(float(a), float(b)) for a, b in points], fill=1)
    return np.asarray(image, np.uint8).copy()


def mixed(rng: Random, side: int, area: tuple[float, float] = (0.03, 0.35)) -> Hole:
    """45 % wide strokes or boxes, 35 % blobs, 20 % narrow strokes; redrawn until the share of the picture fits."""
    makers: list[Callable[[], Hole]] = [
        lambda: strokes(rng, side, WIDE),
        lambda: boxes(rng, side),
        lambda: blobs(rng, side),
        lambda: strokes(rng, side, NARROW),
    ]
    make = makers[rng.choice(4, p=(0.3, 0.15, 0.35, 0.2))]
    for _ in range(20):
        hole = make()
        if area[0] <= hole.mean() <= area[1]:
            return hole
    return boxes(rng, side, count=(1, 1), size=(0.25, 0.5))


def canvas(side: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty hole to draw on with the value 1."""
    image = Image.new("L", (side, side), 0)
    return image, ImageDraw.Draw(image)


def line(
    draw: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float], width: float
) -> None:
    """A straight stroke with round ends."""
    draw.line([start, end], fill=1, width=max(1, round(width)))
    for x, y in (start, end):
        draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=1)


def between(rng: Random, bounds: tuple[int, int]) -> int:
    """A whole number within bounds, both included."""
    return int(rng.integers(bounds[0], bounds[1], endpoint=True))
