"""A network's own alpha in real GIMP: a layer mask like any other, and the feather where that is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from gimp.real import RealGimp
from rigatino.seams import OWN_REACH
from rigatino_gimp.request import Settings

pytestmark = [pytest.mark.gimp, pytest.mark.timeout(2400)]

FEATHERED = Settings().grow + Settings().feather + 2  # pixels; the last two for the corners of a pixel grid
OWN = Settings().grow + OWN_REACH + 2
CASES = {"seam_of_the_network": OWN, "seam_that_is_feathered": FEATHERED}


def mask(cases: RealGimp, facts: dict[str, Any]) -> NDArray[np.uint8]:
    """The fill's layer mask, over the whole picture."""
    found = np.zeros((300, 400), np.uint8)
    (x, y), (width, height) = facts["mask"]["offset"], facts["mask"]["size"]
    found[y : y + height, x : x + width] = cases.pixels(facts["mask"], 1)[..., 0]
    return found


def away(cases: RealGimp, facts: dict[str, Any]) -> NDArray[np.float64]:
    """Of every pixel of the picture from the selection, in pixels."""
    return np.asarray(distance_transform_edt(cases.pixels(facts["selection"], 1)[..., 0] == 0))


@pytest.mark.parametrize("case", CASES)
def test_the_fill_is_opaque_on_the_hole_and_changes_nothing_far_away(cases: RealGimp, case: str) -> None:
    facts = cases.facts(case)
    assert facts["layer"]["name"] == "Fill (dfnet)"
    assert facts["layer"]["mask"]
    assert not facts["layer"]["edit_mask"]
    far, seen = away(cases, facts), mask(cases, facts)
    assert np.all(seen[far <= Settings().grow] == 255)
    assert np.all(seen[far > CASES[case]] == 0)
    assert np.all(cases.pixels(facts["fill"])[..., 3] == 255)
    before, after = (cases.pixels(facts[name])[..., :3] for name in ("source", "visible"))
    np.testing.assert_array_equal(after[far > CASES[case]], before[far > CASES[case]])


def test_the_mask_is_the_network_s_own(cases: RealGimp) -> None:
    """It goes farther than a feather does, and is not the same all along the hole."""
    own, feathered = (cases.facts(case) for case in CASES)
    far = away(cases, own)
    around = (far > FEATHERED) & (far < FEATHERED + 4)
    assert np.mean(mask(cases, own)[around] > 0) > 0.5
    beside = np.s_[150:190, 144]  # at one distance from the hole, on light and on dark
    assert np.ptp(mask(cases, own)[beside].astype(int)) > 30
    assert np.ptp(mask(cases, feathered)[beside].astype(int)) == 0
