#!/usr/bin/env python3
"""What GIMP runs: registers Rigatino's procedures. The package rigatino_gimp beside it does the work."""

from __future__ import annotations

import sys

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gimp  # noqa: E402

from rigatino_gimp import procedure  # noqa: E402


class Rigatino(Gimp.PlugIn):
    """The plug-in as GIMP sees it: a list of names, and a procedure for each."""

    def do_set_i18n(self, name: str) -> bool:
        """False: the texts are translated by rigatino_gimp.texts, not by a catalogue that GIMP binds."""
        return False

    def do_query_procedures(self) -> list[str]:
        """The names of the procedures."""
        return list(procedure.NAMES)

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        """The procedure of that name."""
        return procedure.create(self, name)


Gimp.main(Rigatino.__gtype__, sys.argv)
