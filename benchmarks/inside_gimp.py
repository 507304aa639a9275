"""What gimp_roundtrip.py has GIMP run: fills of a small selection in pictures of two sizes, timed."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, Gio  # noqa: E402

WORK = Path(os.environ["RIGATINO_GIMP_SHARE"])
CASES = {
    "512x512": ((512, 512), "layer"),
    "24 megapixels": ((6000, 4000), "layer"),
    "24 megapixels, all visible": ((6000, 4000), "visible"),
}
HOLE = (200, 200, 100, 80)  # x, y, width, height


def picture(width: int, height: int) -> Any:
    """The photo at that size, with a small selection."""
    file = Gio.File.new_for_path(str(WORK / "photo.png"))
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)
    image.scale(width, height)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, *HOLE)
    return image


def call(image: Any, **arguments: Any) -> tuple[float, Any]:
    """The seconds that a fill takes, and what it returns."""
    procedure = Gimp.get_pdb().lookup_procedure("rigatino-fill")
    config = procedure.create_config()
    config.set_property("image", image)
    config.set_core_object_array("drawables", [image.get_layers()[-1]])
    for name, value in arguments.items():
        config.set_property(name, value)
    started = time.perf_counter()
    values = procedure.run(config)
    return time.perf_counter() - started, values


def once(image: Any, source: str) -> dict[str, float]:
    """One round: the plug-in's start, by a call that it refuses, and a fill, which is taken away again."""
    start, _ = call(image, seed=-2)
    action, values = call(image, source=source)
    layer = values.index(1)
    remembered = json.loads(bytes(layer.get_parasite("rigatino-fill").get_data()))
    seconds = remembered["ran"]["seconds"]
    image.remove_layer(layer)
    return {"start": start, "action": action, "network": seconds["network"] + seconds.get("detail", 0.0)}


def case(size: tuple[int, int], source: str) -> list[dict[str, float]]:
    image = picture(*size)
    once(image, source)  # loads the network
    return [once(image, source) for _ in range(int(os.environ["RIGATINO_ROUNDS"]))]


result = {name: case(*one) for name, one in CASES.items()}
(WORK / "rounds.json").write_text(json.dumps(result))
