"""Runs inside GIMP: open the photo, select the hole, fill it, save the picture with its new layer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp, Gio  # noqa: E402

folder = Path(os.environ["RIGATINO_DEMO_DIR"])


def place(name: str) -> Any:
    return Gio.File.new_for_path(str(folder / name))


def select(image: Any, mask: Any) -> None:
    """Make the bright pixels of a grey picture the selection."""
    width, height = image.get_width(), image.get_height()
    everything = Gegl.Rectangle.new(0, 0, width, height)
    light = mask.get_layers()[0].get_buffer().get(everything, 1.0, "Y u8", Gegl.AbyssPolicy.NONE)
    channel = Gimp.Channel.new(image, "hole", width, height, 100.0, Gegl.Color.new("black"))
    image.insert_channel(channel, None, 0)
    buffer = channel.get_buffer()
    buffer.set(everything, "Y u8", light)
    buffer.flush()
    channel.update(0, 0, width, height)
    image.select_item(Gimp.ChannelOps.REPLACE, channel)
    image.remove_channel(channel)


photo = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, place("photo.png"))
hole = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, place("mask.png"))
select(photo, hole)
procedure = Gimp.get_pdb().lookup_procedure("rigatino-fill")
config = procedure.create_config()
config.set_property("image", photo)
config.set_core_object_array("drawables", [photo.get_layers()[0]])
result = procedure.run(config)
if result.index(0) != Gimp.PDBStatusType.SUCCESS:
    raise SystemExit(Gimp.get_pdb().get_last_error())
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, photo, place("gimp.xcf"), None)
