"""Pictures of every kind, and selections of every kind. tests/gimp/test_kinds.py lists and judges them."""

from filling import FLOAT, seen, small_layer, transparent_picture
from gi.repository import Gegl, Gimp
from host import call, dump, ellipse, grouped, only_layer, photo, rectangle, state

PRECISIONS = {
    "8_linear": "U8_LINEAR", "8_perceptual": "U8_PERCEPTUAL", "16": "U16_NON_LINEAR", "32": "U32_LINEAR",
    "half": "HALF_LINEAR", "float": "FLOAT_NON_LINEAR", "double": "DOUBLE_PERCEPTUAL",
}  # fmt: skip


def selected(image=None, x=150, y=100, width=50, height=40, feather=0.0):
    image = image or photo()
    rectangle(image, x, y, width, height, feather)
    return image, only_layer(image)


def kind_rgb(case):
    image, layer = selected()
    return seen(case, image, layer)


def kind_rgb_with_alpha(case):
    image, layer = selected()
    layer.add_alpha()
    return seen(case, image, layer)


def kind_grey(case):
    image, layer = selected()
    image.convert_grayscale()
    return seen(case, image, layer)


def kind_far_parts_of_a_grey_layer_that_was_moved(case):
    image = photo()
    image.scale(1600, 1200)
    image.convert_grayscale()
    only_layer(image).set_offsets(-7, 11)
    rectangle(image, 20, 30, 12, 9)
    image.select_rectangle(Gimp.ChannelOps.ADD, 1550, 1160, 14, 10)
    return seen(case, image, only_layer(image))


def kind_far_part_where_the_layer_is_transparent(case):
    image = photo()
    layer = only_layer(image)
    layer.add_alpha()
    image.resize(1600, 1200, 0, 0)
    layer.resize_to_image_size()
    rectangle(image, 20, 30, 12, 9)
    image.select_rectangle(Gimp.ChannelOps.ADD, 1550, 1160, 14, 10)
    return seen(case, image, layer)


def kind_grey_with_alpha(case):
    image, layer = selected()
    image.convert_grayscale()
    layer.add_alpha()
    return seen(case, image, layer)


def _precision(name):
    def kind(case):
        image, layer = selected()
        image.convert_precision(getattr(Gimp.Precision, PRECISIONS[name]))
        return seen(case, image, layer)

    kind.__name__ = f"kind_{name}"
    return kind


def kind_wide_gamut(case):
    """Adobe RGB, and beside the selection colours that sRGB has not."""
    image, layer = selected()
    image.set_color_profile(Gimp.ColorProfile.new_rgb_adobe())
    _paint(layer, 204, 60, 60, 140, (-0.3, 0.99, 0.1, 1.0))
    return seen(case, image, layer)


def kind_beyond_white(case):
    """Light that is brighter than white, as float pictures have it."""
    image, layer = selected()
    image.convert_precision(Gimp.Precision.FLOAT_LINEAR)
    _paint(layer, 204, 60, 60, 140, (3.0, 2.0, 1.5, 1.0))
    return seen(case, image, layer)


def kind_within_bright_light(case):
    """Stripes that grow brighter to the right, all of them far above white around the selection."""
    image, layer = selected()
    image.convert_precision(Gimp.Precision.FLOAT_LINEAR)
    for x in range(60, 260, 4):
        _paint(layer, x, 20, 4, 220, (x / 60, x / 70, x / 80, 1.0))
    return seen(case, image, layer)


def _paint(layer, x, y, width, height, colour):
    from array import array

    buffer = layer.get_buffer()
    data = array("f", colour * (width * height)).tobytes()
    buffer.set(Gegl.Rectangle.new(x, y, width, height), FLOAT, data)
    buffer.flush()
    layer.update(x, y, width, height)


def kind_offset(case):
    image, layer = selected()
    layer.set_offsets(-40, 25)
    return seen(case, image, layer)


def kind_larger_than_the_canvas(case):
    image, layer = selected(x=0, y=120)
    layer.scale(800, 600, False)
    layer.set_offsets(-200, -100)
    return seen(case, image, layer)


def kind_smaller_than_the_canvas(case):
    image = photo()
    small_layer(image, 90, 60, 160, 120)
    return seen(case, *selected(image, 130, 90))


def kind_partly_outside_the_layer(case):
    image = photo()
    layer = small_layer(image, 90, 60, 160, 120)
    rectangle(image, 220, 90, 60, 40)
    return seen(case, image, layer)


