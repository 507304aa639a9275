"""What install-plugin wrote beside the plug-in: how to start the daemon, and where its folders are."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

from rigatino_wire.client import Client
from rigatino_wire.endpoint import runtime_dir
from rigatino_wire.errors import Failure
from rigatino_wire.launch import Wait, ensure_daemon
from rigatino_wire.program import elsewhere

FILE = Path(__file__).parent.parent / "daemon.json"
FOLDERS = {"RIGATINO_RUNTIME_DIR": "runtime_dir", "RIGATINO_DATA_DIR": "data_dir"}


def connect(on_wait: Wait | None = None, file: Path = FILE) -> Client:
    """A client of the daemon, which is started where none runs; `on_wait` as in `ensure_daemon`.

    Raises Failure bad_setting, command_missing, and what `ensure_daemon` raises.
    """
    runtime = folder(file)
    first, *others = commands(runtime, file)
    return ensure_daemon(first, runtime, on_wait, others=others)


def commands(runtime: Path, file: Path = FILE) -> list[list[str]]:
    """Ways to start Rigatino, the best first: RIGATINO_COMMAND (words as in a shell) and no other where it is set,
    else the file's, then wherever else Rigatino was seen, for it may have moved.

    Raises Failure bad_setting, command_missing.
    """
    if words := os.environ.get("RIGATINO_COMMAND", ""):
        return [_split(words)]
    others = elsewhere(runtime)
    try:
        return [list(_read(file)["command"]), *others]
    except Failure:
        if others:
            return others
        raise


def _split(words: str) -> list[str]:
    try:
        found = shlex.split(words, posix=os.name != "nt")
    except ValueError:  # a quote that is not closed
        found = []
    if not found:
        raise Failure("bad_setting", name="RIGATINO_COMMAND", value=words, expected="words, as in a shell")
    return found


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
