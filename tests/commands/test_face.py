"""`rigatino face`: a small random network, a photograph with a face in it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import small_networks
from command_line import rigatino
from numpy.typing import NDArray
from PIL import Image

PHOTO = Path(__file__).parents[1] / "photos" / "astronaut.jpg"
EYES = "151.3,75.3,185.7,77.5"
pytestmark = pytest.mark.usefixtures("own_folders")


def pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def hole(tmp_path: Path) -> tuple[Path, Path]:
    """A face with its mouth hidden: picture and mask."""
    mask = np.zeros((384, 384), np.uint8)
    mask[98:122, 145:185] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    with Image.open(PHOTO) as photo:
        photo.save(tmp_path / "photo.png")
    return tmp_path / "photo.png", tmp_path / "mask.png"


def test_a_mouth_is_completed_with_eyes_found_or_given(hole: tuple[Path, Path], tmp_path: Path) -> None:
    network = small_networks.gfc(tmp_path / "gfc.safetensors")
    assert rigatino("weights", "import", network, "--as", "faces").exit_code == 0
    before, mask = pixels(hole[0]), pixels(hole[1]) > 0
    for name, more in {"found": [], "given": ["--eyes", EYES, "--candidates", 2]}.items():
        out = tmp_path / f"{name}.png"
        done = rigatino("face", *hole, "-o", out, "--seed", 4, *more)
        assert done.exit_code == 0, done.output
        assert "filled by faces" in done.stderr
        changed = (pixels(out) != before).any(-1)
        assert changed[mask].mean() > 0.9
        assert not changed[:85].any()
        assert not changed[140:].any()
    first, second = (pixels(tmp_path / f"given{end}.png") for end in ("", "-2"))
    assert (first != second).any()
    assert np.abs(pixels(tmp_path / "found.png").astype(int) - first).mean() < 2


def test_through_the_daemon(hole: tuple[Path, Path], tmp_path: Path) -> None:
    network = small_networks.gfc(tmp_path / "gfc.safetensors")
    assert rigatino("weights", "import", network, "--as", "faces").exit_code == 0
    try:
        for name, daemon in (("one", []), ("two", ["--daemon"])):
            words = ("--eyes", EYES, "--seed", 4, "--precision", "fp32", *daemon)
            done = rigatino("face", *hole, "-o", tmp_path / f"{name}.png", *words)
            assert done.exit_code == 0, done.output
    finally:
        rigatino("stop")
    away = np.abs(pixels(tmp_path / "one.png").astype(int) - pixels(tmp_path / "two.png"))
    assert away.max() <= 1


def test_what_is_missing_is_said(hole: tuple[Path, Path], tmp_path: Path) -> None:
    done = rigatino("face", *hole, "-o", tmp_path / "out.png")
    assert done.exit_code == 1
    assert "rigatino weights import" in done.stderr
    network = small_networks.gfc(tmp_path / "gfc.safetensors")
    rigatino("weights", "import", network, "--as", "faces")
    done = rigatino("face", *hole, "-o", tmp_path / "out.png", "--eyes", "500,75,185,77")
    assert done.exit_code == 1
    assert "outside the picture" in done.stderr
    done = rigatino("face", *hole, "-o", tmp_path / "out.png", "--network", "lama-small")
    assert done.exit_code == 1
    assert "faces" in done.stderr
    assert not (tmp_path / "out.png").exists()
    names = [entry["name"] for entry in json.loads(rigatino("weights", "list", "--json").stdout)]
    assert "faces" in names


@pytest.mark.parametrize("eyes", ["1,2,3", "a,b,c,d", "1,2,3,nan", "", "1 2 3 4"])
def test_eyes_that_are_none(eyes: str, hole: tuple[Path, Path], tmp_path: Path) -> None:
    done = rigatino("face", *hole, "-o", tmp_path / "out.png", "--eyes", eyes)
    assert done.exit_code == 2
    assert "X,Y,X,Y" in done.stderr
