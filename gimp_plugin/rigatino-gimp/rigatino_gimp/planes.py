"""Interleaved pixels taken apart and put together, without numpy: GIMP's Python has none."""

from __future__ import annotations

import sys
from array import array
from typing import Any

OPAQUE: dict[str, Any] = {"u8": 255, "f32": 1.0}
CODES = {"u8": "B", "f32": "f"}


def opaque_and_alpha(rgba: bytes, dtype: str) -> tuple[bytes, bytes]:
    """RGBA of dtype "u8" or "f32" -> the same with every pixel opaque, and its alpha as one plane."""
    values: array[Any] = array(CODES[dtype], rgba)
    alpha = values[3::4]
    values[3::4] = array(CODES[dtype], [OPAQUE[dtype]]) * len(alpha)
    return values.tobytes(), alpha.tobytes()


def native(data: bytes, dtype: str) -> bytes:
    """Little-endian values, as they travel, in this machine's byte order; its own inverse."""
    if dtype == "u8" or sys.byteorder == "little":
        return data
    values = array("f", data)
    values.byteswap()
    return values.tobytes()
