"""rigatino-fill in real GIMP, with the real daemon and the network that ships."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from gimp.real import Pixels, RealGimp
from gimp.test_kinds import REACH
from rigatino_gimp import record
from rigatino_gimp.request import Settings

pytestmark = [pytest.mark.gimp, pytest.mark.timeout(2400)]

PLAIN = [
    f"fill_{case}"
    for case in ("rectangle", "feathered_ellipse", "as_alpha", "at_the_corner", "grey", "deep", "wide_gamut")
]


def distance(cases: RealGimp, facts: dict[str, Any]) -> NDArray[np.float64]:
    """Of every pixel of the picture from the selection, in pixels."""
    selection = cases.pixels(facts["selection"], 1)[..., 0]
    return np.asarray(distance_transform_edt(selection == 0))


def visible(cases: RealGimp, facts: dict[str, Any]) -> Pixels:
    return cases.pixels(facts["visible"])[..., :3]


def source(cases: RealGimp, facts: dict[str, Any]) -> Pixels:
    return cases.pixels(facts["source"])[..., :3]


def remembered(facts: dict[str, Any]) -> record.Record:
    return record.decode(json.dumps(facts["record"]).encode())


@pytest.mark.parametrize("case", PLAIN)
def test_known_pixels_are_exact_and_the_hole_is_filled(cases: RealGimp, case: str) -> None:
    facts = cases.facts(case)
    away = distance(cases, facts)
    before, after = source(cases, facts), visible(cases, facts)
    np.testing.assert_array_equal(after[away > REACH], before[away > REACH])
    inside = cases.pixels(facts["selection"], 1)[..., 0] == 255
    assert np.mean(np.any(after[inside] != before[inside], axis=-1)) > 0.5


@pytest.mark.parametrize("case", [*PLAIN, "fill_moved_layer", "fill_in_group", "fill_of_group"])
def test_source_selection_and_active_layer_stay_as_they_were(cases: RealGimp, case: str) -> None:
    facts = cases.facts(case)
    before, after = facts["before"], facts["after"]
    assert facts["outcome"]["status"] == "success"
    assert (after["selected"], after["selection"]) == (before["selected"], before["selection"])
    if case == "fill_in_group":
        before, after = ({"layers": state["layers"][0]["children"]} for state in (before, after))
    assert after["layers"][1:] == before["layers"]


@pytest.mark.parametrize("case", PLAIN)
def test_the_fill_is_a_layer_above_its_source_named_after_its_network(cases: RealGimp, case: str) -> None:
    facts = cases.facts(case)
    layer = facts["after"]["layers"][0]
    assert re.fullmatch(r"Fill \((.+)\)", layer["name"])
    assert layer["name"] == f"Fill ({facts['record']['ran']['network']})"
    assert facts["outcome"]["returned"] == layer["name"]
    assert layer["visible"]
    assert layer["parasites"] == ["rigatino-fill"]
    assert layer["mask"] == (case != "fill_as_alpha")
    assert not layer["edit_mask"]


def test_the_mask_is_full_on_the_selection_and_empty_beyond_the_feather(cases: RealGimp) -> None:
    facts = cases.facts("fill_rectangle")
    mask = np.zeros(distance(cases, facts).shape, np.uint8)
    (x, y), (width, height) = facts["mask"]["offset"], facts["mask"]["size"]
    mask[y : y + height, x : x + width] = cases.pixels(facts["mask"], 1)[..., 0]
    away = distance(cases, facts)
    assert np.all(mask[away == 0] == 255)
    assert np.all(mask[away > REACH] == 0)
    between = mask[(away > 0) & (away <= REACH)]
    assert len(np.unique(between)) > 3
    assert np.all(cases.pixels(facts["fill"])[..., 3] == 255)


def test_alpha_and_mask_show_the_same_picture(cases: RealGimp) -> None:
    masked, baked = (visible(cases, cases.facts(case)) for case in ("fill_rectangle", "fill_as_alpha"))
    assert np.max(np.abs(masked.astype(int) - baked)) <= 2
    assert len(np.unique(cases.pixels(cases.facts("fill_as_alpha")["fill"])[..., 3])) > 3


def test_the_same_seed_gives_the_same_fill(cases: RealGimp) -> None:
    one, other = (cases.facts(case) for case in ("fill_rectangle", "same_seed_again"))
    assert one["layer"]["pixels"] == other["layer"]["pixels"]
    assert one["record"]["ran"]["seed"] == 7


def test_the_record_holds_what_a_re_run_needs(cases: RealGimp) -> None:
    facts = cases.facts("fill_feathered_ellipse")
    kept = remembered(facts)
    assert kept.settings == Settings()
    assert kept.source == record.Source(facts["tattoo"], "Background", (0, 0), (400, 300))
    assert len(kept.ran["weights"]) == 64
    assert kept.ran["seed"] >= 0
    assert kept.region.contains(kept.hole.box)
    box, selection = kept.hole.box, cases.pixels(facts["selection"], 1)[..., 0]
    hole = np.frombuffer(kept.hole.data, np.uint8).reshape(box.height, box.width)
    np.testing.assert_array_equal(hole, selection[box.y : box.bottom, box.x : box.right])
    assert selection.sum() == hole.sum()
    assert hole.max() == 255
    assert len(np.unique(hole)) > 20  # the feather, not an outline


def test_all_of_it_survives_saving_and_loading(cases: RealGimp) -> None:
    facts = cases.facts("fill_rectangle")
    again = facts["reloaded"]
    assert again["layers"] == facts["after"]["layers"]
    assert again["record"] == facts["record"]
    assert again["tattoo"] == facts["record"]["source"]["tattoo"]


def test_a_grey_image_gets_a_grey_fill(cases: RealGimp) -> None:
    after = visible(cases, cases.facts("fill_grey"))
    np.testing.assert_array_equal(after[..., 0], after[..., 1])
    np.testing.assert_array_equal(after[..., 0], after[..., 2])


@pytest.mark.parametrize(
    ("case", "dtype"), [("fill_deep", "f32"), ("fill_wide_gamut", "f32"), ("fill_grey", "u8")]
)
def test_pixels_travel_as_bytes_only_where_these_hold_all_of_them(
    cases: RealGimp, case: str, dtype: str
) -> None:
    assert remembered(cases.facts(case)).hole.dtype == dtype


def test_a_locked_layer_can_be_filled_for_it_is_not_written(cases: RealGimp) -> None:
    assert cases.facts("fill_locked_layer")["outcome"]["status"] == "success"


def test_a_moved_layer_is_filled_where_it_lies(cases: RealGimp) -> None:
    facts = cases.facts("fill_moved_layer")
    away = distance(cases, facts)
    seen, before = visible(cases, facts), source(cases, facts)
    moved = seen[25:, :360] == before[:275, 40:]
    assert np.all(moved[away[25:, :360] > REACH])
    assert not np.all(moved[away[25:, :360] == 0])
    assert remembered(facts).source.offset == (-40, 25)


def test_a_layer_smaller_than_the_selection_is_filled_beyond_its_edge(cases: RealGimp) -> None:
    facts = cases.facts("fill_small_layer")
    kept = remembered(facts)
    assert kept.hole.box == (200, 100, 200, 50)
    (x, y), (width, height) = facts["fill"]["offset"], facts["fill"]["size"]
    assert (x, y, x + width, y + height) == (192, 92, 400, 158)
    assert kept.region.x >= 90  # nothing to see left of the layer


def test_inside_a_group_the_fill_is_the_sources_neighbour(cases: RealGimp) -> None:
    (group,) = cases.facts("fill_in_group")["after"]["layers"]
    assert [child["name"][:4] for child in group["children"]] == ["Fill", "Back"]


def test_a_group_is_filled_as_it_is_seen_and_the_fill_lies_above_it(cases: RealGimp) -> None:
    facts = cases.facts("fill_of_group")
    assert [layer["name"][:5] for layer in facts["after"]["layers"]] == ["Fill ", "group"]
    away = distance(cases, facts)
    np.testing.assert_array_equal(visible(cases, facts)[away > REACH], source(cases, facts)[away > REACH])


def test_a_layer_whose_mask_is_edited_is_meant_itself(cases: RealGimp) -> None:
    facts = cases.facts("fill_while_mask_is_edited")
    assert facts["outcome"]["status"] == "success"
    assert facts["after"]["layers"][1:] == facts["before"]["layers"]
    assert facts["before"]["layers"][0]["edit_mask"]


def test_all_visible_layers_can_be_the_source(cases: RealGimp) -> None:
    facts = cases.facts("fill_from_visible")
    assert facts["outcome"]["status"] == "success"
    away = distance(cases, facts)
    photo = cases.pixels(facts["photo"])[..., :3]
    np.testing.assert_array_equal(visible(cases, facts)[away > REACH], photo[away > REACH])
    inside = visible(cases, facts)[away == 0].astype(float)
    assert np.abs(inside.mean(axis=0) - photo[away == 0].mean(axis=0)).max() < 60
