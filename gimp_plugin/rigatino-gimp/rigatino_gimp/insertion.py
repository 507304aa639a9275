"""A fill becomes a layer: one undo step, or nothing at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from gi.repository import Gimp

from rigatino_gimp import pixels, record
from rigatino_gimp.layers import Place, box_of
from rigatino_gimp.pixels import DEPTHS
from rigatino_gimp.planes import opaque_and_alpha
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Array

TAG = Gimp.ColorTag.VIOLET  # tells fills apart in the list of layers


class Result(NamedTuple):
    """A fill to insert: RGBA candidates [K,H,W,4], where they go, and what is written on them.

    `masked`: alpha becomes a layer mask, the layer itself is opaque. `parasites`: one for each candidate.
    `replace`: the fill takes the place of `Place.old`, and its looks.
    """

    name: str
    offset: tuple[int, int]
    fill: Array
    masked: bool
    parasites: Sequence[bytes]
    replace: bool = False


def insert(place: Place, result: Result) -> Gimp.Layer:
    """Inserts the fill in one undo step, several candidates as a group that shows the first, and returns it.

    Selection and selected layers stay as they are. Raises Failure where image or layer are not what they
    were; after this and any other exception nothing is left inserted.
    """
    _check(place)
    made: list[Gimp.Layer] = []
    try:
        for k in range(result.fill.shape[0]):
            made.append(_blank(place, result))
            _paint(made[k], result, k)
        if len(made) > 1:
            made.insert(0, _group(place.image, result))
        with _undo_group(place.image), _whole(made[0]):
            _put(place, made[0], made[1:])
            if result.replace and place.old is not None and place.old.is_valid():
                _replace(place.old, made[0], result.name)
    except BaseException:
        for layer in made:
            if layer.is_valid() and layer.get_parent() is None:  # or its group, which is undone, holds it
                layer.delete()
        raise
    return made[0]


def _check(place: Place) -> None:
    if not place.image.is_valid():
        raise Failure("image_gone")
    if not place.layer.is_valid():
        raise Failure("layer_gone")
    if place.image.get_base_type() != place.base_type:
        raise Failure("image_converted")
    if place.image.get_floating_sel() is not None:
        raise Failure("floating_selection")
    now = box_of(place.layer)
    if (now.width, now.height) != (place.box.width, place.box.height):
        raise Failure("layer_resized")


def _blank(place: Place, result: Result) -> Gimp.Layer:
    """A layer for one candidate, which no image shows yet."""
    _, height, width, _ = result.fill.shape
    normal, kind = Gimp.LayerMode.NORMAL, place.layer.type_with_alpha()
    layer = Gimp.Layer.new(place.image, result.name, width, height, kind, 100, normal)
    layer.set_offsets(*_moved(place, result.offset))
    return layer


def _paint(layer: Gimp.Layer, result: Result, k: int) -> None:
    """Gives a layer the pixels of candidate k, their mask, and what it has to remember."""
    depth, size = DEPTHS[result.fill.dtype], result.fill.nbytes // result.fill.shape[0]
    rgba = result.fill.view[k * size : (k + 1) * size]
    if not result.masked:
        pixels.write(layer, bytes(rgba), depth.colour, depth.dtype)
    else:
        opaque, alpha = opaque_and_alpha(rgba, depth.dtype)
        pixels.write(layer, opaque, depth.colour, depth.dtype)
        mask = layer.create_mask(Gimp.AddMaskType.BLACK)
        layer.add_mask(mask)
        pixels.write(mask, alpha, depth.mask, depth.dtype)
        layer.set_edit_mask(False)
    layer.set_visible(k == 0)
    _label(layer, result.parasites[k])


def _group(image: Gimp.Image, result: Result) -> Gimp.GroupLayer:
    group = Gimp.GroupLayer.new(image, result.name)
    group.set_expanded(False)
    _label(group, result.parasites[0])
    return group


def _moved(place: Place, offset: tuple[int, int]) -> tuple[int, int]:
    """An offset that follows the source, which may have been moved meanwhile, with the canvas or alone."""
    now = box_of(place.layer)
    return offset[0] + now.x - place.box.x, offset[1] + now.y - place.box.y


def _label(layer: Gimp.Layer, data: bytes) -> None:
    flags = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
    layer.attach_parasite(Gimp.Parasite.new(record.NAME, flags, data))
    layer.set_color_tag(TAG)


def _put(place: Place, top: Gimp.Layer, candidates: Sequence[Gimp.Layer]) -> None:
    """Inserts above the neighbour that was chosen, or above the source where that one is gone."""
    image = place.image
    layers, channels = image.get_selected_layers(), image.get_selected_channels()
    below = place.above if place.above.is_valid() else place.layer
    _demand(image.insert_layer(top, below.get_parent(), image.get_item_position(below)))
    for k, candidate in enumerate(candidates):
        _demand(image.insert_layer(candidate, top, k))
    if channels:
        image.set_selected_channels(channels)
    else:
        image.set_selected_layers(layers)


def _replace(old: Gimp.Layer, new: Gimp.Layer, name: str) -> None:
    """The new fill takes the old one's looks, which the user may have changed, and its being selected."""
    image = new.get_image()
    selected = image.get_selected_layers()
    kept = [layer for layer in selected if old not in (layer, layer.get_parent())]
    new.set_visible(old.get_visible())
    new.set_opacity(old.get_opacity())
    new.set_mode(old.get_mode())
    new.set_color_tag(old.get_color_tag())
    _demand(image.remove_layer(old))
    new.set_name(name)
    if len(kept) < len(selected):
        image.set_selected_layers([*kept, new])


def _demand(done: bool) -> None:
    """GIMP's calls raise nothing, they return False."""
    if not done:
        raise RuntimeError(f"GIMP says: {Gimp.get_pdb().get_last_error()}")


@contextmanager
def _undo_group(image: Gimp.Image) -> Iterator[None]:
    image.undo_group_start()
    try:
        yield
    finally:
        image.undo_group_end()


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
