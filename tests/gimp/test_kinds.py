"""Pictures of every kind in real GIMP: the hole is filled in its place, and nothing else is touched.

CASES is complete: `ASKED` says what people bring, and each of it, and each case of inside/kinds.py, has its judgement.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from gimp.real import INSIDE, RealGimp
from rigatino_gimp.request import Settings
from rigatino_wire.errors import Failure

pytestmark = [pytest.mark.gimp, pytest.mark.timeout(2400)]

REACH = Settings().grow + Settings().feather + 2  # pixels; the last two for the corners of a pixel grid
FAINT = 2 / 255

Floats = NDArray[np.float32]


class Seen(NamedTuple):
    """One case: its facts; the picture before and after [H,W,4], as shown; the hole [H,W] and how far it is."""

    facts: dict[str, Any]
    before: Floats
    after: Floats
    hole: NDArray[np.uint8]
    away: NDArray[np.float64]

    @property
    def changed(self) -> NDArray[np.bool_]:
        return np.any(self.before != self.after, axis=-1)

    def laid(self) -> tuple[int, int, int, int]:
        """Where the fill layer lies: left, top, right, bottom."""
        (x, y), (width, height) = self.facts["fill"]["offset"], self.facts["fill"]["size"]
        return x, y, x + width, y + height


def look(cases: RealGimp, case: str) -> Seen:
    facts = cases.facts(case)
    assert facts["outcome"]["error"] == ""
    hole = cases.pixels(facts["hole"], 1)[..., 0]
    before, after = (cases.floats(facts[name]) for name in ("picture", "filled"))
    before, after = (
        np.where(one[..., 3:] > 0, one, 0) for one in (before, after)
    )  # what is not seen has no colour
    return Seen(facts, before, after, hole, np.asarray(distance_transform_edt(hole == 0)))


def nothing_more(seen: Seen) -> None:
    """The judgement that every filled case has is enough."""


def grey(seen: Seen) -> None:
    assert np.ptp(seen.after[..., :3], axis=-1).max() < 1e-6


def floats_travel(seen: Seen) -> None:
    assert seen.facts["record"]["hole"]["dtype"] == "f32"


def colours_stay_wide(seen: Seen) -> None:
    """Under the fill's faint edge, and in the fill itself: nothing is cut off at sRGB's limits."""
    floats_travel(seen)
    edge = (seen.away > 0) & (seen.away < REACH) & (seen.before[..., 0] < -0.1)
    assert edge.any()
    assert seen.after[edge, 0].max() < -0.2
    assert seen.after[seen.hole == 255, 0].min() < -0.1


def light_stays_bright(seen: Seen) -> None:
    floats_travel(seen)
    edge = seen.changed & (seen.away > 0) & (seen.before[..., 0] > 1.2)
    assert edge.any()
    assert seen.after[edge, 0].max() > 1.1


def goes_on_in_bright_light(seen: Seen) -> None:
    """As bright as the stripes that the selection covers: inside/kinds.py has the numbers."""
    columns = np.arange(seen.hole.shape[1]) // 4 * 4
    truth = columns[:, None] / (60, 70, 80) * np.ones((seen.hole.shape[0], 1, 1))
    inside = seen.hole == 255
    off = np.abs(np.log2(seen.after[inside, :3] / truth[inside]))
    assert np.log2(truth[inside]).mean() > 1  # as far from white
    assert off.mean() < 0.15


def extended_in_bright_light(seen: Seen) -> None:
    outside_the_layer_too(seen)
    off = np.abs(np.log2(seen.after[seen.hole == 255, :3] / (4, 3, 2.5)))
    assert off.mean() < 0.3


def outside_the_layer_too(seen: Seen) -> None:
    """Where the layer ends, the fill goes on and is opaque."""
    empty = (seen.before[..., 3] == 0) & (seen.hole == 255)
    assert empty.any()
    assert np.all(seen.after[empty, 3] == 1)


def transparency_alone(seen: Seen) -> None:
    outside_the_layer_too(seen)
    assert seen.facts["kind"] == "transparency"


def canvas_around(seen: Seen) -> None:
    outside_the_layer_too(seen)
    assert seen.facts["kind"] == "canvas"


def in_a_group(seen: Seen) -> None:
    (group,) = seen.facts["after"]["layers"]
    while "children" in group["children"][0]:
        (group,) = group["children"]
    assert [child["name"][:4] for child in group["children"]] == ["Fill", "Back"]


def above_the_group(seen: Seen) -> None:
    assert [layer["name"][:5] for layer in seen.facts["after"]["layers"]] == ["Fill ", "group"]


def mask_is_still_edited(seen: Seen) -> None:
    assert seen.facts["after"]["layers"][1]["edit_mask"]


def patch_alone(seen: Seen) -> None:
    """The layer stays hidden; its fill is seen."""
    assert np.all(seen.before[..., 3] == 0)
    assert np.all(seen.after[seen.hole == 255, 3] == 1)
    assert not seen.facts["after"]["layers"][1]["visible"]


def as_grey_as_it_looks(seen: Seen) -> None:
    inside = seen.after[seen.hole == 255, :3]
    assert np.ptp(seen.before[..., :3], axis=-1).max() < 0.01
    assert np.ptp(inside, axis=-1).mean() < 0.1


def soft(seen: Seen) -> None:
    assert len(np.unique(seen.hole)) > 20


def several(seen: Seen) -> None:
    assert seen.facts["record"]["hole"]["box"] == [60, 20, 165, 170]


def one(seen: Seen) -> None:
    assert seen.laid() == (150, 100, 151, 101)


def mask_is_still_on(seen: Seen) -> None:
    soft(seen)
    assert seen.facts["active"] == ["Qmask"]


def transparency_is_kept(seen: Seen) -> None:
    """Beside the fill, what is transparent stays so."""
    assert np.all(seen.after[seen.away > REACH, 3] == seen.before[seen.away > REACH, 3])
    assert np.any(seen.after[..., 3] == 0)


def is_opaque(seen: Seen) -> None:
    assert np.all(seen.before[seen.hole == 255, 3] == 0)
    assert np.all(seen.after[seen.hole == 255, 3] == 1)


Judge = Callable[[Seen], None]

FILLED: dict[str, Judge] = {
    "kind_rgb": nothing_more,
    "kind_rgb_with_alpha": nothing_more,
    "kind_grey": grey,
    "kind_grey_with_alpha": grey,
    "kind_far_parts_of_a_grey_layer_that_was_moved": grey,
    "kind_8_linear": nothing_more,
    "kind_8_perceptual": nothing_more,
    "kind_16": floats_travel,
    "kind_32": floats_travel,
    "kind_half": floats_travel,
    "kind_float": floats_travel,
    "kind_double": floats_travel,
    "kind_wide_gamut": colours_stay_wide,
    "kind_beyond_white": light_stays_bright,
    "kind_within_bright_light": goes_on_in_bright_light,
    "kind_offset": nothing_more,
    "kind_larger_than_the_canvas": nothing_more,
    "kind_smaller_than_the_canvas": nothing_more,
    "kind_partly_outside_the_layer": outside_the_layer_too,
    "kind_wholly_outside_the_layer": outside_the_layer_too,
    "kind_enlarged_canvas": outside_the_layer_too,
    "kind_extended_on_all_sides": outside_the_layer_too,
    "kind_extended_with_its_layer": transparency_alone,
    "kind_extended_with_nothing_selected": canvas_around,
    "kind_extended_in_bright_light": extended_in_bright_light,
    "kind_in_a_group": in_a_group,
    "kind_in_nested_groups": in_a_group,
    "kind_group": above_the_group,
    "kind_layer_mask": nothing_more,
    "kind_layer_mask_edited": mask_is_still_edited,
    "kind_text": nothing_more,
    "kind_locked": nothing_more,
    "kind_in_a_locked_group": in_a_group,
    "kind_hidden": patch_alone,
    "kind_filters_with_all_visible": as_grey_as_it_looks,
    "kind_feathered": soft,
    "kind_inverted": nothing_more,
    "kind_several_parts": several,
    "kind_one_pixel": one,
    "kind_whole_canvas_of_a_small_layer": outside_the_layer_too,
    "kind_quick_mask": mask_is_still_on,
    "kind_quick_mask_with_a_layer": soft,
    "kind_channel": soft,
    "kind_transparent_around": transparency_is_kept,
    "kind_far_part_where_the_layer_is_transparent": transparency_is_kept,
    "kind_transparent_is_the_hole": is_opaque,
    "kind_transparent_is_the_hole_of_a_moved_layer": is_opaque,
}
REFUSED = {
    "kind_whole_canvas": "hole_everything",
    "kind_channel_among_layers": "layer_unclear",
    "kind_indexed": "indexed_image",
}
ASKED = {
    "RGB": ["kind_rgb"],
    "grey": ["kind_grey"],
    "with alpha": ["kind_rgb_with_alpha", "kind_grey_with_alpha"],
    "8 bits": ["kind_rgb", "kind_8_linear", "kind_8_perceptual"],
    "16 bits": ["kind_16"],
    "32 bits": ["kind_32"],
    "half": ["kind_half"],
    "float": ["kind_float"],
    "double": ["kind_double"],
    "linear": ["kind_8_linear", "kind_32", "kind_half"],
    "perceptual": ["kind_8_perceptual", "kind_double"],
    "profile of a wide gamut": ["kind_wide_gamut"],
    "beyond white": ["kind_beyond_white", "kind_within_bright_light", "kind_extended_in_bright_light"],
    "offset": ["kind_offset", "kind_far_parts_of_a_grey_layer_that_was_moved"],
    "layer larger than the canvas": ["kind_larger_than_the_canvas"],
    "layer smaller than the canvas": ["kind_smaller_than_the_canvas"],
    "group": ["kind_group", "kind_in_a_group"],
    "nested groups": ["kind_in_nested_groups"],
    "layer mask": ["kind_layer_mask", "kind_layer_mask_edited"],
    "text layer": ["kind_text"],
    "locked layer": ["kind_locked", "kind_in_a_locked_group"],
    "hidden layer": ["kind_hidden"],
    "filters, with all that is visible": ["kind_filters_with_all_visible"],
    "feathered selection": ["kind_feathered"],
    "inverted selection": ["kind_inverted"],
    "whole canvas selected": ["kind_whole_canvas"],
    "selection of several parts": ["kind_several_parts"],
    "one pixel": ["kind_one_pixel"],
    "Quick Mask": ["kind_quick_mask", "kind_quick_mask_with_a_layer"],
    "channel": ["kind_channel", "kind_channel_among_layers"],
    "selection partly outside the layer": ["kind_partly_outside_the_layer", "kind_whole_canvas_of_a_small_layer"],
    "selection wholly outside the layer": ["kind_wholly_outside_the_layer"],
    "transparent areas": ["kind_transparent_around", "kind_far_part_where_the_layer_is_transparent"],
    "transparent areas, nothing selected": [
        "kind_transparent_is_the_hole", "kind_transparent_is_the_hole_of_a_moved_layer",
    ],
    "canvas enlarged around a layer": [
        "kind_enlarged_canvas", "kind_extended_on_all_sides", "kind_extended_with_its_layer",
        "kind_extended_with_nothing_selected",
    ],
    "indexed": ["kind_indexed"],
}  # fmt: skip


def test_every_case_is_judged_and_every_kind_has_a_case() -> None:
    tree = ast.parse((INSIDE / "kinds.py").read_text("utf-8"))
    names = {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("kind_")
    }
    assign = next(
        node
        for node in tree.body
        if isinstance(node, ast.Assign) and "PRECISIONS" in ast.dump(node.targets[0])
    )
    names |= {f"kind_{name}" for name in ast.literal_eval(assign.value)}
    assert names == set(FILLED) | set(REFUSED) == {case for asked in ASKED.values() for case in asked}


@pytest.mark.parametrize("case", FILLED)
def test_the_hole_is_filled_in_its_place_and_known_pixels_are_exact(cases: RealGimp, case: str) -> None:
    seen = look(cases, case)
    known = seen.away > REACH
    rounding = (
        1e-6 if seen.facts["record"]["hole"]["dtype"] == "f32" else 0
    )  # GIMP's own, where layers overlap
    np.testing.assert_allclose(seen.after[known], seen.before[known], rtol=rounding, atol=rounding)
    inside = seen.hole == 255
    assert np.mean(seen.changed[inside]) > 0.5
    assert np.all(seen.after[inside, 3] == 1)
    assert np.isfinite(seen.after).all()
    FILLED[case](seen)


@pytest.mark.parametrize("case", FILLED)
def test_every_layer_selection_and_activity_are_as_they_were(cases: RealGimp, case: str) -> None:
    facts = cases.facts(case)
    before, after = facts["before"], facts["after"]
    assert (after["selected"], after["selection"]) == (before["selected"], before["selection"])
    assert without_fills(after["layers"]) == without_looks_of_groups(before["layers"])


def without_fills(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = [layer for layer in layers if not layer["parasites"]]
    return without_looks_of_groups(
        [
            {**layer, "children": without_fills(layer["children"])} if "children" in layer else layer
            for layer in kept
        ]
    )


def without_looks_of_groups(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A group's own size follows what is put into it."""
    return [
        {"name": layer["name"], "children": without_looks_of_groups(layer["children"])}
        if "children" in layer
        else layer
        for layer in layers
    ]


@pytest.mark.parametrize("case", FILLED)
def test_the_fill_can_be_told_apart_and_remembers_its_hole(cases: RealGimp, case: str) -> None:
    from rigatino_gimp import record

    seen = look(cases, case)
    fill = seen.facts["fill"]
    assert fill["name"] == f"Fill ({seen.facts['record']['ran']['network']})"
    assert fill["tag"] == "violet"
    kept = record.decode(json.dumps(seen.facts["record"]).encode())
    box = kept.hole.box
    values = np.frombuffer(kept.hole.data, {"u8": np.uint8, "f32": "<f4"}[kept.hole.dtype])
    hole = values.reshape(box.height, box.width).astype(np.float64) * (255 if kept.hole.dtype == "f32" else 1)
    expected = seen.hole[box.y : box.bottom, box.x : box.right].astype(np.float64)
    np.testing.assert_allclose(hole, expected, atol=1)
    assert seen.hole.sum(dtype=np.int64) == expected.sum()


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_filled_is_said_with_what_to_do(cases: RealGimp, case: str) -> None:
    facts = cases.facts(case)
    assert facts["outcome"]["error"] == str(Failure(REFUSED[case]))
    assert facts["outcome"]["returned"] is None
    assert facts["after"] == facts["before"]
