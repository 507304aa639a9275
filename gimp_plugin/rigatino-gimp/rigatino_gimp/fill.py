"""The way of one fill: read, ask the daemon, insert."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import uuid4

from gi.repository import Gimp

from rigatino_gimp import daemon, fills, insertion, layers, pictures, pixels, record, request
from rigatino_gimp.layers import Place
from rigatino_gimp.record import Hole, Record, Source
from rigatino_gimp.request import Settings
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Fill, Filled
from rigatino_wire.region import Box


class Done(NamedTuple):
    """The new layer (a group of several candidates), and what the user should know of it."""

    layer: Gimp.Layer
    notes: Sequence[str]


def fill(image: Gimp.Image, drawables: Sequence[Gimp.Drawable], settings: Settings) -> Done:
    """Fills what is selected with a new layer above the source.

    Raises Failure; the image is then as it was.
    """
    request.check(settings)
    return _fill(layers.find(image, drawables), settings, replace=False)


def refill(image: Gimp.Image, drawables: Sequence[Gimp.Drawable], settings: Settings, mode: str) -> Done:
    """Fills the hole of a fill once more; `mode` "replace" takes the old fill away, "add" leaves it.

    Raises Failure; the image is then as it was.
    """
    request.check(settings)
    request.check_mode(mode)
    return _fill(layers.find_again(image, drawables), settings, replace=mode == "replace")


def _fill(place: Place, settings: Settings, replace: bool) -> Done:
    daemon.start_progress()
    frame = place.frame(settings.source)
    region = request.region(place.selection, frame, settings, daemon.describe())
    if settings.source == "layer" and region.intersect(place.box).empty:
        raise Failure("selection_outside")
    source, hole = _source(place), _hole(place)  # by the time the daemon is done they may be gone
    filled = daemon.fill(_message(place, settings, region))
    remembered = Record(settings, source, region, hole, _laid(filled), record.ran(filled))
    result = insertion.Result(
        name=_name(place, filled, replace),
        offset=filled.offset,
        fill=filled.fill,
        masked=settings.result == "mask",
        parasites=[record.encode(remembered, k) for k in range(filled.fill.shape[0])],
        replace=replace,
    )
    return Done(insertion.insert(place, result), filled.notes)


def _message(place: Place, settings: Settings, region: Box) -> Fill:
    depth = pixels.depth(place.image)
    selection = pixels.read(place.hole, region, depth.mask, depth.dtype)
    seen = pictures.read(place, settings.source, region)
    return request.message(uuid4().hex, settings, region, depth.dtype, seen, selection)


def _hole(place: Place) -> Hole:
    depth = pixels.depth(place.image)
    return Hole(
        place.selection, depth.dtype, pixels.read(place.hole, place.selection, depth.mask, depth.dtype)
    )


def _source(place: Place) -> Source:
    layer, box = place.layer, place.box
    return Source(layer.get_tattoo(), layer.get_name(), (box.x, box.y), (box.width, box.height))


def _laid(filled: Filled) -> Box:
    _, height, width, _ = filled.fill.shape
    return Box(*filled.offset, width, height)


def _name(place: Place, filled: Filled, replace: bool) -> str:
    """The network's; a fill that takes another's place keeps a name that the user gave, or that is true still."""
    name = f"Fill ({filled.network})"
    if not replace or place.old is None or not place.old.is_valid():
        return name
    ran, old = fills.remembered(place.old).ran.get("network"), str(place.old.get_name())
    outdated = ran != filled.network and old.startswith(f"Fill ({ran})")
    return name if outdated else old
