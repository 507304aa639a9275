"""Puts the plug-in into GIMP's profile folders, and takes it out again.

An installed plug-in is complete: the plug-in's own folder, rigatino_wire beside it, and daemon.json, which
says how to start the daemon and which folder it uses (GIMP's environment is another than the shell's).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import rigatino_wire
from rigatino import gimps
from rigatino.atomic import why
from rigatino.settings import Settings
from rigatino.whereabouts import command
from rigatino_wire.endpoint import runtime_dir
from rigatino_wire.errors import Failure

NAME = "rigatino-gimp"
ENTRY = f"{NAME}.py"
SETTINGS = "daemon.json"
PACKAGE = Path(__file__).parent
JUNK = shutil.ignore_patterns("__pycache__", "*.pyc", "*.po")


def place(profile: Path) -> Path:
    """The plug-in's folder in a profile."""
    return profile / "plug-ins" / NAME


def install(profile: Path) -> Path:
    """Installs or upgrades the plug-in and returns its folder; a folder of that name is always a whole one.

    Raises Failure plug_in_unwritable, or file_missing where this installation of Rigatino has no plug-in.
    """
    target = place(profile)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=".rigatino-", dir=target.parent, ignore_cleanup_errors=True
        ) as part:
            fresh = Path(part) / "new"
            assemble(fresh, profile)
            _swap(fresh, target, Path(part) / "old")
    except OSError as error:
        raise Failure("plug_in_unwritable", folder=str(target), why=why(error)) from error
    return target


def remove(profile: Path) -> bool:
    """Takes the plug-in out of a profile; False where there is none. Raises Failure plug_in_unwritable."""
    target = place(profile)
    try:
        shutil.rmtree(target)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise Failure("plug_in_unwritable", folder=str(target), why=why(error)) from error
    return True


def settings(profile: Path) -> dict[str, Any]:
    """What daemon.json says: the words that start Rigatino, the daemon's folder and that of imported weights.

    A Snap sees nothing of the usual folder, so its daemon has one that both sides see.
    """
    snap = None if os.environ.get("RIGATINO_RUNTIME_DIR") else gimps.snap_folder(profile)
    return {
        "command": command(),
        "runtime_dir": str(snap / "rigatino" if snap else runtime_dir()),
        "data_dir": str(Settings.from_environment().data_dir),
    }


def assemble(folder: Path, profile: Path) -> None:
    """Makes the plug-in's folder as it is to lie in that profile."""
    shutil.copytree(_source(), folder, ignore=JUNK)
    shutil.copytree(Path(rigatino_wire.__file__).parent, folder / "rigatino_wire", ignore=JUNK)
    (folder / SETTINGS).write_text(json.dumps(settings(profile), indent=2) + "\n", "utf-8")
    (folder / ENTRY).chmod(0o755)
    (folder / ENTRY).touch()  # GIMP asks a plug-in for its procedures again only when this file is newer


def _source() -> Path:
    """The plug-in as the wheel carries it, or as it lies in the repository of an editable install."""
    for folder in (PACKAGE / "_gimp_plugin", PACKAGE.parent.parent / "gimp_plugin" / NAME):
        if (folder / ENTRY).is_file():
            return folder
    raise Failure("file_missing", file=str(PACKAGE / "_gimp_plugin" / ENTRY))


def _swap(fresh: Path, target: Path, aside: Path) -> None:
    """Renames the new folder into place; the old one comes back where that fails."""
    upgrade = target.exists()
    if upgrade:
        target.rename(aside)
    try:
        fresh.rename(target)
    except OSError:
        if upgrade:
            aside.rename(target)
        raise
