"""rigatino-fill and what it leaves: layers, mask, record. tests/gimp/test_fill.py judges."""

from filling import filled
from gi.repository import Gimp
from host import (
    call,
    dump,
    ellipse,
    grouped,
    layer_facts,
    only_layer,
    photo,
    record,
    rectangle,
    reloaded,
    state,
)


def fill_rectangle(case):
    image = photo()
    rectangle(image, 150, 100, 90, 60)
    facts = filled(case, image, only_layer(image), seed=7)
    layers = reloaded(image).get_layers()
    facts["reloaded"] = {"layers": [layer_facts(layer) for layer in layers], "record": record(layers[0])}
    facts["reloaded"]["tattoo"] = layers[1].get_tattoo()
    return facts


def fill_feathered_ellipse(case):
    image = photo()
    ellipse(image, 60, 70, 110, 80, feather=9)
    return filled(case, image, only_layer(image), detail=True)


def fill_as_alpha(case):
    image = photo()
    rectangle(image, 150, 100, 90, 60)
    return filled(case, image, only_layer(image), result="alpha", seed=7)


def fill_at_the_corner(case):
    image = photo()
    rectangle(image, 0, 0, 40, 30)
    return filled(case, image, only_layer(image))


def fill_grey(case):
    image = photo()
    image.convert_grayscale()
    rectangle(image, 150, 100, 60, 50)
    return filled(case, image, only_layer(image))


def fill_deep(case):
    image = photo()
    image.convert_precision(Gimp.Precision.FLOAT_LINEAR)
    rectangle(image, 150, 100, 60, 50)
    return filled(case, image, only_layer(image))


def fill_wide_gamut(case):
    image = photo()
    image.convert_color_profile(
        Gimp.ColorProfile.new_rgb_adobe(), Gimp.ColorRenderingIntent.PERCEPTUAL, False
    )
    rectangle(image, 150, 100, 60, 50)
    return filled(case, image, only_layer(image))


def fill_locked_layer(case):
    image = photo()
    rectangle(image, 150, 100, 60, 50)
    only_layer(image).set_lock_content(True)
    only_layer(image).set_lock_position(True)
    return filled(case, image, only_layer(image))


def fill_moved_layer(case):
    image = photo()
    source = only_layer(image)
    source.set_offsets(-40, 25)
    rectangle(image, 100, 120, 60, 50)
    return filled(case, image, source)


def fill_small_layer(case):
    image = photo()
    source = only_layer(image)
    small = Gimp.Layer.new(image, "small", 160, 120, source.type(), 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(small, None, 0)
    small.set_offsets(90, 60)
    small.fill(Gimp.FillType.FOREGROUND)
    rectangle(image, 200, 100, 200, 50)
    return filled(case, image, small)


def fill_in_group(case):
    image = photo()
    source = only_layer(image)
    grouped(image, source)
    image.set_selected_layers([source])
    rectangle(image, 150, 100, 60, 50)
    return filled(case, image, source)


def fill_of_group(case):
    image = photo()
    group = grouped(image, only_layer(image))
    rectangle(image, 150, 100, 60, 50)
    return filled(case, image, group)


def fill_while_mask_is_edited(case):
    image = photo()
    source = only_layer(image)
    mask = source.create_mask(Gimp.AddMaskType.WHITE)
    source.add_mask(mask)
    rectangle(image, 150, 100, 60, 50)
    image.clean_all()
    before = state(image)
    outcome, _ = call(image, [mask])
    return {"before": before, "after": state(image), "outcome": outcome}


def fill_from_visible(case):
    image = photo()
    source = only_layer(image)
    empty = Gimp.Layer.new(image, "empty", 50, 50, Gimp.ImageType.RGBA_IMAGE, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(empty, None, 0)
    rectangle(image, 150, 100, 60, 50)
    facts = filled(case, image, empty, source="visible")
    facts["photo"] = dump(case, "photo", source)
    return facts


def same_seed_again(case):
    image = photo()
    rectangle(image, 150, 100, 90, 60)
    return filled(case, image, only_layer(image), seed=7)


CASES = [value for name, value in list(globals().items()) if name.startswith(("fill_", "same_"))]
