"""The procedures as scripts see them: what docs/gimp.md says, from Python, Script-Fu 3 and after other sessions."""

from __future__ import annotations

from typing import Any

import pytest

from gimp.real import RealGimp
from rigatino_gimp import texts
from rigatino_gimp.edits import PaintSettings, TransplantSettings
from rigatino_gimp.faces import FaceSettings
from rigatino_gimp.request import Settings

pytestmark = [pytest.mark.gimp, pytest.mark.timeout(2400)]

TYPES = {str: "gchararray", bool: "gboolean", int: "gint", float: "gdouble"}
LAST = {**Settings()._asdict(), "grow": 9, "feather": 2.5, "seed": 11, "result": "alpha", "detail": False}


def test_names_arguments_and_results_are_those_of_the_documentation(cases: RealGimp) -> None:
    shown: dict[str, Any] = cases.facts("script_browser")
    settings, face, paint, transplant = (
        [[name, TYPES[type(value)]] for name, value in kind()._asdict().items()]
        for kind in (Settings, FaceSettings, PaintSettings, TransplantSettings)
    )
    own = {
        "rigatino-fill": settings,
        "rigatino-fill-again": [],
        "rigatino-refill": [*settings, ["mode", "gchararray"]],
        "rigatino-face": face,
        "rigatino-paint-class": [*paint, ["map", "GimpLayer"]],
        "rigatino-transplant": [*transplant, ["reference", "GimpLayer"]],
    }
    assert set(shown) == set(own)
    for name, facts in shown.items():
        arguments = [argument[:2] for argument in facts["arguments"]]
        assert [argument[0] for argument in arguments[:3]] == ["run-mode", "image", "drawables"]
        assert arguments[3:] == own[name]
        assert all(argument[2] for argument in facts["arguments"])
        assert facts["returns"] == [["layer", "GimpLayer"]]


def test_they_stand_in_one_menu_and_are_always_offered(cases: RealGimp) -> None:
    for name, facts in cases.facts("script_browser").items():
        about = texts.PROCEDURES[name]
        assert facts["label"] == about.menu
        assert (facts["blurb"], facts["help"]) == (about.blurb, about.help)
        assert facts["menus"] == ["<Image>/Filters/Enhance"]
        assert facts["types"] == "*"
        assert facts["sensitive"] & 0b111 == 0b111  # one drawable, several, none
        ellipsis = about.menu.endswith("…")
        assert ellipsis == (name != "rigatino-fill-again")


@pytest.mark.parametrize(("call", "seed"), [("fill", 7), ("again", None), ("refill", 8)])
def test_script_fu_calls_by_names_and_gets_the_layer(cases: RealGimp, call: str, seed: int | None) -> None:
    facts = cases.facts("script_fu")[call]
    (new,) = facts["ids"]
    assert facts["said"] == str(new)
    (kept,) = facts["records"]
    assert seed is None or kept["ran"]["seed"] == seed
    assert call != "fill" or (kept["settings"]["grow"], kept["settings"]["feather"]) == (2, 1.5)


def test_a_wrong_value_from_script_fu_is_an_error(cases: RealGimp) -> None:
    assert cases.facts("script_fu")["wrong"] in (None, "")


@pytest.mark.parametrize("way", ["again", "repeat", "after a script"])
def test_the_last_settings_of_an_earlier_session_are_used_again(cases: RealGimp, way: str) -> None:
    assert cases.facts("script_last_settings")[way] == LAST


def test_notes_are_shown_once_while_gimp_runs(cases: RealGimp) -> None:
    assert cases.facts("script_notes") == ["One candidate. Ä", "Less memory."]


def test_the_layer_keeps_the_note_that_there_is_one_candidate(cases: RealGimp) -> None:
    facts = cases.facts("script_candidates")
    assert "children" not in facts["fill"]
    (note,) = facts["record"]["ran"]["notes"]
    assert "candidate" in note
