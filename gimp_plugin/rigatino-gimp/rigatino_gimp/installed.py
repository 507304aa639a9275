"""What install-plugin wrote beside the plug-in: how to start the daemon, and where its folders are."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

from rigatino_wire.endpoint import runtime_dir
from rigatino_wire.errors import Failure

FILE = Path(__file__).parent.parent / "daemon.json"
FOLDERS = {"RIGATINO_RUNTIME_DIR": "runtime_dir", "RIGATINO_DATA_DIR": "data_dir"}


def command(file: Path = FILE) -> list[str]:
    """The words that start Rigatino: RIGATINO_COMMAND (words as in a shell), else the file's.

    Raises Failure command_missing.
    """
    words = os.environ.get("RIGATINO_COMMAND", "")
    return shlex.split(words, posix=os.name != "nt") if words else list(_read(file)["command"])


def folder(file: Path = FILE) -> Path:
    """The daemon's folder, made if absent: RIGATINO_RUNTIME_DIR, else the file's, else the usual one.

    A daemon that is started from here finds the folder of imported weights in the same way.
    """
    for variable, name in FOLDERS.items():
        if not os.environ.get(variable) and file.exists():
            os.environ[variable] = _read(file)[name]
    return runtime_dir()


def _read(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text("utf-8"))
        folders = {name: str(value[name]) for name in FOLDERS.values()}
        return {"command": [str(word) for word in value["command"]], **folders}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure("command_missing") from error
