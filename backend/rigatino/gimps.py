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

from rigatino_wire.endpoint import runtime_dir

PROFILE = re.compile(r"3\.\d+")
FLATPAK = "org.gimp.GIMP"
FLATPAKS_OF_ALL = Path("/var/lib/flatpak")  # of all users; a user's own are in the home folder
LIMIT = 120  # seconds for GIMP to make its profile


def profiles(environment: Mapping[str, str] = os.environ, home: Path | None = None) -> list[Path]:
    """GIMP 3's profile folders of this user: the one GIMP3_DIRECTORY names, else all that GIMP has made."""
    home = home or Path.home()
    if named := environment.get("GIMP3_DIRECTORY"):
        return [home / named]
    return sorted(
        profile for folder in _homes_of_profiles(environment, home) for profile in _profiles_in(folder)
    )


def _profiles_in(folder: Path) -> list[Path]:
    """One per version; none where the folder is not there or cannot be looked into."""
    try:
        return [entry for entry in folder.iterdir() if PROFILE.fullmatch(entry.name) and entry.is_dir()]
    except OSError:
        return []


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
    folders = [Path(name) for name in environment.get("PATH", "").split(os.pathsep) if name]
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


def has_flatpak() -> bool:
    """Whether a GIMP from Flatpak is installed, for this user or for all."""
    places = (Path.home() / ".local" / "share" / "flatpak", FLATPAKS_OF_ALL)
    return any((place / "app" / FLATPAK).is_dir() for place in places)


def is_snap(profile: Path) -> bool:
    """Whether this is the profile of a GIMP from Snap."""
    return profile.is_relative_to(_snap())


def runtime_of(profile: Path) -> Path:
    """The folder of this GIMP's daemon: RIGATINO_RUNTIME_DIR where it is set, else the usual one.

    A Snap sees no hidden folders of the home folder, so its GIMP has one in what it shares with the rest, which is not
    made here. Raises Failure as `runtime_dir` does.
    """
    if is_snap(profile) and not os.environ.get("RIGATINO_RUNTIME_DIR"):
        return _snap() / "common" / "rigatino"
    return runtime_dir()


def _snap() -> Path:
    return Path.home() / "snap" / "gimp"
