"""A GIMP that was never started gets the plug-in, and the plug-in finds a Rigatino that has moved since."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gimp.real import RealGimp
from rigatino.cli import cli
from rigatino.doctor.gimp import passed_over
from rigatino_wire.launch import stop_daemon
from rigatino_wire.program import remember

FILL = """
image = Gimp.Image.new(100, 100, Gimp.ImageBaseType.RGB)
layer = Gimp.Layer.new(image, "picture", 100, 100, Gimp.ImageType.RGB_IMAGE, 100, Gimp.LayerMode.NORMAL)
image.insert_layer(layer, None, 0)
layer.fill(Gimp.FillType.WHITE)
image.select_rectangle(Gimp.ChannelOps.REPLACE, 40, 40, 20, 20)
procedure = Gimp.get_pdb().lookup_procedure("rigatino-fill")
config = procedure.create_config()
config.set_property("image", image)
config.set_core_object_array("drawables", [layer])
procedure.run(config)
print("layers:", len(image.get_layers()), Gimp.get_pdb().get_last_error())
"""


@pytest.fixture
def never_started(gimp_command: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RealGimp]:
    """A GIMP with a home folder in which there is nothing yet, and no name for its profile."""
    gimp = RealGimp(gimp_command, tmp_path)
    for name, value in gimp.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RIGATINO_GIMP", f"3={gimp_command}")
    for name in ("GIMP3_DIRECTORY", "XDG_CONFIG_HOME", "RIGATINO_COMMAND"):
        monkeypatch.delenv(name, raising=False)
    yield gimp
    stop_daemon(gimp.runtime)


def test_from_nothing_to_a_fill(never_started: RealGimp) -> None:
    gimp = never_started
    done = CliRunner().invoke(cli, ["install-plugin"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    (entry,) = (gimp.share / "home" / ".config" / "GIMP").glob("3.*/plug-ins/*/rigatino-gimp.py")
    profile = entry.parents[2]
    settings = json.loads((entry.parent / "daemon.json").read_text())
    (entry.parent / "daemon.json").write_text(json.dumps({**settings, "command": ["/no/such/python"]}))
    remember(gimp.runtime, [str(gimp.share / "rigatino")])
    words = [str(gimp.command), "-idf", "--batch-interpreter=python-fu-eval", "-b", FILL, "--quit"]
    said = subprocess.run(
        words, env=dict(os.environ), capture_output=True, text=True, timeout=300, check=False
    )
    assert "layers: 2" in said.stdout, said.stdout + said.stderr
    assert (profile / "pluginrc").stat().st_mtime > entry.stat().st_mtime
    assert not passed_over(profile, entry.parent)
