"""Two specks in opposite corners: what lies between them is neither sent nor changed, and yet it is one fill."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gimp.real import RealGimp
from gimp.test_fill import distance, remembered, source, visible
from gimp.test_kinds import REACH

pytestmark = [pytest.mark.gimp, pytest.mark.timeout(2400)]

FILLED = ["far_specks", "far_specks_as_alpha_of_all_that_is_visible"]


@pytest.mark.parametrize("case", FILLED)
def test_both_are_filled_in_one_layer_and_nothing_else_changes(cases: RealGimp, case: str) -> None:
    facts = cases.facts(case)
    assert facts["outcome"]["status"] == "success"
    assert [layer["name"] for layer in facts["after"]["layers"]] == ["Fill (lama-small)", "Background"]
    before, after = source(cases, facts), visible(cases, facts)
    away = distance(cases, facts)
    np.testing.assert_array_equal(after[away > REACH], before[away > REACH])
    inside = away == 0
    for half in (np.s_[:600], np.s_[600:]):
        assert (after[half] != before[half])[inside[half]].mean() > 0.5


def test_the_layer_is_empty_between_them(cases: RealGimp) -> None:
    facts = cases.facts("far_specks")
    fill, mask = cases.pixels(facts["fill"]), cases.pixels(facts["mask"], 1)[..., 0]
    x, y = facts["fill"]["offset"]
    away = distance(cases, facts)[y : y + fill.shape[0], x : x + fill.shape[1]]
    assert (mask[away > REACH] == 0).all()
    assert (mask[away == 0] == 255).all()
    assert (fill[away > 2 * REACH] == 0).all()
    assert (fill[away == 0][..., 3] == 255).all()


def test_a_re_fill_knows_both(cases: RealGimp) -> None:
    facts = cases.facts("far_specks")
    kept, again = remembered(facts), remembered(facts["refilled"])
    assert kept.hole.box == (20, 30, 1544, 1140)
    assert again.hole == kept.hole
    assert facts["refilled"]["outcome"]["status"] == "success"
    assert facts["refilled"]["layer"]["pixels"] == facts["layer"]["pixels"]
    assert facts["refilled"]["layer"]["offset"] == facts["layer"]["offset"]
    assert facts["layers"] == 2
    assert kept.region.contains(kept.hole.box)


def test_each_is_sent_as_if_it_were_alone_and_progress_is_one(cases: RealGimp) -> None:
    facts: dict[str, Any] = cases.facts("far_specks_asked_for")
    assert len(facts["both"]) == 2
    assert facts["both"] == facts["alone"]
    assert all(max(request["size"]) <= 512 for request in facts["both"])
    assert facts["shown"] == sorted(facts["shown"])
    sizes = [height * width for height, width in (request["size"] for request in facts["both"])]
    assert sizes[0] / sum(sizes) in facts["shown"]  # the first one is done
    assert facts["shown"][-1] == 1


def test_where_one_is_cancelled_nothing_is_inserted(cases: RealGimp) -> None:
    facts = cases.facts("far_specks_of_which_one_fails")
    assert facts["raised"] == "Cancelled"
    assert len(facts["asked"]) == 2
    assert facts["after"] == facts["before"]


def test_several_candidates_fill_both_together(cases: RealGimp) -> None:
    facts = cases.facts("far_candidates")
    assert facts["outcome"]["status"] == "success"
    assert len(facts["children"]) == 2
    assert facts["region"][2] > 1500
