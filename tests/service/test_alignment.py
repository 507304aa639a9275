"""A face to the network's square and back: exact on faces that are turned and scaled by hand."""

from __future__ import annotations

import cmath
from math import radians

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rigatino.faces import eyes
from rigatino.faces.alignment import TEMPLATE, Alignment
from rigatino_models.gfc.spec import SIDE
from rigatino_wire import region
from rigatino_wire.errors import Failure
from rigatino_wire.region import Box

Values = NDArray[np.float64]
CASES = [(38.0, 0.0), (38.0, 25.0), (76.0, -40.0), (150.0, 12.0), (19.0, 70.0), (13.0, -5.0)]


def face(u: Values, v: Values) -> Values:
    """A face-like picture, [...,3] in [0,1], at places of the network's square: smooth, so that it has no pixels."""
    spots = [(54, 66, 7, 0.5), (92, 66, 7, 0.45), (73, 105, 12, 0.3), (73, 86, 5, -0.2)]
    dark = sum(a * np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * r * r)) for x, y, r, a in spots)
    skin = 0.7 + 0.1 * np.sin(u / 23) + 0.1 * np.cos(v / 31)
    return np.stack([skin - dark, 0.8 * skin - dark * 0.9, 0.7 * skin - 0.8 * dark + 0.1], -1).clip(0, 1)


def picture(alignment: Alignment, height: int, width: int) -> Values:
    """[H,W,3]: the face where this alignment finds it."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    there = alignment.turn * (x + 1j * y) + alignment.shift
    return face(there.real, there.imag)


def placed(apart: float, degrees: float, middle: complex) -> tuple[complex, complex]:
    """Two eyes so far apart and tilted by so much, around a place."""
    half = apart / 2 * cmath.exp(1j * radians(degrees))
    return middle - half, middle + half


def tensor(values: Values) -> torch.Tensor:
    return torch.from_numpy(values).float().permute(2, 0, 1)[None]


def square() -> Values:
    """The face as the network is to see it."""
    v, u = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    return face(u, v)


@pytest.mark.parametrize(("apart", "degrees"), CASES)
def test_eyes_come_to_the_template_in_either_order(apart: float, degrees: float) -> None:
    eyes = placed(apart, degrees, 200 + 150j)
    for pair in (eyes, eyes[::-1]):
        alignment = Alignment.of(pair)
        for eye, target in zip(eyes, TEMPLATE, strict=True):
            assert abs(alignment.turn * eye + alignment.shift - target) < 1e-9
        assert alignment.scale == pytest.approx(38 / apart)


@pytest.mark.parametrize(("apart", "degrees"), CASES)
def test_the_box_to_send_holds_the_square(apart: float, degrees: float) -> None:
    eyes = placed(apart, degrees, 200.3 + 150.7j)
    box = region.face([part for eye in eyes for part in (eye.real, eye.imag)])
    assert box.contains(Alignment.of(eyes).box().grow(1))
    assert box.width < 7 * apart + 5


@pytest.mark.parametrize(("apart", "degrees"), CASES)
def test_the_square_shows_the_face_upright(apart: float, degrees: float) -> None:
    side = int(9 * apart)
    alignment = Alignment.of(placed(apart, degrees, complex(side / 2 + 0.3, side / 2 - 0.4)))
    image = tensor(picture(alignment, side, side))
    seen, hole = alignment.taken(image, torch.ones_like(image[:, :1]))
    assert seen.shape == (1, 3, SIDE, SIDE)
    assert not hole.any()
    assert (seen - tensor(square())).abs().max() < 0.015


@pytest.mark.parametrize(("apart", "degrees"), CASES)
def test_and_comes_back_to_its_place(apart: float, degrees: float) -> None:
    side = int(9 * apart)
    alignment = Alignment.of(placed(apart, degrees, complex(side / 2, side / 2)))
    box = alignment.box()
    whole = picture(alignment, side, side)
    part = Box(box.x + 3, box.y + 5, box.width - 8, box.height - 9)
    found = alignment.returned(tensor(square()), part)
    rows, columns = np.mgrid[part.y : part.bottom, part.x : part.right]
    inside = alignment.covers(torch.from_numpy(columns), torch.from_numpy(rows)).numpy()
    assert 0.4 < inside.mean() <= 1
    away = np.abs(found[0].permute(1, 2, 0).numpy() - whole[part.y : part.bottom, part.x : part.right])
    assert away[inside].max() < 0.02


def test_what_is_unknown_does_not_show() -> None:
    """Noise under the hole changes nothing, and all that it has a share in is hole."""
    alignment = Alignment.of(placed(90, 20, 300 + 300j))
    image = tensor(picture(alignment, 600, 600))
    known = torch.ones_like(image[:, :1])
    known[..., 260:340, 280:390] = 0
    noisy = image * known + (1 - known) * torch.rand_like(image)
    (seen, hole), (other, same) = alignment.taken(image, known), alignment.taken(noisy, known)
    assert torch.equal(seen, other)
    assert torch.equal(hole, same)
    assert 0.05 < float(hole.mean()) < 0.2
    clear = (hole == 0).expand_as(seen)
    assert (seen - tensor(square())).abs()[clear].max() < 0.015


def test_a_face_at_the_pictures_edge_goes_on_as_its_edge_does() -> None:
    alignment = Alignment.of(placed(38, 0, 20 + 60j))
    image = tensor(picture(alignment, 120, 130))
    seen, hole = alignment.taken(image, torch.ones_like(image[:, :1]))
    assert not hole.any()
    there = tensor(square())
    assert (seen - there).abs()[..., 10:115, 60:].max() < 0.02
    torch.testing.assert_close(seen[..., 60, 0], seen[..., 60, 30], rtol=0, atol=1e-5)


def test_eyes_that_are_given() -> None:
    assert eyes.given((110, 70, 150.5, 72), (100, 50), (200, 300)) == (10 + 20j, 50.5 + 22j)
    for places, code in (
        ((90, 70, 150, 72), "eyes_outside"),
        ((110, 70, 401, 72), "eyes_outside"),
        ((110, 49, 150, 72), "eyes_outside"),
        ((110, 70, 118, 77), "eyes_close"),
        ((110, 70, 110, 70), "eyes_close"),
    ):
        with pytest.raises(Failure) as caught:
            eyes.given(places, (100, 50), (200, 300))
        assert caught.value.code == code
