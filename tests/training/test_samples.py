"""What training sees: crops where they should be, the same from both loaders."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from rigatino_models.data import crops
from rigatino_models.data.batches import OnDevice, Workers
from rigatino_models.data.crops import Augment, Crop
from rigatino_models.data.equalise import equalised
from rigatino_models.data.photos import Photos
from rigatino_models.data.samples import Samples

WILD = Augment(  # all that can vary
    contrast=0.2,
    brightness=0.1,
    hue=20.0,
    rotation=40.0,
    shear=0.1,
    perspective=0.06,
    lens=0.05,
    equalise=4.0,
)
CPU = torch.device("cpu")


def ramp(height: int, width: int) -> torch.Tensor:
    """A photo [3,H,W] that says where it is: red is 2 x, green is 2 y."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack((2 * x, 2 * y, torch.zeros_like(x))).to(torch.uint8)


def places(crop: Crop, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Where (y, x) in the photo the pixels of a sample should come from."""
    top, left, height, width = crop.box
    corners = torch.tensor([[[-1, -1], [-1, 1]], [[1, -1], [1, 1]]]).double()
    if crop.corners is not None:
        corners = torch.from_numpy(crop.corners)
    along = (torch.arange(side).double() + 0.5) / side
    y, x = along[:, None], along[None, :]
    found = []
    for axis, begin, extent in ((0, top, height), (1, left, width)):
        c = corners[..., axis]
        spread = c[0, 0] * (1 - y) * (1 - x) + c[0, 1] * (1 - y) * x + c[1, 0] * y * (1 - x) + c[1, 1] * y * x
        found.append(begin + (spread + 1) / 2 * extent - 0.5)
    return found[0], found[1]


@pytest.mark.parametrize("augment", [crops.PLAIN, Augment(rotation=40.0, shear=0.1, perspective=0.06)])
def test_a_crop_shows_the_place_that_it_names(augment: Augment) -> None:
    photo, side = ramp(100, 120), 32
    for seed in range(20):
        crop = crops.draw(np.random.default_rng(seed), 0, (100, 120), side, (32, 100), augment)
        top, left, height, width = crop.box
        assert 0 <= top <= 100 - height
        assert 0 <= left <= 120 - width
        shown = crops.render(photo, crop, side) * 255 / 2
        shown = shown.flip(-1) if crop.mirrored else shown
        y, x = places(crop, side)
        inner = slice(3, -3)  # the rim may mirror what lies beyond the box
        assert (shown[1] - y)[inner, inner].abs().max() < 2
        assert (shown[0] - x)[inner, inner].abs().max() < 2


def test_a_turned_square_stays_a_square_of_the_asked_scale() -> None:
    scales = []
    for seed in range(200):
        crop = crops.draw(np.random.default_rng(seed), 0, (400, 400), 32, (128, 128), Augment(rotation=40.0))
        y, x = places(crop, 32)
        down, across = (
            ((y[-1, 0] - y[0, 0]) ** 2 + (x[-1, 0] - x[0, 0]) ** 2) ** 0.5,
            ((y[0, -1] - y[0, 0]) ** 2 + (x[0, -1] - x[0, 0]) ** 2) ** 0.5,
        )
        assert float(down) == pytest.approx(float(across), rel=0.03)
        scales.append(float(down) * 32 / 31)
    assert np.mean(scales) == pytest.approx(100, rel=0.02)  # a fourth of the short side


def test_a_lens_bends_straight_lines_about_the_middle() -> None:
    photo, side = ramp(100, 100), 100
    corners = np.stack(np.meshgrid((-1.0, 1.0), (-1.0, 1.0), indexing="ij"), -1)
    plain = Crop(0, (0, 0, 100, 100), (100, 100), corners, False, (1, 1, 1, 0, 0))
    straight, bent = (
        crops.render(photo, crop, side) * 255 / 2 for crop in (plain, replace(plain, lens=-0.4))
    )
    assert (straight[0, 50] - torch.arange(100)).abs()[2:-2].max() < 0.5
    for column in (10, 30, 70):
        apart = (column - 49.5) / 100
        expected = 49.5 + 100 * apart * (1 - 0.4 * (apart**2 + apart**4))
        assert float(bent[0, 50, column]) == pytest.approx(expected, abs=0.5)
    assert float((bent[0, 5] - bent[0, 50])[10]) > 2  # farther from the middle, nearer to it


def test_equalisation_spreads_what_lies_close_within_its_limit() -> None:
    flat = torch.linspace(0.45, 0.55, 64).view(1, 1, 1, 64).expand(2, 3, 64, 64)
    spread = equalised(flat, torch.tensor([100.0, 0.0]))
    assert torch.equal(spread[1], flat[1])
    assert float(spread[0].max() - spread[0].min()) > 0.5
    limited = equalised(flat[:1], torch.tensor([2.0]))
    assert 0.1 < float(limited.max() - limited.min()) < float(spread[0].max() - spread[0].min())
    even = torch.rand(1, 3, 512, 512)[:, :1].expand(1, 3, 512, 512)  # its histogram is level already
    assert float((equalised(even, torch.tensor([4.0])) - even).abs().mean()) < 0.01


def test_half_of_the_crops_are_equalised() -> None:
    drawn = [crops.draw(np.random.default_rng(i), 0, (64, 64), 32, (32, 64), WILD) for i in range(200)]
    limits = [crop.equalise for crop in drawn]
    assert 70 < limits.count(0.0) < 130
    assert 1 <= min(limit for limit in limits if limit) <= max(limits) <= 4
    assert all(abs(crop.lens) <= 0.05 for crop in drawn)


def test_samples_follow_the_asked_scales() -> None:
    shorts = [
        400 * 32 / crops.draw(np.random.default_rng(seed), 0, (400, 500), 32, (50, 200), crops.PLAIN).box[2]
        for seed in range(300)
    ]
    assert min(shorts) == pytest.approx(50, abs=3)
    assert max(shorts) == pytest.approx(200, abs=8)
    assert np.mean(shorts) == pytest.approx(125, abs=10)


@pytest.mark.parametrize("augment", [crops.PLAIN, Augment(rotation=40.0)])
def test_a_photo_smaller_than_the_scales_is_taken_as_it_is(augment: Augment) -> None:
    drawn = [crops.draw(np.random.default_rng(i), 0, (40, 60), 32, (50, 200), augment) for i in range(20)]
    assert all(crop.box[2] <= 40 and crop.box[3] <= 60 for crop in drawn)
    if augment is crops.PLAIN:
        assert {crop.box[2:] for crop in drawn} == {(32, 32)}


def one_colour(*rgb: float) -> torch.Tensor:
    return torch.tensor(rgb).view(1, 3, 1, 1).expand(1, 3, 4, 4)


def coloured(image: torch.Tensor, *colour: float) -> list[float]:
    crop = Crop(0, (0, 0, 4, 4), (4, 4), None, False, colour)  # type: ignore[arg-type]
    return crops.vary(image, [crop])[0, :, 0, 0].tolist()


def test_colours_vary_as_their_numbers_say() -> None:
    assert coloured(one_colour(0.2, 0.4, 0.6), 1, 1, 1, 0, 0) == pytest.approx([0.2, 0.4, 0.6])
    assert coloured(one_colour(0.25, 0.25, 0.25), 0.5, 1, 1, 0, 0) == pytest.approx([0.5] * 3)
    assert coloured(one_colour(0.2, 0.4, 0.6), 1, 0, 1, 0, 0) == pytest.approx([0.4] * 3)
    assert coloured(one_colour(0.2, 0.4, 0.6), 1, 1, 1, 0.1, 0) == pytest.approx([0.3, 0.5, 0.7])
    third = coloured(one_colour(0.6, 0.3, 0.3), 1, 1, 1, 0, math.radians(120))
    assert third == pytest.approx([0.3, 0.6, 0.3], abs=1e-6)
    assert coloured(one_colour(0.5, 0.5, 0.5), 1, 1, 1, 0, 1.0) == pytest.approx([0.5] * 3, abs=1e-6)


def photos() -> Photos:
    """Noise of several sizes, smooth and rough."""
    rng = np.random.default_rng(0)
    pixels = [rng.integers(0, 256, (60 + 10 * i, 90, 3), np.uint8).repeat(1 + i % 2, 0) for i in range(4)]
    return Photos([f"{i}.png" for i in range(4)], pixels)


def samples(augment: Augment = WILD) -> Samples:
    return Samples(photos(), 32, 64, 5, (40, 60), augment=augment, holes={"wide": 1.0, "object": 1.0})


def test_both_loaders_show_the_same_pictures() -> None:
    parts = [[0, 1, 2], [7, 3]]
    drawn = list(Workers(samples(), CPU, 0)(parts))
    made = list(OnDevice(samples(), CPU, 8)(parts))
    for (image, hole), (other, bank_hole) in zip(drawn, made, strict=True):
        assert torch.allclose(image, other, atol=1e-6)
        assert hole.shape == bank_hole.shape
        assert set(bank_hole.unique().tolist()) == {0.0, 1.0}


def test_both_loaders_draw_holes_of_the_same_kind() -> None:
    indices = [list(range(64))]
    ((_, drawn),) = Workers(samples(), CPU, 0)(indices)
    ((_, banked),) = OnDevice(samples(), CPU, 256)(indices)
    assert float(banked.mean()) == pytest.approx(float(drawn.mean()), abs=0.05)
    assert len({hole.numpy().tobytes() for hole in banked}) > 48


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # on a single core
@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_is_a_function_of_its_indices(workers: int) -> None:
    first, second = (list(Workers(samples(), CPU, workers)([[4, 9], [1, 4]])) for _ in range(2))
    assert all(
        torch.equal(a, b)
        for one, two in zip(first, second, strict=True)
        for a, b in zip(one, two, strict=True)
    )
    assert torch.equal(first[0][0][0], first[1][0][1])


def test_the_device_s_batch_is_a_function_of_its_indices() -> None:
    first, second = (OnDevice(samples(), CPU, 8).batch([4, 9]) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert torch.equal(OnDevice(samples(), CPU, 8).batch([9])[0][0], first[0][1])
