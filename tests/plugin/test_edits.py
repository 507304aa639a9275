"""Classes by name and by colour, and the requests for painting and transplanting."""

from __future__ import annotations

from array import array
from typing import Any

import pytest

from rigatino_gimp import edits, request
from rigatino_gimp.edits import NOT_PAINTED, PaintSettings, TransplantSettings
from rigatino_gimp.request import Seen
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Paint, Transplant
from rigatino_wire.region import Box

NAMES = ["tabby", "tiger cat", "tiger", "lion"]
SEEN = Seen(Box(3, 4, 2, 1), "u8", bytes(range(8)), b"\xff\x80")
RED, BLUE = (255, 0, 0), (0, 0, 255)


def test_the_defaults_are_right_values_and_the_wires_own() -> None:
    for settings in (PaintSettings(), TransplantSettings()):
        request.check(settings)
    made = edits.paint("a", PaintSettings(classes="3"), SEEN, bytes(2), NAMES, "")
    image, hole = SEEN.arrays
    assert made == Paint("a", image, hole, made.classes, (3,), offset=(3, 4))
    moved = edits.transplant("a", TransplantSettings(), SEEN, SEEN, NAMES, "")
    assert moved == Transplant("a", image, hole, image, hole, offset=(3, 4))


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        (PaintSettings(), "strength", 1.1),
        (PaintSettings(), "steps", -1),
        (PaintSettings(), "seam", "none"),
        (TransplantSettings(), "coarse", -0.1),
        (TransplantSettings(), "finest", 2.0),
    ],
)
def test_a_wrong_value_is_named(settings: Any, name: str, value: Any) -> None:
    with pytest.raises(Failure) as caught:
        request.check(settings._replace(**{name: value}))
    assert (caught.value.code, caught.value.params["name"]) == ("bad_setting", name)


@pytest.mark.parametrize(
    ("classes", "found"),
    [
        ("tabby", [(None, "tabby")]),
        ("3", [(None, "3")]),
        ("#ff0000=tabby; 0000FF=lion", [(RED, "tabby"), (BLUE, "lion")]),
        ("ff0000=tabby", [(RED, "tabby")]),
    ],
)
def test_classes_are_listed_alone_or_with_colours(classes: str, found: list[Any]) -> None:
    assert edits.palette(classes) == found


@pytest.mark.parametrize(
    "classes", ["", " ; ", "tabby; lion", "ff0000=tabby; lion", ";".join(["ff0000=1"] * 13)]
)
def test_a_list_that_means_nothing_is_refused(classes: str) -> None:
    with pytest.raises(Failure) as caught:
        edits.palette(classes)
    assert caught.value.params["name"] == "classes"


@pytest.mark.parametrize(
    ("classes", "before", "last"),
    [
        ("", "", ""),
        ("ta", "", "ta"),
        ("ff0000= ta", "ff0000= ", "ta"),
        ("ff0000=tabby; 0000ff=li", "ff0000=tabby; 0000ff=", "li"),
        ("ff0000=tabby; ", "ff0000=tabby; ", ""),
    ],
)
def test_names_are_offered_for_what_is_typed_last(classes: str, before: str, last: str) -> None:
    assert edits.begun(classes) == (before, last)


@pytest.mark.parametrize(
    ("value", "number"), [("2", 2), ("LION", 3), ("tiger", 2), ("tiger c", 1), ("bb", 0), ("9000", 9000)]
)
def test_a_class_goes_by_number_name_or_part_of_a_name(value: str, number: int) -> None:
    assert edits.number("base", value, NAMES) == number


@pytest.mark.parametrize(
    ("value", "offered"),
    [("ti", r"tiger cat \(1\), tiger \(2\)"), ("wolf", r"tabby \(0\), tiger cat \(1\)"), ("²", "tabby")],
)
def test_a_name_of_none_or_of_several_is_answered_with_names(value: str, offered: str) -> None:
    with pytest.raises(Failure, match=offered) as caught:
        edits.number("base", value, NAMES)
    assert caught.value.params["value"] == value


def test_a_map_is_read_by_its_nearest_colours() -> None:
    pixels = [(*RED, 255), (200, 40, 60, 130), (10, 0, 250, 255), (*BLUE, 100)]
    rgba = bytes(value for pixel in pixels for value in pixel)
    assert list(edits.drawn(rgba, [RED, BLUE])) == [0, 0, 1, NOT_PAINTED]
    assert list(edits.drawn(rgba, [None])) == [0, 0, 0, NOT_PAINTED]


def test_what_is_not_painted_is_no_part_of_the_hole() -> None:
    numbers = bytes([0, NOT_PAINTED, 1])
    assert edits.within(bytes([200, 255, 7]), "u8", numbers) == bytes([200, 0, 7])
    values = array("f", [0.5, 1.0, 0.25]).tobytes()
    assert edits.within(values, "f32", numbers) == array("f", [0.5, 0.0, 0.25]).tobytes()


def test_the_requests_hold_what_is_set() -> None:
    settings = PaintSettings(
        "net", "ff0000=tabby; 0000ff=lion", 0.5, "tiger", grow=2, seam="poisson", steps=7, seed=5
    )
    made = edits.paint("a", settings, SEEN, bytes([1, NOT_PAINTED]), NAMES, "AAAA")
    assert (made.palette, made.base, made.strength, made.latent) == ((0, 3), 2, 0.5, "AAAA")
    assert (made.grow, made.seam, made.steps, made.seed) == (2, "poisson", 7, 5)
    assert bytes(made.classes.view) == bytes([1, 0])
    moved = edits.transplant(
        "a",
        TransplantSettings("net", 0.1, 0.2, 0.3, 0.4),
        SEEN,
        SEEN._replace(box=Box(0, 0, 1, 2)),
        NAMES,
        "",
    )
    assert moved.sliders == (0.1, 0.2, 0.3, 0.4)
    assert moved.reference.shape == (2, 1, 4)
