"""Light brighter than white: what surrounds a hole is as bright as it is, and its fill goes on from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import small_networks
from command_line import rigatino
from numpy.typing import NDArray
from PIL import Image

from rigatino import tone, weights
from rigatino.compose import Floats
from rigatino.exchange import read
from rigatino.light import decoded, encoded
from rigatino.service import Service
from rigatino.settings import Settings
from rigatino.tone import Tones
from rigatino_wire.messages import Array, Fill

HOLE = np.s_[30:62, 34:74]


@pytest.fixture
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RIGATINO_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def gradient(low: float, high: float) -> Floats:
    """Linear light [96,112,3], brighter to the right by the same part of a stop in every column, a little tinted."""
    stops = np.linspace(np.log2(low), np.log2(high), 112)
    grey = np.broadcast_to(2.0**stops, (96, 112))
    return np.stack([grey, 0.9 * grey, 0.8 * grey], -1).astype(np.float32)


def stops(light: Floats, truth: Floats | float) -> NDArray[np.float32]:
    """By how much light is too bright or too dark."""
    found: NDArray[np.float32] = np.abs(np.log2(np.maximum(light, 1e-4) / truth))
    return found


def mask(path: Path) -> Path:
    hole = np.zeros((96, 112), np.uint8)
    hole[HOLE] = 255
    Image.fromarray(hole).save(path)
    return path


def save(path: Path, pixels: Floats) -> Path:
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, oiio.FLOAT)
    out: Any = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    assert out.write_image(np.ascontiguousarray(pixels))
    out.close()
    return path


def load(path: Path) -> Floats:
    file: Any = oiio.ImageInput.open(str(path))
    pixels: Floats = file.read_image("float")
    file.close()
    return pixels


def filled(folder: Path, light: Floats, kind: str, *words: str) -> Floats:
    """Linear light that went through the command line in a file of this kind."""
    curved = kind == "tif"
    source = save(folder / f"in.{kind}", encoded(light) if curved else light)
    out = folder / f"out.{kind}"
    done = rigatino("fill", source, mask(folder / "mask.png"), "-o", out, *words)
    assert done.exit_code == 0, done.output
    return decoded(load(out)) if curved else load(out)


@pytest.mark.parametrize("kind", ["exr", "tif"])
@pytest.mark.parametrize("seam", ["feather", "poisson"])
def test_a_gradient_goes_on_above_white(tmp_path: Path, own_data: Path, kind: str, seam: str) -> None:
    """Whose fill ends at white is off by as many stops as the picture lies above."""
    truth = gradient(0.25, 16)
    light = truth.copy()
    light[HOLE] = 0.02
    found = filled(tmp_path, light, kind, "--seam", seam)[HOLE]
    at_white = stops(np.minimum(truth, 1), truth)[HOLE]
    assert at_white.mean() > 0.7
    assert stops(found, truth[HOLE]).mean() < 0.25
    assert np.abs(found[:, [0, -1]] / truth[HOLE][:, [0, -1]] - 1).max() < 0.25  # no step at the rim


@pytest.mark.parametrize(("level", "off"), [(8.0, 0.4), (2000.0, 1.2)])
def test_a_hole_wholly_in_bright_light_is_nearly_as_bright(
    tmp_path: Path, own_data: Path, level: float, off: float
) -> None:
    """White would be 3 and 11 stops off."""
    light = np.full((96, 112, 3), level, np.float32)
    light[:, :6] = 0.1
    light[HOLE] = 0.02
    assert stops(filled(tmp_path, light, "exr")[HOLE], level).mean() < off


def test_copied_texture_is_as_bright_as_where_it_came_from(tmp_path: Path, own_data: Path) -> None:
    rng = np.random.default_rng(2)
    light = np.float32(6) * 2 ** rng.uniform(-1, 1, (96, 112, 1)).astype(np.float32).repeat(3, -1)
    known = light.copy()
    light[HOLE] = 0.02
    found = np.log2(filled(tmp_path, light, "exr", "--network", "exemplar")[HOLE])
    around = np.log2(known)
    assert abs(found.mean() - around.mean()) < 0.3
    assert 0.5 < found.std() / around.std() < 1.5


def test_bright_light_far_away_does_not_brighten_a_fill(tmp_path: Path, own_data: Path) -> None:
    light = np.full((96, 112, 3), 0.2, np.float32)
    light[:4, :4] = 5000
    light[HOLE] = 0.9
    found = filled(tmp_path, light, "exr")
    assert stops(found[HOLE], 0.2).max() < 0.5
    assert (found[:4, :4] == 5000).all()


def test_colours_outside_the_gamut_go_on(tmp_path: Path, own_data: Path) -> None:
    """Such a green has a negative red in sRGB's primaries."""
    light = np.full((96, 112, 3), (-0.1, 0.6, 0.05), np.float32)
    light[HOLE] = 0.5
    found = filled(tmp_path, light, "exr")[HOLE]
    assert found[..., 0].max() < 0
    assert np.abs(found - (-0.1, 0.6, 0.05)).max() < 0.12


