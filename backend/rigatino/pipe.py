"""What daemon and worker say to each other: records over the worker's standard input and output.

A record is 4 bytes with the size of a JSON object, the object, and the frames whose sizes its `sizes` gives.

    to the worker   hello(key, log) · fill(job) + a request's frames · cancel(job)
    from it         ready(device, precision) · unfit(failure) · warm(resident) · progress(job, stage, fraction)
                    preview(job) + its frames
                    filled(job, resident) + a reply's frames · failed(job, resident, failure)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

from rigatino_wire.messages import Buffer


class Record(NamedTuple):
    """One record: its kind, what belongs to the kind, and frames."""

    kind: str
    facts: dict[str, Any]
    frames: list[Buffer]


def write(stream: BinaryIO, kind: str, facts: dict[str, Any], frames: Iterable[Buffer] = ()) -> None:
    """Writes one record, whole. Raises OSError or ValueError where the other side is gone."""
    pieces = [memoryview(frame) for frame in frames]
    head = {"kind": kind, "facts": facts, "sizes": [piece.nbytes for piece in pieces]}
    text = json.dumps(head).encode()
    stream.write(len(text).to_bytes(4, "big") + text)
    for piece in pieces:
        stream.write(piece)
    stream.flush()


def records(stream: BinaryIO) -> Iterator[Record]:
    """The records until the other side ends. Raises ValueError, KeyError, TypeError for what is no record."""
    while (record := _read(stream)) is not None:
        yield record
        del record  # pixels are not kept while the next record is waited for


def _read(stream: BinaryIO) -> Record | None:
    size = stream.read(4)
    if len(size) < 4:
        return None
    head = json.loads(_exactly(stream, int.from_bytes(size, "big")))
    return Record(head["kind"], head["facts"], [_exactly(stream, size) for size in head["sizes"]])


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise ValueError("the other side ended within a record")
    return data
