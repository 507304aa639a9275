"""What the daemon has to say of a fill that came about: told to the user, each thing once while GIMP runs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from gi.repository import Gimp

from rigatino_gimp import texts

SHOWN = "rigatino-notes-shown"  # a parasite of GIMP itself, which it forgets when it ends


def show(notes: Sequence[str]) -> None:
    """Shows the notes that were not shown yet."""
    shown = _shown()
    new = [note for note in notes if note not in shown]
    if new:
        Gimp.attach_parasite(Gimp.Parasite.new(SHOWN, 0, json.dumps([*shown, *new]).encode("ascii")))
        Gimp.message("\n".join(map(texts.note, new)))


def _shown() -> list[str]:
    parasite = Gimp.get_parasite(SHOWN)
    return json.loads(bytes(parasite.get_data())) if parasite is not None else []
