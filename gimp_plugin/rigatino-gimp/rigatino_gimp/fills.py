"""The fills that a picture has already, and the layers that they were made for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from gi.repository import Gimp

from rigatino_gimp import record
from rigatino_gimp.record import Record
from rigatino_wire.errors import Failure


def whole(layer: Gimp.Layer) -> Gimp.Layer | None:
    """The fill that a layer is, or is a candidate of; None where it is no fill."""
    if layer.get_parasite(record.NAME) is None:
        return None
    group = layer.get_parent()
    candidate = group is not None and group.get_parasite(record.NAME) is not None
    return group if candidate else layer


def chosen(layer: Gimp.Layer, fill: Gimp.Layer) -> Gimp.Layer:
    """Of a fill's candidates the one that is meant by a layer: itself, else the uppermost that is shown."""
    if layer.get_parent() == fill:
        return layer
    several = candidates(fill)
    shown = [candidate for candidate in several if candidate.get_visible()]
    return next(iter([*shown, *several]), fill)


def candidates(fill: Gimp.Layer) -> list[Gimp.Layer]:
    """The candidates of a fill that is a group, from the top; none of one that is a single layer."""
    layers = fill.get_children() if fill.is_group() else []
    return [layer for layer in layers if layer.get_parasite(record.NAME) is not None]


def remembered(fill: Gimp.Layer) -> Record:
    """What a fill remembers. Raises Failure record_unreadable."""
    try:
        return record.decode(bytes(fill.get_parasite(record.NAME).get_data()))
    except ValueError as error:
        raise Failure("record_unreadable") from error


def source(image: Gimp.Image, fill: Gimp.Layer) -> Gimp.Layer | None:
    """The layer that a fill was made for, wherever it is by now; None where it is gone."""
    try:
        kept = remembered(fill).source
    except Failure:
        return None
    by_tattoo, by_name = image.get_layer_by_tattoo(kept.tattoo), image.get_layer_by_name(kept.name)
    if by_tattoo == by_name:
        return by_tattoo
    # Users rename layers, and a duplicate of an image numbers them anew: a number can be another layer's by now.
    found = by_name if by_name is not None else by_tattoo
    return found if found.get_parasite(record.NAME) is None else None


def upon(layer: Gimp.Layer) -> list[Gimp.Layer]:
    """The fills of a layer that lie directly above it, the lowest first."""
    image = layer.get_image()
    higher = _siblings(layer)[: image.get_item_position(layer)]
    return list(takewhile(lambda other: _made_for(layer, other), reversed(higher)))


def topmost(layer: Gimp.Layer) -> Gimp.Layer | None:
    """The uppermost fill of a layer: among those directly above it, else anywhere in the picture."""
    above = upon(layer)
    if above:
        return above[-1]
    everywhere = _all(layer.get_image().get_layers())
    return next((other for other in everywhere if _made_for(layer, other)), None)


def _siblings(layer: Gimp.Layer) -> list[Gimp.Layer]:
    group = layer.get_parent()
    return list(group.get_children() if group is not None else layer.get_image().get_layers())


def _all(layers: list[Gimp.Layer]) -> Iterator[Gimp.Layer]:
    """Layers and those within them, from the top; of a fill's candidates only their group."""
    for layer in layers:
        yield layer
        if layer.is_group() and layer.get_parasite(record.NAME) is None:
            yield from _all(layer.get_children())


def _made_for(layer: Gimp.Layer, other: Gimp.Layer) -> bool:
    """Whether the other layer is a fill, and of this one."""
    if other.get_parasite(record.NAME) is None:
        return False
    return bool(other != layer and source(layer.get_image(), other) == layer)
