"""Many answers to one hole: they differ, are named by their seeds, made again by them, and ranked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import small_networks
import torch
from numpy.typing import NDArray

from rigatino import filling, weights
from rigatino.service import Service
from rigatino.settings import Settings
from rigatino_models import sampling
from rigatino_wire.errors import Cancelled, Failure
from rigatino_wire.messages import Array, Fill, Filled, Preview


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    folder = tmp_path_factory.mktemp("data")
    weights.import_file(small_networks.pic(folder / "pic.safetensors"), "pic", folder)
    weights.import_file(small_networks.comodgan(folder / "comodgan.safetensors"), "comodgan", folder)
    judged = small_networks.comodgan(folder / "judged.safetensors", critic=True)
    weights.import_file(judged, "judged", folder)
    return Service(Settings(folder, device="cpu"))


def request(network: str, **settings: Any) -> Fill:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (80, 90, 4), np.uint8)
    image[..., 3] = 255
    hole = np.zeros((80, 90, 1), np.uint8)
    hole[25:50, 30:60] = 255
    arrays = [Array("u8", a.shape, a.tobytes()) for a in (image, hole)]
    return Fill("a", *arrays, network=network, precision="fp32", detail=False, **settings)


def run(service: Service, fill: Fill) -> Filled:
    return service.answer(fill, lambda stage, fraction: None)


def pictures(filled: Filled) -> NDArray[np.uint8]:
    return np.frombuffer(filled.fill.view, np.uint8).reshape(filled.fill.shape)


def lineages(filled: Filled) -> list[tuple[int, ...]]:
    return [tuple(answer.lineage) for answer in filled.answers]


def test_more_candidates_than_a_reply_holds_are_refused_before_they_are_made(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages: list[str] = []
    monkeypatch.setattr(filling, "MAX_MESSAGE", 3 * 4 * 25 * 30)
    with pytest.raises(Failure) as caught:
        service.answer(request("pic", candidates=4), lambda stage, fraction: stages.append(stage))
    assert (caught.value.code, caught.value.params["size"]) == ("too_large", 4 * 4 * 25 * 30)
    assert stages == ["loading"]
    run(service, request("", candidates=4))  # has no chance: one fill


@pytest.mark.parametrize("network", ["pic", "comodgan"])
def test_candidates_differ_and_each_can_be_made_again_alone(service: Service, network: str) -> None:
    several = run(service, request(network, candidates=3, seed=40))
    assert sorted(lineages(several)) == [(40,), (41,), (42,)]
    assert several.seed == 40
    made = dict(zip(lineages(several), pictures(several), strict=True))
    assert len({picture.tobytes() for picture in made.values()}) == 3
    for (seed,), picture in made.items():
        assert (pictures(run(service, request(network, seed=seed)))[0] == picture).all()


@pytest.mark.parametrize("network", ["pic", "judged"])
def test_the_critic_ranks(service: Service, network: str) -> None:
    scores = [answer.score for answer in run(service, request(network, candidates=5, seed=1)).answers]
    assert all(score is not None for score in scores)
    assert scores == sorted(scores, key=lambda score: -(score or 0))
    assert len(set(scores)) == 5


def test_without_a_critic_candidates_stay_in_their_order(service: Service) -> None:
    filled = run(service, request("comodgan", candidates=4, seed=7))
    assert lineages(filled) == [(7,), (8,), (9,), (10,)]
    assert all(answer.score is None for answer in filled.answers)


@pytest.mark.parametrize("network", ["pic", "comodgan"])
def test_more_like_this_is_nearer_than_another(service: Service, network: str) -> None:
    chosen = pictures(run(service, request(network, seed=5)))[0].astype(float)
    near = run(service, request(network, candidates=3, seed=100, near=(5,)))
    other = run(service, request(network, candidates=3, seed=100))
    assert lineages(near)[0][0] == 5

    def distance(filled: Filled) -> float:
        return float(np.abs(pictures(filled) - chosen).mean())

    assert 0 < distance(near) < distance(other)
    again = run(service, request(network, seed=lineages(near)[1][1], near=(5,)))
    assert (pictures(again)[0] == pictures(near)[1]).all()


@pytest.mark.parametrize("network", ["pic", "comodgan"])
def test_without_variety_all_answers_are_the_likeliest(service: Service, network: str) -> None:
    made = pictures(run(service, request(network, candidates=2, seed=1, variety=0.0)))
    assert (made[0] == made[1]).all()
    assert (pictures(run(service, request(network, seed=1)))[0] != made[0]).any()


def test_a_picture_is_looked_at_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    net = service.pool.get("pic", "fp32").inpainter.net
    looks: list[int] = []
    see = net.see
    monkeypatch.setattr(net, "see", lambda *given: looks.append(1) or see(*given), raising=False)
    service.pool.get("pic", "fp32").inpainter.seen.clear()
    for seed in (1, 2):
        run(service, request("pic", candidates=2, seed=seed))
    assert len(looks) == 1


def test_previews_come_one_by_one_and_show_the_fill(service: Service) -> None:
    seen: list[tuple[float, Preview]] = []
    told = [0.0]
    service.answer(
        request("pic", candidates=3, seed=9),
        lambda stage, fraction: told.append(fraction),
        lambda preview: seen.append((told[-1], preview)),
    )
    assert [(p.number, p.count, tuple(p.lineage)) for _, p in seen] == [(k, 3, (9 + k,)) for k in range(3)]
    assert 0 < seen[0][0] < seen[1][0] < seen[2][0] == 1
    assert all(max(p.image.shape[:2]) <= 256 for _, p in seen)
    assert len({bytes(p.image.view) for _, p in seen}) == 3
    assert told == sorted(told)


@pytest.mark.parametrize(("network", "count"), [("pic", 1), ("lama-small", 0)])
def test_a_single_candidate_comes_with_a_preview_where_there_is_chance(
    service: Service, network: str, count: int
) -> None:
    seen: list[Preview] = []
    service.answer(request(network), lambda stage, fraction: None, seen.append)
    assert len(seen) == count


def test_stopping_between_candidates(service: Service) -> None:
    seen: list[Preview] = []

    def stop(stage: str, fraction: float) -> None:
        if len(seen) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        service.answer(request("pic", candidates=5), stop, seen.append)
    assert len(seen) == 2


def test_noise_stays_as_likely_along_a_lineage() -> None:
    first, near = sampling.noise([1], (4096,)), sampling.noise([1, 2, 3], (4096,))
    assert float(near.norm()) == pytest.approx(64, rel=0.05)
    assert 0.6 < float(torch.dot(first, near) / (first.norm() * near.norm())) < 0.95
    assert (sampling.noise([1, 2], (8,)) == sampling.noise([1, 2], (8,))).all()
    assert (sampling.towards(first, first, 0.5) == first).all()


@pytest.mark.parametrize("network", ["pic", "comodgan"])
def test_a_hole_larger_than_the_network_is_filled_in_each_candidate(service: Service, network: str) -> None:
    image = np.full((300, 320, 4), 255, np.uint8)
    image[..., :3] = np.random.default_rng(3).integers(0, 256, (300, 320, 3), np.uint8)
    hole = np.zeros((300, 320, 1), np.uint8)
    hole[60:250, 70:260] = 255
    arrays = [Array("u8", a.shape, a.tobytes()) for a in (image, hole)]
    filled = run(service, Fill("a", *arrays, network=network, precision="fp32", candidates=2, detail=False))
    assert filled.scale < 1
    first, second = pictures(filled)
    assert (first != second).any()
