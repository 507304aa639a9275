"""Real GIMPs and a real daemon: where they are, and how a batch script is run between them.

RIGATINO_GIMP="3.0=COMMAND:3.2=COMMAND" names the gimp-console commands. A command that runs GIMP in a chroot
keeps the folder RIGATINO_GIMP_SHARE at the same path on both sides; .ci/gimp-chroots makes such commands.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rigatino
import rigatino_wire
from rigatino import plugin_install

VERSIONS = ("3.0", "3.2")
CHROOTS = Path(os.environ.get("RIGATINO_GIMP_CHROOTS") or Path.home() / ".cache" / "rigatino-gimp")
INSIDE = Path(__file__).parent / "inside"
RUN_LIMIT = 1800  # seconds that one GIMP may take for all its cases; a tenth of it on an idle machine

Pixels = NDArray[np.uint8]


def commands() -> dict[str, Path]:
    """GIMP's version -> its command, of those that this machine has."""
    named = dict(one.split("=", 1) for one in os.environ.get("RIGATINO_GIMP", "").split(":") if one)
    found = {version: Path(named.get(version, CHROOTS / f"gimp-{version}")) for version in VERSIONS}
    return {version: path for version, path in found.items() if path.exists()}


class RealGimp:
    """A GIMP with its own profile, home and daemon, all in one folder that it shares with this process."""

    def __init__(self, command: Path, share: Path) -> None:
        self.command = command
        self.share = share
        for name in ("home", "out", "ask", "data"):
            (share / name).mkdir()
        self.runtime.mkdir(mode=0o700)
        shutil.copytree(INSIDE, share / "inside", ignore=shutil.ignore_patterns("__pycache__"))
        plugin_install.install(share / "profile")
        self._write_daemon_command()

    @property
    def runtime(self) -> Path:
        return self.share / "run"

    @cached_property
    def environment(self) -> dict[str, str]:
        """What GIMP and this folder's daemon are told; a display is none of it."""
        kept = {
            name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")
        }
        return {
            **kept,
            "HOME": str(self.share / "home"),
            "GIMP3_DIRECTORY": str(self.share / "profile"),
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": os.environ.get(
                "OMP_NUM_THREADS", "1"
            ),  # of small networks on a shared machine
            "RIGATINO_GIMP_SHARE": str(self.share),
            "RIGATINO_RUNTIME_DIR": str(self.runtime),
            "RIGATINO_DATA_DIR": str(self.share / "data"),
            "RIGATINO_COMMAND": str(self.share / "rigatino"),
        }

    def batch(self, script: str) -> str:
        """Runs a script of inside/ in GIMP and returns what GIMP said; the script's results lie in out/."""
        code = f"exec(open({str(self.share / 'inside' / script)!r}).read())"
        words = [str(self.command), "-idf", "--batch-interpreter=python-fu-eval", "-b", code, "--quit"]
        return self._run(words)

    def desktop(self) -> str:
        """Has inside/desktop.py use the graphical GIMP; its results and screenshots lie in out/."""
        words = ["python3", str(self.share / "inside" / "desktop.py"), str(self.share / "photo.png")]
        return self._run([*self._enter, *words])

    @property
    def has_desktop(self) -> bool:
        """Whether there is what a user and a screen are played with; the chroots have it."""
        return bool(self._enter) or all(
            shutil.which(name) for name in ("Xvfb", "openbox", "xdotool", "import")
        )

    @property
    def _enter(self) -> list[str]:
        """What a command that runs inside GIMP's chroot begins with; nothing where GIMP lives in none."""
        enter = self.command.with_name(self.command.name.replace("gimp-", "enter-"))
        return [str(enter)] if enter.exists() else []

    def facts(self, case: str) -> Any:
        """What a case of the batch script returned; its traceback fails the test that asks."""
        file = self.share / "out" / f"{case}.json"
        assert file.exists(), f"GIMP ended before the case {case}"
        result = json.loads(file.read_text())
        assert "traceback" not in result, result["traceback"]
        return result["facts"]

    def pixels(self, dumped: dict[str, Any], channels: int = 4) -> Pixels:
        """A drawable that the batch script dumped, as an array [H,W,channels]."""
        width, height = dumped["size"]
        raw = np.frombuffer((self.share / "out" / dumped["file"]).read_bytes(), np.uint8)
        return raw.reshape(height, width, channels)

    def floats(self, dumped: dict[str, Any]) -> NDArray[np.float32]:
        """A drawable that was dumped as floats, as an array [H,W,4]."""
        width, height = dumped["size"]
        raw = np.frombuffer((self.share / "out" / dumped["file"]).read_bytes(), "<f4")
        return raw.reshape(height, width, 4)

    def _run(self, words: list[str]) -> str:
        done = subprocess.run(
            words, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=RUN_LIMIT, check=False,
        )  # fmt: skip
        return done.stdout.decode("utf-8", "replace")

    def _write_daemon_command(self) -> None:
        """A `rigatino` that GIMP can start from its chroot too, where the machine itself lies under /host."""
        roots = {str(Path(package.__file__ or "").parent.parent) for package in (rigatino, rigatino_wire)}
        roots.add(str(Path(__file__).parents[2] / "models"))
        run = shlex.join(
            ["env", f"PYTHONPATH={os.pathsep.join(sorted(roots))}", sys.executable, "-m", "rigatino"]
        )
        script = f'#!/bin/sh\n[ -d /host/proc/self ] && exec chroot /host {run} "$@"\nexec {run} "$@"\n'
        (self.share / "rigatino").write_text(script)
        (self.share / "rigatino").chmod(0o755)
