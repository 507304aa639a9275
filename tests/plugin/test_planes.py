"""Interleaved pixels taken apart."""

from __future__ import annotations

import numpy as np
import pytest

from rigatino_gimp.planes import native, opaque_and_alpha, tells, transparent, with_alpha


@pytest.mark.parametrize(("dtype", "kind", "opaque"), [("u8", np.uint8, 255), ("f32", np.float32, 1.0)])
def test_alpha_is_taken_out_and_every_pixel_left_opaque(
    dtype: str, kind: type[np.generic], opaque: float
) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (5, 7, 4)).astype(kind)
    if dtype == "f32":
        pixels /= 255
    rgba, alpha = opaque_and_alpha(memoryview(pixels.tobytes()), dtype)
    seen = np.frombuffer(rgba, kind).reshape(5, 7, 4)
    np.testing.assert_array_equal(seen[..., :3], pixels[..., :3])
    np.testing.assert_array_equal(seen[..., 3], opaque)
    np.testing.assert_array_equal(np.frombuffer(alpha, kind).reshape(5, 7), pixels[..., 3])


def test_opaque_alpha_is_put_to_every_pixel() -> None:
    rgb = np.random.default_rng(4).integers(0, 256, (5, 7, 3), np.uint8)
    rgba = np.frombuffer(with_alpha(rgb.tobytes()), np.uint8).reshape(5, 7, 4)
    np.testing.assert_array_equal(rgba[..., :3], rgb)
    assert (rgba[..., 3] == 255).all()
    assert with_alpha(b"") == b""


@pytest.mark.parametrize(("dtype", "kind", "opaque"), [("u8", np.uint8, 255), ("f32", np.float32, 1.0)])
def test_a_picture_tells_something_by_one_pixel_that_is_half_opaque(
    dtype: str, kind: type[np.generic], opaque: float
) -> None:
    rgba = np.full((3, 5, 4), opaque, kind)
    rgba[..., 3] = 0.49 * opaque
    assert not tells(rgba.tobytes(), dtype)
    rgba[2, 1, 3] = 0.51 * opaque
    assert tells(rgba.tobytes(), dtype)


def test_values_travel_little_endian(monkeypatch: pytest.MonkeyPatch) -> None:
    little = np.array([1.5, -2.0], "<f4").tobytes()
    assert native(little, "f32") == little
    monkeypatch.setattr("sys.byteorder", "big")
    assert native(little, "f32") == np.array([1.5, -2.0], ">f4").tobytes()
    assert native(b"\x01\x02", "u8") == b"\x01\x02"


def test_what_is_less_than_half_opaque_is_transparent() -> None:
    assert transparent(bytes([0, 1, 127, 128, 255])) == bytes([255, 255, 255, 0, 0])
