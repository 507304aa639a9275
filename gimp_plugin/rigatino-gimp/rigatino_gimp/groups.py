"""What tells fills apart among layers, and the group that holds several candidates of one fill."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gi.repository import Gimp

from rigatino_gimp import candidates, fills, record

TAG = Gimp.ColorTag.VIOLET


def new(image: Gimp.Image, name: str, data: bytes) -> Gimp.GroupLayer:
    """An empty group, which no image shows yet; `data` is what it has to remember."""
    group = Gimp.GroupLayer.new(image, name)
    group.set_expanded(False)
    label(group, data)
    return group


def label(layer: Gimp.Layer, data: bytes) -> None:
    """Marks a layer as a fill that remembers this."""
    flags = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
    layer.attach_parasite(Gimp.Parasite.new(record.NAME, flags, data))
    layer.set_color_tag(TAG)


def dress(new: Gimp.Layer, old: Gimp.Layer) -> None:
    """Gives a layer another's looks; only groups have the mode pass-through."""
    new.set_visible(old.get_visible())
    new.set_opacity(old.get_opacity())
    if new.is_group() or old.get_mode() != Gimp.LayerMode.PASS_THROUGH:
        new.set_mode(old.get_mode())
    new.set_color_tag(old.get_color_tag())


@contextmanager
def of_candidates(fill: Gimp.Layer) -> Iterator[Gimp.Layer]:
    """A fill as a group. One that is a single layer becomes its first candidate; the group takes its place and looks.

    Where something goes wrong it is again what it was.
    """
    if fill.is_group():
        yield fill
        return
    image, parent = fill.get_image(), fill.get_parent()
    place = image.get_item_position(fill)
    group = new(image, fill.get_name(), bytes(fill.get_parasite(record.NAME).get_data()))
    dress(group, fill)
    demand(image.insert_layer(group, parent, place))
    try:
        demand(image.reorder_item(fill, group, 0))
        yield group
    except BaseException:
        if fill.get_parent() == group:
            image.reorder_item(fill, parent, place)
        image.remove_layer(group)
        raise
    _as_candidate(fill, group)


def _as_candidate(fill: Gimp.Layer, group: Gimp.Layer) -> None:
    """Gives up the name and the looks that are the group's by now."""
    kept, name = fills.remembered(fill), fill.get_name()
    fill.set_opacity(100)
    fill.set_mode(Gimp.LayerMode.NORMAL)
    fill.set_name(candidates.name(str(kept.ran.get("network")), kept.answer))
    group.set_name(name)


def demand(done: bool) -> None:
    """GIMP's calls raise nothing, they return False."""
    if not done:
        raise RuntimeError(f"GIMP says: {Gimp.get_pdb().get_last_error()}")
