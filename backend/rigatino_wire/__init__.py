"""What Rigatino's plug-in and daemon share: messages, frames, errors, geometry, the way there.

Standard library only, Python 3.9 to 3.14: the plug-in runs inside GIMP's own Python, where
nothing can be installed.
"""

__version__ = "0.1.0"
PROTOCOL = 3
