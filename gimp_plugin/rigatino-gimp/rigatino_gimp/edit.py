"""The way of one edit: a class is painted, or a part of a reference transplanted, and the change becomes a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, NamedTuple, Union
from uuid import uuid4

from gi.repository import Gimp

from rigatino_gimp import (
    candidates,
    daemon,
    edits,
    fills,
    insertion,
    keeping,
    layers,
    pictures,
    pixels,
    request,
)
from rigatino_gimp.edits import EditSettings, PaintSettings, TransplantSettings
from rigatino_gimp.fill import Done
from rigatino_gimp.layers import Place, box_of
from rigatino_gimp.request import Seen
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Description, Paint, Transplant
from rigatino_wire.region import Box

LAYERS = {"paint": "Paint", "transplant": "Transplant"}  # what layers are called, before the network's name


class Known(NamedTuple):
    """What is known of the networks, of the classes of the one that is used, and of what an earlier edit found."""

    description: Description
    names: Sequence[str]
    latent: str


Make = Callable[[Seen, Known], Union[Paint, Transplant]]  # of what is sent of the place


def paint(
    image: Gimp.Image,
    drawables: Sequence[Gimp.Drawable],
    settings: PaintSettings,
    painted: Gimp.Layer | None,
) -> Done:
    """Shows other classes where something is selected, or where the layer `painted` has their colours.

    A layer that was painted so before is made anew. Raises Failure; the image is then as it was.
    """
    request.check(settings)
    if painted is not None and not painted.is_valid():
        raise Failure("bad_setting", name="map", value="", expected="a layer")
    colours = [colour for colour, _ in edits.palette(settings.classes)]
    if painted is None and colours != [None]:
        raise Failure(
            "bad_setting", name="map", value="", expected="the layer with the colours of the classes"
        )
    place = layers.find_edit(image, drawables, "paint", painted)
    if painted is not None and place.layer == painted:
        raise Failure(
            "bad_setting", name="map", value=painted.get_name(), expected="another layer than the active one"
        )

    def make(seen: Seen, known: Known) -> Paint:
        numbers = bytes(seen.box.width * seen.box.height)
        if painted is not None:
            numbers = edits.drawn(_rgba(painted, seen.box), colours)
            seen = seen._replace(hole=edits.within(seen.hole, seen.dtype, numbers))
        return edits.paint(uuid4().hex, settings, seen, numbers, known.names, known.latent)

    return _edit(place, settings, "paint", make)


def transplant(
    image: Gimp.Image,
    drawables: Sequence[Gimp.Drawable],
    settings: TransplantSettings,
    reference: Gimp.Layer | None,
) -> Done:
    """Shows a part of another layer, which may be another image's, where something is selected.

    A layer that was transplanted before is made anew. Raises Failure; the image is then as it was.
    """
    request.check(settings)
    if reference is None or not reference.is_valid():
        raise Failure("bad_setting", name="reference", value="", expected="a layer")
    place = layers.find_edit(image, drawables, "transplant")

    def make(seen: Seen, known: Known) -> Transplant:
        other = _reference(reference, settings, known.description)
        return edits.transplant(uuid4().hex, settings, seen, other, known.names, known.latent)

    return _edit(place, settings, "transplant", make)


def _edit(place: Place, settings: EditSettings, task: str, make: Make) -> Done:
    daemon.start_progress()
    description = daemon.describe(task)
    if not description.networks:
        raise Failure("no_network")
    region = request.region(place.selection, place.frame(settings.source), settings, description)
    then = keeping.before(place, region)
    network = request.network(description, settings.network).name
    known = Known(description, daemon.classes(network), _latent(place, network))
    found = candidates.of(daemon.fill(make(pictures.seen(place, settings.source, region), known)))
    kept = [keeping.remembered(then, settings, one, task) for one in found]
    mode = "add" if place.old is None else "replace"
    result = keeping.result(place, found, kept, mode, LAYERS[task])
    return Done(insertion.insert(place, result), keeping.notes(found))


def _latent(place: Place, network: str) -> str:
    """What the edit that is made anew found, where the same network made it."""
    old = place.old
    ran = fills.remembered(old).ran if old is not None and old.is_valid() else {}
    latent = ran.get("latent")
    return latent if isinstance(latent, str) and ran.get("network") == network else ""


def _reference(layer: Gimp.Layer, settings: TransplantSettings, description: Description) -> Seen:
    """What is selected of a layer in its own image, with its context; all of the layer where nothing is."""
    image, whole = layer.get_image(), box_of(layer)
    depth = pixels.depth(image)
    _, selected, left, top, right, bottom = Gimp.Selection.bounds(image)
    marked = Box(left, top, right - left, bottom - top).intersect(whole) if selected else whole
    if marked.empty:
        raise Failure("selection_outside")
    box = request.region(marked, whole, settings, description)
    own = box._replace(x=box.x - whole.x, y=box.y - whole.y)
    hole = pixels.read(image.get_selection().get_buffer(), box, depth.mask, depth.dtype)
    return Seen(box, depth.dtype, pixels.read(layer.get_buffer(), own, depth.colour, depth.dtype), hole)


def _rgba(layer: Gimp.Layer, box: Box) -> bytes:
    """A box of the picture, of a layer's own pixels, in bytes."""
    at = box_of(layer)
    own = box._replace(x=box.x - at.x, y=box.y - at.y)
    return pixels.read(layer.get_buffer(), own, pixels.EIGHT_BITS.colour, "u8")
