"""Puts the plug-in into GIMP's profile folders, and takes it out again.

An installed plug-in is complete: the plug-in's own folder, rigatino_wire beside it, and daemon.json, which
says how to start the daemon and which folder it uses (GIMP's environment is another than the shell's).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rigatino_wire
from rigatino import gimps
from rigatino.atomic import why
from rigatino.settings import Settings
from rigatino.whereabouts import command
from rigatino_wire.errors import Failure

NAME = "rigatino-gimp"
ENTRY = f"{NAME}.py"
SETTINGS = "daemon.json"
PACKAGE = Path(__file__).parent
JUNK = shutil.ignore_patterns("__pycache__", "*.pyc", "*.po")


def place(profile: Path) -> Path:
    """The plug-in's folder in a profile."""
    return profile / "plug-ins" / NAME


def is_installed(profile: Path) -> bool:
    """Whether something lies there: an old plug-in, or a link that leads nowhere."""
    return os.path.lexists(place(profile))


def install(profile: Path) -> Path:
    """Installs or upgrades the plug-in and returns its folder; a folder of that name is always a whole one.

    Raises Failure plug_in_unwritable, or file_missing where this installation of Rigatino has no plug-in.
    """
    target = place(profile)
    with _aside(target) as aside:
        assemble(aside / "new", profile)
        _swap(aside / "new", target, aside / "old")
    return target


def remove(profile: Path) -> bool:
    """Takes the plug-in out of a profile; False where there is none. Raises Failure plug_in_unwritable."""
    if not is_installed(profile):
        return False
    target = place(profile)
    with _aside(target) as aside:
        target.rename(aside / "old")
    return True


def settings(profile: Path) -> dict[str, Any]:
    """What daemon.json says: the words that start Rigatino, the daemon's folder and that of imported weights."""
    return {
        "command": command(),
        "runtime_dir": str(gimps.runtime_of(profile)),
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


@contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """A hidden folder beside the target, from and to which things are renamed; what is left in it goes.

    Raises Failure plug_in_unwritable for an OSError within.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=".rigatino-", dir=target.parent, ignore_cleanup_errors=True
        ) as folder:
            yield Path(folder)
    except OSError as error:
        raise Failure("plug_in_unwritable", folder=str(target), why=why(error)) from error


def _swap(fresh: Path, target: Path, aside: Path) -> None:
    """Renames the new folder into place; the old one comes back where that fails."""
    upgrade = os.path.lexists(target)
    if upgrade:
        target.rename(aside)
    try:
        fresh.rename(target)
    except OSError:
        if upgrade:
            aside.rename(target)
        raise
