"""Messages as frames: [magic and version, MAC, header, buffers ...]; docs/protocol.md is the norm.

The MAC (HMAC-SHA-256) covers every other frame, each with its length; it is checked before the header is
read.
What the header announces is held against what has arrived, by arithmetic, before anything is allocated.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from rigatino_wire import PROTOCOL
from rigatino_wire.errors import ProtocolError
from rigatino_wire.messages import (
    KINDS,
    MAX_FRAME,
    MAX_HEADER,
    MAX_MESSAGE,
    Array,
    Buffer,
    Message,
    array_sizes,
)

NAME = b"rigati"
MAGIC = NAME + PROTOCOL.to_bytes(2, "big")
MAC_SIZE = 32
ENVELOPE = 3  # frames before the buffers: magic, MAC, header
MAX_FRAMES = (
    ENVELOPE + MAX_MESSAGE // MAX_FRAME + 1
)  # two arrays share the bytes, and each has a last short frame


def pack(message: Message, key: bytes) -> list[bytes | memoryview]:
    """The frames of a message; buffers are views on the message's own arrays, not copies.

    Raises ProtocolError too_large for a header above 64 KiB or arrays above 1 GiB in sum.
    """
    arrays = [getattr(message, name).view for name in message.arrays()]
    _limit("arrays", sum(map(len, arrays)), MAX_MESSAGE)
    header = json.dumps({"op": message.op, **message.to_header()}, separators=(",", ":")).encode("ascii")
    _limit("header", len(header), MAX_HEADER)
    covered: list[bytes | memoryview] = [MAGIC, header, *_pieces(arrays)]
    return [MAGIC, mac(covered, key), *covered[1:]]


def unpack(frames: Sequence[Any], key: bytes) -> Message:
    """The message in these frames (objects with bytes inside); its arrays are fresh bytearrays.

    Raises ProtocolError, with the message's `id` where the header could be read, and nothing else.
    """
    views = [memoryview(frame).cast("B") for frame in frames]
    _check_magic(views)
    _check_sizes(views)
    if not hmac.compare_digest(mac([views[0], *views[2:]], key), views[1]):
        raise ProtocolError("bad_mac")
    header = _parsed(bytes(views[2]))
    try:
        return _message(header, views[ENVELOPE:])
    except ProtocolError as error:
        error.id = _id(header)
        raise


def mac(frames: Iterable[Buffer], key: bytes) -> bytes:
    """HMAC-SHA-256 over the frames, each after its length in 8 bytes, big endian."""
    state = hmac.new(key, digestmod="sha256")
    for frame in frames:
        state.update(len(frame).to_bytes(8, "big"))
        state.update(frame)
    return state.digest()


def _pieces(arrays: Iterable[memoryview]) -> Iterator[memoryview]:
    for array in arrays:
        for start in range(0, len(array), MAX_FRAME):
            yield array[start : start + MAX_FRAME]


def _check_magic(frames: Sequence[memoryview]) -> None:
    """Junk and another version are told apart before the MAC: another version may sign otherwise."""
    magic = bytes(frames[0][: len(MAGIC) + 1]) if frames else b""
    if len(magic) != len(MAGIC) or not magic.startswith(NAME):
        raise ProtocolError("bad_magic")
    if magic != MAGIC:
        raise ProtocolError(
            "wrong_version", found=int.from_bytes(magic[len(NAME) :], "big"), expected=PROTOCOL
        )


def _check_sizes(frames: Sequence[memoryview]) -> None:
    for place, what in enumerate(("magic", "signature", "header")):
        if len(frames) <= place:
            raise ProtocolError("truncated", what=what)
    if len(frames[1]) != MAC_SIZE:
        raise ProtocolError("bad_mac")
    _limit("header", len(frames[2]), MAX_HEADER)
    _limit("arrays", sum(map(len, frames[ENVELOPE:])), MAX_MESSAGE)


def _limit(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise ProtocolError("too_large", what=what, size=size, limit=limit)


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_object)
    except RecursionError:
        raise ProtocolError("bad_header", why="it is nested too deeply") from None
    except ValueError:
        raise ProtocolError("bad_header", why="it is not plain JSON") from None
    if not isinstance(header, dict):
        raise ProtocolError("bad_header", why="it is not a JSON object")
    return header


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice")
    return value


def _id(header: Mapping[str, Any]) -> str:
    value = header.get("id")
    return value if isinstance(value, str) and len(value) <= 64 and value.isascii() else ""


def _message(header: dict[str, Any], buffers: Sequence[memoryview]) -> Message:
    op = header.pop("op", None)
    kind = KINDS.get(op) if isinstance(op, str) else None
    if kind is None:
        raise ProtocolError("unknown_op", op=op[:100] if isinstance(op, str) else "")
    sizes = dict(array_sizes(kind, header))
    _check_buffers(list(sizes.values()), buffers)
    return kind.from_header({**header, **_arrays(header, sizes, buffers)})


def _check_buffers(sizes: Sequence[int], buffers: Sequence[memoryview]) -> None:
    """Each array is cut into frames of MAX_FRAME bytes; only its last frame is shorter."""
    _limit("arrays", sum(sizes), MAX_MESSAGE)
    expected = [min(MAX_FRAME, size - start) for size in sizes for start in range(0, size, MAX_FRAME)]
    if expected != [len(buffer) for buffer in buffers]:
        raise ProtocolError("bad_frames")


def _arrays(
    header: Mapping[str, Any], sizes: Mapping[str, int], buffers: Sequence[memoryview]
) -> dict[str, Array]:
    arrays, rest = {}, iter(buffers)
    for name, size in sizes.items():
        pieces = [next(rest) for _ in range(0, size, MAX_FRAME)]
        descriptor = header[name]
        arrays[name] = Array(descriptor["dtype"], tuple(descriptor["shape"]), bytearray().join(pieces))
    return arrays
