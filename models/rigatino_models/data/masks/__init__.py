"""Holes: our own shapes, and the published generators, by name. All are functions of (random generator, side).

A hole is [side, side] uint8 with 1 = hole. `MASKS` never gives an empty hole, nor one that leaves nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rigatino_models.data.masks import comodgan, lama, pic
from rigatino_models.data.masks.objects import silhouettes
from rigatino_models.data.masks.shapes import (
    MEDIUM,
    NARROW,
    WIDE,
    Hole,
    Random,
    Strokes,
    blobs,
    boxes,
    mixed,
    square,
    strokes,
)
from rigatino_models.errors import ModelError

__all__ = [
    "MASKS", "MEDIUM", "NARROW", "WIDE", "Hole", "Maker", "Random", "Strokes",
    "blobs", "boxes", "find", "mixed", "mixture", "silhouettes", "square", "strokes", "within",
]  # fmt: skip

Maker = Callable[[Random, int], Hole]
TRIES = 1000


def within(make: Maker, low: float, high: float) -> Maker:
    """`make`, drawn again until the hole's share of the picture lies strictly between the bounds.

    After a thousand vain tries (pictures too small for the generator) the middle quarter is the hole.
    """

    def draw(rng: Random, side: int) -> Hole:
        for _ in range(TRIES):
            hole = make(rng, side)
            if low < hole.mean() < high:
                return hole
        return boxes(rng, side, (1, 1), (0.5, 0.5))

    return draw


def find(name: str) -> Maker:
    """The generator of that name. Raises ModelError bad_setting."""
    if name not in MASKS:
        raise ModelError("bad_setting", name="masks", value=name, expected=", ".join(MASKS))
    return MASKS[name]


def mixture(weights: Mapping[str, float]) -> Maker:
    """One of the named generators, drawn by its weight. Raises ModelError bad_setting."""
    return lama.Mixed([(weight, find(name)) for name, weight in weights.items()])


def _strokes(kind: Strokes) -> Maker:
    return lambda rng, side: strokes(rng, side, kind)


def _evaluation(make: Maker) -> Maker:
    """LaMa's evaluation sets hold no hole of more than half the picture."""
    return within(make, 0, 0.5 + 1e-9)


def _share(low: float, high: float) -> Maker:
    return within(comodgan.Free(share=(low, high)), low, high)


MASKS: dict[str, Maker] = {
    "wide": within(_strokes(Strokes((1, 3), (0.1, 0.5), (0.08, 0.25))), 0, 1),
    "narrow": within(_strokes(NARROW), 0, 1),
    "blob": within(lambda rng, side: blobs(rng, side, (1, 1), (0.08, 0.2)), 0, 1),
    "object": within(lambda rng, side: silhouettes(rng, side, (1, 1)), 0, 0.5),
    "objects": within(silhouettes, 0, 0.5),
    "boxes": within(boxes, 0, 1),
    "mixed": mixed,
    "lama-train-large": within(lama.TRAIN_LARGE, 0, 1),
    "lama-train-small": within(lama.TRAIN_SMALL, 0, 1),
    "lama-narrow-256": _evaluation(lama.NARROW_256),
    "lama-medium-256": _evaluation(lama.MEDIUM_256),
    "lama-wide-256": _evaluation(lama.WIDE_256),
    "lama-narrow-512": _evaluation(lama.NARROW_512),
    "lama-medium-512": _evaluation(lama.MEDIUM_512),
    "lama-wide-512": _evaluation(lama.WIDE_512),
    "lama-superres": within(lama.superres, 0, 1),
    "lama-outpainting": within(lama.outpainting, 0, 1),
    "lama-dumb": within(lama.dumb, 0, 1),
    "comodgan": _share(0.0, 1.0),
    "comodgan-h0": _share(0.0, 0.2),
    "comodgan-h1": _share(0.2, 0.4),
    "comodgan-h2": _share(0.4, 0.6),
    "comodgan-h3": _share(0.6, 0.8),
    "comodgan-h4": _share(0.8, 1.0),
    "mat-large": within(comodgan.Free(5, 3, 9), 0, 1),
    "mat-small": within(comodgan.Free(3, 2, 4), 0, 1),
    "pic-centre": pic.centre,
    "pic-regular": within(pic.regular, 0, 1),
    "pic-irregular": within(pic.irregular, 0, 1),
    "gfc": square,
}
