"""Interleaved pixels taken apart and put together, without numpy: GIMP's Python has none."""

from __future__ import annotations

import sys
from array import array
from typing import Any

from rigatino_wire.region import Box

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


def bounds(plane: bytes, width: int) -> Box:
    """The smallest box around the bytes of a plane, row by row, that are not 0; of size 0 where there are none."""
    first = len(plane) - len(plane.lstrip(b"\0"))
    end = len(plane.rstrip(b"\0"))
    if first >= end:
        return Box(0, 0, 0, 0)
    top, bottom = first // width, (end - 1) // width + 1
    rows = [plane[y * width : (y + 1) * width] for y in range(top, bottom)]
    left = min(width - len(row.lstrip(b"\0")) for row in rows)
    right = max(len(row.rstrip(b"\0")) for row in rows)
    return Box(left, top, right - left, bottom - top)
