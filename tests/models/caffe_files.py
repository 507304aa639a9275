"""Caffe models, written byte by byte in protocol buffers' wire format: V2 layers, and V1 ones as in old files."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Blobs = Mapping[str, Sequence[Floats]]


def varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def tag(number: int, kind: int) -> bytes:
    return varint(number << 3 | kind)


def whole(number: int, value: int) -> bytes:
    """A field that holds a whole number."""
    return tag(number, 0) + varint(value)


def part(number: int, content: bytes | str) -> bytes:
    """A field that holds bytes: a text, a message, packed numbers."""
    data = content.encode() if isinstance(content, str) else content
    return tag(number, 2) + varint(len(data)) + data


def blob(values: Floats, old: bool = False, double: bool = False) -> bytes:
    """A BlobProto; `old`: its shape as num, channels, height, width."""
    if old:
        sides = (1,) * (4 - values.ndim) + values.shape
        shape = b"".join(whole(number, side) for number, side in enumerate(sides, 1))
    else:
        shape = part(7, part(1, b"".join(map(varint, values.shape))))
    data = part(8, values.astype("<f8").tobytes()) if double else part(5, values.astype("<f4").tobytes())
    return data + shape if not old else shape + data


def layer(name: str, blobs: Sequence[bytes], kind: str = "Convolution") -> bytes:
    """A V2 layer, with fields that no reader of weights needs, the original's own upsample_param among them."""
    fields = part(1, name) + part(2, kind) + part(3, "below") + part(4, name)
    fields += part(6, tag(3, 5) + struct.pack("<f", 1.0)) + whole(10, 1)
    fields += b"".join(part(7, one) for one in blobs)
    return part(100, fields + part(139, whole(1, 2)) + tag(5000, 1) + bytes(8))


def layer_v1(name: str, blobs: Sequence[bytes], kind: int = 4) -> bytes:
    fields = part(2, "below") + part(3, name) + part(4, name) + whole(5, kind)
    return part(2, fields + b"".join(part(6, one) for one in blobs) + tag(7, 5) + struct.pack("<f", 1.0))


def model(blobs: Blobs, old: bool = False, double: bool = False) -> bytes:
    """A whole file: a name, an input and its size, layers without blobs between those that have some."""
    head = part(1, "Model_G") + part(3, "data") + b"".join(whole(4, side) for side in (1, 3, 128, 128))
    write = layer_v1 if old else layer
    body = head
    for name, arrays in blobs.items():
        body += write(name, [blob(one, old, double) for one in arrays]) + write(f"relu_{name}", [])
    return body


def write(path: Path, blobs: Blobs, old: bool = False, double: bool = False) -> Path:
    path.write_bytes(model(blobs, old, double))
    return path
