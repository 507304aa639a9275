"""How this installation of Rigatino is started, noted for a plug-in whose own note has gone stale."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from rigatino_wire import program
from rigatino_wire.endpoint import runtime_dir, runtime_path
from rigatino_wire.errors import Failure


def command() -> list[str]:
    """The words that start Rigatino from anywhere: this interpreter, by its absolute path, and the module."""
    return [str(Path(sys.executable).absolute()), "-m", "rigatino"]


def note() -> None:
    """Notes the command in the runtime folder, where there is one: it is no reason to make one, or to fail."""
    with contextlib.suppress(Failure, OSError):
        if runtime_path().is_dir():
            program.remember(runtime_dir(), command())
