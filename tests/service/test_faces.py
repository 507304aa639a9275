"""Faces as a service: found or given, aligned, completed, laid back; what cannot be done is said."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_networks
import torch
from numpy.typing import NDArray
from PIL import Image

from rigatino import weights
from rigatino.faces import eyes
from rigatino.faces.alignment import Alignment
from rigatino.filling import Filling
from rigatino.service import Service
from rigatino.settings import Settings
from rigatino_models.gfc.net import Gfc
from rigatino_wire.errors import Cancelled, Failure, ProtocolError
from rigatino_wire.messages import Array, Face, Fill, Filled, Preview
from service.test_alignment import picture, placed, square, tensor

Pixels = NDArray[np.uint8]
PHOTO = Path(__file__).parents[1] / "photos" / "astronaut.jpg"
EYES = (151.3, 75.3, 185.7, 77.5)  # in the photo


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    folder = tmp_path_factory.mktemp("data")
    weights.import_file(small_networks.gfc(folder / "gfc.safetensors"), "faces", folder)
    return Service(Settings(folder, device="cpu"))


def photo() -> Pixels:
    return np.asarray(Image.open(PHOTO).convert("RGBA"))


def mouth(height: int = 384, width: int = 384, row: int = 110, column: int = 165) -> Pixels:
    hole = np.zeros((height, width), np.uint8)
    hole[row - 12 : row + 12, column - 20 : column + 20] = 255
    return hole


def request(image: NDArray[Any], hole: Pixels, *places: float, **settings: Any) -> Face:
    kind = "u8" if image.dtype == np.uint8 else "f32"
    selected = hole if kind == "u8" else (hole / 255).astype(np.float32)
    arrays = [Array(kind, a.shape, np.ascontiguousarray(a).tobytes()) for a in (image, selected[..., None])]
    return Face("a", *arrays, eyes=places, **{"network": "faces", "precision": "fp32"} | settings)


def run(service: Service, face: Fill) -> Filled:
    return service.answer(face, lambda stage, fraction: None)


def whole(filled: Filled, image: NDArray[Any]) -> NDArray[Any]:
    """The first candidate on a layer of the picture's size, transparent elsewhere."""
    kind = np.uint8 if filled.fill.dtype == "u8" else np.dtype("<f4")
    fill = np.frombuffer(filled.fill.view, kind).reshape(filled.fill.shape)[0]
    layer = np.zeros_like(image)
    x, y = filled.offset
    layer[y : y + fill.shape[0], x : x + fill.shape[1]] = fill
    return layer


@pytest.mark.parametrize("seam", ["auto", "feather", "poisson"])
def test_what_is_known_stays_and_the_hole_is_filled(service: Service, seam: str) -> None:
    image, hole = photo(), mouth()
    filled = run(service, request(image, hole, *EYES, seam=seam))
    layer = whole(filled, image)
    assert (layer[hole > 0, 3] == 255).all()
    near = np.zeros_like(hole, bool)
    near[110 - 21 : 110 + 21, 165 - 29 : 165 + 29] = True
    assert not layer[~near].any()
    assert np.abs(layer[hole > 0, :3].astype(int) - image[hole > 0, :3]).max() > 20
    assert filled.network == "faces"
    assert filled.scale == pytest.approx(38 / abs(complex(*EYES[:2]) - complex(*EYES[2:])))
    assert filled.notes == ()
    assert len(filled.answers) == 1


