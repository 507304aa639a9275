"""The settings of a face's completion, and the request made of them: pure functions that know no GIMP."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from rigatino_gimp.request import Seen
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Description, Face
from rigatino_wire.region import Box, face


class FaceSettings(NamedTuple):
    """The arguments of rigatino-face, in their order, with their defaults."""

    network: str = ""
    eyes: str = ""
    source: str = "layer"
    grow: int = 4
    feather: float = 4.0
    context: float = 0.0
    seed: int = -1
    candidates: int = 1
    result: str = "mask"
    variety: float = 1.0
    seam: str = "auto"
    quality: str = "balanced"


def places(eyes: str) -> tuple[float, ...]:
    """Both eyes' x, y, x, y from "x, y, x, y"; nothing from "". Raises Failure bad_setting."""
    if not eyes.strip():
        return ()
    try:
        found = tuple(float(part) for part in eyes.split(","))
    except ValueError:
        found = ()
    if len(found) != 4 or not all(map(isfinite, found)):
        raise Failure(
            "bad_setting", name="eyes", value=eyes, expected="x, y, x, y: the places of two eyes in pixels"
        )
    return found


def moved(eyes: Sequence[float], right: int, down: int) -> tuple[float, ...]:
    """The eyes so many pixels farther."""
    return tuple(place + by for place, by in zip(eyes, (right, down, right, down)))


def text(eyes: Sequence[float]) -> str:
    """The inverse of `places`."""
    return ", ".join(f"{place:g}" for place in eyes)


def region(sent: Box, frame: Box, eyes: Sequence[float], description: Description) -> Box:
    """What is sent: as for a fill, and of the face with these eyes all that the network looks at.

    Raises Failure too_many_pixels for more than the daemon takes.
    """
    box = sent.join(face(eyes).intersect(frame)) if eyes else sent
    limit = description.limits.max_pixels
    if box.width * box.height > limit:
        raise Failure("too_many_pixels", pixels=box.width * box.height, limit=limit)
    return box


def message(id: str, settings: FaceSettings, seen: Seen, eyes: Sequence[float]) -> Face:
    """The request for the face with these eyes, or with any, of which the daemon finds the eyes itself."""
    image, hole = seen.arrays
    names = ("network", "grow", "feather", "seed", "candidates", "variety", "seam", "quality")
    return Face(
        id=id,
        image=image,
        hole=hole,
        offset=(seen.box.x, seen.box.y),
        eyes=tuple(eyes),
        **{name: getattr(settings, name) for name in names},
    )
