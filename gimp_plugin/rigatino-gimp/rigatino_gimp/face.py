"""The way of one face: its hidden part is completed, and becomes a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from gi.repository import Gimp

from rigatino_gimp import (
    candidates,
    daemon,
    eyes,
    faces,
    fills,
    insertion,
    keeping,
    layers,
    pictures,
    request,
)
from rigatino_gimp.faces import FaceSettings
from rigatino_gimp.fill import Choose, Done
from rigatino_gimp.layers import Place
from rigatino_wire.errors import Failure

KIND = "Face"  # what layers are called, before the network's name


def face(
    image: Gimp.Image, drawables: Sequence[Gimp.Drawable], settings: FaceSettings, choose: Choose = None
) -> Done:
    """Completes what is selected of a face, or once more what a layer of this kind was made for.

    The eyes are where the settings say, or marks in the image, or the layer that is made anew; else the daemon looks
    for them. Raises Failure; the image is then as it was.
    """
    request.check(settings)
    given = faces.places(settings.eyes)
    place = layers.find_edit(image, drawables, "face")
    both = given or eyes.marked(image) or _kept(place)
    daemon.start_progress()
    description = daemon.describe("face")
    if not description.networks:
        raise Failure("no_network")
    frame = place.frame(settings.source)
    sent = request.region(place.selection, frame, settings, description)
    region = faces.region(sent, frame, both, description)
    then = keeping.before(place, region)
    message = faces.message(uuid4().hex, settings, pictures.seen(place, settings.source, region), both)
    several = choose is not None and settings.candidates > 1
    found = choose(message) if choose is not None and several else candidates.of(daemon.fill(message))
    used = settings._replace(eyes=faces.text(both))
    kept = [keeping.remembered(then, used, one, "face") for one in found]
    mode = "add" if place.old is None else "replace"
    result = keeping.result(place, found, kept, mode, KIND)
    return Done(insertion.insert(place, result), keeping.notes(found))


def _kept(place: Place) -> tuple[float, ...]:
    """The eyes that the layer to make anew was made with, as far moved since as its hole."""
    if place.old is None:
        return ()
    kept: Any = fills.remembered(place.candidate)
    right, down = place.selection.x - kept.hole.box.x, place.selection.y - kept.hole.box.y
    return faces.moved(faces.places(kept.settings.eyes), right, down)
