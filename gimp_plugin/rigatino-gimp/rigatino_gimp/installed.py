"""What install-plugin wrote beside the plug-in: how to start the daemon, and where its folder is."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

from rigatino_wire.endpoint import runtime_dir
from rigatino_wire.errors import Failure

FILE = Path(__file__).parent.parent / "daemon.json"


def command(file: Path = FILE) -> list[str]:
    """The words that start Rigatino: RIGATINO_COMMAND (words as in a shell), else the file's.

    Raises Failure command_missing.
    """
    words = os.environ.get("RIGATINO_COMMAND", "")
    return shlex.split(words, posix=os.name != "nt") if words else list(_read(file)["command"])


def folder(file: Path = FILE) -> Path:
    """The daemon's folder, made if absent: RIGATINO_RUNTIME_DIR, else the file's, else the usual one."""
    if not os.environ.get("RIGATINO_RUNTIME_DIR") and file.exists():
        os.environ["RIGATINO_RUNTIME_DIR"] = _read(file)["runtime_dir"]
    return runtime_dir()


def _read(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text("utf-8"))
        return {"command": [str(word) for word in value["command"]], "runtime_dir": str(value["runtime_dir"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure("command_missing") from error
