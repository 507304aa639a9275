"""The program behind the daemon: where it was last seen, and how it is started from within a sandbox.

Environments move and Pythons are upgraded, and then what an installation wrote down leads nowhere. So whoever
runs Rigatino notes in the runtime folder how he did it, for the plug-in to look there.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from rigatino_wire.endpoint import read_own, usual_runtime_path, write_own
from rigatino_wire.errors import Failure, Unreachable

NOTE = "program.json"
NAME = "rigatino"
FLATPAK = Path("/.flatpak-info")  # there inside every Flatpak, and nowhere else
TO_THE_HOST = ("flatpak-spawn", "--host")  # works where the user has allowed GIMP to leave its sandbox


def remember(runtime: Path, command: Sequence[str]) -> None:
    """Notes the words that start Rigatino. Raises OSError."""
    if _noted(runtime) != list(command):
        write_own(runtime / NOTE, json.dumps({"command": list(command)}).encode("ascii"))


def elsewhere(runtime: Path) -> list[list[str]]:
    """Other ways to start Rigatino than the one that was installed: the noted one, then one on the PATH."""
    noted = _noted(runtime)
    found = shutil.which(NAME) or shutil.which(NAME, path=str(Path.home() / ".local" / "bin"))
    return [words for words in (noted, [found] if found else []) if words]


def sandbox(environment: Mapping[str, str] = os.environ) -> str:
    """What confines this process and lets it start nothing outside: Flatpak, Snap, or "" for nothing."""
    if FLATPAK.exists():
        return "Flatpak"
    return "Snap" if environment.get("SNAP_NAME") == "gimp" else ""


def starting(command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The words that start the daemon with that environment, through the wall of a Flatpak where there is one."""
    words = [*command, "serve"]
    if sandbox() != "Flatpak":
        return words
    ours = [f"--env={name}={value}" for name, value in environment.items() if name.startswith("RIGATINO_")]
    return [*TO_THE_HOST, *ours, *words]


def from_outside(runtime: Path) -> Unreachable:
    """The failure that says how the user starts a daemon of this folder from outside the sandbox."""
    folder = "" if runtime == usual_runtime_path() else f"RIGATINO_RUNTIME_DIR={shlex.quote(str(runtime))} "
    return Unreachable("daemon_outside", sandbox=sandbox(), command=f"{folder}{NAME} service install")


def _noted(runtime: Path) -> list[str]:
    """The noted command; empty where there is none that can be read."""
    try:
        words = json.loads(read_own(runtime / NOTE))["command"]
    except (Failure, OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else []
