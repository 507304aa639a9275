"""Looks at everything that a fill needs, from Python to GIMP's menu, and says what to do where something is amiss."""

from __future__ import annotations

from collections.abc import Iterator

from rigatino.doctor import computing, daemon, files, gimp
from rigatino.doctor.point import OK, WARNING, WRONG, Point
from rigatino.settings import Settings
from rigatino_wire.errors import Failure

__all__ = ["OK", "WARNING", "WRONG", "Point", "examine"]


def examine(start: bool = False) -> Iterator[Point]:
    """All points in the order of a fill's needs, each as soon as it is known; `start` starts a daemon if none runs."""
    yield computing.python()
    try:
        settings = Settings.from_environment()
    except Failure as failure:
        yield Point.of("Settings", failure)
        return
    yield computing.torch(settings)
    yield from files.weights_of(settings)
    yield files.data_folder(settings)
    runtime = files.runtime_folder()
    yield runtime
    if runtime.state != WRONG:
        yield files.socket_of()
        yield daemon.daemon(start)
    yield daemon.service()
    yield computing.fill(settings)
    yield from gimp.gimps()
