"""The menu item and its dialog in graphical GIMP under Xvfb, and one undo that takes the whole fill back."""

from __future__ import annotations

import os

import pytest
from PIL import Image

from gimp.real import RealGimp

pytestmark = [pytest.mark.gimp, pytest.mark.timeout(900)]


def test_dialog_fill_and_one_undo(real_gimp: RealGimp) -> None:
    if not real_gimp.has_desktop:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("This needs Xvfb, openbox, xdotool and ImageMagick.")
    said = real_gimp.desktop()
    facts = real_gimp.facts("gui")
    assert [layer["name"][:4] for layer in facts["filled"]["layers"]] == ["Fill", "phot"], said
    assert facts["filled"]["selected"] == facts["before"]["selected"]
    assert facts["filled"]["layers"][1:] == facts["before"]["layers"]
    assert facts["undone"] == facts["before"]
    with Image.open(real_gimp.share / "out" / "dialog.png") as dialog:
        assert dialog.width > 200
        assert len(dialog.convert("RGB").getcolors(1 << 20) or []) > 20  # something is drawn on it
