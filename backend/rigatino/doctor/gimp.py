"""Each GIMP: is the plug-in there, whole, of this version, and does it find its program?"""

from __future__ import annotations

import filecmp
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rigatino import gimps as found_gimps
from rigatino import plugin_install
from rigatino.atomic import why
from rigatino.doctor.point import OK, WARNING, WRONG, Point
from rigatino_wire import __version__
from rigatino_wire.errors import Failure
from rigatino_wire.launch import FOREIGN_VARIABLES
from rigatino_wire.program import elsewhere

INSTALL = "Run “rigatino install-plugin”."
ANEW = f"{INSTALL[:-1]}, then start GIMP anew."
VERSION = re.compile(r"(\d\S*)")
OWN_VERSION = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)
PROCEDURE = "rigatino-fill"
LIMIT = 60  # seconds for a command to tell its version
FOLDERS = {
    "runtime_dir": "The plug-in uses the daemon of {}, this shell that of {}.",
    "data_dir": "The plug-in uses the imported weights of {}, this shell those of {}.",
}


class Trouble(NamedTuple):
    """What is amiss with one plug-in, as a Point has it."""

    state: str
    text: str
    hint: str = INSTALL


def gimps() -> Iterator[Point]:
    """A point for each profile that is well, one for each trouble of the others."""
    profiles = found_gimps.profiles()
    if not profiles:
        hint = "Install GIMP 3 where it is missing, then run “rigatino install-plugin”."
        yield Point("GIMP", WARNING, "No profile of a GIMP 3 was found.", hint)
    for profile in profiles:
        yield from _gimp(profile)


def passed_over(profile: Path, folder: Path) -> bool:
    """Whether GIMP, which notes the plug-ins' procedures at its start, has none of this one's since it lies there."""
    try:
        notes = profile / "pluginrc"
        if notes.stat().st_mtime <= (folder / plugin_install.ENTRY).stat().st_mtime:
            return False
        return f'"{PROCEDURE}"' not in notes.read_text("utf-8", "replace")
    except OSError:
        return False


def _gimp(profile: Path) -> Iterator[Point]:
    name = f"GIMP {profile.name}"
    try:
        troubles = list(_troubles(profile))
    except Failure as failure:
        yield Point.of(name, failure)
        return
    except OSError as error:
        hint = "See to it that the folder is yours."
        yield Point(name, WRONG, f"{profile} cannot be looked into: {why(error)}.", hint)
        return
    yield from (Point(name, *trouble) for trouble in troubles)
    if not troubles:
        yield Point(name, OK, f"plug-in {__version__} in {plugin_install.place(profile)}")


def _troubles(profile: Path) -> Iterator[Trouble]:
    folder = plugin_install.place(profile)
    if not folder.is_dir():
        yield Trouble(WARNING, f"The plug-in is not installed in {profile}.")
        return
    entry = folder / plugin_install.ENTRY
    if not entry.is_file():
        yield Trouble(WRONG, f"{entry} is missing.")
        return
    if os.name != "nt" and not os.access(entry, os.X_OK):
        yield Trouble(WRONG, f"{entry} lacks its run bit, so GIMP passes it over.")
    version = _version(folder)
    if version != __version__:
        yield Trouble(
            WRONG, f"The plug-in in {folder} is version {version}, this is version {__version__}.", ANEW
        )
    elif _differs(folder, profile):
        yield Trouble(WARNING, f"The plug-in in {folder} is not the one of this installation.", ANEW)
    yield from _settings_troubles(folder, profile)
    if passed_over(profile, folder):
        hint = (
            "Start GIMP from a terminal, which shows why; GIMP needs python3 and its gi module for plug-ins."
        )
        yield Trouble(WRONG, "GIMP has looked at the plug-in and did not take it.", hint)


def _version(folder: Path) -> str:
    try:
        text = (folder / "rigatino_wire" / "__init__.py").read_text("utf-8")
    except (OSError, ValueError):
        return "unknown"
    found = OWN_VERSION.search(text)
    return found[1] if found else "unknown"


def _differs(folder: Path, profile: Path) -> bool:
    """Whether the plug-in's files are others than this installation would write, caches and settings aside."""
    with tempfile.TemporaryDirectory(prefix="rigatino-") as name:
        fresh = Path(name) / "fresh"
        plugin_install.assemble(fresh, profile)
        return _unlike(filecmp.dircmp(folder, fresh, ignore=["__pycache__", plugin_install.SETTINGS]))


def _unlike(comparison: filecmp.dircmp[str]) -> bool:
    there = comparison.left_only or comparison.right_only or comparison.funny_files
    _, other, unreadable = filecmp.cmpfiles(
        comparison.left, comparison.right, comparison.common_files, shallow=False
    )
    return bool(there or other or unreadable) or any(map(_unlike, comparison.subdirs.values()))


def _settings_troubles(folder: Path, profile: Path) -> Iterator[Trouble]:
    file = folder / plugin_install.SETTINGS
    wanted = plugin_install.settings(profile)
    try:
        settings: dict[str, Any] = json.loads(file.read_text("utf-8"))
        command = [str(word) for word in settings["command"]]
        folders = {name: str(settings[name]) for name in FOLDERS}
    except (OSError, ValueError, KeyError, TypeError):
        yield Trouble(WRONG, f"{file} is missing or damaged.")
        return
    for name, sentence in FOLDERS.items():
        if folders[name] != wanted[name]:
            yield Trouble(WARNING, sentence.format(folders[name], wanted[name]))
    said = _asked(command)
    if said != __version__ and command != wanted["command"]:
        state = WARNING if elsewhere(Path(folders["runtime_dir"])) else WRONG
        what = f"is version {said}" if VERSION.fullmatch(said) else f"does not work ({said})"
        yield Trouble(state, f"The plug-in starts “{' '.join(command)}”, which {what}.", ANEW)


def _asked(command: Sequence[str]) -> str:
    """The version that a command tells of itself, or what is wrong with it."""
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
    try:
        done = subprocess.run(
            [*command, "--version"], env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=LIMIT, check=False,
        )  # fmt: skip
    except OSError as error:
        return error.strerror or str(error)
    except subprocess.TimeoutExpired:
        return "it does not end"
    last = ((done.stdout or done.stderr).strip().splitlines() or ["it says nothing"])[-1]
    return last.split()[-1] if done.returncode == 0 else last
