"""Fill Again, Repeat and Re-fill in real GIMP."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gimp.real import RealGimp
from gimp.test_kinds import REACH, look
from gimp.test_refusals import assert_untouched
from rigatino_gimp.request import Settings
from rigatino_wire.errors import Failure

pytestmark = [pytest.mark.gimp, pytest.mark.timeout(2400)]

REFUSED = {
    "act_again_refused": ("execution-error", "selection_empty"),
    "not_refill_no_fill": ("execution-error", "not_a_fill"),
    "not_refill_source_gone": ("execution-error", "source_gone"),
    "not_refill_source_scaled": ("execution-error", "source_changed"),
    "not_refill_unreadable": ("execution-error", "record_unreadable"),
    "not_refill_indexed": ("execution-error", "indexed_image"),
}
THE_SAME = [
    f"refill_{case}"
    for case in (
        "the_same",
        "of_visible",
        "in_a_duplicate",
        "after_saving_and_loading",
        "of_a_copy",
        "in_another_group",
    )
]


def succeeded(cases: RealGimp, case: str) -> dict[str, Any]:
    facts: dict[str, Any] = cases.facts(case)
    assert facts["outcome"]["error"] == ""
    assert facts["outcome"]["status"] == "success"
    assert facts["outcome"]["returned"] == facts["new"]["name"]
    return facts


def names(facts: dict[str, Any], when: str = "after") -> list[str]:
    return [layer["name"] for layer in facts[when]["layers"]]


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_a_sentence_and_nothing_else(cases: RealGimp, case: str) -> None:
    facts = cases.facts(case)
    status, code = REFUSED[case]
    assert (facts["outcome"]["status"], facts["outcome"]["error"]) == (status, str(Failure(code)))
    assert_untouched(facts)


def test_a_wrong_mode_is_a_calling_error_that_names_it(cases: RealGimp) -> None:
    facts = cases.facts("not_refill_wrong_mode")
    assert facts["outcome"]["status"] == "calling-error"
    assert all(word in facts["outcome"]["error"] for word in ("mode", "both", "replace", "add"))
    assert_untouched(facts)


def test_fill_again_begins_with_the_defaults(cases: RealGimp) -> None:
    facts = succeeded(cases, "act_again_without_last_settings")
    assert Settings(**facts["record"]["settings"]) == Settings()
    assert names(facts) == ["Fill (lama-small)", "Background"]


def test_repeat_fills_the_picture_when_the_fill_is_active(cases: RealGimp) -> None:
    facts = succeeded(cases, "act_repeat_with_the_fill_active")
    source = facts["record"]["source"]
    assert (source["tattoo"], source["name"]) == (facts["tattoo"], facts["source"])
    assert names(facts) == ["Fill (lama-small) #1", "Fill (lama-small)", "Background"]
    assert facts["after"]["selected"] == ["Fill (lama-small)"]


def test_the_next_fill_lies_above_the_first_and_its_network_saw_that(cases: RealGimp) -> None:
    seen = look(cases, "act_second_fill")
    x, y, width, height = seen.facts["region"]
    read = cases.pixels(seen.facts["read"]).astype(float) / 255
    expected = seen.before[y : y + height, x : x + width]
    np.testing.assert_allclose(read, expected, atol=1.5 / 255)
    assert names(seen.facts) == ["Fill (lama-small) #1", "Fill (lama-small)", "Background"]
    known = seen.away > REACH
    np.testing.assert_array_equal(seen.after[known], seen.before[known])


def test_a_hidden_fill_is_not_seen(cases: RealGimp) -> None:
    assert cases.facts("act_hidden_fill_is_not_seen")["same"]


def test_a_fill_whose_source_is_gone_is_a_layer_like_others(cases: RealGimp) -> None:
    facts = succeeded(cases, "act_fill_whose_source_is_gone")
    assert facts["record"]["source"]["tattoo"] == facts["tattoo"]


def test_a_re_fill_takes_the_place_and_the_looks_of_the_old_fill(cases: RealGimp) -> None:
    facts = succeeded(cases, "refill_replaces")
    assert names(facts) == names(facts, "before") == ["above", "my sky", "Background"]
    assert facts["after"]["layers"][::2] == facts["before"]["layers"][::2]
    assert not facts["new"]["visible"]
    assert facts["after"]["opacity"]["my sky"] == pytest.approx(70, abs=0.5)
    assert facts["after"]["selected"] == ["my sky"]
    assert facts["after"]["selection"] == facts["before"]["selection"]
    assert facts["record"]["hole"] == facts["old"]["hole"]
    assert facts["record"]["ran"]["seed"] == 2


def test_the_networks_name_stays_as_it_is(cases: RealGimp) -> None:
    facts = succeeded(cases, "refill_keeps_the_networks_name")
    assert names(facts) == ["Fill (lama-small)", "Background"]


def test_a_re_fill_can_be_added_above_with_other_settings(cases: RealGimp) -> None:
    facts = succeeded(cases, "refill_adds")
    assert names(facts) == ["Fill (lama-small) #1", "Fill (lama-small)", "Background"]
    assert facts["after"]["layers"][1:] == facts["before"]["layers"]
    assert facts["record"]["settings"]["grow"] == 9


def test_the_layer_that_was_filled_stands_for_its_fill(cases: RealGimp) -> None:
    facts = succeeded(cases, "refill_from_the_source")
    assert names(facts) == ["Fill (lama-small)", "Background"]
    assert facts["after"]["selected"] == ["Background"]


@pytest.mark.parametrize("case", THE_SAME)
def test_the_same_seed_gives_the_same_fill_wherever_its_layers_are_by_now(cases: RealGimp, case: str) -> None:
    facts = succeeded(cases, case)
    assert facts["new"]["pixels"] == facts["old"]["pixels"]
    assert (facts["new"]["size"], facts["new"]["offset"]) == (facts["old"]["size"], facts["old"]["offset"])


def test_the_hole_moves_with_the_layer_that_was_filled(cases: RealGimp) -> None:
    facts = succeeded(cases, "refill_after_the_source_was_moved")
    x, y = facts["old"]["offset"]
    assert (facts["new"]["size"], facts["new"]["offset"]) == (facts["old"]["size"], [x + 20, y - 10])


def test_a_duplicate_of_an_image_numbers_its_layers_anew(cases: RealGimp) -> None:
    """That is why a fill remembers its source's name too."""
    source, copy = cases.facts("refill_in_a_duplicate")["numbers"]
    assert source != copy


def test_a_cropped_canvas_moves_the_hole_with_the_fill(cases: RealGimp) -> None:
    facts = succeeded(cases, "refill_after_cropping")
    assert (facts["new"]["offset"], facts["new"]["size"]) == (facts["old"], facts["size"])


def test_a_candidate_stands_for_its_group(cases: RealGimp) -> None:
    facts = succeeded(cases, "refill_of_a_candidate")
    assert names(facts, "before") == ["Fill (test)", "Background"]
    assert names(facts) == ["Fill (lama-small)", "Background"]
    assert facts["after"]["selected"] == ["Fill (lama-small)"]


def test_a_group_of_candidates_can_be_filled_again(cases: RealGimp) -> None:
    facts = succeeded(cases, "refill_of_a_group_of_candidates")
    assert names(facts) == ["Fill (lama-small)", "Fill (test)", "Background"]
