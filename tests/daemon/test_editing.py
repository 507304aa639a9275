"""Painting and transplanting through a real daemon: what it offers, answers, refuses, and stops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
import small_networks

from daemon.house import House
from rigatino import weights
from rigatino_wire.client import new_id
from rigatino_wire.errors import Cancelled, Failure
from rigatino_wire.messages import Array, Fill, Paint, Progress, Transplant

NAMES = ("tabby", "tiger cat", "lion", "tiger", "red fox")
WIDTH, HEIGHT = 48, 40


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A running daemon with a small collage."""
    data = tmp_path_factory.mktemp("data")
    weights.import_file(small_networks.collage(data / "x.safetensors", names=NAMES), "cats", data)
    with closing(House(data)) as house:
        house.start()
        yield house


def arrays() -> dict[str, Array]:
    """A picture and a hole."""
    image = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 4), np.uint8)
    image[..., 3] = 255
    hole = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
    hole[10:30, 10:34] = 255
    return {"image": array(image), "hole": array(hole)}


def array(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Array:
    return Array("u8", pixels.shape, pixels.tobytes())


def paint(steps: int) -> Paint:
    numbers = array(np.zeros((HEIGHT, WIDTH, 1), np.uint8))
    return Paint(id=new_id(), **arrays(), classes=numbers, palette=(2,), base=-1, steps=steps, seed=3)


def test_each_task_has_its_networks(house: House) -> None:
    client = house.client()
    for task in ("paint", "transplant"):
        description = client.describe(task)
        assert [info.name for info in description.networks] == ["cats"]
        assert description.default_network == "cats"
    assert "cats" not in [info.name for info in client.describe().networks]
    assert client.describe("face").default_network == ""
    assert client.classes() == client.classes("cats") == NAMES


def test_classes_are_painted_and_parts_transplanted(house: House) -> None:
    told: list[Progress] = []
    request = paint(steps=30)
    filled = house.client().fill(request, told.append)
    assert (filled.id, filled.network, filled.seed) == (request.id, "cats", 3)
    assert filled.latent
    assert {progress.stage for progress in told} <= {"queued", "starting", "loading", "filling"}
    reference = {"reference": arrays()["image"], "reference_hole": arrays()["hole"]}
    moved = Transplant(id=new_id(), **arrays(), **reference, latent=filled.latent, steps=0, seed=3)
    assert house.client().fill(moved).fill.shape[0] == 1


def test_a_projection_can_be_cancelled(house: House) -> None:
    told: list[float] = []

    def report(progress: Progress) -> None:
        told.append(progress.fraction)

    pid = house.status().worker_pid
    with pytest.raises(Cancelled):
        house.client().fill(paint(steps=10_000), report, lambda: bool(told) and told[-1] > 0)
    house.await_status(lambda report: report.running == 0)
    assert house.client().fill(paint(steps=0)).network == "cats"
    assert pid in (0, house.status().worker_pid), "the worker let go of it by itself"


def test_what_cannot_be_done_is_said(house: House) -> None:
    client = house.client()
    with pytest.raises(Failure) as caught:
        client.fill(Fill(id=new_id(), **arrays(), network="cats"))
    assert caught.value.code == "unknown_network"
    with pytest.raises(Failure) as caught:
        client.classes("lama-small")
    assert caught.value.code == "unknown_network"
