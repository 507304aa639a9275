"""Puts the plug-in into GIMP's profile folders, and takes it out again.

An installed plug-in is complete: the plug-in's own folder, rigatino_wire beside it, and daemon.json, which
says how to start the daemon and which folder it uses (GIMP's environment is another than the shell's).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import rigatino_wire
from rigatino.settings import Settings
from rigatino_wire.endpoint import runtime_dir
from rigatino_wire.errors import Failure

NAME = "rigatino-gimp"
ENTRY = f"{NAME}.py"
SETTINGS = "daemon.json"
PROFILE = re.compile(r"3\.\d+")
PACKAGE = Path(__file__).parent
JUNK = shutil.ignore_patterns("__pycache__", "*.pyc")


def profiles(environment: Mapping[str, str] = os.environ, home: Path | None = None) -> list[Path]:
    """GIMP 3's profile folders of this user: the one GIMP3_DIRECTORY names, else all that GIMP has made."""
    home = home or Path.home()
    if named := environment.get("GIMP3_DIRECTORY"):
        return [home / named]
    return sorted(
        profile
        for folder in _homes_of_profiles(environment, home)
        if folder.is_dir()
        for profile in folder.iterdir()
        if profile.is_dir() and PROFILE.fullmatch(profile.name)
    )


def _homes_of_profiles(environment: Mapping[str, str], home: Path) -> list[Path]:
    """Where GIMP keeps its profiles, one folder per version: Linux (Flatpak and Snap too), macOS, Windows."""
    configuration = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    roaming = Path(environment.get("APPDATA") or home / "AppData" / "Roaming")
    return [
        configuration / "GIMP",
        home / ".var" / "app" / "org.gimp.GIMP" / "config" / "GIMP",
        home / "snap" / "gimp" / "current" / ".config" / "GIMP",
        home / "Library" / "Application Support" / "GIMP",
        roaming / "GIMP",
    ]


def place(profile: Path) -> Path:
    """The plug-in's folder in a profile."""
    return profile / "plug-ins" / NAME


def install(profile: Path) -> Path:
    """Installs or upgrades the plug-in and returns its folder; a folder of that name is always a whole one.

    Raises Failure file_unwritable, or file_missing where this installation of Rigatino has no plug-in.
    """
    target = place(profile)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=".rigatino-", dir=target.parent, ignore_cleanup_errors=True
        ) as part:
            fresh = Path(part) / "new"
            _assemble(fresh)
            _swap(fresh, target, Path(part) / "old")
    except OSError as error:
        raise Failure("file_unwritable", file=str(target), why=error.strerror or str(error)) from error
    return target


def remove(profile: Path) -> bool:
    """Takes the plug-in out of a profile; False where there is none. Raises Failure file_unwritable."""
    target = place(profile)
    try:
        shutil.rmtree(target)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise Failure("file_unwritable", file=str(target), why=error.strerror or str(error)) from error
    return True


def command() -> list[str]:
    """The words that start Rigatino from anywhere: this interpreter, by its absolute path, and the module."""
    return [str(Path(sys.executable).absolute()), "-m", "rigatino"]


def _assemble(folder: Path) -> None:
    shutil.copytree(_source(), folder, ignore=JUNK)
    shutil.copytree(Path(rigatino_wire.__file__).parent, folder / "rigatino_wire", ignore=JUNK)
    (folder / ENTRY).chmod(0o755)
    settings = {
        "command": command(),
        "runtime_dir": str(runtime_dir()),
        "data_dir": str(Settings.from_environment().data_dir),
    }
    (folder / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", "utf-8")


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
