"""`rigatino extend`: more canvas on any side, filled; the picture itself stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import small_networks
from command_line import rigatino
from numpy.typing import NDArray
from PIL import Image, ImageCms

pytestmark = pytest.mark.usefixtures("own_folders")

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
KINDS: dict[str, Any] = {
    "8.png": np.uint8,
    "16.png": np.uint16,
    "16.tif": np.uint16,
    "float.tif": np.float32,
    "float.exr": np.float32,
}
Pixels = NDArray[Any]


def ramp(height: int, width: int, dtype: Any, left: int = 0, top: int = 0) -> Pixels:
    """Smooth light [H,W,3] of a picture that goes on by so many pixels; its numbers are those of no 8 bits."""
    y, x = np.mgrid[-top : height - top, -left : width - left] / 200
    values = np.stack([0.3 + 0.4 * x, 0.35 + 0.3 * y, 0.6 - 0.3 * x], -1)
    if np.dtype(dtype).kind == "f":
        return (1.5 * values).astype(dtype)
    return (values * np.iinfo(dtype).max).astype(dtype)


def save(path: Path, pixels: Pixels) -> Path:
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, str(pixels.dtype).replace("float32", "float"))
    if path.suffix != ".exr":
        spec.attribute(
            "ICCProfile", oiio.TypeDesc(f"uint8[{len(PROFILE)}]"), np.frombuffer(PROFILE, np.uint8)
        )
        spec.attribute("Make", "Rigatino")
        spec.attribute("Exif:PixelXDimension", width)
        spec.attribute("Exif:PixelYDimension", height)
    out: Any = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    assert out.write_image(np.ascontiguousarray(pixels))
    out.close()
    return path


def load(path: Path) -> tuple[Pixels, Any]:
    file: Any = oiio.ImageInput.open(str(path))
    pixels, spec = file.read_image("unknown"), file.spec()
    file.close()
    return pixels, spec


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_new_goes_on_and_the_picture_stays(tmp_path: Path, kind: str) -> None:
    source = save(tmp_path / f"in.{kind}", ramp(80, 100, KINDS[kind]))
    sides = ("--left", 20, "--right", 12, "--bottom", 24)
    done = rigatino("extend", source, "-o", tmp_path / f"out.{kind}", *sides, "--seed", 1)
    assert done.exit_code == 0, done.output
    (before, _), (after, header) = load(source), load(tmp_path / f"out.{kind}")
    assert after.shape == (104, 132, 3)
    assert after.dtype == before.dtype
    assert np.array_equal(after[:80, 20:120], before)
    truth = ramp(104, 132, KINDS[kind], left=20)
    one = 1.5 if kind.startswith("float") else np.iinfo(KINDS[kind]).max
    off = np.abs(after.astype(float) - truth) / one
    assert off.mean() < 0.04
    assert off[:80, 18:20].max() < 0.06
    assert (header.x, header.y, header.full_width, header.full_height) == (0, 0, 132, 104)
    if not kind.endswith("exr"):
        assert bytes(header.getattribute("ICCProfile")) == PROFILE
        assert header.getattribute("Make") == "Rigatino"
        assert header.getattribute("Exif:PixelXDimension") == 132
        assert header.getattribute("Exif:PixelYDimension") == 104


def test_a_picture_with_transparency_gets_opaque_pixels(tmp_path: Path) -> None:
    rgba = np.dstack((ramp(80, 100, np.uint8), np.full((80, 100), 255, np.uint8)))
    rgba[:40, :30] = (255, 0, 255, 0)  # nothing may be told from what is transparent
    Image.fromarray(rgba).save(tmp_path / "in.png")
    assert rigatino("extend", tmp_path / "in.png", "-o", tmp_path / "out.png", "--left", 16).exit_code == 0
    with Image.open(tmp_path / "out.png") as out:
        after = np.asarray(out)
    assert np.array_equal(after[:, 16:], rgba)
    assert (after[:, :16, 3] == 255).all()
    assert (after[:, :16, 0].astype(int) - after[:, :16, 1]).max() < 60


def test_grow_lets_the_picture_change_along_what_is_new(tmp_path: Path) -> None:
    source = save(tmp_path / "in.png", np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    done = rigatino("extend", source, "-o", tmp_path / "out.png", "--top", 16, "--grow", 3)
    assert done.exit_code == 0, done.output
    changed = (load(tmp_path / "out.png")[0][16:] != load(source)[0]).any(-1)
    assert changed[:3].mean() > 0.9
    assert not changed[3:].any()


def test_a_network_with_an_alpha_of_its_own_leaves_the_picture_too(tmp_path: Path) -> None:
    network = small_networks.dfnet(tmp_path / "df.safetensors")
    assert rigatino("weights", "import", network, "--as", "df").exit_code == 0
    source = save(tmp_path / "in.png", np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    for name, more in {"stays.png": [], "changes.png": ["--seam", "auto"]}.items():
        done = rigatino("extend", source, "-o", tmp_path / name, "--left", 16, "--network", "df", *more)
        assert done.exit_code == 0, done.output
        changed = (load(tmp_path / name)[0][:, 16:] != load(source)[0]).any()
        assert changed == bool(more)


def test_the_daemon_gives_the_same_picture(tmp_path: Path) -> None:
    source = save(tmp_path / "in.tif", ramp(64, 64, np.float32))
    for name, words in (("here.tif", []), ("there.tif", ["--daemon"])):
        done = rigatino("extend", source, "-o", tmp_path / name, "--right", 20, *words)
        assert done.exit_code == 0, done.output
    assert np.array_equal(load(tmp_path / "here.tif")[0], load(tmp_path / "there.tif")[0])


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        ([], 2, "--left, --right, --top, --bottom"),
        (["--left", "0"], 2, "--left, --right, --top, --bottom"),
        (["--left", "-3"], 2, "--left"),
        (["--left", "65535", "--top", "65535"], 1, "65599x65599"),
        (["--left", "8", "--grow", "200"], 1, "covers everything"),
        (["--left", "8", "--network", "nonesuch"], 1, "lama-small"),
    ],
)
def test_refusals(tmp_path: Path, words: list[str], status: int, sentence: str) -> None:
    source = save(tmp_path / "in.png", ramp(64, 64, np.uint8))
    done = rigatino("extend", source, "-o", tmp_path / "out.png", *words)
    assert done.exit_code == status
    assert sentence in done.stderr
    assert "Traceback" not in done.output
    assert not (tmp_path / "out.png").exists()


def test_a_format_that_ends_sooner_is_told_before_the_work(tmp_path: Path) -> None:
    source = save(tmp_path / "in.png", ramp(8, 64, np.uint8))
    done = rigatino("extend", source, "-o", tmp_path / "out.webp", "--left", 16320)
    assert done.exit_code == 1
    assert "16384x8" in done.stderr
    assert "16383 pixels or fewer" in done.stderr


def test_an_existing_output_stays_unless_forced(tmp_path: Path) -> None:
    source = save(tmp_path / "in.png", ramp(32, 32, np.uint8))
    (tmp_path / "out.png").write_text("dear")
    refused = rigatino("extend", source, "-o", tmp_path / "out.png", "--left", 4)
    assert refused.exit_code == 1
    assert (tmp_path / "out.png").read_text() == "dear"
    assert rigatino("extend", source, "-o", tmp_path / "out.png", "--left", 4, "--force").exit_code == 0
