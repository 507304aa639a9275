"""The settings of paintings and transplants, and the requests made of them: pure functions that know no GIMP."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, Union

from rigatino_gimp import planes
from rigatino_gimp.request import SIZES, Seen
from rigatino_wire.errors import Failure
from rigatino_wire.messages import MAX_PALETTE, Array, Paint, Transplant

NOT_PAINTED = 255  # in a map of classes
MOST = 12  # classes that a failure names
COLOUR = re.compile(r"#?([0-9a-fA-F]{6})=(.+)", re.DOTALL)

Colour = tuple[int, int, int]


class PaintSettings(NamedTuple):
    """The arguments of rigatino-paint-class, in their order, with their defaults."""

    network: str = ""
    classes: str = ""
    strength: float = 1.0
    base: str = ""
    source: str = "layer"
    grow: int = 0
    feather: float = 4.0
    context: float = 0.0
    seam: str = "auto"
    steps: int = 200
    seed: int = -1
    result: str = "mask"


class TransplantSettings(NamedTuple):
    """The arguments of rigatino-transplant, in their order, with their defaults."""

    network: str = ""
    coarse: float = 1.0
    middle: float = 1.0
    fine: float = 1.0
    finest: float = 1.0
    base: str = ""
    source: str = "layer"
    grow: int = 0
    feather: float = 4.0
    context: float = 0.0
    seam: str = "auto"
    steps: int = 200
    seed: int = -1
    result: str = "mask"


EditSettings = Union[PaintSettings, TransplantSettings]


def palette(classes: str) -> list[tuple[Colour | None, str]]:
    """The classes that a setting lists, each with its colour in the map: "tabby", or "ff0000=tabby; 0000ff=lion".

    Raises Failure bad_setting.
    """
    found: list[tuple[Colour | None, str]] = []
    for part in filter(None, (part.strip() for part in classes.split(";"))):
        coloured = COLOUR.fullmatch(part)
        found.append((_colour(coloured[1]), coloured[2].strip()) if coloured else (None, part))
    lone = len(found) == 1 and found[0][0] is None
    if not lone and (not 1 <= len(found) <= MAX_PALETTE or any(colour is None for colour, _ in found)):
        raise _bad(
            "classes", classes, f"one class, or up to {MAX_PALETTE} with colours: “ff0000=tabby; 0000ff=lion”"
        )
    return found


def _colour(digits: str) -> Colour:
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def begun(classes: str) -> tuple[str, str]:
    """What is typed of a setting's classes: all before the last name, and what there is of that name."""
    last = classes[max(map(classes.rfind, "=;")) + 1 :].lstrip()
    return classes.removesuffix(last), last


def number(name: str, value: str, names: Sequence[str]) -> int:
    """The number of a class that is given by its number, its name, or a part that no other name has.

    Raises Failure bad_setting for the setting `name`.
    """
    if value.isascii() and value.isdigit():
        return int(value)
    wanted = value.casefold()
    known = [one.casefold() for one in names]
    if known.count(wanted) == 1:
        return known.index(wanted)
    having = [k for k, one in enumerate(known) if wanted in one]
    if len(having) == 1:
        return having[0]
    some = ", ".join(f"{names[k]} ({k})" for k in (having or range(len(names)))[:MOST])
    raise _bad(name, value, f"the name or number of a class, such as {some}")


def drawn(rgba: bytes, colours: Sequence[Colour | None]) -> bytes:
    """Of each pixel of a map in RGBA the number of its class, by the nearest colour; NOT_PAINTED for transparent ones.

    A class without a colour is that of all painted pixels.
    """
    if len(colours) == 1:
        return planes.transparent(rgba[3::4])  # 255, which is NOT_PAINTED, or 0
    pixels = memoryview(rgba).cast("I")
    known = {pixel: _nearest(pixel.to_bytes(4, sys.byteorder), colours) for pixel in set(pixels)}
    return bytes(map(known.__getitem__, pixels))


def _nearest(rgba: bytes, colours: Sequence[Colour | None]) -> int:
    if rgba[3] < 128:
        return NOT_PAINTED

    def distance(k: int) -> int:
        return sum((one - other) ** 2 for one, other in zip(rgba, colours[k] or rgba))

    return min(range(len(colours)), key=distance)


def within(hole: bytes, dtype: str, numbers: bytes) -> bytes:
    """The hole, of one value per pixel, without what the map leaves out."""
    size = SIZES[dtype]
    kept = numbers.translate(bytes(0 if value == NOT_PAINTED else 255 for value in range(256)))
    wide = bytearray(len(hole))
    for k in range(size):
        wide[k::size] = kept
    both = int.from_bytes(hole, "little") & int.from_bytes(wide, "little")
    return both.to_bytes(len(hole), "little")


def paint(
    id: str, settings: PaintSettings, seen: Seen, numbers: bytes, names: Sequence[str], latent: str
) -> Paint:
    """The request; `numbers` is the map of classes of the region. Raises Failure bad_setting."""
    image, hole = seen.arrays
    size = (seen.box.height, seen.box.width, 1)
    listed = tuple(number("classes", name, names) for _, name in palette(settings.classes))
    return Paint(
        id=id,
        image=image,
        hole=hole,
        classes=Array("u8", size, numbers.replace(bytes([NOT_PAINTED]), b"\0")),
        palette=listed,
        strength=settings.strength,
        **_common(settings, seen, names, latent),
    )


def transplant(
    id: str, settings: TransplantSettings, seen: Seen, reference: Seen, names: Sequence[str], latent: str
) -> Transplant:
    """The request. Raises Failure bad_setting."""
    image, hole = seen.arrays
    other, marked = reference.arrays
    return Transplant(
        id=id,
        image=image,
        hole=hole,
        reference=other,
        reference_hole=marked,
        sliders=(settings.coarse, settings.middle, settings.fine, settings.finest),
        **_common(settings, seen, names, latent),
    )


def _common(settings: EditSettings, seen: Seen, names: Sequence[str], latent: str) -> dict[str, Any]:
    return {
        "base": number("base", settings.base, names) if settings.base else -1,
        "latent": latent,
        "steps": settings.steps,
        "offset": (seen.box.x, seen.box.y),
        "network": settings.network,
        "grow": settings.grow,
        "feather": settings.feather,
        "seed": settings.seed,
        "seam": settings.seam,
    }


def _bad(name: str, value: str, expected: str) -> Failure:
    return Failure("bad_setting", name=name, value=value, expected=expected)
