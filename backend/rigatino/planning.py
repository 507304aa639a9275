"""Which parts of a region a network looks at, one after another, and how large it sees them: arrays and integers only.

Near holes share a part, far ones have their own: what counts is the number of pixels that are looked at. A network that
takes squares of one size alone is shown a square around its hole, as far as the region reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rigatino.compose import Bools, bounds, distance
from rigatino_models.spec import NetworkSpec
from rigatino_wire.region import Box, ContextRule, context, square

CELL = 16  # pixels; what lies in the same or in neighbouring cells is one hole
MOST = 32  # holes to choose among; cells grow until there are no more
LOOK = 128 * 128  # pixels that one more look must save
SQUARE = 2  # a square's side in its hole's longer one: so a hole in the middle has as much around it as in training
THIN = 10  # a thin hole reaches this part of the comfortable side from its rim, or less: 25 of 256 pixels
LARGEST_THIN = 1024  # pixels; beyond it the cost outgrows the gain


@dataclass(frozen=True)
class Part:
    """What is shown at once: `box` of the region, the hole [h,w] in it that is to be filled, network pixels per pixel.

    Of what is unknown in the box, other parts may fill the rest.
    """

    box: Box
    hole: Bools
    scale: float

    @property
    def at(self) -> tuple[slice, slice]:
        """The part's rows and columns of the region."""
        return slice(self.box.y, self.box.bottom), slice(self.box.x, self.box.right)


def plan(known: Bools, hole: Bools, spec: NetworkSpec) -> list[Part]:
    """The parts of a region that fill its hole [H,W]; `known` [H,W] is what may be looked at, and is not hole."""
    frame = Box(0, 0, known.shape[1], known.shape[0])
    cells, found = labelled(hole)
    parts = []
    for group in grouped(found, frame, spec):
        box = view(reduce(Box.join, (found[k] for k in group)), frame, spec)
        if len(group) == len(found) and not spec.square:
            box = frame  # what was sent is what was meant
        part = Part(box, np.empty(0, bool), 1.0)
        mine = hole[part.at] & np.isin(_spread(cells, box), [k + 1 for k in group])
        parts.append(Part(box, mine, working_scale(known[part.at], spec)))
    return parts


def labelled(hole: Bools) -> tuple[NDArray[np.integer], list[Box]]:
    """Cells of a hole [H,W] numbered by what hangs together, 0 without hole, and each number's box; at most MOST."""
    cell = CELL
    while True:
        labels, count = ndimage.label(_cells(hole, cell), np.ones((3, 3)))
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
        mine = there & (_spread(labels, Box(left, top, there.shape[1], there.shape[0])) == number)
        boxes.append(bounds(mine).moved(left, top))
    return labels, boxes


def _cells(hole: Bools, cell: int) -> Bools:
    """Whether each cell of a hole holds any of it."""
    rows = np.logical_or.reduceat(hole, np.arange(0, hole.shape[0], cell), 0)
    return np.logical_or.reduceat(rows, np.arange(0, hole.shape[1], cell), 1)


def _spread(cells: NDArray[np.integer], box: Box) -> NDArray[np.integer]:
    """The cells' numbers as pixels of a box."""
    rows = np.arange(box.y, box.bottom) // CELL
    return cells[rows][:, np.arange(box.x, box.right) // CELL]


def grouped(holes: Sequence[Box], frame: Box, spec: NetworkSpec) -> list[tuple[int, ...]]:
    """Which holes share a part: as long as it saves looking at pixels, the two that save most are joined."""
    groups: dict[tuple[int, ...], Box] = {(k,): box for k, box in enumerate(holes)}
    costs = {group: cost(box, frame, spec) for group, box in groups.items()}
    while len(groups) > 1:
        joined = {(a, b): groups[a].join(groups[b]) for a, b in combinations(groups, 2)}
        more = {(a, b): cost(box, frame, spec) - costs[a] - costs[b] for (a, b), box in joined.items()}
        a, b = best = min(more, key=lambda pair: more[pair])
        if more[best] > 0:
            break
        del groups[a], groups[b]
        groups[a + b] = joined[best]
        costs[a + b] = cost(joined[best], frame, spec)
    return [tuple(sorted(group)) for group in groups]


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


def working_scale(known: Bools, spec: NetworkSpec) -> float:
    """Network pixels per picture pixel, at most 1.

    The longer side comes down to the comfortable one. A network that takes one look does better with twice that where
    the hole is thin everywhere: what counts is how far its middle is from what is known.
    """
    side = spec.comfortable
    one_size = spec.minimum == spec.comfortable
    if not (spec.coarsest or one_size) and float(distance(known).max()) <= side / THIN:
        side = max(side, min(2 * side, LARGEST_THIN))
    longest: int = max(known.shape)
    return min(1.0, side / longest)
