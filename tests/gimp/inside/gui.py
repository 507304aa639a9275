"""Runs in a graphical GIMP beside the user whom desktop.py plays, and answers what GIMP alone knows."""

import json
import os
import sys
import time
import traceback
from pathlib import Path

SHARE = Path(os.environ["RIGATINO_GIMP_SHARE"])
sys.path.insert(0, str(SHARE / "inside"))
from gi.repository import Gimp  # noqa: E402
from host import record, rectangle, state  # noqa: E402

ASK = SHARE / "ask"
IMAGE = Gimp.get_images()[0]


def select(*box):
    rectangle(IMAGE, *box)
    Gimp.displays_flush()


def activate(number):
    """Makes the layer of that number, counted from the top, the active one."""
    IMAGE.set_selected_layers([IMAGE.get_layers()[number]])
    Gimp.displays_flush()


KNOWN = {
    "state": lambda: state(IMAGE),
    "record": lambda number: record(IMAGE.get_layers()[number]),
    "records": lambda number: [record(child) for child in IMAGE.get_layers()[number].get_children()],
    "select": select,
    "deselect": lambda: Gimp.Selection.none(IMAGE) and Gimp.displays_flush(),
    "activate": activate,
}


def answer(question):
    what, *values = json.loads(question.read_text())
    question.unlink()
    try:
        said = KNOWN[what](*values)
    except Exception:
        said = {"traceback": traceback.format_exc()}
    part = question.with_suffix(".part")
    part.write_text(json.dumps(said))
    part.rename(question.with_suffix(".answer"))


GIMP = os.getppid()
while os.getppid() == GIMP and not (ASK / "end").exists():
    for one in sorted(ASK.glob("gui-*.question")):
        answer(one)
    time.sleep(0.02)
