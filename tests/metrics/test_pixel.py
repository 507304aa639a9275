"""Differences of pixels, texture and patches, on cases computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rigatino_models.metrics import patches, pixel, texture

Pixels = NDArray[np.uint8]


def flat(value: int, side: int = 32) -> Pixels:
    return np.full((side, side, 3), value, np.uint8)


def middle(side: int = 32, width: int = 16) -> Pixels:
    """A square hole of `width` in the middle."""
    hole = np.zeros((side, side), np.uint8)
    edge = (side - width) // 2
    hole[edge : edge + width, edge : edge + width] = 1
    return hole


def filled(original: Pixels, hole: Pixels, value: int) -> Pixels:
    return np.where(hole[..., None] > 0, np.uint8(value), original)


def test_l1_and_psnr_over_hole_and_picture() -> None:
    original, hole = flat(100), middle()
    result = filled(original, hole, 120)
    assert pixel.l1(result, original, hole) == 20
    assert pixel.l1(result, original) == 20 * 256 / 1024
    assert pixel.psnr(result, original, hole) == pytest.approx(20 * np.log10(255 / 20))
    assert pixel.psnr(result, original) == pytest.approx(20 * np.log10(255 / 20) + 10 * np.log10(4))


def test_darker_is_as_far_as_brighter() -> None:
    original, hole = flat(100), middle()
    assert pixel.l1(filled(original, hole, 80), original, hole) == 20


def test_equal_pictures_have_a_finite_psnr() -> None:
    assert pixel.psnr(flat(7), flat(7)) == pytest.approx(10 * np.log10(255**2 / 1e-3))


def test_ssim_of_flat_pictures_is_the_luminance_term() -> None:
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)
    assert pixel.ssim(flat(100), flat(150), middle()) == pytest.approx((expected, expected))
    assert pixel.ssim(flat(9), flat(9), middle()) == pytest.approx((1, 1))


def test_ssim_in_the_hole_is_of_the_hole() -> None:
    original, hole = flat(100, 64), middle(64, 16)
    whole, inside = pixel.ssim(filled(original, hole, 180), original, hole)
    assert inside < 0.6 < 0.8 < whole < 1


def test_boundary_error_looks_at_the_hole_s_rim_alone() -> None:
    original, hole = flat(100), middle()
    inner = middle(32, 8)  # 4 pixels from the hole's edge
    assert pixel.boundary_error(filled(original, inner, 200), original, hole) == 0
    rim = hole - inner
    assert pixel.boundary_error(filled(original, rim, 130), original, hole) == 30


def test_texture_is_1_where_hole_and_ring_are_alike() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (128, 128, 3), dtype=np.uint8)
    assert texture.texture_ratio(picture, middle(128, 64)) == pytest.approx(1, rel=0.1)


def test_texture_goes_with_the_square_of_the_contrast() -> None:
    noise = np.random.default_rng(0).integers(-100, 101, (128, 128, 1)).repeat(3, -1)
    hole = middle(128, 64)
    weaker = np.where(hole[..., None] > 0, noise / 2, noise)
    picture = (128 + weaker).astype(np.uint8)
    assert texture.texture_ratio(picture, hole) == pytest.approx(0.25, rel=0.1)
    smooth = filled((128 + noise).astype(np.uint8), hole, 128)
    assert texture.texture_ratio(smooth, hole) < 0.05


def test_plain_sky_is_as_rough_as_plain_sky() -> None:
    assert texture.texture_ratio(flat(200), middle()) == 1


def test_patches_of_a_picture_are_no_distance_from_themselves() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert patches.sliced_wasserstein(picture, picture, middle()) == 0


def test_a_shift_in_brightness_moves_every_projection_alike() -> None:
    # The sum of a random unit vector of 147 entries is nearly standard normal: its mean size is (2/pi)^1/2.
    found = patches.sliced_wasserstein(flat(140), flat(100), middle())
    assert found == pytest.approx(40 * np.sqrt(2 / np.pi), rel=0.2)
    assert patches.sliced_wasserstein(flat(180), flat(100), middle()) == pytest.approx(2 * found)


def test_patches_do_not_mind_where_texture_is_but_what_it_is() -> None:
    checker = (np.indices((64, 64)).sum(0) % 2 * 200).astype(np.uint8)[..., None].repeat(3, -1)
    moved, hole = np.roll(checker, 1, axis=1), middle(64, 32)
    assert pixel.l1(moved, checker, hole) == 200
    assert patches.sliced_wasserstein(moved, checker, hole) < 1
    assert patches.sliced_wasserstein(flat(100, 64), checker, hole) > 50


def test_patches_are_reproduced_from_the_seed_also_when_they_are_many() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 256, (2, 128, 128, 3), dtype=np.uint8)
    hole = middle(128, 120)
    assert hole.sum() > patches.MOST
    first = patches.sliced_wasserstein(one, other, hole, 5)
    assert patches.sliced_wasserstein(one, other, hole, 5) == first
    assert patches.sliced_wasserstein(one, other, hole, 6) != first
