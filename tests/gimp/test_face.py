"""Completing a face in GIMP, with a small random network: the eyes given, marked, found; and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from gimp.real import RealGimp
from rigatino_gimp.faces import places

pytestmark = [pytest.mark.gimp, pytest.mark.timeout(2400)]

EYES = (151.3, 75.3, 185.7, 77.5)


def test_a_face_becomes_a_layer_with_a_mask(cases: RealGimp) -> None:
    facts = cases.facts("face_given")
    assert facts["result"]["status"] == "success", facts["result"]["error"]
    assert facts["result"]["returned"] == "Face (faces)"
    assert facts["layer"]["mask"]
    mask, fill = cases.pixels(facts["mask"], 1)[..., 0], cases.pixels(facts["fill"])
    x, y = facts["layer"]["offset"]
    hole = mask[98 - y : 122 - y, 145 - x : 185 - x]
    assert (hole == 255).all()
    source = cases.pixels(facts["source"])[98:122, 145:185, :3].astype(int)
    there = fill[98 - y : 122 - y, 145 - x : 185 - x, :3]
    assert np.abs(there - source).max() > 20
    assert x > 120
    assert y > 80
    assert places(facts["record"]["settings"]["eyes"]) == EYES
    assert facts["record"]["task"] == "face"


def test_it_is_made_anew_with_the_eyes_that_it_remembers(cases: RealGimp) -> None:
    again = cases.facts("face_given")["again"]
    assert again["result"]["status"] == "success", again["result"]["error"]
    assert places(again["record"]["settings"]["eyes"]) == EYES
    assert again["record"]["ran"]["seed"] == 9
    assert [layer["name"] for layer in again["layers"]][:1] == ["Face (faces)"]
    assert len(again["layers"]) == 2
    moved = cases.facts("face_given")["moved"]["settings"]["eyes"]
    assert places(moved) == pytest.approx([161.3, 80.3, 195.7, 82.5])


@pytest.mark.parametrize(
    ("way", "eyes"), [("path", EYES), ("guides", (151.0, 76.0, 186.0, 76.0)), ("found", ())]
)
def test_eyes_are_marked_or_found(cases: RealGimp, way: str, eyes: tuple[float, ...]) -> None:
    facts = cases.facts("face_marked")[way]
    assert facts["result"]["status"] == "success", facts["result"]["error"]
    found = places(facts["eyes"])
    assert len(found) == len(eyes)
    for place, wanted in zip(sorted(found), sorted(eyes), strict=True):
        assert abs(place - wanted) < 0.1


def test_other_paths_mark_nothing(cases: RealGimp) -> None:
    assert cases.facts("face_marked")["other path"]["status"] == "success"


def test_candidates_are_a_group(cases: RealGimp) -> None:
    facts = cases.facts("face_candidates")
    assert facts["group"]["name"] == "Face (faces)"
    names = [child["name"] for child in facts["group"]["children"]]
    assert sorted(names) == [f"Face (faces) seed {seed}" for seed in (4, 5, 6)]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("outside", "outside the picture"),
        ("close", "pixels apart"),
        ("words", "x, y, x, y"),
        ("no face", "No face was found"),
    ],
)
def test_what_cannot_be_done_is_said(cases: RealGimp, case: str, words: str) -> None:
    facts = cases.facts("face_refused")[case]
    assert facts["status"] in ("execution-error", "calling-error")
    assert words in facts["error"]
    assert facts.get("same", True)
