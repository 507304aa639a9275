"""Networks that say themselves how their answer passes into the picture: their alpha is the fill's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_networks
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from rigatino import weights
from rigatino.seams import OWN_REACH
from rigatino.service import Service
from rigatino.settings import Settings
from rigatino_models.inpainter import Inpainter
from rigatino_models.layers.fused import Fused, luminance
from rigatino_wire.messages import Array, Fill, Filled

HEIGHT, WIDTH, GROW = 150, 170, 4
Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    folder: Path = tmp_path_factory.mktemp("data")
    weights.import_file(small_networks.dfnet(folder / "dfnet.safetensors"), "dfnet", folder)
    return Service(Settings(folder, device="cpu"))


def scene() -> tuple[Floats, Floats]:
    """RGBA and a hole, in floats."""
    image = np.random.default_rng(3).random((HEIGHT, WIDTH, 4), np.float32)
    image[..., 3] = 1
    hole = np.zeros((HEIGHT, WIDTH, 1), np.float32)
    hole[60:90, 70:110] = 1
    return image, hole


def fill(service: Service, image: Floats, hole: Floats, **settings: Any) -> Filled:
    arrays = [Array("f32", a.shape, a.tobytes()) for a in (image, hole)]
    request = Fill("a", *arrays, network="dfnet", precision="fp32", grow=GROW, **settings)
    return service.answer(request, lambda stage, fraction: None)


def laid(filled: Filled) -> Floats:
    """The fill's RGBA over the whole region; 0 where it does not reach."""
    rgba = np.frombuffer(filled.fill.view, "<f4").reshape(filled.fill.shape)[0]
    whole = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    x, y = filled.offset
    whole[y : y + rgba.shape[0], x : x + rgba.shape[1]] = rgba
    return whole


def shown(image: Floats, rgba: Floats) -> Floats:
    alpha = rgba[..., 3:]
    return rgba[..., :3] * alpha + image[..., :3] * (1 - alpha)


def away(hole: Floats) -> NDArray[np.float64]:
    return np.asarray(distance_transform_edt(hole[..., 0] == 0))


def network(service: Service, image: Floats, hole: Floats) -> tuple[Fused, NDArray[np.bool_]]:
    """What the network says, and the hole that it is shown."""
    gap = away(hole) <= GROW
    inpainter: Inpainter = service.pool.get("dfnet", "fp32").inpainter
    picture = torch.from_numpy(image[..., :3].copy()).permute(2, 0, 1)[None]
    return inpainter.fused(picture, torch.from_numpy(gap.astype(np.float32))[None, None]), gap


def array(tensor: torch.Tensor) -> Floats:
    found: Floats = tensor[0].permute(1, 2, 0).numpy()
    return found


def test_the_fill_is_opaque_on_the_hole_and_has_the_network_s_alpha_around_it(service: Service) -> None:
    image, hole = scene()
    rgba = laid(fill(service, image, hole))
    said, gap = network(service, image, hole)
    np.testing.assert_allclose(rgba[gap, :3], array(said.picture)[gap], atol=1e-5)
    assert (rgba[gap, 3] == 1).all()
    alpha = array(luminance(said.alpha))[..., 0]
    near = ~gap & (away(hole) <= GROW + 3)
    assert np.ptp(rgba[near, 3]) > 0.05
    np.testing.assert_allclose(rgba[near, 3], alpha[near], atol=0.05)  # and a little of the way to nothing
    np.testing.assert_allclose(rgba[near, :3], array(said.own)[near], atol=1e-5)
    beyond = ~gap & (away(hole) <= GROW + OWN_REACH)
    assert (rgba[beyond, 3] <= alpha[beyond] + 1e-6).all()
    assert (rgba[away(hole) > GROW + OWN_REACH + 1, 3] == 0).all()


def test_feather_bakes_the_network_s_result(service: Service) -> None:
    image, hole = scene()
    rgba = laid(fill(service, image, hole, seam="feather", feather=4.0))
    said, gap = network(service, image, hole)
    there = rgba[..., 3] > 0
    np.testing.assert_allclose(rgba[there, :3], array(said.picture)[there], atol=1e-5)
    assert (rgba[gap, 3] == 1).all()
    fading = rgba[~gap & there, 3]
    assert 0 < fading.min() < fading.max() < 1
    assert (away(hole)[there] <= GROW + 5).all()


def test_nothing_of_what_is_to_go_shines_through(service: Service) -> None:
    image, hole = scene()
    other = image.copy()
    other[60:90, 70:110, :3] = 1 - other[60:90, 70:110, :3]
    first, second = (shown(one, laid(fill(service, one, hole))) for one in (image, other))
    np.testing.assert_array_equal(first, second)


def test_a_feathered_selection_passes_softly(service: Service) -> None:
    image, hole = scene()
    hole = np.clip(1 - away(hole) / 40, 0, 1)[..., None].astype(np.float32)
    rgba = laid(fill(service, image, hole))
    assert (rgba[..., 3] >= np.minimum(hole[..., 0], 1) - 1e-6).all()
    assert (rgba[hole[..., 0] >= 0.5, 3] == 1).all()
    assert rgba[away((hole > 0).astype(np.float32)) > 0, 3].max(initial=0) < 0.3


def test_transparent_surroundings_are_not_painted_on(service: Service) -> None:
    image, hole = scene()
    image[:, :66, 3] = 0
    rgba = laid(fill(service, image, hole, feather=2.0))
    assert (rgba[:, :62, 3] == 0).all()


def test_a_region_that_is_seen_smaller(service: Service) -> None:
    """Opaque on the hole all the same, up to its last pixel."""
    image, hole = scene()
    image, hole = (np.kron(one, np.ones((5, 5, 1), np.float32)) for one in (image, hole))
    filled = fill(service, image, hole, quality="fast")
    assert filled.scale == pytest.approx(512 / 850)
    rgba = np.frombuffer(filled.fill.view, "<f4").reshape(filled.fill.shape)[0]
    x, y = filled.offset
    inside = rgba[300 - y : 450 - y, 350 - x : 550 - x]
    assert inside.shape[:2] == (150, 200)
    assert (inside[..., 3] == 1).all()
    assert rgba[..., 3].min() < 0.9
