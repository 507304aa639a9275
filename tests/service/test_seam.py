"""From fill to picture: colours continue from the rim, and with the Poisson seam nothing of the hole stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rigatino.seams import REACH
from rigatino.service import Service
from rigatino.settings import Settings
from rigatino_wire.messages import Array, Fill, Filled

Floats = NDArray[np.float32]
SEAMS = ("auto", "feather", "poisson")
OFFSET = np.array((0.1, -0.05, 0.2), np.float32)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    folder: Path = tmp_path_factory.mktemp("data")
    return Service(Settings(folder, device="cpu"))


def slope(height: int = 64, width: int = 80) -> Floats:
    """RGBA that changes slowly."""
    y, x = np.mgrid[:height, :width].astype(np.float32) / 200
    return np.stack((0.3 + x, 0.3 + y, 0.5 - y, np.ones_like(x)), -1)


def soft(height: int = 64, width: int = 80) -> Floats:
    """A selection of a disk with a wide, soft rim."""
    y, x = np.mgrid[:height, :width]
    return np.clip((22 - np.hypot(y - 30, x - 36)) / 10, 0, 1).astype(np.float32)


def fill(service: Service, image: Floats, hole: Floats, **settings: Any) -> Filled:
    arrays = [Array("f32", a.shape, a.tobytes()) for a in (image, hole[..., None])]
    return service.fill(Fill("a", *arrays, **settings), lambda stage, fraction: None)


def laid(filled: Filled, shape: tuple[int, int]) -> Floats:
    """The fill's RGBA over the whole region; 0 where it does not reach."""
    rgba = np.frombuffer(filled.fill.view, "<f4").reshape(filled.fill.shape)[0]
    whole = np.zeros((*shape, 4), np.float32)
    x, y = filled.offset
    whole[y : y + rgba.shape[0], x : x + rgba.shape[1]] = rgba
    return whole


@pytest.mark.parametrize("seam", SEAMS)
def test_an_answer_of_another_colour_takes_the_rims(
    service: Service, seam: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, hole = slope(), (soft() > 0).astype(np.float32)
    monkeypatch.setattr("rigatino.seams.pixels", lambda answer: image[..., :3] + OFFSET)
    rgba = laid(fill(service, image, hole, grow=2, seam=seam), hole.shape)
    shown = rgba[..., 3] > 0
    # From pixel to pixel the picture changes by 1/200, about which the first pixel is off.
    assert np.abs(rgba - image)[shown][:, :3].max() < 0.02


def test_deep_inside_a_large_hole_the_answer_stands_but_for_the_poisson_seam(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.tile(slope(1, 1), (20, 3 * REACH, 1))
    hole = np.ones((20, 3 * REACH), np.float32)
    hole[:, :8] = 0
    monkeypatch.setattr("rigatino.seams.pixels", lambda answer: image[..., :3] + OFFSET)
    found = {seam: laid(fill(service, image, hole, seam=seam), hole.shape)[..., :3] for seam in SEAMS}
    assert np.allclose(found["auto"][:, 8 + REACH + 8 :], image[0, 0, :3] + OFFSET, atol=1e-6)
    assert np.allclose(found["poisson"][:, 8:], image[:, 8:, :3], atol=1e-3)
    assert np.array_equal(found["auto"], found["feather"])


def test_the_poisson_seam_covers_all_that_was_selected_and_leaves_no_ghost(service: Service) -> None:
    image, selection = slope(), soft()
    ghost = image.copy()
    ghost[selection > 0, :3] = (1, 0, 1)
    results = []
    for picture in (image, ghost):
        rgba = laid(fill(service, picture, selection, grow=3, feather=6, seam="poisson"), selection.shape)
        alpha = rgba[..., 3:]
        assert set(np.unique(alpha)) == {0, 1}
        assert (alpha[selection > 0] == 1).all()
        results.append(rgba[..., :3] * alpha + picture[..., :3] * (1 - alpha))
    assert np.array_equal(*results)


def test_the_border_of_the_poisson_seam_is_the_first_pixel_that_the_network_knew(service: Service) -> None:
    image, selection = slope(), soft()
    rgba = laid(fill(service, image, selection, grow=3, seam="poisson"), selection.shape)
    y, x = np.mgrid[:64, :80]
    reach = np.hypot(y - 30, x - 36)
    assert (rgba[reach < 24, 3] == 1).all()
    assert (rgba[reach > 26, 3] == 0).all()


@pytest.mark.parametrize("feather", [0, 4])
@pytest.mark.parametrize("seam", SEAMS)
def test_what_is_transparent_draws_no_colours_and_shows_none(
    service: Service, seam: str, feather: int
) -> None:
    image, hole = slope(), np.zeros((64, 80), np.float32)
    hole[20:40, 20:40] = 1
    image[10:50, 44:60, 3] = 0
    other = image.copy()
    other[10:50, 44:60, :3] = (1, 0, 1)
    settings = {"grow": 4, "feather": feather, "seam": seam}
    first, second = (laid(fill(service, picture, hole, **settings), hole.shape) for picture in (image, other))
    shown = first[..., 3] > 0
    assert np.array_equal(first[shown], second[shown])
    assert np.array_equal(first[..., 3], second[..., 3])
    assert shown[30, 44 : 44 + feather].all() or seam == "poisson"
    # No step where the transparent pixels begin.
    assert np.abs(np.diff(first[24:36, 41:48, :3], axis=1))[shown[24:36, 42:48]].max() < 0.05


def test_a_fill_has_the_grain_of_its_surroundings_where_detail_is_asked_for(service: Service) -> None:
    image = slope(160, 180)
    image[..., :3] += np.random.default_rng(0).normal(0, 0.03, (160, 180, 3)).astype(np.float32)
    hole = np.zeros((160, 180), np.float32)
    hole[60:100, 70:110] = 1
    found = [laid(fill(service, image, hole, detail=detail), hole.shape) for detail in (True, False)]
    grainy, smooth = (np.diff(rgba[65:95, 75:105, :3], axis=1).std() for rgba in found)
    around = np.diff(image[..., :3], axis=1).std()
    assert smooth < 0.5 * around
    assert 0.75 * around < grainy < 1.25 * around
