"""The service with the bundled network: every shape of hole has a defined answer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rigatino.planning import THICK
from rigatino.service import Service
from rigatino.settings import Settings
from rigatino_models import registry
from rigatino_wire.errors import Cancelled, Failure
from rigatino_wire.messages import Array, Fill, Filled


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    return Service(Settings(tmp_path_factory.mktemp("data"), device="cpu"))


def scene(height: int, width: int) -> NDArray[np.uint8]:
    """An opaque RGBA picture with light, an edge and grain."""
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([80 + x % 120, 60 + y % 150, 200 - (x + y) % 100], -1).astype(np.float64)
    rgb += np.random.default_rng(0).normal(0, 4, rgb.shape)
    alpha = np.full((height, width, 1), 255)
    return np.concatenate((rgb.clip(0, 255), alpha), -1).astype(np.uint8)


def request(image: NDArray[Any], hole: NDArray[Any], **settings: Any) -> Fill:
    kind = "u8" if image.dtype == np.uint8 else "f32"
    pack = [Array(kind, a.shape, np.ascontiguousarray(a).tobytes()) for a in (image, hole[..., None])]
    return Fill(id="test", image=pack[0], hole=pack[1], **settings)


def run(service: Service, fill: Fill) -> Filled:
    return service.fill(fill, lambda stage, fraction: None)


def answer(filled: Filled) -> NDArray[Any]:
    kind = np.uint8 if filled.fill.dtype == "u8" else np.dtype("<f4")
    return np.frombuffer(filled.fill.view, kind).reshape(filled.fill.shape)[0]


def box(height: int, width: int, top: int, left: int, bottom: int, right: int) -> NDArray[np.uint8]:
    hole = np.zeros((height, width), np.uint8)
    hole[top:bottom, left:right] = 255
    return hole


@pytest.mark.parametrize(
    ("size", "hole"),
    [
        ((64, 64), (20, 20, 40, 40)),
        ((75, 131), (0, 0, 20, 131)),  # along the upper border
        ((61, 97), (40, 80, 61, 97)),  # in the corner
        ((33, 17), (16, 8, 17, 9)),  # one pixel
        ((3, 5), (1, 1, 2, 2)),
        ((2, 1), (0, 0, 1, 1)),
        ((300, 420), (30, 40, 280, 300)),  # above the comfortable size
        ((700, 24), (100, 0, 500, 24)),  # long and narrow, hole across
    ],
)
def test_holes_of_every_shape(service: Service, size: tuple[int, int], hole: tuple[int, ...]) -> None:
    image, mask = scene(*size), box(*size, *hole)
    grow, feather = (0, 0.0) if min(size) < 6 else (4, 4.0)
    filled = run(service, request(image, mask, offset=(100, 50), grow=grow, feather=feather))
    rgba = answer(filled)
    x, y = filled.offset[0] - 100, filled.offset[1] - 50
    whole = np.zeros((*size, 4), np.uint8)
    whole[y : y + rgba.shape[0], x : x + rgba.shape[1]] = rgba
    assert (whole[mask > 0, 3] == 255).all()
    known = whole[..., 3] == 0
    inside = np.zeros(size, bool)
    inside[y : y + rgba.shape[0], x : x + rgba.shape[1]] = True
    assert (whole[known & inside, :3] == image[known & inside, :3]).all()


def test_what_is_too_faint_for_eight_bits_is_no_hole(service: Service) -> None:
    image, hole = (
        Array(kind, a.shape, a.tobytes())
        for kind, a in (
            ("u8", scene(64, 64)),
            ("f32", box(64, 64, 20, 20, 40, 40)[..., None].astype(np.float32) / 255 / 1000),
        )
    )
    with pytest.raises(Failure) as caught:
        run(service, Fill("test", image, hole))
    assert caught.value.code == "hole_empty"


def test_the_answer_says_what_ran(service: Service) -> None:
    filled = run(service, request(scene(90, 1100), box(90, 1100, 20, 100, 70, 400), seed=7, detail=False))
    assert filled.network == "lama-small"
    assert filled.seed == 7
    assert filled.scale == pytest.approx(1024 / 1100)
    assert filled.device == "cpu"
    assert filled.precision in {"fp32", "bf16"}
    assert len(filled.weights) == 64
    assert {"load", "network", "compose", "total"} <= set(filled.seconds)


def test_a_deterministic_network_has_one_candidate_and_says_so(service: Service) -> None:
    filled = run(service, request(scene(64, 64), box(64, 64, 20, 20, 40, 40), candidates=3))
    assert filled.fill.shape[0] == 1
    assert "one candidate" in filled.notes[0]


def test_same_request_same_answer(service: Service) -> None:
    fill = request(scene(64, 64), box(64, 64, 20, 20, 40, 40), seed=3, precision="fp32")
    assert (answer(run(service, fill)) == answer(run(service, fill))).all()


def test_bf16_is_near_fp32(service: Service) -> None:
    image, hole = scene(96, 96), box(96, 96, 30, 30, 60, 60)
    exact, rough = (
        answer(run(service, request(image, hole, precision=p))).astype(int) for p in ("fp32", "bf16")
    )
    assert np.abs(exact - rough).mean() < 2
    assert np.abs(exact - rough).max() < 24


def test_the_answer_names_the_precision_that_the_network_has(service: Service) -> None:
    image, hole = scene(48, 48), box(48, 48, 20, 20, 30, 30)
    assert run(service, request(image, hole, network="exemplar", precision="bf16")).precision == "fp32"
    assert run(service, request(image, hole, detail=False, precision="bf16")).precision == "bf16"


@pytest.mark.parametrize(
    ("network", "detail", "thick"), [("", True, 60), ("", True, 40), ("", False, 60), ("exemplar", True, 60)]
)
def test_texture_is_copied_once_into_a_thick_hole_where_it_is_asked_for(
    service: Service, network: str, detail: bool, thick: int
) -> None:
    told: list[float] = []
    hole = box(96, 96, 18, 18, 18 + thick, 18 + thick)
    fill = request(scene(96, 96), hole, network=network, detail=detail, grow=0)
    filled = service.fill(fill, lambda stage, part: told.append(part))
    assert ("detail" in filled.seconds) == (detail and not network and thick > 2 * THICK)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_float_in_float_out(service: Service) -> None:
    image, hole = scene(64, 64), box(64, 64, 20, 20, 40, 40)
    coarse = answer(run(service, request(image, hole, precision="fp32"))).astype(float) / 255
    fine = answer(run(service, request(np.float32(image / 255), np.float32(hole / 255), precision="fp32")))
    assert fine.dtype == np.dtype("<f4")
    assert np.abs(fine[: len(coarse)] - coarse)[2:-2, 2:-2].max() < 1 / 254


def test_what_the_hole_covers_does_not_matter(service: Service) -> None:
    image, hole = scene(64, 64), box(64, 64, 20, 20, 40, 40)
    other = image.copy()
    other[18:42, 18:42, :3] = 255 - other[18:42, 18:42, :3]
    first, second = (answer(run(service, request(i, hole, grow=4, feather=0.0))) for i in (image, other))
    assert (first == second).all()


def test_transparent_pixels_give_no_context(service: Service) -> None:
    image, hole = scene(64, 64), box(64, 64, 20, 20, 40, 40)
    image[:, 50:, 3] = 0
    other = image.copy()
    other[:, 50:, :3] = 255 - other[:, 50:, :3]
    first, second = (answer(run(service, request(i, hole))) for i in (image, other))
    assert (first == second).all()


def test_progress_is_real_and_can_stop_the_work(service: Service) -> None:
    told: list[tuple[str, float]] = []

    def stop_halfway(stage: str, fraction: float) -> None:
        told.append((stage, fraction))
        if fraction >= 0.5:
            raise Cancelled

    fill = request(scene(64, 64), box(64, 64, 20, 20, 40, 40))
    with pytest.raises(Cancelled):
        service.fill(fill, stop_halfway)
    fractions = [fraction for stage, fraction in told if stage == "filling"]
    assert fractions == sorted(fractions)
    assert 0.5 <= fractions[-1] < 0.8
    assert len(fractions) > 3
    run(service, fill)


@pytest.mark.parametrize(
    ("image", "hole", "code"),
    [
        (scene(32, 32), box(32, 32, 0, 0, 0, 0), "hole_empty"),
        (scene(32, 32), box(32, 32, 0, 0, 32, 32), "hole_everything"),
        (scene(1, 1), box(1, 1, 0, 0, 1, 1), "hole_everything"),
        (scene(12, 12), box(12, 12, 4, 4, 8, 8), "hole_everything"),  # grown by 12 below
        (np.full((16, 16, 4), np.nan, np.float32), np.float32(box(16, 16, 4, 4, 8, 8) / 255), "bad_pixels"),
    ],
)
def test_what_cannot_be_filled_gets_a_sentence(
    service: Service, image: NDArray[Any], hole: NDArray[Any], code: str
) -> None:
    with pytest.raises(Failure) as caught:
        run(service, request(image, hole, grow=12))
    assert caught.value.code == code


def test_an_unknown_network_is_named(service: Service) -> None:
    with pytest.raises(Failure, match="lama-small"):
        run(service, request(scene(32, 32), box(32, 32, 8, 8, 12, 12), network="nonesuch"))


def test_a_thin_hole_survives_reduction(service: Service) -> None:
    """A 1 px line that should vanish is not averaged into its surroundings when the region is reduced."""
    image = scene(400, 400)
    image[200, :, :3] = (255, 0, 255)
    filled = run(service, request(image, box(400, 400, 200, 0, 201, 400), grow=0, feather=0.0))
    rgba = answer(filled).astype(int)
    assert (rgba[..., 1] - rgba[..., 0]).mean() > -60, "magenta bleeds in"


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")]
)
def test_full_memory_is_said(service: Service, error: Exception) -> None:
    def full(stage: str, fraction: float) -> None:
        if stage == "filling":
            raise error

    with pytest.raises(Failure) as caught:
        service.fill(request(scene(32, 32), box(32, 32, 8, 8, 12, 12)), full)
    assert caught.value.code == "out_of_memory"


def test_flat_white_and_black_stay_flat(service: Service) -> None:
    for value in (0, 255):
        image = np.full((64, 64, 4), 255, np.uint8)
        image[..., :3] = value
        filled = answer(run(service, request(image, box(64, 64, 24, 24, 40, 40), precision="fp32")))
        assert np.abs(filled[..., :3].astype(int) - value).max() <= 3


def test_device_setting_is_checked(tmp_path: Path) -> None:
    with pytest.raises(Failure) as caught:
        Service(Settings(tmp_path, device="toaster"))
    assert caught.value.code == "bad_setting"


@pytest.mark.skipif(os.name == "nt", reason="file permissions")
def test_a_changed_weights_file_is_refused(tmp_path: Path) -> None:
    from rigatino import weights

    entry = weights.import_file(registry.find("").path, "mine", tmp_path)
    entry.path.write_bytes(entry.path.read_bytes()[:-4] + b"\0\1\2\3")
    with pytest.raises(Failure) as caught:
        run(
            Service(Settings(tmp_path, device="cpu")),
            request(scene(32, 32), box(32, 32, 8, 8, 12, 12), network="mine"),
        )
    assert caught.value.code == "weights_hash"


def test_a_first_fill_can_be_prepared(tmp_path: Path) -> None:
    fresh = Service(Settings(tmp_path, device="cpu"))
    fresh.warm_up(lambda stage, fraction: None)
    assert fresh.resident() == ["lama-small"]
