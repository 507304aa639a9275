"""Where a mask marks something, hole by hole: with the standard library alone and yet quick, as GIMP's Python needs it.

What lies in the same or in neighbouring cells is one hole, and so are holes whose boxes overlap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import reduce
from typing import Union

from rigatino_wire.region import Box

CELL = 16  # pixels
MOST_CELLS = 1 << 16  # cells are larger where there would be more
MOST = 32  # holes to tell apart; cells grow until there are no more
MARKED = re.compile(rb"[^\0]+")

Plane = Union[bytes, memoryview]


def holes(mask: Plane, width: int, size: int = 1) -> list[Box]:
    """The boxes of a mask's holes: of all values, row by row, that are not 0. At most 32; none in an empty mask.

    width: values of a row; size: bytes of a value, little endian or not; memoryviews are of bytes.
    """
    height = len(mask) // (width * size)
    cell = CELL
    while (width // cell + 1) * (height // cell + 1) > MOST_CELLS:
        cell *= 2
    rows = [_cells(strip, width * size, cell * size) for strip in _strips(mask, width * size * cell)]
    while len(found := _apart(_runs(rows))) > MOST:
        cell *= 2
        rows = [_halved(b"".join(rows[y : y + 2]), len(rows[0])) for y in range(0, len(rows), 2)]
    frame = Box(0, 0, width, height)
    boxes = (Box(*(side * cell for side in box)).intersect(frame) for box in found)
    return [bounds(mask, width, box, size) for box in boxes]


def bounds(mask: Plane, width: int, box: Box, size: int = 1) -> Box:
    """The smallest box around the values of a box of a mask that are not 0; of size 0 where there are none."""
    first, end = box.x * size, box.right * size
    starts = range(box.y * width * size, box.bottom * width * size, width * size)
    rows = [bytes(mask[start + first : start + end]) for start in starts]
    marked = [y for y, row in enumerate(rows) if row.strip(b"\0")]
    if not marked:
        return Box(0, 0, 0, 0)
    rows = rows[marked[0] : marked[-1] + 1]
    left = min(len(row) - len(row.lstrip(b"\0")) for row in rows) // size
    right = -(-max(len(row.rstrip(b"\0")) for row in rows) // size)
    return Box(box.x + left, box.y + marked[0], right - left, len(rows))


def _strips(mask: Plane, length: int) -> Iterator[bytes]:
    """The mask's bytes, so many at a time."""
    for start in range(0, len(mask), length):
        yield bytes(mask[start : start + length])


def _cells(strip: bytes, row: int, cell: int) -> bytes:
    """A byte for each cell of a strip of pixel rows, 0 where nothing is marked; `row` and `cell` are bytes wide."""
    count = -(-row // cell)
    if strip == bytes(len(strip)):
        return bytes(count)
    return _halved(_any(strip[start : start + row] for start in range(0, len(strip), row)), row, cell)


def _halved(rows: bytes, row: int, by: int = 2) -> bytes:
    """Rows of bytes as a single one: of all their bytes in so many columns, whether any is not 0."""
    merged = _any(rows[start : start + row] for start in range(0, len(rows), row))
    return _any(merged[first::by] for first in range(by)).ljust(-(-row // by), b"\0")


def _any(rows: Iterable[bytes]) -> bytes:
    """Rows laid over each other by “or”, bit for bit: whole numbers of any length do that at once."""
    whole, length = 0, 0
    for row in rows:
        whole |= int.from_bytes(row, "little")
        length = max(length, len(row))
    return whole.to_bytes(length, "little")


def _runs(rows: Iterable[bytes]) -> Iterator[Box]:
    """What is marked without a gap in each row."""
    for y, row in enumerate(rows):
        for run in MARKED.finditer(row):
            yield Box(run.start(), y, run.end() - run.start(), 1)


def _apart(boxes: Iterable[Box]) -> list[Box]:
    """The boxes, those that touch joined; no more of them than one too many."""
    found: list[Box] = []
    for box in boxes:
        while near := [other for other in found if not other.intersect(box.grow(1)).empty]:
            box = reduce(Box.join, near, box)
            found = [other for other in found if other not in near]
        found.append(box)
        if len(found) > MOST:
            break
    return found