def kind_wholly_outside_the_layer(case):
    image = photo()
    layer = small_layer(image, 90, 60, 160, 120)
    rectangle(image, 260, 90, 40, 40)
    return seen(case, image, layer)


def kind_enlarged_canvas(case):
    image, layer = selected()
    image.resize(460, 300, 60, 0)
    rectangle(image, 0, 0, 60, 300)
    return seen(case, image, layer)


def _extended(image):
    """Image > Canvas Size, by as much on all sides; its empty border is selected."""
    image.resize(480, 380, 40, 40)
    image.select_item(Gimp.ChannelOps.REPLACE, only_layer(image))
    Gimp.Selection.invert(image)
    return image, only_layer(image)


def kind_extended_on_all_sides(case):
    return seen(case, *_extended(photo()))


def kind_extended_with_its_layer(case):
    """Canvas Size resizes the layer too, and fills it with transparency; nothing is selected."""
    image = photo()
    only_layer(image).add_alpha()
    image, layer = _extended(image)
    layer.resize_to_image_size()
    return _nothing_selected(case, image, layer)


def kind_extended_with_nothing_selected(case):
    return _nothing_selected(case, *_extended(photo()))


def _nothing_selected(case, image, layer):
    from rigatino_gimp import layers

    hole = dump(case, "hole", image.get_selection(), "Y u8")
    Gimp.Selection.none(image)
    kind = layers.find(image, [layer]).kind
    return {**seen(case, image, layer, hole=hole), "kind": kind}


def kind_extended_in_bright_light(case):
    image = photo()
    image.convert_precision(Gimp.Precision.FLOAT_LINEAR)
    layer = only_layer(image)
    _paint(layer, 0, 0, layer.get_width(), layer.get_height(), (4.0, 3.0, 2.5, 1.0))
    return seen(case, *_extended(image))


def kind_in_a_group(case):
    image, layer = selected()
    grouped(image, layer)
    return seen(case, image, layer)


def kind_in_nested_groups(case):
    image, layer = selected()
    grouped(image, grouped(image, layer), "outer")
    return seen(case, image, layer)


def kind_group(case):
    image, layer = selected()
    return seen(case, image, grouped(image, layer))


def _masked(layer, edited):
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    layer.add_mask(mask)
    layer.set_edit_mask(edited)
    return mask


def kind_layer_mask(case):
    image, layer = selected()
    _masked(layer, edited=False)
    return seen(case, image, layer)


def kind_layer_mask_edited(case):
    image, layer = selected()
    return seen(case, image, _masked(layer, edited=True))


def kind_text(case):
    image = photo()
    Gimp.fonts_refresh()
    text = Gimp.TextLayer.new(image, "Rigatino", Gimp.fonts_get_list("")[0], 90, Gimp.Unit.pixel())
    image.insert_layer(text, None, 0)
    text.set_offsets(20, 60)
    rectangle(image, 100, 90, 30, 30)
    return seen(case, image, text)


def kind_locked(case):
    image, layer = selected()
    layer.add_alpha()
    for lock in (
        layer.set_lock_content,
        layer.set_lock_position,
        layer.set_lock_visibility,
        layer.set_lock_alpha,
    ):
        lock(True)
    return seen(case, image, layer)


def kind_in_a_locked_group(case):
    image, layer = selected()
    group = grouped(image, layer)
    for lock in (group.set_lock_content, group.set_lock_position, group.set_lock_visibility):
        lock(True)
    return seen(case, image, layer)


def kind_hidden(case):
    image, layer = selected()
    layer.set_visible(False)
    return seen(case, image, layer)


def kind_filters_with_all_visible(case):
    """A filter that makes the photo grey; only who sees all that is visible can know."""
    image = photo()
    layer = only_layer(image)
    grey = Gimp.DrawableFilter.new(layer, "gegl:saturation", "Grey")
    grey.get_config().set_property("scale", 0.0)
    layer.append_filter(grey)  # before anything is selected, or it would work on that alone
    rectangle(image, 150, 100, 50, 40)
    return seen(case, image, layer, source="visible")


def kind_feathered(case):
    image = photo()
    ellipse(image, 120, 80, 80, 60, feather=9)
    return seen(case, image, only_layer(image))


def kind_inverted(case):
    image = photo()
    rectangle(image, 60, 40, 280, 220)
    Gimp.Selection.invert(image)
    return seen(case, image, only_layer(image))


