"""Rigatino's plug-in for GIMP 3: reads hole and surroundings, asks the daemon, inserts the fill as a layer.

Runs in GIMP's own Python (3.9 or later) and needs nothing but the standard library, gi and rigatino_wire.
texts, request, record and planes know no GIMP; procedure, dialog, fill, pixels, layers and daemon do.
"""
