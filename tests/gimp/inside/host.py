"""What the batch scripts inside GIMP use: calls, facts about images, and the way to the test outside.

Results are facts (JSON) and raw pixels; the judging is done outside, where numpy is.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import traceback
from pathlib import Path

from gi.repository import Gegl, Gimp, Gio

SHARE = Path(os.environ["RIGATINO_GIMP_SHARE"])
OUT = SHARE / "out"


def photo(name="photo.png"):
    return Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(str(SHARE / name)))


def reloaded(image):
    """The image as it comes back from a file."""
    file = Gio.File.new_for_path(str(OUT / "saved.xcf"))
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file, None)
    return Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)


def only_layer(image):
    return image.get_layers()[0]


def rectangle(image, x, y, width, height, feather=0.0):
    Gimp.context_set_feather(feather > 0)
    Gimp.context_set_feather_radius(feather, feather)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, x, y, width, height)


def ellipse(image, x, y, width, height, feather=0.0):
    Gimp.context_set_feather(feather > 0)
    Gimp.context_set_feather_radius(feather, feather)
    image.select_ellipse(Gimp.ChannelOps.REPLACE, x, y, width, height)


def grouped(image, layer, name="group", parent=None):
    """A group at the top that holds the layer."""
    group = Gimp.GroupLayer.new(image, name)
    image.insert_layer(group, parent, 0)
    image.reorder_item(layer, group, 0)
    return group


def call(image, drawables, name="rigatino-fill", run_mode=Gimp.RunMode.NONINTERACTIVE, **arguments):
    """Runs a procedure of Rigatino's: its status, its message, the name it returns, and the layer itself."""
    pdb = Gimp.get_pdb()
    procedure = pdb.lookup_procedure(name)
    config = procedure.create_config()
    config.set_property("run-mode", run_mode)
    config.set_property("image", image)
    config.set_core_object_array("drawables", drawables)
    for name, value in arguments.items():
        config.set_property(name, value)
    values = procedure.run(config)
    status = values.index(0)
    layer = values.index(1) if status == Gimp.PDBStatusType.SUCCESS else None
    return {
        "status": status.value_nick,
        "error": "" if layer is not None else pdb.get_last_error(),
        "returned": layer.get_name() if layer is not None else None,
    }, layer


def pixels(drawable, format="R'G'B'A u8"):
    area = Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())
    return drawable.get_buffer().get(area, 1.0, format, Gegl.AbyssPolicy.NONE)


def dump(case, name, drawable, format="R'G'B'A u8"):
    """Leaves a drawable's pixels for the test outside, as CASE-NAME.raw."""
    (OUT / f"{case}-{name}.raw").write_bytes(pixels(drawable, format))
    _, x, y = drawable.get_offsets()
    return {
        "size": [drawable.get_width(), drawable.get_height()],
        "offset": [x, y],
        "file": f"{case}-{name}.raw",
    }


def dump_visible(case, image, format="R'G'B'A u8"):
    merged = Gimp.Layer.new_from_visible(image, image, "visible")
    try:
        return dump(case, "visible", merged, format)
    finally:
        merged.delete()


def layer_facts(layer):
    _, x, y = layer.get_offsets()
    facts = {
        "name": layer.get_name(),
        "size": [layer.get_width(), layer.get_height()],
        "offset": [x, y],
        "visible": layer.get_visible(),
        "mask": layer.get_mask() is not None,
        "edit_mask": layer.get_mask() is not None and layer.get_edit_mask(),
        "parasites": list(layer.get_parasite_list()),
        "tag": layer.get_color_tag().value_nick,
    }
    if layer.is_group():
        facts["children"] = [layer_facts(child) for child in layer.get_children()]
    else:
        facts["pixels"] = hashlib.sha256(pixels(layer)).hexdigest()
    return facts


def state(image):
    """All of an image that a fill could touch."""
    selection = image.get_selection()
    return {
        "layers": [layer_facts(layer) for layer in image.get_layers()],
        "selected": [layer.get_name() for layer in image.get_selected_layers()],
        "selection": hashlib.sha256(pixels(selection, "Y float")).hexdigest(),
        "opacity": {layer.get_name(): layer.get_opacity() for layer in image.get_layers()},
        "dirty": image.is_dirty(),
    }


def record(layer):
    parasite = layer.get_parasite("rigatino-fill")
    return None if parasite is None else json.loads(bytes(parasite.get_data()))


def ask(action, timeout=120):
    """Has the test outside do something (to the daemon), and waits until it is done."""
    done, failed = (SHARE / "ask" / f"{action}.{end}" for end in ("done", "failed"))
    done.unlink(missing_ok=True)  # it may have been asked for before
    (SHARE / "ask" / action).touch()
    end = time.monotonic() + timeout
    while not done.exists():
        if failed.exists():
            raise RuntimeError(failed.read_text())
        if time.monotonic() > end:
            raise TimeoutError(action)
        time.sleep(0.02)


def run(cases):
    """Runs each case and writes what it returns, or its traceback, at once: a crash loses one case alone."""
    OUT.mkdir(exist_ok=True)
    for case in cases:
        name = case.__name__
        try:
            result = {"facts": case(name)}
        except Exception:
            result = {"traceback": traceback.format_exc()}
        (OUT / f"{name}.json").write_text(json.dumps(result))
