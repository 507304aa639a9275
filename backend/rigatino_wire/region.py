"""Which part of a picture to send: the hole and its context, in pure integers.

Coordinates are pixels, x to the right and y down; a box holds x <= column < right and y <= row < bottom.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import reduce
from itertools import combinations
from math import ceil, floor, hypot, isfinite
from typing import Callable, NamedTuple

from rigatino_wire.errors import Failure

MAX_FACTOR = (
    64.0  # context beyond 32 holes on every side is a slip, and would overflow no integer but the memory
)

# Wider context would have a network see a large hole smaller; that costs more than it adds (docs/experiments.md).
WIDE = 512
# Pixels that one more request must save: to ask takes about as long as to deal with these.
REQUEST = 512 * 512
FACE = 2.75  # distances between the eyes: from their middle beyond the farthest corner of what is looked at


class Box(NamedTuple):
    """A rectangle of whole pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    def intersect(self, other: Box) -> Box:
        """The common part; of size 0 where there is none."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Box(x, y, max(0, right - x), max(0, bottom - y))

    def join(self, other: Box) -> Box:
        """The smallest box around both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Box(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)

    def moved(self, right: int, down: int) -> Box:
        """The box so many pixels farther."""
        return Box(self.x + right, self.y + down, self.width, self.height)

    def grow(self, by: int) -> Box:
        """The box with `by` pixels more on every side."""
        return Box(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)

    def contains(self, other: Box) -> bool:
        """Whether the other box lies within this one."""
        inside_x = self.x <= other.x and other.right <= self.right
        return inside_x and self.y <= other.y and other.bottom <= self.bottom


class ContextRule(NamedTuple):
    """How much a network wants to see around a hole.

    On every side at least `margin` pixels and `factor` / 2 times the hole's longer side, of which no more than 512
    pixels or half that side; a region of at least `minimum` pixels in width and height.
    """

    factor: float
    margin: int
    minimum: int


def context(hole: Box, frame: Box, rule: ContextRule, factor: float | None = None) -> Box:
    """The region to send for a hole: within the frame, around the part of the hole that the frame shows.

    `factor` overrides the rule's, and is kept to. At the frame's edge the region is shifted inwards, so that it
    keeps its size as far as the frame allows. Raises Failure hole_empty, or bad_setting for a factor beyond 64.
    """
    shown = hole.intersect(frame)
    if shown.empty:
        raise Failure("hole_empty")
    longer = max(shown.width, shown.height)
    wanted = _margin(rule.factor, longer, WIDE) if factor is None else _margin(factor, longer)
    margin = max(rule.margin, wanted)
    x, width = _window(shown.x, shown.width, margin, rule.minimum, frame.x, frame.width)
    y, height = _window(shown.y, shown.height, margin, rule.minimum, frame.y, frame.height)
    return Box(x, y, width, height)


def regions(holes: Sequence[Box], frame: Box, rule: ContextRule, factor: float | None = None) -> list[Box]:
    """The regions to send for holes, each with a request of its own: near holes share one, none overlaps another.

    So what is to go is seen nowhere, and no answer lies over another. Holes that the frame does not show count for
    nothing. Raises Failure as `context` does.
    """

    def view(hole: Box) -> Box:
        return context(hole, frame, rule, factor)

    def cost(hole: Box) -> int:
        return view(hole).width * view(hole).height + REQUEST

    shown = [hole for hole in holes if not hole.intersect(frame).empty]
    if not shown:
        raise Failure("hole_empty")
    found = [reduce(Box.join, (shown[k] for k in group)) for group in grouped(shown, cost)]
    while near := next((two for two in combinations(found, 2) if _overlap(*map(view, two))), None):
        found = [hole for hole in found if hole not in near] + [Box.join(*near)]
    return sorted((view(hole) for hole in found), key=lambda box: (box.y, box.x))


def grouped(holes: Sequence[Box], cost: Callable[[Box], int]) -> list[tuple[int, ...]]:
    """Which holes are dealt with together: as long as that costs no more, the two that save most are joined.

    cost: of what a box around holes takes.
    """
    groups: dict[tuple[int, ...], Box] = {(k,): box for k, box in enumerate(holes)}
    costs = {group: cost(box) for group, box in groups.items()}
    while len(groups) > 1:
        joined = {(a, b): groups[a].join(groups[b]) for a, b in combinations(groups, 2)}
        more = {(a, b): cost(box) - costs[a] - costs[b] for (a, b), box in joined.items()}
        a, b = best = min(more, key=lambda pair: more[pair])
        if more[best] > 0:
            break
        del groups[a], groups[b]
        groups[a + b] = joined[best]
        costs[a + b] = cost(joined[best])
    return [tuple(sorted(group)) for group in groups]


def _overlap(one: Box, other: Box) -> bool:
    return not one.intersect(other).empty


def face(eyes: Sequence[float]) -> Box:
    """A box around all that counts of the face with these eyes (x, y, x, y), however it is tilted."""
    x1, y1, x2, y2 = eyes
    reach = ceil(FACE * hypot(x2 - x1, y2 - y1)) + 1
    return Box(floor((x1 + x2) / 2) - reach, floor((y1 + y2) / 2) - reach, 2 * reach + 1, 2 * reach + 1)


def square(hole: Box, frame: Box, side: int) -> Box:
    """A square of `side` pixels around a box, shifted inwards at the frame's edge; less of it where the frame ends."""
    x, width = _window(hole.x, hole.width, 0, side, frame.x, frame.width)
    y, height = _window(hole.y, hole.height, 0, side, frame.y, frame.height)
    return Box(x, y, width, height)


def _margin(factor: float, side: int, wide: int = sys.maxsize) -> int:
    """The pixels around a hole of that side; no more than `wide`, or half the side where that is more."""
    if not (isfinite(factor) and 0 <= factor <= MAX_FACTOR):
        raise Failure("bad_setting", name="context", value=str(factor), expected="a number from 0 to 64")
    return min(ceil(factor * side / 2), max(wide, ceil(side / 2)))


def _window(
    start: int, size: int, margin: int, minimum: int, frame_start: int, frame_size: int
) -> tuple[int, int]:
    """One axis: the span of the hole, widened on both sides, kept within the frame."""
    wanted = min(max(size + 2 * margin, minimum), frame_size)
    centred = start - (wanted - size) // 2
    return min(max(centred, frame_start), frame_start + frame_size - wanted), wanted
