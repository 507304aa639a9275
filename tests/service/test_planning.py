"""Which parts of a region are looked at: every pixel of the hole in exactly one, near holes together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rigatino.planning import MOST, batches, cost, plan, working_scale
from rigatino_models import registry
from rigatino_models.spec import NetworkSpec
from rigatino_wire.region import Box, grouped

Bools = NDArray[np.bool_]
FREE = replace(
    registry.find("").spec,
    comfortable=256,
    minimum=16,
    context_factor=2.0,
    context_margin=32,
    context_minimum=128,
)
FIXED = replace(FREE, square=True, multiple=256, minimum=256, context_margin=64)


def region(height: int, width: int, *boxes: tuple[int, int, int, int]) -> Bools:
    """A region with holes at (x, y, width, height)."""
    hole = np.zeros((height, width), bool)
    for x, y, w, h in boxes:
        hole[y : y + h, x : x + w] = True
    return hole


def boxes(hole: Bools, spec: NetworkSpec) -> list[Box]:
    return [part.box for part in plan(~hole, hole, spec)]


@pytest.mark.parametrize("spec", [FREE, FIXED])
@settings(max_examples=25)
@given(st.lists(st.tuples(*[st.integers(0, 500)] * 2, *[st.integers(1, 90)] * 2), min_size=1, max_size=12))
def test_every_pixel_of_the_hole_is_in_one_part(
    spec: NetworkSpec, found: list[tuple[int, int, int, int]]
) -> None:
    hole = region(520, 510, *found)
    hole[:, 505:] = False
    if not hole.any():
        return
    count = np.zeros(hole.shape, int)
    for part in plan(~hole, hole, spec):
        assert part.hole.any()
        assert part.hole.shape == (part.box.height, part.box.width)
        assert 0 < part.scale <= 1
        count[part.at] += part.hole
    assert (count == hole).all()


def test_one_hole_is_shown_in_all_that_was_sent() -> None:
    assert boxes(region(300, 900, (400, 100, 60, 40)), FREE) == [Box(0, 0, 900, 300)]


def test_near_holes_share_a_part_and_far_ones_do_not() -> None:
    near, far = (400, 120, 20, 20), (1800, 1800, 30, 30)
    hole = region(2000, 2000, (440, 120, 20, 20), near, far)
    found = boxes(hole, FREE)
    assert sorted(found) == [Box(340, 60, 180, 140), Box(1751, 1751, 128, 128)]


def test_specks_are_looked_at_together_where_that_is_less() -> None:
    """A hundred specks in a corner and one far away: two looks, not a hundred and one."""
    specks = [(40 + 30 * (k % 10), 40 + 30 * (k // 10), 3, 3) for k in range(100)]
    assert len(boxes(region(3000, 4000, *specks, (3900, 2900, 5, 5)), FREE)) == 2


def test_specks_everywhere_are_finitely_many_parts() -> None:
    hole = np.zeros((4000, 4000), bool)
    hole[50::200, 50::200] = True
    parts = plan(~hole, hole, FREE)
    assert len(parts) <= MOST
    assert sum(int(part.hole.sum()) for part in parts) == int(hole.sum())


def test_a_square_network_sees_a_square_around_its_hole() -> None:
    """Unscaled where that suffices; shifted at the border; less than a square only where the picture ends."""
    assert boxes(region(700, 900, (400, 300, 40, 30)), FIXED) == [Box(292, 187, 256, 256)]
    assert boxes(region(700, 900, (860, 300, 40, 30)), FIXED) == [Box(644, 187, 256, 256)]
    assert boxes(region(700, 900, (300, 200, 200, 100)), FIXED) == [Box(200, 50, 400, 400)]
    assert boxes(region(120, 900, (300, 20, 200, 60)), FIXED) == [Box(200, 0, 400, 120)]


def test_a_square_is_as_large_as_its_part_needs() -> None:
    hole = region(700, 900, (300, 200, 200, 100))
    assert [part.scale for part in plan(~hole, hole, FIXED)] == [256 / 400]
    hole = region(700, 900, (300, 200, 20, 10))
    assert [part.scale for part in plan(~hole, hole, FIXED)] == [1.0]


def test_what_is_hidden_is_not_filled() -> None:
    hole = region(200, 200, (50, 50, 20, 20))
    known = ~hole
    known[:, 150:] = False
    (part,) = plan(known, hole, FREE)
    assert int(part.hole.sum()) == 400


def test_joining_looks_at_fewer_pixels() -> None:
    frame = Box(0, 0, 2000, 2000)

    def looked_at(box: Box) -> int:
        return cost(box, frame, FREE)

    assert grouped([Box(500, 500, 10, 10), Box(560, 500, 10, 10)], looked_at) == [(0, 1)]
    assert grouped([Box(100, 100, 10, 10), Box(1560, 1500, 10, 10)], looked_at) == [(0,), (1,)]


def test_specks_are_shown_at_once() -> None:
    """As many of one size as make up the pixels allowed; one by one where not even one is."""
    hole = region(2000, 2000, *((x, y, 8, 8) for x in (300, 900, 1500) for y in (400, 1200)))
    hole[100:300, 1500:1700] = True
    parts = plan(~hole, hole, FREE)
    found = batches(parts, 4 * 128 * 128)
    assert sorted(k for numbers in found for k in numbers) == list(range(7))
    assert sorted(map(len, found)) == [1, 2, 4]
    for numbers in found:
        assert len({parts[k].size for k in numbers}) == 1
    assert [len(numbers) for numbers in batches(parts, 0)] == [1] * 7


@pytest.mark.parametrize(
    ("coarsest", "minimum", "thickness", "side"),
    [
        (0, 16, 8, 512),
        (0, 16, 50, 512),
        (0, 16, 56, 256),
        (64, 16, 8, 256),
        (64, 16, 56, 256),
        (0, 256, 8, 256),
    ],
)
def test_one_look_at_a_thin_hole_is_closer(coarsest: int, minimum: int, thickness: int, side: int) -> None:
    """Unless the network takes one size alone."""
    spec = replace(FREE, coarsest=coarsest, minimum=minimum)
    known = ~region(520, 520, (20, 200, 480, thickness))
    assert working_scale(known, spec) == pytest.approx(side / 520)
