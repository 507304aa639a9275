"""The way to the daemon: how it is started, where its folder is, and what GIMP shows while it works."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

from gi.repository import Gimp
from rigatino_gimp import texts
from rigatino_wire.client import Client
from rigatino_wire.endpoint import runtime_dir
from rigatino_wire.errors import Failure
from rigatino_wire.launch import ensure_daemon
from rigatino_wire.messages import Description, Fill, Filled, Progress

INSTALLED = Path(__file__).parent.parent / "daemon.json"


def describe() -> Description:
    """What the daemon offers; it is started where none runs. Raises Failure."""
    with _connect() as client:
        return client.describe()


def fill(request: Fill) -> Filled:
    """Has the daemon do the work while GIMP's progress bar tells of it. Raises Failure.

    Cancelling in GIMP ends the plug-in's process at once; the daemon notices that its client is gone.
    """
    with _connect() as client:
        return client.fill(request, on_progress=_show)


def start_progress() -> None:
    """Opens GIMP's progress bar."""
    Gimp.progress_init(texts.STAGES["starting"])


def _connect() -> Client:
    return ensure_daemon(command(), folder(), on_wait=Gimp.progress_pulse)


def _show(progress: Progress) -> None:
    Gimp.progress_set_text(texts.stage(progress))
    if progress.fraction > 0:
        Gimp.progress_update(progress.fraction)
    else:
        Gimp.progress_pulse()


def command() -> list[str]:
    """The words that start Rigatino: RIGATINO_COMMAND (shell words), else what install-plugin wrote.

    Raises Failure command_missing.
    """
    words = os.environ.get("RIGATINO_COMMAND", "")
    return shlex.split(words, posix=os.name != "nt") if words else list(_installed()["command"])


def folder() -> Path:
    """The daemon's folder: RIGATINO_RUNTIME_DIR, else the one that install-plugin wrote down. Raises Failure."""
    if os.environ.get("RIGATINO_RUNTIME_DIR") or not INSTALLED.exists():
        return runtime_dir()
    return Path(_installed()["runtime_dir"])


def _installed() -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(INSTALLED.read_text("utf-8"))
        return {"command": [str(word) for word in value["command"]], "runtime_dir": str(value["runtime_dir"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure("command_missing") from error