def test_a_network_with_its_own_seam_gives_light_too(own_data: Path) -> None:
    weights.import_file(small_networks.dfnet(own_data / "small.safetensors"), "own", own_data)
    rgba = np.concatenate((gradient(0.5, 9), np.ones((96, 112, 1), np.float32)), -1)
    hole = np.zeros((96, 112, 1), np.float32)
    hole[HOLE] = 1
    arrays = (Array("f32", one.shape, one.astype("<f4").tobytes()) for one in (rgba, hole))
    image, selection = arrays
    request = Fill(id="a" * 32, image=image, hole=selection, offset=(0, 0), seed=1, network="own")
    answer = Service(Settings.from_environment()).fill(request, lambda stage, fraction: None)
    rgb = np.frombuffer(answer.fill.view, "<f4").reshape(answer.fill.shape)[0, ..., :3]
    assert 1 < rgb.max() <= 9


def test_a_pixel_beyond_all_light_leaves_numbers_in_the_fill(own_data: Path) -> None:
    """A bad pixel of a sensor or of a rendering, next to the hole."""
    rgba = np.full((96, 112, 4), (0.2, 0.2, 0.2, 1), np.float32)
    rgba[29, 40, :3] = 1e30
    hole = np.zeros((96, 112, 1), np.float32)
    hole[HOLE] = 1
    image, selection = (Array("f32", one.shape, one.astype("<f4").tobytes()) for one in (rgba, hole))
    request = Fill(id="a" * 32, image=image, hole=selection, offset=(0, 0), seed=1, grow=0)
    answer = Service(Settings.from_environment()).fill(request, lambda stage, fraction: None)
    assert np.isfinite(np.frombuffer(answer.fill.view, "<f4")).all()


@pytest.mark.parametrize("ends", [(0, 1.001), (0, 1.5), (0, 107), (-0.4, 1), (-2, 30), (0, 1e6), (-1e-9, 1)])
def test_the_curve_goes_up_and_back(ends: tuple[float, float]) -> None:
    light = np.linspace(*ends, 4001, dtype=np.float32)[:, None, None].repeat(3, -1)
    tones = Tones.of(light, np.ones((4001, 1), bool))
    shown = tones.shown(light)
    assert shown.min() == pytest.approx(0, abs=1e-5)
    assert shown.max() == pytest.approx(1, abs=1e-5)
    assert (np.diff(shown, axis=0) >= 0).all()
    assert (
        np.abs(tones.meant(shown) / np.maximum(1, np.abs(light)) - light / np.maximum(1, np.abs(light))).max()
        < 1e-4
    )
    middle = (light > tone.END) & (light < 1 - tone.END)
    assert np.array_equal(shown[middle], light[middle])


def test_what_holds_nothing_beyond_white_is_shown_as_it_is() -> None:
    """Then networks see the same bits as ever; light that is hidden or transparent does not count."""
    rng = np.random.default_rng(0)
    rgba = rng.random((8, 9, 4), np.float32)
    rgba[0, 0], rgba[..., 3] = 50, 1
    hole = np.zeros((8, 9, 1), np.float32)
    hole[0, 0] = 1
    image, selection = (Array("f32", one.shape, one.astype("<f4").tobytes()) for one in (rgba, hole))
    region = read(Fill(id="a" * 32, image=image, hole=selection, offset=(0, 0), seed=1))
    toned = region.toned(hole[..., 0] == 0)
    assert toned is region
    assert np.array_equal(toned.rgb[1:], rgba[1:, :, :3])
    assert np.array_equal(toned.tones.meant(toned.rgb), toned.rgb)
