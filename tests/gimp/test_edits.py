"""Painting classes and transplanting parts in real GIMP: a layer of its own that shows where it was meant, alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gimp.real import RealGimp
from gimp.test_kinds import Seen, look
from gimp.test_refusals import assert_untouched
from rigatino_wire.errors import Failure

pytestmark = [pytest.mark.gimp, pytest.mark.timeout(2400)]

REACH = 6  # pixels: the feather, and the corners of a pixel grid
EDITS = {
    "edit_paint": "Paint (collage)",
    "edit_paint_a_map": "Paint (collage)",
    "edit_transplant": "Transplant (collage)",
}


@pytest.mark.parametrize("case", EDITS)
def test_the_picture_changes_where_it_was_meant_and_nowhere_else(cases: RealGimp, case: str) -> None:
    seen = look(cases, case)
    known = seen.away > REACH
    np.testing.assert_allclose(seen.after[known], seen.before[known], rtol=0, atol=0)
    assert np.mean(seen.changed[seen.hole == 255]) > 0.5
    assert np.isfinite(seen.after).all()


@pytest.mark.parametrize("case", EDITS)
def test_it_is_a_layer_of_its_own_that_remembers(cases: RealGimp, case: str) -> None:
    facts = cases.facts(case)
    assert facts["outcome"]["returned"] == facts["fill"]["name"] == EDITS[case]
    assert facts["record"]["task"] == ("transplant" if "transplant" in case else "paint")
    assert facts["record"]["ran"]["latent"]
    others = [layer for layer in facts["after"]["layers"] if layer["name"] != EDITS[case]]
    assert others == facts["before"]["layers"]
    assert (facts["after"]["selected"], facts["after"]["selection"]) == (
        facts["before"]["selected"],
        facts["before"]["selection"],
    )


@pytest.mark.parametrize("case", ["edit_paint_a_little", "edit_transplant_nothing"])
def test_nothing_of_it_changes_nothing(cases: RealGimp, case: str) -> None:
    seen = look(cases, case)
    np.testing.assert_allclose(seen.after, seen.before, rtol=0, atol=0)


def test_two_classes_come_where_their_colours_are(cases: RealGimp) -> None:
    box = cases.facts("edit_paint_a_map")["record"]["hole"]["box"]
    assert box == [100, 110, 200, 40]
    assert cases.facts("edit_paint_a_map")["record"]["settings"]["classes"] == "ff0000=1; 0000ff=3"


def test_a_saved_painting_goes_on_from_what_was_found(cases: RealGimp) -> None:
    facts: dict[str, Any] = cases.facts("edit_paint_again")
    seen: Seen = look(cases, "edit_paint_again")
    assert [layer["name"] for layer in facts["after"]["layers"]] == ["my lion", "Background"]
    assert facts["record"]["hole"] == facts["old"]["record"]["hole"]
    assert facts["record"]["ran"]["latent"] == facts["old"]["record"]["ran"]["latent"]  # no step was taken
    assert facts["fill"]["pixels"] != facts["old"]["pixels"]
    assert seen.changed.any()


def test_a_wrong_value_is_a_calling_error_that_names_it(cases: RealGimp) -> None:
    for name, facts in cases.facts("edit_refused").items():
        assert facts["outcome"]["status"] == "calling-error"
        assert name in facts["outcome"]["error"]
        assert_untouched(facts)


def test_a_map_that_is_gone_is_named(cases: RealGimp) -> None:
    facts = cases.facts("edit_paint_a_map_that_is_gone")
    assert (facts["code"], facts["params"]["name"]) == ("bad_setting", "map")


def test_an_edit_is_not_filled_again(cases: RealGimp) -> None:
    facts = cases.facts("edit_is_no_fill")
    assert facts["outcome"]["error"] == str(Failure("another_task"))
    assert_untouched(facts)
