"""Calls of the procedures, with all that can be judged of them afterwards."""

from gi.repository import Gegl, Gimp
from host import call, dump, dump_visible, layer_facts, only_layer, photo, record, state

FLOAT = "R'G'B'A float"


def filled(case, image, source, /, **arguments):
    """Fills, and leaves everything that can be judged: before, after, layers, record."""
    image.clean_all()
    before = state(image)
    facts = {
        "source": dump(case, "source", source),
        "selection": dump(case, "selection", image.get_selection(), "Y u8"),
    }
    outcome, layer = call(image, [source], **{"detail": False, **arguments})
    facts.update(before=before, after=state(image), outcome=outcome, visible=dump_visible(case, image))
    if layer is not None and not layer.is_group():
        facts.update(fill=dump(case, "fill", layer), layer=layer_facts(layer), record=record(layer))
        if layer.get_mask() is not None:
            facts["mask"] = dump(case, "mask", layer.get_mask(), "Y u8")
    facts["tattoo"] = source.get_tattoo()
    return facts


def refused(image, drawables, /, name="rigatino-fill", **arguments):
    """Calls what ought to be refused."""
    image.clean_all()
    before = state(image)
    outcome, _ = call(image, drawables, name, **arguments)
    return {"before": before, "after": state(image), "outcome": outcome}


def seen(case, image, drawable, /, hole=None, **arguments):
    """Fills, with the picture in floats before and after, and the hole (dumped; else the selection)."""
    facts = {
        "hole": hole or dump(case, "hole", image.get_selection(), "Y u8"),
        "picture": dump_visible(f"{case}-before", image, FLOAT),
        "before": state(image),
    }
    outcome, layer = call(image, [drawable], **{"detail": False, **arguments})
    facts.update(outcome=outcome, after=state(image), filled=dump_visible(case, image, FLOAT))
    if layer is not None:
        facts.update(fill=layer_facts(layer), record=record(layer))
    return facts


def small_layer(image, x, y, width, height):
    """A layer of its own with a piece of the photo; the photo itself goes."""
    source = only_layer(image)
    layer = Gimp.Layer.new(image, "small", width, height, source.type(), 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    area = Gegl.Rectangle.new(100, 100, width, height)
    data = source.get_buffer().get(area, 1.0, FLOAT, Gegl.AbyssPolicy.NONE)
    buffer = layer.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, width, height), FLOAT, data)
    buffer.flush()
    layer.update(0, 0, width, height)
    layer.set_offsets(x, y)
    image.remove_layer(source)
    return layer


def transparent_picture(x, y, width, height):
    """The photo with an alpha channel, and a rectangle of it transparent; nothing is selected."""
    image = photo()
    layer = only_layer(image)
    layer.add_alpha()
    image.select_rectangle(Gimp.ChannelOps.REPLACE, x, y, width, height)
    layer.edit_clear()
    Gimp.Selection.none(image)
    return image, layer
