"""The region to send: pure integers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigatino_wire.errors import Failure
from rigatino_wire.region import REQUEST, Box, ContextRule, context, grouped, regions

FRAME = Box(0, 0, 1000, 800)
HUGE = Box(0, 0, 9000, 9000)
RULE = ContextRule(factor=2.0, margin=32, minimum=256)


@pytest.mark.parametrize(
    ("hole", "frame", "rule", "factor", "region"),
    [
        pytest.param((400, 300, 100, 50), FRAME, RULE, None, (300, 197, 300, 256), id="factor and minimum"),
        pytest.param((400, 300, 10, 10), FRAME, RULE, None, (277, 177, 256, 256), id="minimum"),
        pytest.param((400, 300, 200, 200), FRAME, RULE, 0.0, (368, 268, 264, 264), id="margin, factor 0"),
        pytest.param((400, 300, 100, 100), FRAME, RULE, 4.0, (200, 100, 500, 500), id="factor given"),
        pytest.param((0, 0, 100, 100), FRAME, RULE, None, (0, 0, 300, 300), id="upper left corner"),
        pytest.param(
            (3000, 3000, 600, 90), HUGE, RULE, None, (2488, 2488, 1624, 1114), id="large: 512 pixels"
        ),
        pytest.param((3000, 3000, 2000, 90), HUGE, RULE, None, (2000, 2000, 4000, 2090), id="larger: half"),
        pytest.param(
            (3000, 3000, 600, 90), HUGE, RULE, 2.0, (2400, 2400, 1800, 1290), id="large, factor given"
        ),
        pytest.param((900, 700, 100, 100), FRAME, RULE, None, (700, 500, 300, 300), id="lower right corner"),
        pytest.param((0, 350, 100, 100), FRAME, RULE, None, (0, 250, 300, 300), id="left border"),
        pytest.param((400, 300, 500, 400), FRAME, RULE, None, (0, 0, 1000, 800), id="clipped"),
        pytest.param(
            (-50, -50, 2000, 2000), FRAME, RULE, None, (0, 0, 1000, 800), id="larger than the frame"
        ),
        pytest.param((-50, 0, 100, 100), FRAME, RULE, None, (0, 0, 256, 300), id="partly outside"),
        pytest.param((0, 0, 1, 1), Box(0, 0, 1, 1), RULE, None, (0, 0, 1, 1), id="1x1"),
        pytest.param((7, 9, 1, 1), Box(0, 0, 40, 30), RULE, None, (0, 0, 40, 30), id="small picture"),
        pytest.param(
            (-90, -80, 10, 10), Box(-100, -100, 50, 50), RULE, 0, (-100, -100, 50, 50), id="negative"
        ),
        pytest.param(
            (500, 400, 3, 3), FRAME, ContextRule(1.0, 0, 0), None, (498, 398, 7, 7), id="rounded up"
        ),
    ],
)
def test_table(
    hole: tuple[int, int, int, int],
    frame: Box,
    rule: ContextRule,
    factor: float | None,
    region: tuple[int, int, int, int],
) -> None:
    assert context(Box(*hole), frame, rule, factor) == region


@pytest.mark.parametrize("hole", [Box(5, 5, 0, 3), Box(1000, 0, 5, 5), Box(-9, -9, 9, 9), Box(1, 1, -4, 4)])
def test_a_hole_that_the_frame_does_not_show_is_empty(hole: Box) -> None:
    with pytest.raises(Failure) as caught:
        context(hole, FRAME, RULE)
    assert caught.value.code == "hole_empty"


@pytest.mark.parametrize("factor", [-0.1, 64.5, float("nan"), float("inf"), -float("inf")])
def test_a_factor_out_of_range_is_refused(factor: float) -> None:
    with pytest.raises(Failure) as caught:
        context(Box(1, 1, 5, 5), FRAME, RULE, factor)
    assert caught.value.code == "bad_setting"


def test_boxes() -> None:
    box = Box(2, 3, 10, 20)
    assert (box.right, box.bottom, box.empty) == (12, 23, False)
    assert box.grow(2) == Box(0, 1, 14, 24)
    assert box.intersect(Box(10, 0, 100, 5)) == Box(10, 3, 2, 2)
    assert box.intersect(Box(50, 3, 5, 5)).empty
    assert box.contains(box)
    assert box.contains(Box(3, 4, 1, 1))
    assert not box.contains(Box(3, 4, 10, 1))


def area(*boxes: Box) -> int:
    return sum(box.width * box.height for box in boxes)


def test_one_hole_has_the_region_that_its_context_is() -> None:
    hole = Box(3000, 3000, 600, 90)
    assert regions([hole], HUGE, RULE) == [context(hole, HUGE, RULE)]
    assert regions([hole], HUGE, RULE, 2.0) == [context(hole, HUGE, RULE, 2.0)]


def test_specks_in_opposite_corners_are_sent_with_what_lies_around_each() -> None:
    corners = Box(8900, 8950, 20, 20), Box(100, 40, 20, 20)
    assert regions(corners, HUGE, RULE) == [Box(0, 0, 256, 256), Box(8744, 8744, 256, 256)]


def test_near_holes_share_a_region() -> None:
    near, far = [Box(1000, 1000, 30, 30), Box(1200, 1000, 30, 30)], Box(5000, 1000, 30, 30)
    assert regions([near[0], far, near[1]], HUGE, RULE) == [
        context(near[0].join(near[1]), HUGE, RULE),
        context(far, HUGE, RULE),
    ]


def test_a_hole_in_another_ones_region_is_never_sent_apart() -> None:
    """Two large holes whose regions overlap at a corner alone: to join them costs more, and yet is right."""
    two = Box(1000, 1000, 2000, 2000), Box(4500, 4500, 2000, 2000)
    first, second = (context(hole, HUGE, RULE) for hole in two)
    whole = context(two[0].join(two[1]), HUGE, RULE)
    assert area(whole) > area(first, second) + REQUEST
    assert not first.intersect(second).empty
    assert regions(two, HUGE, RULE) == [whole]


def test_holes_outside_of_the_frame_count_for_nothing() -> None:
    assert regions([Box(9100, 0, 5, 5), Box(7, 7, 5, 5)], HUGE, RULE) == [Box(0, 0, 256, 256)]
    with pytest.raises(Failure) as caught:
        regions([Box(9100, 0, 5, 5)], HUGE, RULE)
    assert caught.value.code == "hole_empty"


def test_what_saves_most_is_joined_first() -> None:
    row = [Box(x, 0, 10, 10) for x in (0, 100, 30)]
    assert grouped(row, lambda box: box.width + 40) == [(1,), (0, 2)]
    assert grouped(row, lambda box: box.width + 100) == [(0, 1, 2)]
    assert grouped(row, lambda box: box.width**2) == [(0,), (1,), (2,)]
    assert grouped([], lambda box: 1) == []


boxes = st.builds(
    Box, st.integers(-500, 500), st.integers(-500, 500), st.integers(1, 3000), st.integers(1, 3000)
)
contexts = st.builds(ContextRule, st.floats(0, 8), st.integers(0, 300), st.integers(0, 1024))


@given(hole=boxes, frame=boxes, rule=contexts, factor=st.none() | st.floats(0, 64))
def test_properties(hole: Box, frame: Box, rule: ContextRule, factor: float | None) -> None:
    shown = hole.intersect(frame)
    if shown.empty:
        with pytest.raises(Failure):
            context(hole, frame, rule, factor)
        return
    region = context(hole, frame, rule, factor)
    assert all(type(number) is int for number in region)
    assert frame.contains(region)
    assert region.contains(shown)
    assert region.width >= min(frame.width, max(rule.minimum, shown.width + 2 * rule.margin))
    assert region.height >= min(frame.height, max(rule.minimum, shown.height + 2 * rule.margin))


@given(hole=boxes, rule=contexts, dx=st.integers(-400, 400), dy=st.integers(-400, 400))
def test_moving_the_hole_keeps_the_regions_size(hole: Box, rule: ContextRule, dx: int, dy: int) -> None:
    frame = Box(-1000, -1000, 5000, 5000)
    moved = Box(hole.x + dx, hole.y + dy, hole.width, hole.height)
    if frame.contains(hole) and frame.contains(moved):
        assert context(hole, frame, rule)[2:] == context(moved, frame, rule)[2:]


@given(holes=st.lists(boxes, min_size=1, max_size=6), rule=contexts)
def test_every_hole_lies_in_one_region_alone(holes: list[Box], rule: ContextRule) -> None:
    shown = [hole.intersect(HUGE) for hole in holes if not hole.intersect(HUGE).empty]
    found = regions(holes, HUGE, rule) if shown else []
    for hole in shown:
        assert [region.contains(hole) for region in found].count(True) == 1
    for k, region in enumerate(found):
        assert all(region.intersect(other).empty for other in found[:k])
