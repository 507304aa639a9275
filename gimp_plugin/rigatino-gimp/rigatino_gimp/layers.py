"""The layer that is filled, and the hole in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gi.repository import Gegl, Gimp

from rigatino_gimp import fills, holes
from rigatino_gimp.record import Record
from rigatino_wire.errors import Failure
from rigatino_wire.region import Box


class Place(NamedTuple):
    """What is to be filled: a layer of an image, where the layer lies, and the hole with its bounds.

    All in the picture's coordinates. `hole` is read like the selection ("Y u8", "Y float"; 1 is to be filled)
    and is not always that: `kind` is "selection" or a key of texts.HOLES. `fills`: the earlier fills that are
    seen with the layer, the lowest first. `above`: the new one's neighbour below. `old`: the fill to make anew,
    `candidate`: the one that is meant of its candidates, or itself.
    """

    image: Gimp.Image
    layer: Gimp.Layer
    box: Box
    selection: Box
    base_type: Gimp.ImageBaseType
    hole: Gegl.Buffer
    kind: str
    fills: Sequence[Gimp.Layer]
    above: Gimp.Layer
    old: Gimp.Layer | None = None
    candidate: Gimp.Layer | None = None

    @property
    def canvas(self) -> Box:
        return Box(0, 0, self.image.get_width(), self.image.get_height())

    def check(self) -> None:
        """Raises Failure where image or layer are not what they were: the user goes on working meanwhile.

        GIMP ends a plug-in that asks for pixels which are gone.
        """
        if not self.image.is_valid():
            raise Failure("image_gone")
        if not self.layer.is_valid():
            raise Failure("layer_gone")
        if self.image.get_base_type() != self.base_type:
            raise Failure("image_converted")
        if self.image.get_floating_sel() is not None:
            raise Failure("floating_selection")
        now = box_of(self.layer)
        if (now.width, now.height) != (self.box.width, self.box.height):
            raise Failure("layer_resized")

    def frame(self, source: str) -> Box:
        """The pixels that may be sent: what there is to see, and the hole. `source`: "layer" or "visible".

        Raises Failure as `check` does.
        """
        self.check()
        if source == "visible":
            return self.canvas
        return _around(self.canvas.intersect(self.box), self.selection)


def _around(one: Box, other: Box) -> Box:
    """The smallest box that holds both; an empty one counts for nothing."""
    if one.empty or other.empty:
        return other if one.empty else one
    x, y = min(one.x, other.x), min(one.y, other.y)
    return Box(x, y, max(one.right, other.right) - x, max(one.bottom, other.bottom) - y)


def find(image: Gimp.Image, drawables: Sequence[Gimp.Drawable], painted: Gimp.Layer | None = None) -> Place:
    """Where to fill, for rigatino-fill: what is marked, also by a layer that is painted on. Raises Failure.

    A fill layer stands for the layer that it was made for, as long as that is in the image. A fill is seen
    with that layer, and the next one lies above it.
    """
    layer, channel = active(image, drawables)
    fill = fills.whole(layer)
    source = fills.source(image, fill) if fill is not None else None
    if source is None:
        return _place(image, layer, holes.find(image, channel, layer, painted), fills.upon(layer))
    seen = fills.upon(source)
    if fill not in seen:
        seen.append(fill)
    return _place(image, source, holes.find(image, channel, source, painted), seen)


def find_again(image: Gimp.Image, drawables: Sequence[Gimp.Drawable], task: str = "fill") -> Place:
    """Where to fill, for rigatino-refill: a fill layer, or the layer that it was made for. Raises Failure."""
    layer, _ = active(image, drawables)
    fill = fills.whole(layer) or fills.topmost(layer)
    if fill is None:
        raise Failure("not_a_fill")
    candidate = fills.chosen(layer, fill)
    kept = fills.remembered(candidate)
    if kept.task != task:
        raise Failure("another_task")
    source = fills.source(image, fill)
    if source is None:
        raise Failure("source_gone")
    hole = holes.remembered(kept.hole, *_moved(kept, source, candidate))
    others = [other for other in fills.upon(source) if other != fill]
    return _place(image, source, hole, others)._replace(above=fill, old=fill, candidate=candidate)


def find_edit(
    image: Gimp.Image,
    drawables: Sequence[Gimp.Drawable],
    task: str,
    painted: Gimp.Layer | None = None,
) -> Place:
    """Where to edit: what is marked, or what an earlier edit of this kind, if that is active, was made for."""
    layer, _ = active(image, drawables)
    fill = fills.whole(layer)
    if fill is not None and fills.remembered(fill).task == task:
        return find_again(image, drawables, task)
    return find(image, drawables, painted)


def _place(image: Gimp.Image, layer: Gimp.Layer, hole: holes.Hole, above: Sequence[Gimp.Layer]) -> Place:
    """The layer with its hole; `above`: the layer's fills, the new one goes on top of them."""
    seen = [fill for fill in above if fill.get_visible()]
    top = above[-1] if above else layer
    return Place(
        image, layer, box_of(layer), hole.box, image.get_base_type(), hole.buffer, hole.kind, seen, top
    )


def _moved(kept: Record, source: Gimp.Layer, fill: Gimp.Layer) -> tuple[int, int]:
    """How far the filled pixels have moved since: with their layer, or with the canvas that was cropped."""
    now, then = box_of(source), kept.source
    if (now.width, now.height) == then.size:
        return now.x - then.offset[0], now.y - then.offset[1]
    laid = box_of(fill)
    if (laid.width, laid.height) != (kept.box.width, kept.box.height):
        raise Failure("source_changed")
    return laid.x - kept.box.x, laid.y - kept.box.y


def active(image: Gimp.Image, drawables: Sequence[Gimp.Drawable]) -> tuple[Gimp.Layer, Gimp.Channel | None]:
    """The one layer meant, and the channel where one is active in its place. Raises Failure.

    The layer is meant where its mask is being edited, and the only layer where a channel is active.
    Image and layer may be gone: the user can close and delete them while the dialog is open.
    """
    if not image.is_valid():
        raise Failure("image_gone")
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        raise Failure("indexed_image")
    if image.get_floating_sel() is not None:
        raise Failure("floating_selection")
    if len(drawables) != 1:
        raise Failure("many_layers" if drawables else "no_layer")
    drawable = drawables[0]
    if not drawable.is_valid():
        raise Failure("layer_gone")
    if drawable.get_image() != image:
        raise Failure("no_layer")
    if isinstance(drawable, Gimp.LayerMask):
        return Gimp.Layer.from_mask(drawable), None
    if isinstance(drawable, Gimp.Layer):
        return drawable, None
    layers = image.get_layers()
    if len(layers) != 1:
        raise Failure("layer_unclear" if layers else "no_layer")
    return layers[0], drawable


def box_of(layer: Gimp.Layer) -> Box:
    """Where a layer lies in its picture."""
    _, x, y = layer.get_offsets()
    return Box(x, y, layer.get_width(), layer.get_height())
