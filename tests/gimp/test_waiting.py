"""The user goes on working while a fill is under way, and things break: nothing is left half done."""

from __future__ import annotations

import pytest

from gimp.real import RealGimp

pytestmark = [pytest.mark.gimp, pytest.mark.timeout(2400)]

RULED_OUT = {
    "image_closed": "image_gone",
    "layer_removed": "layer_gone",
    "image_closed_in_the_dialog": "image_gone",
    "layer_removed_in_the_dialog": "layer_gone",
    "image_closed_as_the_daemon_starts": "image_gone",
    "layer_removed_as_the_daemon_starts": "layer_gone",
    "image_converted": "image_converted",
    "image_scaled": "layer_resized",
}
MOVED = {"layer_moved": (11, -7), "canvas_enlarged": (50, 30)}
SURVIVED = ["nothing", "selection_changed", "another_layer_chosen", "precision_changed", *MOVED]


@pytest.mark.parametrize("change", RULED_OUT)
def test_what_rules_the_fill_out_is_said_and_nothing_is_inserted(cases: RealGimp, change: str) -> None:
    facts = cases.facts(f"meanwhile_{change}")
    assert facts["code"] == RULED_OUT[change]
    layers = facts.get("state", {"layers": []})["layers"]
    assert not [layer for layer in layers if layer["parasites"]]


def test_gimp_is_never_asked_about_what_is_gone(cases: RealGimp) -> None:
    """It would say so in a message of its own, before ours."""
    cases.facts("meanwhile_layer_removed")
    said = (cases.share / "out" / "gimp.log").read_text()
    assert "procedure 'gimp-" not in said


@pytest.mark.parametrize("change", SURVIVED)
def test_the_fill_lands_where_it_belongs(cases: RealGimp, change: str) -> None:
    facts = cases.facts(f"meanwhile_{change}")
    still = cases.facts("meanwhile_nothing")["layer"]
    moved = MOVED.get(change, (0, 0))
    assert facts["layer"]["offset"] == [still["offset"][0] + moved[0], still["offset"][1] + moved[1]]
    assert facts["layer"]["size"] == still["size"]
    assert [layer["name"] for layer in facts["state"]["layers"]] == [
        "Background copy", "Fill (lama-small)", "Background",
    ]  # fmt: skip


def test_what_the_user_chose_meanwhile_stays_chosen(cases: RealGimp) -> None:
    assert cases.facts("meanwhile_another_layer_chosen")["state"]["selected"] == ["Background copy"]
    changed, still = (cases.facts(f"meanwhile_{case}") for case in ("selection_changed", "nothing"))
    assert changed["state"]["selection"] != still["state"]["selection"]
    assert changed["layer"] == still["layer"]


def test_a_fill_follows_its_source_into_a_group(cases: RealGimp) -> None:
    (group, copy) = cases.facts("meanwhile_layer_grouped")["state"]["layers"]
    assert [child["name"] for child in group["children"]] == ["Fill (lama-small)", "Background"]
    assert copy["name"] == "Background copy"


def test_a_selection_that_floats_meanwhile_stays_afloat(cases: RealGimp) -> None:
    facts = cases.facts("meanwhile_floating_selection")
    assert facts.get("code") == "floating_selection"


def test_several_candidates_come_as_a_group_that_shows_the_first(cases: RealGimp) -> None:
    facts = cases.facts("insert_candidates")
    group = facts["group"]
    assert group["name"] == "Fill (test)"
    assert group["offset"] == [150, 100]
    assert [child["visible"] for child in group["children"]] == [True, False]
    assert all(child["parasites"] == ["rigatino-fill"] for child in (group, *group["children"]))
    assert all(child["tag"] == "violet" for child in (group, *group["children"]))
    assert facts["after"] == facts["before"]


@pytest.mark.parametrize("case", ["broken_first_insertion", "broken_third_insertion", "broken_pixels"])
def test_what_breaks_within_the_insertion_leaves_nothing(cases: RealGimp, case: str) -> None:
    facts = cases.facts(case)
    assert facts["raised"]
    assert facts["closed"]
    before, after = ({**facts[when], "dirty": None} for when in ("before", "after"))
    assert after == before
    if case == "broken_pixels":
        assert not facts["after"]["dirty"]  # not even an undo step


def test_no_layer_is_left_behind_in_gimps_memory(cases: RealGimp) -> None:
    assert cases.facts("broken_first_insertion")["left"] == []
