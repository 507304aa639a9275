"""Memory: what is loaded stays within the budget, what a fill takes is known before, and less of it is made do with."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_networks
import torch
from numpy.typing import NDArray

from rigatino import budget, compose, filling, weights
from rigatino.budget import CPU, Rung, ladder, needed, room
from rigatino.planning import LOOK_AGAIN, REFINE, Part
from rigatino.pool import Pool
from rigatino.seams import drawn_pixels
from rigatino.service import Service
from rigatino.settings import Settings
from rigatino_models import registry
from rigatino_models.surroundings import Surroundings
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Array, Fill, Filled
from rigatino_wire.region import Box
from rigatino_wire.texts import NOTES

SPEC = registry.find("").spec


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("data")
    weights.import_file(small_networks.pic(folder / "pic.safetensors"), "pic", folder)
    return folder


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is free, for a test to say."""
    bytes_free = [inf]
    monkeypatch.setattr(budget, "free", lambda device: bytes_free[0])
    monkeypatch.setattr(budget, "LEAST", 0)
    return bytes_free


def fill(service: Service, **settings: Any) -> Filled:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (24, 1100, 4), np.uint8)
    image[..., 3] = 255
    hole = np.zeros((24, 1100, 1), np.uint8)
    hole[10:16, 500:540] = 255
    seen, gap = (Array("u8", a.shape, a.tobytes()) for a in (image, hole))
    defaults: dict[str, Any] = {"detail": False, "precision": "fp32"}
    request = Fill("a", seen, gap, **(defaults | settings))
    return service.answer(request, lambda stage, fraction: None)


def test_where_there_is_enough_nothing_is_told(data: Path, free: list[float]) -> None:
    filled = fill(Service(Settings(data, device="cpu")))
    assert not filled.notes
    assert filled.scale == 1024 / 1100


def test_what_would_be_too_much_is_not_begun(data: Path, free: list[float]) -> None:
    """The hole is seen smaller, then in lower precision: the last resort is tried whatever the estimate says."""
    free[0] = 25e6
    filled = fill(Service(Settings(data, device="cpu")))
    assert filled.scale == 512 / 1100
    assert list(filled.notes) == [NOTES["memory_smaller"]]
    free[0] = 1.0
    filled = fill(Service(Settings(data, device="cpu")))
    assert list(filled.notes) == [NOTES["memory_smaller"], NOTES["memory_rough"]]
    assert filled.precision == "bf16"


