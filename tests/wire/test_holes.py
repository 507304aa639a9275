"""Where a mask marks something, found without numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rigatino_wire.holes import CELL, MOST, bounds, holes
from rigatino_wire.region import Box

Mask = NDArray[np.uint8]


def mask(height: int, width: int, *boxes: tuple[int, int, int, int], value: int = 255) -> Mask:
    """Marked at (x, y, width, height)."""
    made = np.zeros((height, width), np.uint8)
    for x, y, w, h in boxes:
        made[y : y + h, x : x + w] = value
    return made


def found(made: NDArray[np.generic]) -> list[Box]:
    return sorted(holes(made.tobytes(), made.shape[1], made.itemsize))


def test_far_holes_are_told_apart_and_their_boxes_are_exact() -> None:
    assert found(mask(300, 400, (7, 9, 3, 5), (333, 280, 67, 20))) == [Box(7, 9, 3, 5), Box(333, 280, 67, 20)]


def test_neighbours_are_one_hole() -> None:
    assert found(mask(99, 99, (3, 3, 2, 2), (5 + CELL, 5 + CELL, 2, 2))) == [Box(3, 3, CELL + 4, CELL + 4)]


def test_a_hole_within_another_belongs_to_it() -> None:
    ring = mask(400, 500, (50, 50, 300, 300))
    ring[60:340, 60:340] = 0
    ring[200, 200] = 1
    ring[5, 490] = 1
    assert found(ring) == [Box(50, 50, 300, 300), Box(490, 5, 1, 1)]


@pytest.mark.parametrize("value", [1e-30, 0.5, 1.0])
def test_however_faint_a_value_it_counts(value: float) -> None:
    made = np.zeros((200, 300), "<f4")
    made[3, 4], made[150, 299] = value, value
    assert found(made) == [Box(4, 3, 1, 1), Box(299, 150, 1, 1)]


def test_nothing_marked_is_no_hole() -> None:
    assert holes(bytes(300), 20) == []
    assert bounds(bytes(300), 20, Box(0, 0, 20, 15)).empty


def test_specks_beyond_counting_are_joined() -> None:
    made = mask(3000, 2000)
    made[10::97, 10::97] = 255
    boxes = found(made)
    assert 1 <= len(boxes) <= MOST
    assert all(any(box.contains(Box(x, y, 1, 1)) for box in boxes) for y, x in np.argwhere(made))


def test_large_masks_are_seen_more_coarsely_and_yet_exactly() -> None:
    made = mask(100, 1 << 21, (5, 5, 3, 3), ((1 << 21) - 9, 70, 4, 4))
    assert holes(made.data.cast("B"), made.shape[1]) == [
        Box(5, 5, 3, 3),
        Box((1 << 21) - 9, 70, 4, 4),
    ]


@given(
    st.integers(1, 150),
    st.integers(1, 150),
    st.lists(st.tuples(*[st.integers(0, 149)] * 2, *[st.integers(1, 60)] * 2), max_size=9),
    st.sampled_from(["u1", "<f4"]),
)
def test_every_value_lies_in_one_box_and_each_box_is_tight(
    height: int, width: int, marks: list[tuple[int, int, int, int]], dtype: str
) -> None:
    made = mask(height, width, *marks).astype(dtype)
    boxes = found(made)
    for box in boxes:
        part = made[box.y : box.bottom, box.x : box.right] > 0
        assert part[0].any() and part[-1].any() and part[:, 0].any() and part[:, -1].any()  # noqa: PT018
        made[box.y : box.bottom, box.x : box.right] = 0
    assert not made.any()
    for k, box in enumerate(boxes):
        assert all(box.grow(1).intersect(other).empty for other in boxes[:k])


@pytest.mark.parametrize(
    ("marked", "box"),
    [((slice(2, 5), slice(3, 7)), Box(3, 2, 4, 3)), ((0, 0), Box(0, 0, 1, 1)), ((-1, -1), Box(8, 5, 1, 1)),
     ((slice(None), slice(None)), Box(0, 0, 9, 6)), ((slice(0), 0), Box(0, 0, 0, 0))],
)  # fmt: skip
def test_bounds_hold_all_that_is_marked(marked: tuple[slice | int, slice | int], box: Box) -> None:
    plane = np.zeros((6, 9), np.uint8)
    plane[marked] = 1
    assert bounds(plane.tobytes(), 9, Box(0, 0, 9, 6)) == box


def test_bounds_of_parts_apart_hold_them_all() -> None:
    plane = np.zeros((6, 9), np.uint8)
    plane[1, 7], plane[4, 2] = 200, 3
    assert bounds(plane.tobytes(), 9, Box(0, 0, 9, 6)) == Box(2, 1, 6, 4)


def test_bounds_within_a_box_pass_over_what_lies_beside_it() -> None:
    plane = np.zeros((6, 9), "<f4")
    plane[1, 7], plane[4, 2], plane[3, 3] = 200, 3, 1e-9
    assert bounds(plane.tobytes(), 9, Box(1, 2, 5, 4), 4) == Box(2, 3, 2, 2)