@pytest.mark.parametrize(("apart", "degrees"), [(38.0, 0.0), (60.0, 35.0), (100.0, -20.0), (22.0, 50.0)])
def test_a_network_that_knew_the_face_would_restore_it(
    service: Service, apart: float, degrees: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its tilt and size, what the network answers comes to the right place."""
    monkeypatch.setattr(Gfc, "complete", lambda net, image, tick=None: tensor(square()))
    side = int(7 * apart)
    pair = placed(apart, degrees, complex(side / 2 - 3, side / 2 + 5))
    truth = picture(Alignment.of(pair), side, side)
    hole = np.zeros((side, side), np.uint8)
    third = slice(int(side * 0.44), int(side * 0.6))
    hole[third, third] = 255
    damaged = np.concatenate((np.where(hole[..., None] > 0, 0, truth), np.ones((side, side, 1))), -1)
    places = [part for eye in pair for part in (eye.real, eye.imag)]
    given = request(damaged.astype(np.float32), hole, *places, seam="feather", quality="fast")
    layer = whole(run(service, given), damaged.astype(np.float32))
    away = np.abs(layer[..., :3] - truth)[hole > 0]
    assert away.max() < 0.04
    assert (layer[hole > 0, 3] == 1).all()


def test_places_are_those_of_the_picture(service: Service) -> None:
    """A region cut out of it, with its offset, gives the same."""
    image, hole = photo(), mouth()
    first = whole(run(service, request(image, hole, *EYES, seed=4)), image)
    part = np.s_[5:230, 20:330]
    filled = run(service, request(image[part], hole[part], *EYES, seed=4, offset=(20, 5)))
    assert np.abs(whole(filled, image).astype(int) - first).max() <= 1


def test_candidates_differ_and_are_made_again_by_their_seeds(service: Service) -> None:
    image, hole = photo(), mouth()
    shown: list[Preview] = []
    several = request(image, hole, *EYES, seed=7, candidates=3)
    filled = service.answer(several, lambda stage, fraction: None, shown.append)
    assert [answer.lineage for answer in filled.answers] == [(7,), (8,), (9,)]
    assert [preview.number for preview in shown] == [0, 1, 2]
    made = np.frombuffer(filled.fill.view, np.uint8).reshape(filled.fill.shape)
    assert len({one.tobytes() for one in made}) == 3
    again = run(service, request(image, hole, *EYES, seed=8))
    assert np.frombuffer(again.fill.view, np.uint8).tobytes() == made[1].tobytes()


def test_the_face_that_holds_the_hole_is_found(service: Service) -> None:
    image = np.concatenate((photo()[:200, 60:280], photo()[:200, 60:280]), 1)  # twice the same face
    hole = mouth(200, 440, 110, 105 + 220)
    found = eyes.found(image[..., :3].astype(np.float32) / 255, hole > 0)
    for eye, wanted in zip(
        found, (complex(EYES[0] + 160, EYES[1]), complex(EYES[2] + 160, EYES[3])), strict=True
    ):
        assert abs(eye - wanted) < 3
    layer = whole(run(service, request(image, hole, network="")), image)
    assert (layer[hole > 0, 3] == 255).all()


def tilted(degrees: float) -> tuple[NDArray[np.float32], NDArray[np.bool_], list[complex]]:
    """The photo turned about its middle, a hole below its eyes, and where these are."""
    turned = Image.open(PHOTO).convert("RGB").rotate(degrees, Image.Resampling.BICUBIC)
    rgb = np.asarray(turned, np.float32) / 255
    middle = complex(192, 192)
    turn = np.exp(-1j * np.radians(degrees))
    eyes = [(complex(*pair) - middle) * turn + middle for pair in (EYES[:2], EYES[2:])]
    hole = np.zeros(rgb.shape[:2], bool)
    nose = sum(eyes) / 2
    hole[int(nose.imag) : int(nose.imag) + 20, int(nose.real) - 10 : int(nose.real) + 10] = True
    return rgb, hole, eyes


@pytest.mark.parametrize("degrees", [22, -30])
def test_tilted_faces_are_found(degrees: float) -> None:
    rgb, hole, wanted = tilted(degrees)
    for eye, place in zip(eyes.found(rgb, hole), wanted, strict=True):
        assert abs(eye - place) < 6


def test_a_tilted_face_is_found_beside_an_upright_one() -> None:
    rgb, hole, wanted = tilted(-30)
    rgb = np.concatenate((photo()[..., :3].astype(np.float32) / 255, rgb), 1)
    hole = np.concatenate((np.zeros_like(hole), hole), 1)
    for eye, place in zip(eyes.found(rgb, hole), wanted, strict=True):
        assert abs(eye - place - 384) < 6


def test_large_faces_are_soft_and_looked_at_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.asarray(Image.open(PHOTO).convert("RGBA").crop((60, 0, 280, 200)).resize((660, 600)))
    places = [3 * (place - shift) for place, shift in zip(EYES, (60, 0, 60, 0), strict=True)]
    hole = mouth(600, 660, 330, 315)
    asked: list[str] = []
    look = Filling._look_again
    monkeypatch.setattr(Filling, "_look_again", lambda *words: asked.append("again") or look(*words))
    notes = run(service, request(image, hole, *places, quality="fast")).notes
    assert len(notes) == 1
    assert "soft" in notes[0]
    assert not asked
    assert run(service, request(image, hole, *places)).notes == notes
    assert asked


def failing(service: Service, face: Face) -> str:
    with pytest.raises(Failure) as caught:
        run(service, face)
    assert str(caught.value)
    return caught.value.code


def test_what_cannot_be_done_is_said(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    image, hole = photo(), mouth()
    flat = np.full_like(image, 200)
    far = mouth(row=350, column=60)
    assert failing(service, request(flat, hole)) == "no_face"
    assert failing(service, request(image, far)) == "no_face"
    assert failing(service, request(image, far, *EYES)) == "hole_off_face"
    assert failing(service, request(image, hole, -5, 75, 185, 77)) == "eyes_outside"
    assert failing(service, request(image, hole, 151, 75, 185, 400)) == "eyes_outside"
    assert failing(service, request(image, hole, 151, 75, 155, 77)) == "eyes_close"
    assert failing(service, request(image, hole * 0, *EYES)) == "hole_empty"
    assert failing(service, request(image, hole, *EYES, network="lama-small")) == "unknown_network"
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert failing(service, request(image, hole)) == "no_detector"
    run(service, request(image, hole, *EYES))  # needs none


def test_without_a_network_for_faces(tmp_path: Path) -> None:
    face = request(photo(), mouth(), *EYES, network="")
    assert failing(Service(Settings(tmp_path, device="cpu")), face) == "no_network"


def test_none_or_two_eyes() -> None:
    for places in ((1.0,), (1.0, 2.0), (1.0, 2.0, 3.0, 4.0, 5.0), (1.0, 2.0, 3.0, float("nan"))):
        with pytest.raises(ProtocolError):
            request(photo(), mouth(), *places)


def test_a_face_can_be_called_off(service: Service) -> None:
    def stop(stage: str, fraction: float) -> None:
        if stage == "filling":
            raise Cancelled

    with pytest.raises(Cancelled):
        service.answer(request(photo(), mouth(), *EYES), stop)


def test_halves_of_precision(service: Service) -> None:
    image, hole = photo(), mouth()
    exact, half = (
        whole(run(service, replace(request(image, hole, *EYES, seed=3), precision=precision)), image)
        for precision in ("fp32", "bf16")
    )
    assert 0 < np.abs(exact.astype(int) - half)[hole > 0].mean() < 12
    assert torch.get_default_dtype() == torch.float32
