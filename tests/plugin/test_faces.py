"""What the plug-in asks for a face: pure functions."""

from __future__ import annotations

import pytest

from rigatino_gimp.faces import FaceSettings, message, moved, places, region, text
from rigatino_gimp.request import Seen
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Description, Limits
from rigatino_wire.region import Box

DESCRIBED = Description("a", "1", "cpu", "fp32", "faces", (), Limits(max_pixels=100_000))


def test_eyes_as_text() -> None:
    assert places("") == places("  ") == ()
    assert places(" 1,2.5, -3,4 ") == (1.0, 2.5, -3.0, 4.0)
    assert places(text((151.3, 75.25, 185.0, 77.0))) == (151.3, 75.25, 185.0, 77.0)
    assert moved((1.5, 2, 3, 4), 10, -1) == (11.5, 1, 13, 3)
    assert moved((), 10, -1) == ()
    for wrong in ("1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,3,nan", "1;2;3;4"):
        with pytest.raises(Failure) as caught:
            places(wrong)
        assert (caught.value.code, caught.value.params["name"]) == ("bad_setting", "eyes")


def test_the_region_holds_the_face() -> None:
    frame, sent = Box(0, 0, 400, 300), Box(150, 100, 40, 30)
    assert region(sent, frame, (), DESCRIBED) == sent
    wide = region(sent, frame, (150, 80, 190, 80), DESCRIBED)
    assert wide.contains(sent)
    assert frame.contains(wide)
    assert wide.width > 200
    with pytest.raises(Failure) as caught:
        region(sent, frame, (50, 80, 350, 80), DESCRIBED)
    assert caught.value.code == "too_many_pixels"


def test_the_request() -> None:
    seen = Seen(Box(10, 20, 2, 1), "u8", bytes(8), b"\xff\x00")
    settings = FaceSettings(network="faces", seed=3, candidates=2, variety=0.5)
    asked = message("a", settings, seen, (1, 2, 3, 4))
    assert (asked.op, asked.offset, asked.eyes) == ("face", (10, 20), (1, 2, 3, 4))
    assert (asked.network, asked.seed, asked.candidates, asked.variety) == ("faces", 3, 2, 0.5)
    assert message("a", settings, seen, ()).eyes == ()