def kind_several_parts(case):
    image, layer = selected(x=60, y=60, width=30, height=30)
    image.select_rectangle(Gimp.ChannelOps.ADD, 200, 150, 25, 40)
    image.select_rectangle(Gimp.ChannelOps.ADD, 120, 20, 10, 10)
    return seen(case, image, layer)


def kind_one_pixel(case):
    image, layer = selected(width=1, height=1)
    return seen(case, image, layer, grow=0, feather=0.0)


def kind_whole_canvas(case):
    image = photo()
    Gimp.Selection.all(image)
    image.clean_all()
    before = state(image)
    outcome, _ = call(image, [only_layer(image)])
    return {"before": before, "after": state(image), "outcome": outcome}


def kind_whole_canvas_of_a_small_layer(case):
    image = photo()
    layer = small_layer(image, 0, 0, 300, 200)
    image.resize(320, 200, 0, 0)
    Gimp.Selection.all(image)
    rectangle(image, 250, 0, 70, 200)
    return seen(case, image, layer)


def _as_channel(image, name):
    """The selection becomes a channel, and nothing is selected. A channel that is named Qmask is the Quick Mask."""
    area = Gegl.Rectangle.new(0, 0, image.get_width(), image.get_height())
    values = image.get_selection().get_buffer().get(area, 1.0, "Y u8", Gegl.AbyssPolicy.NONE)
    Gimp.Selection.none(image)
    channel = Gimp.Channel.new(image, name, area.width, area.height, 50, Gegl.Color.new("red"))
    image.insert_channel(channel, None, 0)
    eight_bits = image.get_precision() == Gimp.Precision.U8_NON_LINEAR
    channel.get_buffer().set(area, "Y' u8" if eight_bits else "Y u8", values)
    channel.get_buffer().flush()
    channel.update(0, 0, area.width, area.height)
    channel.set_visible(False)
    return channel


def kind_quick_mask(case):
    """Quick Mask is on; the user paints on it, and it is active."""
    image, _layer = selected(feather=6)
    hole = dump(case, "hole", image.get_selection(), "Y u8")
    mask = _as_channel(image, "Qmask")
    image.set_selected_channels([mask])
    return {
        **seen(case, image, mask, hole=hole),
        "active": [c.get_name() for c in image.get_selected_channels()],
    }


def kind_quick_mask_with_a_layer(case):
    image, layer = selected(feather=6)
    hole = dump(case, "hole", image.get_selection(), "Y u8")
    _as_channel(image, "Qmask")
    image.set_selected_layers([layer])
    return seen(case, image, layer, hole=hole)


def kind_channel(case):
    image, _layer = selected(feather=6)
    image.convert_precision(Gimp.Precision.U16_NON_LINEAR)
    hole = dump(case, "hole", image.get_selection(), "Y u8")
    channel = _as_channel(image, "stain")
    image.set_selected_channels([channel])
    return seen(case, image, channel, hole=hole)


def kind_channel_among_layers(case):
    image, layer = selected()
    image.insert_layer(layer.copy(), None, 0)
    channel = _as_channel(image, "stain")
    image.set_selected_channels([channel])
    image.clean_all()
    before = state(image)
    outcome, _ = call(image, [channel])
    return {"before": before, "after": state(image), "outcome": outcome}


def kind_transparent_around(case):
    """What is transparent, in a loud colour underneath, is no context."""
    image, layer = transparent_picture(0, 0, 130, 300)
    rectangle(image, 150, 100, 50, 40)
    return seen(case, image, layer)


def kind_transparent_is_the_hole(case):
    image, layer = transparent_picture(150, 100, 50, 40)
    rectangle(image, 150, 100, 50, 40)
    hole = dump(case, "hole", image.get_selection(), "Y u8")
    Gimp.Selection.none(image)
    return seen(case, image, layer, hole=hole)


def kind_transparent_is_the_hole_of_a_moved_layer(case):
    image, layer = transparent_picture(150, 100, 50, 40)
    layer.set_offsets(30, -20)
    rectangle(image, 180, 80, 50, 40)
    hole = dump(case, "hole", image.get_selection(), "Y u8")
    Gimp.Selection.none(image)
    return seen(case, image, layer, hole=hole)


def kind_indexed(case):
    image, layer = selected()
    image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, "")
    image.clean_all()
    before = state(image)
    outcome, _ = call(image, [layer])
    return {"before": before, "after": state(image), "outcome": outcome}


CASES = [value for name, value in list(globals().items()) if name.startswith("kind_")]
CASES += [_precision(name) for name in PRECISIONS]
