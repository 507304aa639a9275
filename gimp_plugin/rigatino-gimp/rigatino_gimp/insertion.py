"""A fill becomes a layer: one undo step, or nothing at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from gi.repository import Gimp

from rigatino_gimp import fills, groups, pixels
from rigatino_gimp.candidates import Part
from rigatino_gimp.groups import demand
from rigatino_gimp.layers import Place, box_of
from rigatino_gimp.pixels import DEPTHS
from rigatino_gimp.planes import opaque_and_alpha
from rigatino_gimp.request import JOINING
from rigatino_wire.region import Box


class Picture(NamedTuple):
    """One candidate: its pixels, its layer's name among others, and what it has to remember."""

    parts: Sequence[Part]
    name: str
    parasite: bytes


class Result(NamedTuple):
    """A fill to insert: its candidates, all of one box of the picture and one dtype.

    The box is around all their parts; where none of these is, layers stay transparent. `masked`: alpha becomes a layer
    mask, the parts themselves are opaque. `mode`: one of `request.MODES`, what becomes of `Place.old` where there is
    one.
    """

    name: str
    box: Box
    dtype: str
    pictures: Sequence[Picture]
    masked: bool
    mode: str = "add"


def insert(place: Place, result: Result) -> Gimp.Layer:
    """Inserts the fill in one undo step, several candidates as a group that shows the first, and returns it.

    Of candidates that join an older fill's, the first is returned. Selection and selected layers stay as they
    are. Raises Failure where image or layer are not what they were; after this and any other exception nothing is
    left inserted.
    """
    place.check()
    old = place.old if place.old is not None and place.old.is_valid() else None
    joined = old if result.mode in JOINING else None
    several = joined is not None or len(result.pictures) > 1
    made: list[Gimp.Layer] = []
    try:
        for picture in result.pictures:
            made.append(_blank(place, result, picture.name if several else result.name))
            _paint(made[-1], result, picture)
            made[-1].set_visible(len(made) == 1)
        if joined is not None:
            _join(joined, made)
        else:
            _insert(place, made, result, old)
    except BaseException:
        for layer in made:
            if layer.is_valid() and layer.get_parent() is None:  # or its group, which is undone, holds it
                layer.delete()
        raise
    return made[0]


def _insert(place: Place, made: list[Gimp.Layer], result: Result, old: Gimp.Layer | None) -> None:
    """A fill of its own: one layer, or several in a group, which comes first in `made` then."""
    if len(made) > 1:
        made.insert(0, groups.new(place.image, result.name, result.pictures[0].parasite))
    with _undo_group(place.image), _whole(made[0]):
        with _selection_kept(place.image):
            _put(place, made[0], made[1:])
        if old is not None and result.mode == "replace":
            _replace(old, made[0], result.name)


def _join(old: Gimp.Layer, made: Sequence[Gimp.Layer]) -> None:
    """The new candidates come above those of the old fill; of all of them the first is shown."""
    image = old.get_image()
    with _undo_group(image), _selection_kept(image), ExitStack() as stack:
        group = stack.enter_context(groups.of_candidates(old))
        for k, layer in enumerate(made):
            stack.enter_context(_whole(layer))
            demand(image.insert_layer(layer, group, k))
        for candidate in fills.candidates(group):
            candidate.set_visible(candidate == made[0])


def _blank(place: Place, result: Result, name: str) -> Gimp.Layer:
    """A layer for one candidate, which no image shows yet."""
    normal, kind = Gimp.LayerMode.NORMAL, place.layer.type_with_alpha()
    layer = Gimp.Layer.new(place.image, name, result.box.width, result.box.height, kind, 100, normal)
    layer.set_offsets(*_moved(place, result.box))
    return layer


def _paint(layer: Gimp.Layer, result: Result, picture: Picture) -> None:
    """Gives a layer a candidate's pixels, their mask, and what it has to remember."""
    depth = DEPTHS[result.dtype]
    mask = layer.create_mask(Gimp.AddMaskType.BLACK) if result.masked else None
    if mask is not None:
        layer.add_mask(mask)
        layer.set_edit_mask(False)
    for part in picture.parts:
        box, rgba = part.box.moved(-result.box.x, -result.box.y), bytes(part.rgba)
        if mask is not None:
            rgba, alpha = opaque_and_alpha(rgba, depth.dtype)
            pixels.write(mask, box, alpha, depth.mask, depth.dtype)
        pixels.write(layer, box, rgba, depth.colour, depth.dtype)
    groups.label(layer, picture.parasite)


def _moved(place: Place, box: Box) -> tuple[int, int]:
    """Where a box begins that follows the source, which may have been moved meanwhile, with the canvas or alone."""
    now = box_of(place.layer)
    return box.x + now.x - place.box.x, box.y + now.y - place.box.y


def _put(place: Place, top: Gimp.Layer, candidates: Sequence[Gimp.Layer]) -> None:
    """Inserts above the neighbour that was chosen, or above the source where that one is gone."""
    image = place.image
    below = place.above if place.above.is_valid() else place.layer
    demand(image.insert_layer(top, below.get_parent(), image.get_item_position(below)))
    for k, candidate in enumerate(candidates):
        demand(image.insert_layer(candidate, top, k))


def _replace(old: Gimp.Layer, new: Gimp.Layer, name: str) -> None:
    """The new fill takes the old one's looks, which the user may have changed, and its being selected."""
    image = new.get_image()
    selected = image.get_selected_layers()
    kept = [layer for layer in selected if old not in (layer, layer.get_parent())]
    groups.dress(new, old)
    demand(image.remove_layer(old))
    new.set_name(name)
    if len(kept) < len(selected):
        image.set_selected_layers([*kept, new])


@contextmanager
def _undo_group(image: Gimp.Image) -> Iterator[None]:
    image.undo_group_start()
    try:
        yield
    finally:
        image.undo_group_end()


@contextmanager
def _selection_kept(image: Gimp.Image) -> Iterator[None]:
    """What is selected among layers and channels stays so: GIMP selects whatever is inserted."""
    layers, channels = image.get_selected_layers(), image.get_selected_channels()
    try:
        yield
    finally:
        if channels:
            image.set_selected_channels(channels)
        else:
            image.set_selected_layers(layers)


@contextmanager
def _whole(layer: Gimp.Layer) -> Iterator[None]:
    """Where something goes wrong, takes the layer, with what it holds, out of its image again."""
    image = layer.get_image()
    try:
        yield
    except BaseException:
        group = layer.get_parent()
        if layer in (group.get_children() if group is not None else image.get_layers()):
            image.remove_layer(layer)
        raise
