"""The layer that is filled, and the layers that hold the fill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from gi.repository import Gegl, Gimp

from rigatino_gimp import pixels, record
from rigatino_gimp.pixels import DEPTHS
from rigatino_gimp.planes import opaque_and_alpha
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Array
from rigatino_wire.region import Box


class Place(NamedTuple):
    """What is to be filled: a layer of an image, where the layer lies, and the hole with its bounds.

    All in the picture's coordinates. `hole` is read like the selection ("Y u8", "Y float"; 1 is to be filled)
    and is not always that: a channel, a layer's transparency, or what a fill remembers can be meant.
    """

    image: Gimp.Image
    layer: Gimp.Layer
    box: Box
    selection: Box
    base_type: Gimp.ImageBaseType
    hole: Gegl.Buffer

    @property
    def canvas(self) -> Box:
        return Box(0, 0, self.image.get_width(), self.image.get_height())

    def frame(self, source: str) -> Box:
        """The pixels that may be sent: what there is to see, and the hole. `source`: "layer" or "visible"."""
        if source == "visible":
            return self.canvas
        return _around(self.canvas.intersect(self.box), self.selection)


def _around(one: Box, other: Box) -> Box:
    """The smallest box that holds both; an empty one counts for nothing."""
    if one.empty or other.empty:
        return other if one.empty else one
    x, y = min(one.x, other.x), min(one.y, other.y)
    return Box(x, y, max(one.right, other.right) - x, max(one.bottom, other.bottom) - y)


def find(image: Gimp.Image, drawables: Sequence[Gimp.Drawable]) -> Place:
    """Checks all that can be checked before anything is asked or sent. Raises Failure."""
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        raise Failure("indexed_image")
    if image.get_floating_sel() is not None:
        raise Failure("floating_selection")
    layer = _layer(drawables)
    _, selected, left, top, right, bottom = Gimp.Selection.bounds(image)
    if not selected:
        raise Failure("selection_empty")
    selection = Box(left, top, right - left, bottom - top)
    return Place(
        image, layer, _box(layer), selection, image.get_base_type(), image.get_selection().get_buffer()
    )


def _layer(drawables: Sequence[Gimp.Drawable]) -> Gimp.Layer:
    """The one layer meant; the layer itself where its mask is being edited."""
    if len(drawables) != 1:
        raise Failure("many_layers" if drawables else "no_layer")
    drawable = drawables[0]
    if isinstance(drawable, Gimp.LayerMask):
        return Gimp.Layer.from_mask(drawable)
    if not isinstance(drawable, Gimp.Layer):
        raise Failure("no_layer")
    return drawable


def _box(layer: Gimp.Layer) -> Box:
    _, x, y = layer.get_offsets()
    return Box(x, y, layer.get_width(), layer.get_height())


class Result(NamedTuple):
    """A fill to insert: RGBA candidates [K,H,W,4], where they go, and what is written on them.

    `masked`: alpha becomes a layer mask, the layer itself is opaque. `parasites`: one for each candidate.
    """

    name: str
    offset: tuple[int, int]
    fill: Array
    masked: bool
    parasites: Sequence[bytes]


def insert(place: Place, result: Result) -> Gimp.Layer:
    """Inserts the fill above its source in one undo step, several candidates as a group that shows the first.

    Selection and selected layers stay as they are. Raises Failure, with nothing inserted, where image or
    layer are not what they were.
    """
    _check(place)
    image, source = place.image, place.layer
    selected = image.get_selected_layers()
    fills = [_layer_of(place, result, k) for k in range(result.fill.shape[0])]
    top = fills[0] if len(fills) == 1 else _group(image, result)
    with _undo_group(image):
        if not image.insert_layer(top, source.get_parent(), image.get_item_position(source)):
            raise RuntimeError("GIMP did not take the layer")
        for k, fill in enumerate(fills if top is not fills[0] else ()):
            fill.set_visible(k == 0)
            image.insert_layer(fill, top, k)
        image.set_selected_layers(selected)
    return top


def _check(place: Place) -> None:
    if not place.image.is_valid():
        raise Failure("image_gone")
    if not place.layer.is_valid():
        raise Failure("layer_gone")
    if place.image.get_base_type() != place.base_type:
        raise Failure("image_converted")


def _layer_of(place: Place, result: Result, k: int) -> Gimp.Layer:
    """Candidate k as a layer that no image shows yet."""
    _, height, width, _ = result.fill.shape
    depth, size = DEPTHS[result.fill.dtype], result.fill.nbytes // result.fill.shape[0]
    rgba = bytes(result.fill.view[k * size : (k + 1) * size])
    normal, kind = Gimp.LayerMode.NORMAL, place.layer.type_with_alpha()
    layer = Gimp.Layer.new(place.image, result.name, width, height, kind, 100, normal)
    opaque, alpha = opaque_and_alpha(rgba, depth.dtype)
    pixels.write(layer, opaque if result.masked else rgba, depth.colour, depth.dtype)
    if result.masked:
        mask = layer.create_mask(Gimp.AddMaskType.BLACK)
        layer.add_mask(mask)
        pixels.write(mask, alpha, depth.mask, depth.dtype)
        layer.set_edit_mask(False)
    layer.set_offsets(*_moved(place, result.offset))
    _remember(layer, result.parasites[k])
    return layer


def _group(image: Gimp.Image, result: Result) -> Gimp.GroupLayer:
    group = Gimp.GroupLayer.new(image, result.name)
    group.set_expanded(False)
    _remember(group, result.parasites[0])
    return group


def _moved(place: Place, offset: tuple[int, int]) -> tuple[int, int]:
    """An offset that follows the source: it may have been moved, or the canvas cropped, meanwhile."""
    now = _box(place.layer)
    return offset[0] + now.x - place.box.x, offset[1] + now.y - place.box.y


def _remember(layer: Gimp.Layer, data: bytes) -> None:
    flags = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
    layer.attach_parasite(Gimp.Parasite.new(record.NAME, flags, data))


@contextmanager
def _undo_group(image: Gimp.Image) -> Iterator[None]:
    image.undo_group_start()
    try:
        yield
    finally:
        image.undo_group_end()
