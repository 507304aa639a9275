"""What of a whole picture is sent: the surroundings of its holes, and nothing of what lies between far ones."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from rigatino import retouch
from rigatino.pictures import Picture
from rigatino.retouch import Options
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Answer, Array, Fill, Filled
from rigatino_wire.region import ContextRule

RULE = ContextRule(2.0, 32, 256)
UPPER, LOWER = np.s_[40:60, 30:50], np.s_[1450:1470, 1930:1960]


def picture() -> Picture:
    rgba = np.random.default_rng(0).integers(0, 256, (1500, 2000, 4), np.uint8)
    return Picture(rgba, "RGBA")


def mask(*holes: tuple[slice, slice]) -> NDArray[np.uint8]:
    made = np.zeros((1500, 2000), np.uint8)
    for hole in holes:
        made[hole] = 200
    return made


def sent(found: list[Fill]) -> list[Fill]:
    return [replace(one, id="x") for one in found]


def test_far_holes_are_asked_for_as_if_each_were_alone() -> None:
    options = Options(seed=3, grow=7)
    alone = [retouch.request(picture(), mask(hole), options, RULE) for hole in (UPPER, LOWER)]
    both = retouch.requests(picture(), mask(LOWER, UPPER), options, RULE)
    assert sent(list(both)) == sent(alone)


@pytest.mark.parametrize(
    ("options", "holes"),
    [
        pytest.param(Options(), [UPPER], id="one"),
        pytest.param(Options(), [UPPER, np.s_[40:60, 200:220]], id="near"),
        pytest.param(
            Options(), [UPPER, LOWER, np.s_[50:1460, 40:50], np.s_[1455:1460, 40:1940]], id="connected"
        ),
        pytest.param(Options(candidates=2), [UPPER, LOWER], id="candidates"),
    ],
)
def test_what_belongs_together_is_one_request(options: Options, holes: list[tuple[slice, slice]]) -> None:
    whole = retouch.request(picture(), mask(*holes), options, RULE)
    assert sent(list(retouch.requests(picture(), mask(*holes), options, RULE))) == sent([whole])


def test_where_a_part_shows_nothing_by_itself_all_are_one_request() -> None:
    marked, clear = mask(UPPER, LOWER), picture()
    clear.rgba[1000:, :, 3] = 127
    whole = retouch.request(clear, marked, Options(), RULE)
    assert sent(list(retouch.requests(clear, marked, Options(), RULE))) == sent([whole])
    clear.rgba[1440, 1940, 3] = 128
    assert len(retouch.requests(clear, marked, Options(), RULE)) == 2


def test_a_mask_that_does_not_fit_is_refused() -> None:
    for wrong, code in ((mask(), "hole_empty"), (mask(UPPER)[1:], "size_mismatch")):
        with pytest.raises(Failure) as caught:
            retouch.requests(picture(), wrong, Options(), RULE)
        assert caught.value.code == code


def test_answers_are_laid_over_one_picture() -> None:
    below, places = picture(), ((5, 9), (1990, 1480))
    answers = [
        Filled("x", place, 0, "n", "w", 1.0, "fp32", "cpu", opaque(value), [Answer()])
        for place, value in zip(places, (7, 99), strict=True)
    ]
    laid = retouch.lay(below, *answers).rgba
    expected = below.rgba.copy()
    expected[9:12, 5:9], expected[1480:1483, 1990:1994] = (7, 7, 7, 255), (99, 99, 99, 255)
    np.testing.assert_array_equal(laid, expected)


def opaque(value: int) -> Array:
    return Array("u8", (1, 3, 4, 4), bytes([value, value, value, 255]) * 12)


def test_what_lies_between_takes_no_memory() -> None:
    below, marked = picture(), mask(UPPER, LOWER)
    tracemalloc.start()
    try:
        found = retouch.requests(below, marked, Options(), RULE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found) == 2
    assert peak < marked.size / 2
