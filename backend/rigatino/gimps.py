"""The GIMP 3s of this user: their profile folders, their programs, and which of them live in a sandbox.

Where profiles are: GIMP's own documentation; the Flatpak uses ~/.config/GIMP like everybody, its older
packages a folder of their own; the Snap a folder of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

PROFILE = re.compile(r"3\.\d+")
FLATPAK = "org.gimp.GIMP"
LIMIT = 120  # seconds for GIMP to make its profile


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
        home / ".var" / "app" / FLATPAK / "config" / "GIMP",
        home / "snap" / "gimp" / "current" / ".config" / "GIMP",
        home / "Library" / "Application Support" / "GIMP",
        roaming / "GIMP",
    ]


def console(environment: Mapping[str, str] = os.environ) -> str | None:
    """GIMP's console program: the first that RIGATINO_GIMP names ("3.2=COMMAND:..."), else the newest on the PATH."""
    if named := environment.get("RIGATINO_GIMP", ""):
        return named.split(":")[0].rpartition("=")[2]
    folders = map(Path, environment.get("PATH", "").split(os.pathsep))
    found = [
        path for folder in folders for path in folder.glob("gimp-console-3*") if os.access(path, os.X_OK)
    ]
    return str(max(found, key=lambda path: _numbers(path.name))) if found else None


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]


def make_profile(program: str) -> None:
    """Has GIMP start and end without a window, upon which it makes its profile as at any first start."""
    words = [program, "--no-interface", "--no-data", "--no-fonts", "--quit"]
    try:
        subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return  # there is no profile then, and that is said


def has_flatpak(home: Path | None = None) -> bool:
    """Whether a GIMP from Flatpak is installed, for this user or for all."""
    places = ((home or Path.home()) / ".local" / "share" / "flatpak", Path("/var/lib/flatpak"))
    return any((place / "app" / FLATPAK).is_dir() for place in places)


def snap_folder(profile: Path, home: Path | None = None) -> Path | None:
    """The folder that the Snap whose profile this is shares with the rest; None for other profiles.

    A Snap sees no hidden folders of the home folder.
    """
    snap = (home or Path.home()) / "snap" / "gimp"
    return snap / "common" if profile.is_relative_to(snap) else None
