"""Silhouettes of things that people remove: bodies with limbs, stems with crowns, plain lumps.

Training on holes of such shapes narrows the gap to use (Zheng et al., CM-GAN, arXiv 2203.11947, section 3.3). The hole
is the silhouette, grown a little: who selects an object by hand selects its rim as well.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFilter

from rigatino_models.data.masks.shapes import Hole, Random, between, canvas, line

Points = NDArray[np.float64]  # [K,2]: x, y
GROWTH = (0.005, 0.02)  # of the side
FAINTEST = 12  # of 255, after the silhouette is blurred by its growth


def silhouettes(
    rng: Random, side: int, count: tuple[int, int] = (1, 2), size: tuple[float, float] = (0.2, 0.6)
) -> Hole:
    """One or two objects of a height within `size` (fractions of the side); a quarter of them cross the border."""
    image, draw = canvas(side)
    for _ in range(between(rng, count)):
        height = rng.uniform(*size) * side
        crossing = rng.random() < 0.25
        margin = 0.0 if crossing else min(0.3 * height, 0.4 * side)
        x, y = rng.uniform(margin, side - margin, 2)
        if crossing:
            edge = float(side * rng.integers(2))
            x, y = (edge, y) if rng.random() < 0.5 else (x, edge)
        (_figure, _stem, _lump)[rng.choice(3, p=(0.4, 0.2, 0.4))](rng, draw, (float(x), float(y)), height)
    soft = image.point(lambda value: 255 * value).filter(ImageFilter.BoxBlur(rng.uniform(*GROWTH) * side))
    return (np.asarray(soft) > FAINTEST).astype(np.uint8)


def _figure(rng: Random, draw: ImageDraw.ImageDraw, at: tuple[float, float], height: float) -> None:
    """A trunk with a head and up to five limbs of two segments, standing or lying: people and animals."""
    upright = math.pi / 2 * rng.integers(2) + rng.normal(0, 0.15)
    trunk, breadth = height * rng.uniform(0.35, 0.5), height * rng.uniform(0.12, 0.3)
    top, bottom = _away(at, upright, -trunk / 2), _away(at, upright, trunk / 2)
    line(draw, top, bottom, breadth)
    head = _away(top, upright + rng.normal(0, 0.3), -breadth / 2 - height * 0.05)
    _polygon(draw, head, _outline(rng, height * rng.uniform(0.07, 0.13), 0.1))
    for _ in range(between(rng, (1, 5))):
        joint = _away(top, upright, trunk * float(rng.choice((0.1, 1.0))))
        angle, width = upright + rng.uniform(-1.2, 1.2), breadth * rng.uniform(0.25, 0.5)
        for _ in range(2):
            end = _away(joint, angle, height * rng.uniform(0.12, 0.25))
            line(draw, joint, end, width)
            joint, angle, width = end, angle + rng.normal(0, 0.5), width * 0.8


def _stem(rng: Random, draw: ImageDraw.ImageDraw, at: tuple[float, float], height: float) -> None:
    """A thin stem with a crown: trees, lamps, signs, flowers."""
    tilt = math.pi / 2 + rng.normal(0, 0.15)
    foot, top = _away(at, tilt, height / 2), _away(at, tilt, -height / 2)
    line(draw, foot, top, height * rng.uniform(0.03, 0.1))
    _polygon(draw, top, _outline(rng, height * rng.uniform(0.12, 0.3), rng.uniform(0, 0.4)))


def _lump(rng: Random, draw: ImageDraw.ImageDraw, at: tuple[float, float], height: float) -> None:
    """One closed outline, stretched: stones, cars, bags."""
    x, y = _outline(rng, height / 2, 0.35).T
    stretch, tilt = rng.uniform(0.5, 1.0), rng.uniform(0, math.pi)
    y = y * stretch
    turned = np.stack((x * math.cos(tilt) - y * math.sin(tilt), x * math.sin(tilt) + y * math.cos(tilt)), 1)
    _polygon(draw, at, turned)


def _outline(rng: Random, radius: float, roughness: float) -> Points:
    """Points [64,2] of a closed curve about the origin: a circle with harmonics that fall off."""
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    distance = np.ones_like(turn)
    for order in range(2, 8):
        distance += roughness / order * rng.normal() * np.cos(order * turn + rng.uniform(0, 2 * np.pi))
    points: Points = np.stack((np.cos(turn), np.sin(turn)), 1) * (radius * distance.clip(0.2)[:, None])
    return points


def _polygon(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    points: Points,
) -> None:
    draw.polygon([(float(x) + at[0], float(y) + at[1]) for x, y in points], fill=1)


def _away(point: tuple[float, float], angle: float, distance: float) -> tuple[float, float]:
    return point[0] + math.cos(angle) * distance, point[1] + math.sin(angle) * distance