def test_specks_are_looked_at_one_by_one_where_memory_is_short(
    data: Path, free: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is no other answer, so nothing is told."""
    service, asked, answers = Service(Settings(data, device="cpu")), [], []
    image = np.full((256, 1800, 4), 255, np.uint8)
    image[..., :3] = np.random.default_rng(0).integers(0, 256, (256, 1800, 3))
    hole = np.zeros((256, 1800, 1), np.uint8)
    hole[120:130, [300, 301, 900, 901, 1500, 1501]] = 255
    seen, gap = (Array("u8", a.shape, a.tobytes()) for a in (image, hole))
    request = Fill("a", seen, gap, detail=False, precision="fp32")
    net = service.pool.get("", "fp32").inpainter
    raw = net.raw

    def counted(image: torch.Tensor, *more: Any) -> torch.Tensor:
        asked.append(len(image))
        return raw(image, *more)

    monkeypatch.setattr(net, "raw", counted)
    for free[0] in (inf, 1.3e8):
        filled = service.answer(request, lambda stage, fraction: None)
        assert not filled.notes
        answers.append(np.frombuffer(filled.fill.view, np.uint8).astype(int))
    assert asked == [3, 1, 1, 1]
    assert np.abs(answers[0] - answers[1]).max() <= 1


def deep_hole(service: Service, seam: str) -> tuple[list[str], NDArray[np.float32]]:
    """The notes to a hole of 160 pixels, next to which half of the rim is bright, and its fill [160,160,4]."""
    image = np.full((256, 256, 4), (0.3, 0.3, 0.3, 1), np.float32)
    image[:, :40, :3] = 0.9
    hole = np.zeros((256, 256, 1), np.float32)
    hole[48:208, 48:208] = 1
    seen, gap = (Array("f32", a.shape, a.tobytes()) for a in (image, hole))
    request = Fill("a", seen, gap, detail=False, precision="bf16", seam=seam, grow=0, feather=0.0)
    filled = service.answer(request, lambda stage, fraction: None)
    assert filled.fill.shape == (1, 160, 160, 4)
    return list(filled.notes), np.frombuffer(filled.fill.view, "<f4").reshape(160, 160, 4)


@pytest.mark.parametrize("seam", ["auto", "poisson"])
def test_colours_are_drawn_less_deep_where_memory_is_short(
    data: Path, free: list[float], monkeypatch: pytest.MonkeyPatch, seam: str
) -> None:
    service = Service(Settings(data, device="cpu"))
    notes, whole = deep_hole(service, seam)
    assert not notes
    monkeypatch.setattr(filling, "DRAWN", 100_000)
    free[0] = 1e9
    notes, shallow = deep_hole(service, seam)
    assert notes == [NOTES["memory_seam"]]
    assert np.abs(whole - shallow)[:4].max() < 0.02  # the rim is met all the same
    assert np.abs(whole - shallow)[64:96, 64:96].max() > 1e-4


@pytest.mark.parametrize("reach", [20.0, 32.0, 128.0, inf])
def test_pixels_near_the_rim_are_counted_from_above(reach: float) -> None:
    y, x = np.mgrid[:390, :421]
    hole = np.hypot(y - 190, x - 215) < 170
    exact = int((hole & (compose.distance(~hole) <= reach)).sum())
    count = drawn_pixels(hole, reach)
    assert exact <= count <= exact + 2 * np.pi * 170 * 40
    assert count <= hole.sum()


def test_the_users_limit_counts_too(data: Path, free: list[float]) -> None:
    network = Pool(Settings(data, device="cpu")).get("", "fp32").nbytes
    filled = fill(Service(Settings(data, device="cpu", memory=network + 25e6)))
    assert list(filled.notes) == [NOTES["memory_smaller"]]


def test_full_memory_leads_to_the_next_rung(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(Settings(data, device="cpu"))
    net = service.pool.get("", "fp32").inpainter
    full = iter([True])

    def raw(*given: object) -> torch.Tensor:
        if next(full, False):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return type(net).raw(net, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(net, "raw", raw)
    filled = fill(service)
    assert list(filled.notes) == [NOTES["memory_smaller"]]
    assert service.resident() == ["lama-small"]


def test_other_failures_are_not_tried_again(data: Path) -> None:
    service = Service(Settings(data, device="cpu"))
    with pytest.raises(Failure) as caught:
        fill(service, network="nonesuch")
    assert caught.value.code == "unknown_network"


def test_the_ladder_ends_with_the_processor() -> None:
    rungs = list(ladder(torch.device("cuda:0"), "fp32"))
    assert rungs[0] == Rung()
    assert rungs[-1] == Rung(smaller=True, device=CPU, last=True)
    assert NOTES["memory_cpu"] in rungs[-1].notes
    for device, precision in ((CPU, "fp32"), (CPU, "bf16"), (torch.device("mps"), "fp32")):
        assert [rung.last for rung in ladder(device, precision)].index(True) == len(
            list(ladder(device, precision))
        ) - 1


def test_a_network_of_one_size_is_not_asked_at_another() -> None:
    fixed = replace(SPEC, comfortable=256, minimum=256)
    assert Rung(smaller=True).spec(fixed) == fixed
    assert Rung(smaller=True).spec(SPEC).comfortable == SPEC.comfortable // 2


def test_the_estimate_grows_with_what_is_done() -> None:
    hole = np.ones((2000, 2000), bool)
    plain = Part(Box(0, 0, 2000, 2000), hole, 0.5)
    known = np.ones((2000, 2000), bool)
    found = [
        needed([part], [[0]], SPEC, "fp32", known)
        for part in (plain, replace(plain, again=LOOK_AGAIN), replace(plain, again=REFINE, scale=0.1))
    ]
    assert found[0] == found[1] < 2e9
    assert needed([plain], [[0]], SPEC, "bf16", known) < found[0]
    assert needed([replace(plain, scale=1.0)], [[0]], SPEC, "fp32", known) > 2e9
    assert needed([plain] * 2, [[0, 1]], SPEC, "fp32", known) > needed(
        [plain] * 2, [[0], [1]], SPEC, "fp32", known
    )
    assert found[2] > needed([replace(plain, scale=0.1)], [[0]], SPEC, "fp32", known)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_what_is_shown_around_a_hole_near_the_edge_counts(scale: float) -> None:
    """Nothing around one inside, a margin around one near the edge, most around one that runs all along edges."""
    gaps = np.zeros((3, 256, 256), bool)
    gaps[0, 100:150, 100:150] = gaps[1, 10:40, 100:150] = gaps[2] = True
    gaps[2, 60:200, 60:200] = False
    estimates, seen = [], []
    for gap in gaps:
        hole = gap.repeat(round(1 / scale), 0).repeat(round(1 / scale), 1)
        part = Part(Box(0, 0, hole.shape[1], hole.shape[0]), hole, scale)
        estimates.append(needed([part], [[0]], SPEC, "fp32", ~hole) - budget.REGION * hole.size)
        small = torch.from_numpy(gap)[None, None].float()
        seen.append(Surroundings.of(small, SPEC.margin).around(small).numel())
    assert seen[0] < seen[1] < seen[2]
    assert estimates == pytest.approx([SPEC.pixel_bytes * count for count in seen])


def test_the_least_recently_used_networks_make_room(data: Path, free: list[float]) -> None:
    pool = Pool(Settings(data, device="cpu"))
    for name, precision in (("", "fp32"), ("pic", "fp32"), ("exemplar", "fp32"), ("", "bf16")):
        pool.get(name, precision)
    assert pool.resident() == ["lama-small", "pic", "exemplar", "lama-small"]
    free[0] = 0.0  # beside what the networks hold
    pool.get("exemplar", "fp32")
    pool.get("pic", "bf16")
    assert pool.resident()[-1] == "pic"
    assert len(pool.resident()) < 5
    pool.let_go()
    assert not pool.resident()


def test_one_network_is_loaded_once_whatever_precision_is_asked_for(data: Path) -> None:
    pool = Pool(Settings(data, device="cpu"))
    loaded = {id(pool.get("exemplar", precision)) for precision in ("auto", "fp32", "bf16")}
    assert len(loaded) == 1
    assert pool.resident() == ["exemplar"]


def test_weights_that_were_imported_anew_are_loaded_anew(tmp_path: Path) -> None:
    pool = Pool(Settings(tmp_path, device="cpu"))
    weights.import_file(small_networks.gfc(tmp_path / "gfc.safetensors"), "mine", tmp_path)
    assert pool.get("mine", "fp32").spec.system == "gfc"
    weights.remove("mine", tmp_path)
    weights.import_file(small_networks.dfnet(tmp_path / "dfnet.safetensors"), "mine", tmp_path)
    assert pool.get("mine", "fp32").spec.system == "dfnet"


def test_what_is_free_is_told_here() -> None:
    assert room(CPU, inf, 0) > 0
    assert room(CPU, budget.LEAST + 10.0, 5) >= budget.LEAST


def test_a_container_that_leaves_less_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory.max").write_text("3000000000\n")
    (tmp_path / "memory.current").write_text("1000000000\n")
    monkeypatch.setattr(budget, "GROUP", tmp_path)
    monkeypatch.setattr(budget, "MEMINFO", tmp_path / "none")
    assert budget.free(CPU) == 2e9
    (tmp_path / "memory.max").write_text("max\n")
    assert budget.free(CPU) == inf
