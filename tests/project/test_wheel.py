"""The wheel is complete: installed elsewhere it fills with the model inside and installs the plug-in."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


def run(*words: object, **environment: str) -> str:
    """A command's stdout; what it said on stderr where it fails."""
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        cwd=environment.get("HOME", ROOT),
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the wheel's packages come before this checkout's."""
    home = tmp_path_factory.mktemp("home")
    run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        home / "site",
        wheel,
    )
    return {
        "HOME": str(home),
        "PYTHONPATH": str(home / "site"),
        "RIGATINO_RUNTIME_DIR": str(home / "run"),
        "RIGATINO_DATA_DIR": str(home / "data"),
    }


def test_the_wheel_holds_what_it_needs_and_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for wanted in (
        "rigatino/demo/photo.jpg",
        "rigatino/_gimp_plugin/rigatino-gimp.py",
        "rigatino/_gimp_plugin/locale/de/LC_MESSAGES/rigatino.mo",
        "rigatino_models/weights/lama-small.safetensors",
        "rigatino_models/weights/lama-small.md",
        "rigatino_models/lama/lama-small.toml",
        "rigatino/origins.toml",
        "rigatino_wire/py.typed",
    ):
        assert wanted in names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {
        "rigatino", "rigatino_wire", "rigatino_models",
    }  # fmt: skip


def test_the_bundled_model_is_small(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.getinfo("rigatino_models/weights/lama-small.safetensors").file_size <= 16 * 10**6


def test_it_fills_with_the_model_inside(installed: dict[str, str], tmp_path: Path) -> None:
    where = run(sys.executable, "-c", "import rigatino_models; print(rigatino_models.__file__)", **installed)
    assert where.startswith(installed["PYTHONPATH"])
    ramp = np.repeat(np.arange(100, dtype=np.uint8)[None, :, None] * 2, 3, 2).repeat(80, 0)
    Image.fromarray(ramp).save(tmp_path / "in.png")
    mask = np.zeros((80, 100), np.uint8)
    mask[30:50, 40:60] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    run(
        sys.executable, "-m", "rigatino", "fill", tmp_path / "in.png", tmp_path / "mask.png",
        "-o", tmp_path / "out.png", **installed,
    )  # fmt: skip
    with Image.open(tmp_path / "out.png") as image:
        out = np.asarray(image).astype(int)
    assert np.abs(out - ramp)[30:50, 40:60].mean() < 12


def test_it_installs_the_plug_in(installed: dict[str, str], tmp_path: Path) -> None:
    run(sys.executable, "-m", "rigatino", "install-plugin", "--gimp-dir", tmp_path, **installed)
    entry = tmp_path / "plug-ins" / "rigatino-gimp" / "rigatino-gimp.py"
    assert os.access(entry, os.X_OK)
    assert (entry.parent / "rigatino_wire" / "client.py").is_file()
