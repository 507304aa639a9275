"""Holes larger than a network's comfortable size, and several holes in one region."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_networks
from numpy.typing import NDArray

from rigatino import weights
from rigatino.service import Service
from rigatino.settings import Settings
from rigatino_models import second_look
from rigatino_wire.messages import Array, Fill, Filled


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    folder: Path = tmp_path_factory.mktemp("data")
    weights.import_file(small_networks.pic(folder / "pic.safetensors"), "pic", folder)
    return Service(Settings(folder, device="cpu"))


def request(height: int, width: int, *holes: tuple[int, int, int, int], **settings: Any) -> Fill:
    """A region of soft light and stripes with holes at (x, y, width, height)."""
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([60 + x % 160, 60 + y % 150, 150 + 40 * ((x + y) // 6 % 2)], -1)
    image = np.concatenate((rgb, np.full((height, width, 1), 255)), -1).astype(np.uint8)
    hole = np.zeros((height, width, 1), np.uint8)
    for left, top, w, h in holes:
        hole[top : top + h, left : left + w] = 255
    seen, gap = (Array("u8", a.shape, a.tobytes()) for a in (image, hole))
    defaults: dict[str, Any] = {"detail": False, "precision": "fp32", "grow": 0, "feather": 0.0, "seed": 1}
    return Fill("a", seen, gap, **(defaults | settings))


def run(service: Service, fill: Fill) -> tuple[Filled, NDArray[np.uint8]]:
    """The reply and the whole region filled."""
    filled = service.answer(fill, lambda stage, fraction: None)
    whole = np.frombuffer(fill.image.view, np.uint8).reshape(fill.image.shape).copy()
    rgba = np.frombuffer(filled.fill.view, np.uint8).reshape(filled.fill.shape)[0]
    x, y = filled.offset
    there = whole[y : y + rgba.shape[0], x : x + rgba.shape[1]]
    there[rgba[..., 3] > 0] = rgba[rgba[..., 3] > 0]
    return filled, whole[..., :3]


LONG = (24, 1600, (300, 8, 900, 8))


def test_quality_decides_on_a_second_look(service: Service) -> None:
    """Only where the first was reduced."""
    fast, coarse = run(service, request(*LONG, quality="fast"))
    balanced, fine = run(service, request(*LONG, quality="balanced"))
    assert fast.scale == balanced.scale == 1024 / 1600
    assert "again" not in fast.seconds
    assert "again" in balanced.seconds
    assert (coarse != fine).any()
    unreduced, _ = run(service, request(24, 400, (100, 8, 200, 8)))
    assert "again" not in unreduced.seconds


def test_the_best_refines_what_was_first_seen_smaller(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_look, "TILE", 192)
    monkeypatch.setattr(second_look, "OVERLAP", 16)
    fill = request(740, 740, (340, 340, 60, 52), quality="best", precision="auto")
    told: list[float] = []
    filled = service.answer(fill, lambda stage, fraction: told.append(fraction))
    assert filled.scale == 0.5
    assert "again" in filled.seconds
    assert told == sorted(told)
    assert len({fraction for fraction in told if fraction > 0.1}) > 10, "each update is told"


def test_another_networks_answer_is_looked_at_by_the_bundled_one(service: Service) -> None:
    region = (430, 430, (110, 110, 210, 210))
    first, coarse = run(service, request(*region, network="pic", quality="fast"))
    second, fine = run(service, request(*region, network="pic", quality="balanced"))
    assert first.scale == second.scale < 0.7
    assert "again" in second.seconds
    assert (coarse != fine).any()
    assert "lama-small" in service.resident()


@pytest.mark.parametrize("network", ["", "pic"])
def test_far_holes_are_filled_as_if_alone(service: Service, network: str) -> None:
    first, second = (40, 40, 20, 20), (1500, 40, 24, 24)
    both, whole = run(service, request(512, 1600, first, second, network=network))
    assert both.scale == 1
    _, alone = run(service, request(512, 512, first, network=network))
    if network:
        alone = run(service, request(256, 256, first, network=network))[1]
    apart = np.abs(whole[40:60, 40:60].astype(int) - alone[40:60, 40:60])
    assert apart.mean() < 1  # the seam's solver stops when it is near enough
    assert apart.max() < 10
    known = np.ones((512, 1600), bool)
    for x, y, w, h in (first, second):
        known[y : y + h, x : x + w] = False
    original = np.frombuffer(request(512, 1600, first).image.view, np.uint8).reshape(512, 1600, 4)[..., :3]
    assert (whole[known] == original[known]).all()


def test_candidates_of_several_holes_differ_in_each(service: Service) -> None:
    holes = (40, 40, 20, 20), (900, 40, 24, 24)
    pictures = [run(service, request(300, 1000, *holes, network="pic", seed=seed))[1] for seed in (1, 2)]
    for x, y, w, h in holes:
        assert (pictures[0][y : y + h, x : x + w] != pictures[1][y : y + h, x : x + w]).any()


def test_progress_rises_over_all_parts_and_looks(service: Service) -> None:
    told: list[float] = []
    fill = request(430, 1400, (110, 110, 210, 210), (1300, 40, 20, 20), network="pic", candidates=2)
    service.answer(fill, lambda stage, fraction: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)
