"""Fills, refusals and accidents, all in one GIMP. Each case returns facts, which tests/gimp judges."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__import__("os").environ["RIGATINO_GIMP_SHARE"]) / "inside"))
from gi.repository import Gimp, Gio
from host import (
    SHARE,
    ask,
    call,
    dump,
    dump_visible,
    ellipse,
    layer_facts,
    only_layer,
    photo,
    record,
    rectangle,
    run,
    state,
)  # fmt: skip


def filled(case, image, source, /, **arguments):
    """Fills, and leaves everything that can be judged: before, after, layers, record."""
    image.clean_all()
    before = state(image)
    facts = {
        "source": dump(case, "source", source),
        "selection": dump(case, "selection", image.get_selection(), "Y u8"),
    }
    outcome, layer = call(image, [source], **arguments)
    facts.update(before=before, after=state(image), outcome=outcome, visible=dump_visible(case, image))
    if layer is not None and not layer.is_group():
        facts.update(fill=dump(case, "fill", layer), layer=layer_facts(layer), record=record(layer))
        if layer.get_mask() is not None:
            facts["mask"] = dump(case, "mask", layer.get_mask(), "Y u8")
    facts["tattoo"] = source.get_tattoo()
    return facts


def fill_rectangle(case):
    image = photo()
    rectangle(image, 150, 100, 90, 60)
    facts = filled(case, image, only_layer(image), seed=7)
    file = Gio.File.new_for_path(str(SHARE / "out" / "saved.xcf"))
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file, None)
    again = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)
    layers = again.get_layers()
    facts["reloaded"] = {"layers": [layer_facts(layer) for layer in layers], "record": record(layers[0])}
    facts["reloaded"]["tattoo"] = layers[1].get_tattoo()
    return facts


def fill_feathered_ellipse(case):
    image = photo()
    ellipse(image, 60, 70, 110, 80, feather=9)
    return filled(case, image, only_layer(image))


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
    group = Gimp.GroupLayer.new(image, "group")
    image.insert_layer(group, None, 0)
    image.reorder_item(source, group, 0)
    image.set_selected_layers([source])
    rectangle(image, 150, 100, 60, 50)
    return filled(case, image, source)


def fill_of_group(case):
    image = photo()
    source = only_layer(image)
    group = Gimp.GroupLayer.new(image, "group")
    image.insert_layer(group, None, 0)
    image.reorder_item(source, group, 0)
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


def refused(image, drawables, **arguments):
    image.clean_all()
    before = state(image)
    outcome, _ = call(image, drawables, **arguments)
    return {"before": before, "after": state(image), "outcome": outcome}


def refuse_nothing_selected(case):
    image = photo()
    return refused(image, [only_layer(image)])


def refuse_selection_outside(case):
    image = photo()
    only_layer(image).set_offsets(200, 0)
    rectangle(image, 0, 0, 50, 50)
    return refused(image, [only_layer(image)])


def refuse_everything_selected(case):
    image = photo()
    Gimp.Selection.all(image)
    return refused(image, [only_layer(image)])


def refuse_floating_selection(case):
    image = photo()
    rectangle(image, 150, 100, 60, 50)
    Gimp.Selection.float(image, [only_layer(image)], 5, 5)
    return refused(image, [image.get_floating_sel()])


def refuse_indexed(case):
    image = photo()
    image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, "")
    rectangle(image, 150, 100, 60, 50)
    return refused(image, [only_layer(image)])


def refuse_two_layers(case):
    image = photo()
    other = only_layer(image).copy()
    image.insert_layer(other, None, 0)
    rectangle(image, 150, 100, 60, 50)
    return refused(image, image.get_layers())


def refuse_no_layer(case):
    image = photo()
    rectangle(image, 150, 100, 60, 50)
    return refused(image, [])


def refuse_channel(case):
    image = photo()
    rectangle(image, 150, 100, 60, 50)
    return refused(image, [Gimp.Selection.save(image)])


def refuse_wrong_values(case):
    image = photo()
    rectangle(image, 150, 100, 60, 50)
    wrong = [
        {"network": "no-such-network"}, {"source": "lair"}, {"result": "msk"}, {"grow": -1}, {"grow": 100000},
        {"feather": -0.5}, {"context": 1e6}, {"seed": -2}, {"candidates": 0},
    ]  # fmt: skip
    return [{"arguments": one, **refused(image, [only_layer(image)], **one)} for one in wrong]


def accident_daemon_killed(case):
    return _accident("kill-daemon")


def accident_after_the_kill(case):
    image = photo()
    rectangle(image, 150, 100, 90, 60)
    return filled(case, image, only_layer(image))


def accident_plug_in_killed(case):
    return _accident("kill-plug-in")


def accident_worker_killed_once(case):
    return _accident("kill-one-worker")


def accident_worker_killed_twice(case):
    return _accident("kill-two-workers")


def accident_other_version(case):
    return _accident("other-version")


def _accident(action):
    image = photo()
    rectangle(image, 150, 100, 90, 60)
    ask(action)
    return refused(image, [only_layer(image)])


def insert(image, change=lambda image: None, candidates=1):
    """Inserts a small ready fill by the plug-in's own code, after the user has changed the image."""
    from rigatino_gimp import layers
    from rigatino_wire.messages import Array

    rectangle(image, 150, 100, 60, 50)
    place = layers.find(image, [only_layer(image)])
    fill = Array("u8", (candidates, 50, 60, 4), bytes([200, 100, 50, 255]) * 3000 * candidates)
    result = layers.Result("Fill (test)", (150, 100), fill, True, [b"{}"] * candidates)
    change(image)
    return layer_facts(layers.insert(place, result))


def meanwhile(change):
    from rigatino_wire.errors import Failure

    image = photo()
    try:
        return insert(image, change)
    except Failure as failure:
        return {"code": failure.code, "layers": len(image.get_layers()) if image.is_valid() else None}


def insert_candidates(case):
    image = photo()
    selected = state(image)["selected"]
    return {"group": insert(image, candidates=2), "before": selected, "after": state(image)["selected"]}


def meanwhile_image_closed(case):
    return meanwhile(lambda image: image.delete())


def meanwhile_layer_removed(case):
    return meanwhile(lambda image: image.remove_layer(only_layer(image)))


def meanwhile_image_converted(case):
    return meanwhile(lambda image: image.convert_grayscale())


def meanwhile_layer_moved(case):
    return meanwhile(lambda image: only_layer(image).set_offsets(11, -7))


PREFIXES = ("fill_", "same_", "refuse_", "accident_", "meanwhile_", "insert_")
sys.path.insert(0, str(SHARE / "profile" / "plug-ins" / "rigatino-gimp"))
CASES = [value for name, value in list(globals().items()) if name.startswith(PREFIXES)]
run(CASES)
