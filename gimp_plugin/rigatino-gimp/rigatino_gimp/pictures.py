"""What the network gets to see of a picture: a layer with its fills, or all that is visible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gi.repository import Gegl, Gimp

from rigatino_gimp import pixels
from rigatino_gimp.layers import Place, box_of
from rigatino_gimp.request import Seen
from rigatino_wire.region import Box


def seen(place: Place, source: str, region: Box) -> Seen:
    """What is sent of a region: the picture, and what of it is meant. `source`: "layer" or "visible"."""
    [found] = all_seen(place, source, [region])
    return found


def all_seen(place: Place, source: str, regions: Sequence[Box]) -> list[Seen]:
    """What is sent of several regions."""
    depth = pixels.depth(place.image)
    found = _visible(place, regions) if source == "visible" else [read(place, region) for region in regions]
    return [
        Seen(region, depth.dtype, rgba, pixels.read(place.hole, region, depth.mask, depth.dtype))
        for region, rgba in zip(regions, found)
    ]


def read(place: Place, region: Box) -> bytes:
    """RGBA of a region of the layer with its fills, as the picture's depth has it."""
    depth = pixels.depth(place.image)
    near = [fill for fill in place.fills if fill.is_valid() and not box_of(fill).intersect(region).empty]
    if near:
        return pixels.read(_with_fills(place, near, region, depth.colour), region, depth.colour, depth.dtype)
    own = region._replace(x=region.x - place.box.x, y=region.y - place.box.y)
    return pixels.read(place.layer.get_buffer(), own, depth.colour, depth.dtype)


def _visible(place: Place, regions: Sequence[Box]) -> list[bytes]:
    """The picture as the user sees it, without the fill that is made anew.

    That fill is hidden in a copy of the image: in the image itself it would be an undo step.
    """
    if place.old is None or not place.old.is_valid() or not place.old.get_visible():
        return _merged(place.image, regions)
    copy = place.image.duplicate()
    try:
        copy.get_layer_by_name(place.old.get_name()).set_visible(False)  # it has another tattoo there
        return _merged(copy, regions)
    finally:
        copy.delete()


def _merged(image: Gimp.Image, regions: Sequence[Box]) -> list[bytes]:
    """All visible layers together, by way of a layer that is never shown."""
    depth = pixels.depth(image)
    merged = Gimp.Layer.new_from_visible(image, image, "visible")
    try:
        return [pixels.read(merged.get_buffer(), box, depth.colour, depth.dtype) for box in regions]
    finally:
        merged.delete()


def _with_fills(place: Place, fills: Sequence[Gimp.Layer], region: Box, format: str) -> Gegl.Buffer:
    """The layer and its fills, put together by GEGL in this process."""
    seen = pixels.new_buffer(region, format)
    graph = Gegl.Node.new()
    top = _layer(graph, place.layer)
    for fill in fills:
        over = _node(graph, "gegl:over")
        top.link(over)
        _faded(graph, fill).connect_to("output", over, "aux")
        top = over
    end = _node(graph, "gegl:write-buffer", buffer=seen)
    crop = _node(graph, "gegl:crop", x=region.x, y=region.y, width=region.width, height=region.height)
    top.link(crop)
    crop.link(end)
    end.process()
    return seen


def _faded(graph: Gegl.Node, fill: Gimp.Layer) -> Gegl.Node:
    """A fill with its opacity and its layer mask."""
    opacity = _node(graph, "gegl:opacity", value=fill.get_opacity() / 100)
    _layer(graph, fill).link(opacity)
    mask = fill.get_mask()
    if mask is not None and fill.get_apply_mask():
        _placed(graph, mask.get_buffer(), fill).connect_to("output", opacity, "aux")
    return opacity


def _layer(graph: Gegl.Node, layer: Gimp.Layer) -> Gegl.Node:
    return _placed(graph, layer.get_buffer(), layer)


def _placed(graph: Gegl.Node, buffer: Gegl.Buffer, layer: Gimp.Layer) -> Gegl.Node:
    """A buffer where the layer lies in the picture."""
    _, x, y = layer.get_offsets()
    moved = _node(graph, "gegl:translate", x=float(x), y=float(y))
    _node(graph, "gegl:buffer-source", buffer=buffer).link(moved)
    return moved


def _node(graph: Gegl.Node, operation: str, **properties: Any) -> Gegl.Node:
    node = graph.create_child(operation)
    for name, value in properties.items():
        node.set_property(name, value)
    return node
