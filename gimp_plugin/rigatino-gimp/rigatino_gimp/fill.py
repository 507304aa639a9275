"""The way of one fill: check, read, ask the daemon, insert."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from gi.repository import Gimp

from rigatino_gimp import daemon, layers, pixels, record, request
from rigatino_gimp.layers import Place
from rigatino_gimp.record import Hole, Record, Source
from rigatino_gimp.request import Settings
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Fill, Filled
from rigatino_wire.region import Box


def fill(image: Gimp.Image, drawables: Sequence[Gimp.Drawable], settings: Settings) -> Gimp.Layer:
    """Fills the selection with a new layer above the source, and returns it (a group of several candidates).

    Raises Failure; the image is then as it was.
    """
    request.check(settings)
    place = layers.find(image, drawables)
    daemon.start_progress()
    frame = place.frame(settings.source)
    region = request.region(place.selection, frame, settings, daemon.describe())
    if settings.source == "layer" and region.intersect(place.box).empty:
        raise Failure("selection_outside")
    hole = _hole(place, place.selection)
    filled = daemon.fill(_message(place, settings, region))
    remembered = Record(settings, _source(place), region, hole, record.ran(filled))
    return layers.insert(place, _result(filled, settings, remembered))


def _message(place: Place, settings: Settings, region: Box) -> Fill:
    depth = pixels.depth(place.image)
    selection = pixels.read(place.image.get_selection(), region, depth.mask, depth.dtype)
    seen = _visible(place, region) if settings.source == "visible" else _layer(place, region)
    return request.message(uuid4().hex, settings, region, depth.dtype, seen, selection)


def _layer(place: Place, region: Box) -> bytes:
    depth = pixels.depth(place.image)
    own = region._replace(x=region.x - place.box.x, y=region.y - place.box.y)
    return pixels.read(place.layer, own, depth.colour, depth.dtype)


def _visible(place: Place, region: Box) -> bytes:
    """The picture as the user sees it, by way of a layer that is never shown."""
    depth = pixels.depth(place.image)
    merged = Gimp.Layer.new_from_visible(place.image, place.image, "visible")
    try:
        return pixels.read(merged, region, depth.colour, depth.dtype)
    finally:
        merged.delete()


def _hole(place: Place, box: Box) -> Hole:
    depth = pixels.depth(place.image)
    return Hole(box, depth.dtype, pixels.read(place.image.get_selection(), box, depth.mask, depth.dtype))


def _source(place: Place) -> Source:
    return Source(place.layer.get_tattoo(), (place.box.x, place.box.y))


def _result(filled: Filled, settings: Settings, remembered: Record) -> layers.Result:
    parasites = [record.encode(remembered, k) for k in range(filled.fill.shape[0])]
    name = f"Fill ({filled.network})"
    return layers.Result(name, filled.offset, filled.fill, settings.result == "mask", parasites)
