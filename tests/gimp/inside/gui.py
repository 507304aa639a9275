"""Runs in a graphical GIMP beside the user whom desktop.py plays: selects, and tells what it sees."""

import os
import sys
import time
from pathlib import Path

SHARE = Path(os.environ["RIGATINO_GIMP_SHARE"])
sys.path.insert(0, str(SHARE / "inside"))
from gi.repository import Gimp  # noqa: E402
from host import layer_facts, rectangle, run, state  # noqa: E402


def wait_for_layers(image, count, limit=120):
    end = time.monotonic() + limit
    while len(image.get_layers()) != count:
        if time.monotonic() > end:
            raise TimeoutError(f"{len(image.get_layers())} layers, not {count}")
        time.sleep(0.1)
    time.sleep(0.5)


def gui(case):
    image = Gimp.get_images()[0]
    rectangle(image, 150, 100, 90, 60)
    Gimp.displays_flush()
    facts = {"before": state(image)}
    (SHARE / "out" / "gui.selected").touch()
    wait_for_layers(image, 2)
    facts["filled"] = state(image)
    facts["layer"] = layer_facts(image.get_layers()[0])
    (SHARE / "out" / "gui.filled").touch()
    wait_for_layers(image, 1)
    facts["undone"] = state(image)
    return facts


run([gui])
