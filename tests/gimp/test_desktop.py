"""A user's way through the graphical GIMP, under Xvfb: menus by keys, dialogs, undo, re-fill, cancel, messages.

inside/desktop.py plays the user. What is asserted comes from GIMP's own state; the screenshots are for people.
"""

from __future__ import annotations

import os
import re
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gimp.conftest import import_small_networks
from gimp.real import RealGimp
from rigatino_wire.launch import stop_daemon

pytestmark = [pytest.mark.gimp, pytest.mark.timeout(1200)]

Facts = dict[str, Any]
PICTURES = (
    "nothing-selected", "dialog-broken", "dialog-starting", "starting", "filled", "dialog", "dialog-desktop",
    "dialog-refill", "refilled", "running", "cancelled", "result",
    "dialog-chance", "candidates-three", "candidates", "candidates-desktop", "candidates-inserted",
    "candidates-coming", "dialog-another", "another", "dialog-paint", "dialog-transplant",
)  # fmt: skip


@pytest.fixture(scope="session")
def user(gimp_command: Path, tmp_path_factory: pytest.TempPathFactory) -> RealGimp:
    """A GIMP after a user has played with it; with a daemon of its own, that nobody has started before."""
    gimp = RealGimp(gimp_command, tmp_path_factory.mktemp("desktop"))
    if not gimp.has_desktop:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("This needs Xvfb, openbox, xdotool and ImageMagick.")
    photo = Path(str(resources.files("rigatino") / "demo" / "photo.jpg"))
    with Image.open(photo) as picture:
        picture.save(gimp.share / "photo.png")
    import_small_networks(gimp.share / "data")
    try:
        gimp.desktop()
    finally:
        _keep(gimp)
        stop_daemon(gimp.runtime)
    return gimp


def _keep(gimp: RealGimp) -> None:
    """Copies the screenshots to where RIGATINO_SCREENSHOTS says, each with GIMP's version before its name."""
    folder = os.environ.get("RIGATINO_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for screenshot in (gimp.share / "out").glob("*.png"):
            shutil.copyfile(screenshot, Path(folder) / f"{gimp.command.name}-{screenshot.name}")


@pytest.fixture(scope="session")
def facts(user: RealGimp) -> Facts:
    """What GIMP said at each step."""
    found: Facts = user.facts("desktop")
    return found


def test_with_nothing_selected_a_message_says_so(facts: Facts) -> None:
    assert facts["message"] == ["GIMP Message"]
    assert facts["nothing selected"] == facts["start"]


def test_a_daemon_that_fails_to_start_can_be_tried_again_in_the_dialog(facts: Facts) -> None:
    assert facts["starts when broken"] == 1
    assert facts["starts when tried again"] == 2


def test_ok_need_not_wait_for_the_daemon(facts: Facts) -> None:
    assert (
        facts["starts when filled"] == 2
    )  # OK waits for the start that the dialog began, and begins no other
    assert _names(facts["filled"]) == ["Fill (lama-small)", "photo.png"]
    assert facts["filled"]["layers"][0]["mask"]


def test_source_selection_and_active_layer_are_as_they_were(facts: Facts) -> None:
    for what in ("selected", "selection"):
        assert facts["filled"][what] == facts["before"][what]
    assert facts["filled"]["layers"][1:] == facts["before"]["layers"]


def test_a_network_that_is_gone_gives_way_to_the_default(facts: Facts) -> None:
    assert facts["record"]["settings"]["network"] == ""


def test_one_undo_takes_the_fill_back(facts: Facts) -> None:
    assert facts["undone"] == facts["before"]


def test_escape_changes_nothing(facts: Facts) -> None:
    assert facts["escaped"] == facts["before"]


def test_what_is_typed_is_what_is_used_and_remembered(facts: Facts) -> None:
    settings = facts["set"]["settings"]
    assert settings["grow"] == 12
    assert settings["seed"] >= 0
    assert settings["seed"] == facts["set"]["ran"]["seed"]
    assert facts["set again"]["settings"] == settings


def test_fill_again_needs_no_dialog(facts: Facts) -> None:
    assert facts["again"]["settings"] == facts["set"]["settings"]


def test_a_re_fill_takes_the_place_of_the_fill(facts: Facts) -> None:
    before, after = facts["before re-fill"], facts["re-filled"]
    assert _names(after) == _names(before)
    assert after["layers"][1:] == before["layers"][1:]
    assert facts["re-filled record"]["settings"] == {
        **facts["again"]["settings"], "feather": 20, "seed": facts["re-filled record"]["settings"]["seed"],
    }  # fmt: skip
    assert facts["re-filled record"]["hole"] == facts["again"]["hole"]
    assert facts["re-fill undone"]["layers"] == before["layers"]


def test_cancel_ends_the_work_and_leaves_no_layer(facts: Facts) -> None:
    assert facts["running when cancelled"] == 1
    assert facts["cancelled"] == facts["re-fill undone"]


def test_a_window_shows_candidates_and_makes_more(facts: Facts) -> None:
    assert facts["rounds"] == 3  # three at once, another, one like the chosen one
    group = facts["candidates"]["layers"][0]
    lineages = [kept["answer"]["lineage"] for kept in facts["candidates' records"]]
    assert [child["visible"] for child in group["children"]] == [True, False, False, False, False]
    assert sorted(map(len, lineages)) == [1, 1, 1, 1, 2]
    assert lineages[0] in [
        lineage[:1] for lineage in lineages if len(lineage) == 2
    ]  # the chosen one comes first


def test_the_chosen_candidate_is_the_best_where_nothing_else_is_chosen(facts: Facts) -> None:
    scores = [kept["answer"]["score"] for kept in facts["candidates' records"]]
    assert scores[1:] == sorted(scores[1:], reverse=True)


def test_one_undo_takes_all_candidates_back(facts: Facts) -> None:
    assert facts["candidates undone"]["layers"] == facts["one fill"]["layers"]


def test_cancel_in_the_window_inserts_none(facts: Facts) -> None:
    assert facts["candidates cancelled"]["layers"] == facts["one fill"]["layers"]


def test_another_candidate_joins_a_single_fill_in_one_undo_step(facts: Facts) -> None:
    single, group = facts["one of chance"]["layers"][0], facts["another"]["layers"][0]
    assert [child["visible"] for child in group["children"]] == [True, False]
    assert group["children"][1]["pixels"] == single["pixels"]
    assert facts["another undone"]["layers"] == facts["one of chance"]["layers"]


def test_the_dialogs_of_edits_open_and_change_nothing(facts: Facts) -> None:
    assert facts["edits escaped"]["layers"] == facts["another undone"]["layers"]


def test_gimp_has_nothing_to_complain_of(user: RealGimp) -> None:
    said = (user.share / "out" / "gimp-says.log").read_text("utf-8", "replace")
    assert not [
        line for line in said.splitlines() if re.search(r"mnemonic|Traceback|CRITICAL|Gtk-WARN", line)
    ]


@pytest.mark.parametrize("name", PICTURES)
def test_screenshots_are_kept(user: RealGimp, facts: Facts, name: str) -> None:
    with Image.open(user.share / "out" / f"{name}.png") as screenshot:
        assert screenshot.width > 400
        assert len(screenshot.convert("RGB").getcolors(1 << 20) or []) > 100  # something is drawn on it


def _names(state: Facts) -> list[str]:
    return [layer["name"] for layer in state["layers"]]
