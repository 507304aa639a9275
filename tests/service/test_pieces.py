"""Large regions with far holes: each is filled as if alone, in little memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rigatino import pieces
from rigatino.pieces import split
from rigatino.service import Service
from rigatino.settings import Settings
from rigatino_models import registry
from rigatino_wire.messages import Array, Fill, Filled

SPEC = registry.find("").spec
CORNERS = (30, 20, 9, 9), (950, 970, 12, 12)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    folder: Path = tmp_path_factory.mktemp("data")
    return Service(Settings(folder, device="cpu"))


def request(side: int, *holes: tuple[int, int, int, int], **settings: Any) -> Fill:
    image = np.full((side, side, 4), 255, np.uint8)
    image[..., 0] = np.arange(side) % 200
    hole = np.zeros((side, side, 1), np.uint8)
    for x, y, w, h in holes:
        hole[y : y + h, x : x + w] = 255
    seen, gap = (Array("u8", a.shape, a.data.cast("B")) for a in (image, hole))
    return Fill("a", seen, gap, precision="fp32", seed=1, offset=(7, 9), detail=False, **settings)


def test_small_regions_and_single_holes_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(split(request(1000, *CORNERS), SPEC)) == 1
    monkeypatch.setattr(pieces, "LARGE", 1 << 19)
    assert len(split(request(1000, CORNERS[0]), SPEC)) == 1
    assert len(split(request(1000, *CORNERS, candidates=2), SPEC)) == 1
    assert len(split(request(1000, *CORNERS), SPEC)) == 2


def test_pieces_are_filled_as_the_whole_would_be(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = service.answer(request(1000, *CORNERS), lambda stage, part: None)
    monkeypatch.setattr(pieces, "LARGE", 1 << 19)
    told: list[float] = []
    apart = service.answer(request(1000, *CORNERS), lambda stage, part: told.append(part))
    assert apart.offset == whole.offset
    assert apart.fill.shape == whole.fill.shape
    assert apart.seed == 1
    first, second = (pixels(filled) for filled in (whole, apart))
    assert (first[..., 3] == second[..., 3]).all()
    seen = first[..., 3] > 0
    assert np.abs(first[seen].astype(int) - second[seen]).mean() < 1
    assert (second[~seen] == 0).all()
    assert told[-1] == pytest.approx(1)
    assert told == sorted(told)


def pixels(filled: Filled) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer(filled.fill.view, np.uint8).reshape(filled.fill.shape)


def test_memory_grows_with_the_bytes_alone(service: Service) -> None:
    """Beside request and reply: a few bytes for each pixel between the holes, not a few dozen."""
    side = 4200
    fill = request(side, (30, 20, 9, 9), (4100, 4120, 9, 9))
    service.answer(request(64, (20, 20, 9, 9)), lambda stage, part: None)
    tracemalloc.start()
    try:
        service.answer(fill, lambda stage, part: None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * side**2
