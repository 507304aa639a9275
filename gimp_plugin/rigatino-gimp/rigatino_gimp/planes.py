"""Interleaved pixels taken apart and put together, without numpy: GIMP's Python has none."""

from __future__ import annotations

import sys
from array import array
from typing import Any

OPAQUE: dict[str, Any] = {"u8": 255, "f32": 1.0}
CODES = {"u8": "B", "f32": "f"}
_OPAQUE = bytes(255 if value >= 128 else 0 for value in range(256))
_TRANSPARENT = bytes(255 if value < 128 else 0 for value in range(256))


def opaque_and_alpha(rgba: bytes | memoryview, dtype: str) -> tuple[bytes, bytes]:
    """RGBA of dtype "u8" or "f32" -> the same with every pixel opaque, and its alpha as one plane."""
    values: array[Any] = array(CODES[dtype])
    values.frombytes(rgba)
    alpha = values[3::4]
    values[3::4] = array(CODES[dtype], [OPAQUE[dtype]]) * len(alpha)
    return values.tobytes(), alpha.tobytes()


def with_alpha(rgb: bytes) -> bytes:
    """RGB in bytes -> RGBA, opaque."""
    rgba = bytearray(b"\xff") * (len(rgb) // 3 * 4)
    for channel in range(3):
        rgba[channel::4] = rgb[channel::3]
    return bytes(rgba)


def tells(rgba: bytes, dtype: str) -> bool:
    """Whether a picture of some pixels, as it travels, shows any: one that is half opaque or more."""
    return bool(max(array(CODES[dtype], native(rgba, dtype))[3::4]) >= OPAQUE[dtype] / 2)


def native(data: bytes, dtype: str) -> bytes:
    """Little-endian values, as they travel, in this machine's byte order; its own inverse."""
    if dtype == "u8" or sys.byteorder == "little":
        return data
    values = array("f", data)
    values.byteswap()
    return values.tobytes()


def opaque(alpha: bytes) -> bytes:
    """Of an alpha channel of bytes, 255 where a pixel is half opaque or more, else 0."""
    return alpha.translate(_OPAQUE)


def transparent(alpha: bytes) -> bytes:
    """Of an alpha channel of bytes, 255 where a pixel is less than half opaque, else 0."""
    return alpha.translate(_TRANSPARENT)
