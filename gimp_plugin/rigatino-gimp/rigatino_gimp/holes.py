"""What is to be filled: the selection, a channel, or what is empty, all of them in the picture's coordinates."""

from __future__ import annotations

from typing import Callable, NamedTuple

from gi.repository import Gegl, Gimp

from rigatino_gimp import pixels, planes
from rigatino_gimp.pixels import DEPTHS, Depth
from rigatino_gimp.record import Hole as Remembered
from rigatino_wire.errors import Failure
from rigatino_wire.holes import bounds, holes
from rigatino_wire.region import Box

QUICK_MASK = "Qmask"  # what GIMP names that channel in every language


class Hole(NamedTuple):
    """Where to fill: what it is (a key of texts.HOLES, or "selection"), its bounds, and its values."""

    kind: str
    box: Box
    buffer: Gegl.Buffer


def find(
    image: Gimp.Image, channel: Gimp.Channel | None, layer: Gimp.Layer, painted: Gimp.Layer | None = None
) -> Hole:
    """The active channel where there is one, else the selection, else the Quick Mask, else what is transparent, else
    the canvas around an only layer.

    A layer `painted` comes before the Quick Mask: its opaque pixels are meant.

    Raises Failure selection_empty, or hole_empty for a channel that marks nothing.
    """
    if channel is not None:
        return _of_channel(image, channel)
    _, selected, left, top, right, bottom = Gimp.Selection.bounds(image)
    if selected:
        box = Box(left, top, right - left, bottom - top)
        return Hole("selection", box, image.get_selection().get_buffer())
    if painted is not None:
        return _of_opacity("painted", image, painted, planes.opaque)
    mask = image.get_channel_by_name(QUICK_MASK)
    if mask is not None:
        return _of_channel(image, mask)
    try:
        return _of_opacity("transparency", image, layer, planes.transparent)
    except Failure:
        if image.get_layers() != [layer]:
            raise
        return _around(image, layer)


def remembered(hole: Remembered, dx: int, dy: int) -> Hole:
    """The hole of an earlier fill, moved by so many pixels."""
    box = hole.box._replace(x=hole.box.x + dx, y=hole.box.y + dy)
    return Hole("fill", box, _buffer(box, hole.dtype, hole.data))


def apart(buffer: Gegl.Buffer, box: Box, depth: Depth) -> list[Box]:
    """The parts of a hole that lie apart from each other; its box itself where it is but one."""
    data = pixels.read(buffer, box, depth.mask, depth.dtype)
    found = holes(data, box.width, len(data) // (box.width * box.height))
    return [hole.moved(box.x, box.y) for hole in found] if len(found) > 1 else [box]


def _of_channel(image: Gimp.Image, channel: Gimp.Channel) -> Hole:
    # Of all precisions, this one alone keeps channels (not the selection) in the picture's own bent light.
    bent = image.get_precision() == Gimp.Precision.U8_NON_LINEAR
    whole = Box(0, 0, channel.get_width(), channel.get_height())
    data = pixels.read(channel.get_buffer(), whole, "Y' u8" if bent else "Y u8", "u8")
    kind = "quick mask" if channel.get_name() == QUICK_MASK else "channel"
    hole = _of_bytes(kind, whole, data)
    if hole.box.empty:
        raise Failure("hole_empty")
    return hole


def _around(image: Gimp.Image, layer: Gimp.Layer) -> Hole:
    """The canvas around the only layer, which was made larger. Raises Failure selection_empty where there is none."""
    _, x, y = layer.get_offsets()
    canvas = Box(0, 0, image.get_width(), image.get_height())
    shown = Box(x, y, layer.get_width(), layer.get_height()).intersect(canvas)
    if shown.empty or shown == canvas:
        raise Failure("selection_empty")
    beside = b"\xff" * shown.x + bytes(shown.width) + b"\xff" * (canvas.width - shown.right)
    below = b"\xff" * (canvas.width * (canvas.height - shown.bottom))
    data = b"\xff" * (canvas.width * shown.y) + beside * shown.height + below
    return _of_bytes("canvas", canvas, data)


def _of_opacity(kind: str, image: Gimp.Image, layer: Gimp.Layer, which: Callable[[bytes], bytes]) -> Hole:
    """The pixels of the layer, within the canvas, that are opaque, or that are not: as the daemon sees them."""
    _, x, y = layer.get_offsets()
    shown = Box(x, y, layer.get_width(), layer.get_height()).intersect(
        Box(0, 0, image.get_width(), image.get_height())
    )
    if shown.empty or not layer.has_alpha():
        raise Failure("selection_empty")
    alpha = pixels.read(layer.get_buffer(), shown._replace(x=shown.x - x, y=shown.y - y), "A u8", "u8")
    hole = _of_bytes(kind, shown, which(alpha))
    if hole.box.empty:
        raise Failure("selection_empty")
    return hole


def _of_bytes(kind: str, area: Box, data: bytes) -> Hole:
    marked = bounds(data, area.width, Box(0, 0, area.width, area.height))
    return Hole(kind, marked._replace(x=marked.x + area.x, y=marked.y + area.y), _buffer(area, "u8", data))


def _buffer(box: Box, dtype: str, data: bytes) -> Gegl.Buffer:
    depth = DEPTHS[dtype]
    buffer = pixels.new_buffer(box, depth.mask)
    buffer.set(Gegl.Rectangle.new(*box), depth.mask, planes.native(data, dtype))
    return buffer
