"""Which parts of a region a network looks at, one after another, and how large it sees them: arrays and integers only.

Near holes share a part, far ones have their own: what counts is the number of pixels that are looked at. A network that
takes squares of one size alone is shown a square around its hole, as far as the region reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import log2

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rigatino.compose import Bools, bounds, depth
from rigatino_models import second_look
from rigatino_models.spec import NetworkSpec
from rigatino_wire.region import Box, ContextRule, context, grouped, square

CELL = 16  # pixels; what lies in the same or in neighbouring cells is one hole
MOST = 32  # holes to choose among; cells grow until there are no more
LOOK = 128 * 128  # pixels that one more look must save
BATCH = 1 << 19  # network pixels that are shown at once; more gained little more on processors
SQUARE = 2  # a square's side in its hole's longer one: so a hole in the middle has as much around it as in training
THIN = 10  # a thin hole reaches this part of the comfortable side from its rim, or less: 25 of 256 pixels
LARGEST_THIN = 1024  # pixels; beyond it the cost outgrows the gain
LOOK_AGAIN, REFINE = "look", "refine"
REFINED = {"lama"}  # systems whose networks can be refined
FIRST_OF_BEST = 512  # pixels: about the shorter side from which refinement goes up
MOST_HALVINGS = 2  # from the picture's size down to there (Kulshreshtha et al. 2022)
THICK = 24  # network pixels from its rim to its middle, above which texture is copied into a hole


@dataclass(frozen=True)
class Part:
    """What is shown at once: `box` of the region, the hole [h,w] in it that is to be filled, network pixels per pixel.

    Of what is unknown in the box, other parts may fill the rest. again: how the answer is to be looked at a second
    time, at the picture's size: LOOK_AGAIN, REFINE or not at all; texture: whether texture is to be copied along it.
    """

    box: Box
    hole: Bools
    scale: float
    again: str = ""
    texture: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Height and width at which the network sees it."""
        height, width = self.hole.shape
        return max(1, round(height * self.scale)), max(1, round(width * self.scale))

    @property
    def at(self) -> tuple[slice, slice]:
        """The part's rows and columns of the region."""
        return slice(self.box.y, self.box.bottom), slice(self.box.x, self.box.right)


def plan(
    known: Bools, hole: Bools, spec: NetworkSpec, quality: str = "fast", detail: bool = False
) -> list[Part]:
    """The parts of a region that fill its hole [H,W]; `known` [H,W] is what may be looked at.

    quality "fast": no second look; "best": refinement, by networks that can. detail: whether texture may be copied.
    """
    frame = Box(0, 0, known.shape[1], known.shape[0])
    cells, found = labelled(hole)
    parts = []
    for group in grouped(found, lambda box: cost(box, frame, spec)):
        box = view(reduce(Box.join, (found[k] for k in group)), frame, spec)
        if len(group) == len(found) and not spec.square:
            box = frame  # what was sent is what was meant
        at = np.s_[box.y : box.bottom, box.x : box.right]
        scale, again = looks(known[at], spec, quality)
        parts.append(
            Part(
                box,
                hole[at] & np.isin(spread(cells, box), [k + 1 for k in group]),
                scale,
                again,
                texture=detail and gains_from_texture(known[at], scale, spec),
            )
        )
    return parts


def batches(parts: Sequence[Part], most: int = BATCH) -> list[list[int]]:
    """Numbers of parts to be shown at once: those of one size, of no more than `most` network pixels in all."""
    sizes = [part.size for part in parts]
    found = []
    for size in dict.fromkeys(sizes):
        numbers = [k for k, other in enumerate(sizes) if other == size]
        count = max(1, most // (size[0] * size[1]))
        found += [numbers[k : k + count] for k in range(0, len(numbers), count)]
    return found


def labelled(hole: Bools) -> tuple[NDArray[np.integer], list[Box]]:
    """Cells of a hole [H,W] numbered by what hangs together, 0 without hole, and each number's box; at most MOST."""
    cell = CELL
    while True:
        labels, count = ndimage.label(held(hole, cell), np.ones((3, 3)))
        if count <= MOST:
            break
        cell *= 2
    if cell != CELL:
        step = cell // CELL
        labels = labels.repeat(step, 0).repeat(step, 1)
    boxes = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        top, left = rows.start * CELL, columns.start * CELL
        there = hole[top : rows.stop * CELL, left : columns.stop * CELL]
        mine = there & (spread(labels, Box(left, top, there.shape[1], there.shape[0])) == number)
        boxes.append(bounds(mine).moved(left, top))
    return labels, boxes


def held(hole: Bools, cell: int) -> Bools:
    """Whether each cell of a hole holds any of it."""
    rows = np.logical_or.reduceat(hole, np.arange(0, hole.shape[0], cell), 0)
    return np.logical_or.reduceat(rows, np.arange(0, hole.shape[1], cell), 1)


def spread(cells: NDArray[np.integer], box: Box) -> NDArray[np.integer]:
    """The cells' numbers as pixels of a box."""
    rows = np.arange(box.y, box.bottom) // CELL
    return cells[rows][:, np.arange(box.x, box.right) // CELL]


def cost(hole: Box, frame: Box, spec: NetworkSpec) -> int:
    """Pixels that are looked at for a hole: the picture's, since what a reduced view loses is to be paid too."""
    box = view(hole, frame, spec)
    return max(box.width, spec.minimum) * max(box.height, spec.minimum) + LOOK


def view(hole: Box, frame: Box, spec: NetworkSpec) -> Box:
    """What a network is shown of a region for a hole: its context, or a square where it takes nothing else."""
    if not spec.square:
        return context(
            hole, frame, ContextRule(spec.context_factor, spec.context_margin, spec.context_minimum)
        )
    longer = max(hole.width, hole.height)
    return square(hole, frame, max(spec.minimum, SQUARE * longer, longer + 2 * spec.context_margin))


def looks(known: Bools, spec: NetworkSpec, quality: str) -> tuple[float, str]:
    """At what scale a network is asked, and how its answer is looked at a second time."""
    scale = working_scale(known, spec)
    height, width = known.shape
    if quality == "best" and spec.system in REFINED and depth(known) * scale > THICK:
        halvings = min(max(0, round(log2(min(height, width) / FIRST_OF_BEST))), MOST_HALVINGS)
        scale = min(scale, 0.5**halvings)
        again = REFINE
    else:
        again = LOOK_AGAIN if quality != "fast" else ""
    return scale, again if second_look.sizes(height, width, scale) else ""


def working_scale(known: Bools, spec: NetworkSpec) -> float:
    """Network pixels per picture pixel, at most 1.

    The longer side comes down to the comfortable one. A network that takes one look does better with twice that where
    the hole is thin everywhere: what counts is how far its middle is from what is known.
    """
    side = spec.comfortable
    one_size = spec.minimum == spec.comfortable
    if not (spec.coarsest or one_size) and depth(known) <= side / THIN:
        side = max(side, min(2 * side, LARGEST_THIN))
    longest: int = max(known.shape)
    return min(1.0, side / longest)


def gains_from_texture(known: Bools, scale: float, spec: NetworkSpec) -> bool:
    """Whether the network's answer is too smooth, and the hole thick enough for that to show."""
    return spec.soft and depth(known) * scale > THICK
