"""A virtual environment that is moved after the plug-in was installed from it: real ones, real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from rigatino import plugin_install

ROOT = Path(__file__).parents[2]
CONNECT = """
import sys
sys.path.insert(0, {folder!r})
from rigatino_gimp import installed
from rigatino_wire.errors import Failure
try:
    with installed.connect() as client:
        print("version", client.status().version)
except Failure as failure:
    print(failure)
"""


class House:
    """An environment in which this checkout is installed, and a profile of GIMP."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = folder / "old"
        venv.create(self.place, symlinks=True, with_pip=False)
        paths = [str(ROOT / "backend"), str(ROOT / "models"), sysconfig.get_path("purelib")]
        (site,) = self.place.glob("lib/python*/site-packages")
        (site / "rigatino.pth").write_text("\n".join(paths))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self._done(str(self.place / "bin" / "python"), "-m", "rigatino", *words)

    def plug_in(self) -> str:
        """What the plug-in says of its way to the daemon, in a Python that has nothing of Rigatino."""
        code = CONNECT.format(folder=str(plugin_install.place(self.folder)))
        return self._done(sys.executable, "-I", "-S", "-c", code).stdout

    def _done(self, *words: str) -> subprocess.CompletedProcess[str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("RIGATINO", "PYTHON"))
        }
        environment = {**kept, "HOME": str(self.folder), "PATH": "/usr/bin:/bin"}
        return subprocess.run(
            words, env=environment, capture_output=True, text=True, timeout=120, check=False
        )


@pytest.mark.skipif(os.name == "nt", reason="environments without links are copies, which do not move")
def test_the_plug_in_finds_it_once_it_was_used_at_its_new_place(tmp_path: Path) -> None:
    house = House(tmp_path)
    installed = house.run("install-plugin", "--gimp-dir", str(tmp_path))
    assert installed.returncode == 0, installed.stderr
    house.place = house.place.rename(tmp_path / "new")
    assert "install-plugin" in house.plug_in()
    assert house.run("status").returncode == 1
    said = house.plug_in()
    stopped = house.run("stop")
    assert said.startswith("version "), said
    assert stopped.returncode == 0
