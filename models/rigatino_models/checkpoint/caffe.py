"""Networks as Caffe saves them (.caffemodel), read without Caffe and without protobuf.

Such a file is one message of the protocol buffers' wire format: NetParameter, with a layer for each of the network's,
in the present form (V2) or the one before it (V1). A layer has a name and blobs, a blob a shape and numbers. Fields
that mean nothing here are skipped. Numbers stay in the file until they are asked for.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

import torch
from torch import Tensor

from rigatino_models.checkpoint.trouble import Misfit, Unreadable

ORIGIN = "Caffe model"
LARGEST_FILE = 4 * 2**30
MOST_FIELDS = 50_000  # of the network, its layers and blobs; a file of weights has some hundreds
LONGEST_NAME = 1_000  # bytes
MOST_DIMENSIONS = 8
LARGEST_SIDE = 2**31
HEAD = 4096  # bytes in which a layer begins, unless the network has very many inputs

# Wire types (protocol buffers' encoding): what follows a field's tag.
VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5

# Field numbers (caffe.proto).
NET_LAYERS_V1, NET_LAYER = 2, 100
# What may stand before the first layer, and how: name, inputs, their sizes, flags, state.
NET_HEAD = {1: LENGTH, 3: LENGTH, 4: VARINT, 5: VARINT, 6: LENGTH, 7: VARINT, 8: LENGTH}
NAME_V1, BLOBS_V1 = 4, 6
NAME, BLOBS = 1, 7
SIDES = (1, 2, 3, 4)  # num, channels, height, width: a blob's shape before `shape` was there
DATA, SHAPE, DOUBLE_DATA = 5, 7, 8
DIMENSION = 1


class Field(NamedTuple):
    """A field's number and wire type, its value where that is a number, and where its bytes lie."""

    number: int
    kind: int
    value: int
    start: int
    end: int


@dataclass
class Blob:
    """One array of a layer: its shape, and where its numbers lie in the file."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    start: int
    size: int
    file: BinaryIO = field(repr=False)

    def load(self) -> Tensor:
        """The numbers, from the file."""
        self.file.seek(self.start)
        data = bytearray(self.file.read(self.size))
        if len(data) != self.size:
            raise Unreadable("it is cut short")
        return torch.frombuffer(data, dtype=self.dtype).view(self.shape)


def is_network(file: BinaryIO) -> bool:
    """Whether the file begins as a NetParameter does, up to its first layer."""
    file.seek(0)
    head = file.read(HEAD)
    reader = Reader(memoryview(head))
    place = 0
    while place < len(head):
        try:
            number, kind, place = reader.tag(place)
            if number in (NET_LAYERS_V1, NET_LAYER):
                return kind == LENGTH
            if NET_HEAD.get(number) != kind:
                return False
            place = reader.value(number, kind, place, len(head)).end
        except Unreadable:
            return False
    return False


def read_network(file: BinaryIO) -> dict[str, Blob]:
    """The blobs by "layer/number": "conv1/0" is most often a weight, "conv1/1" a bias. Raises Unreadable, Misfit."""
    if file.seek(0, 2) > LARGEST_FILE:
        raise Unreadable("it is larger than weights need")
    found: dict[str, Blob] = {}
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as data:
        reader = Reader(data)
        for name, number, span in _layers(reader, len(data)):
            key = f"{name}/{number}"
            if key in found:
                raise Misfit(key, "it stands in the file twice")
            found[key] = _blob(reader, key, span, file)
    return found


class Reader:
    """Walks the wire format. Every length is checked against the message that it lies in; raises Unreadable."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.fields = data, 0

    def message(self, start: int, end: int) -> Iterator[Field]:
        """The fields of a message, in their order."""
        while start < end:
            number, kind, start = self.tag(start, end)
            found = self.value(number, kind, start, end)
            self.fields += 1
            if self.fields > MOST_FIELDS:
                raise Unreadable("it has too many fields")
            yield found
            start = found.end

    def tag(self, start: int, end: int | None = None) -> tuple[int, int, int]:
        """A field's number and wire type, and where its value begins."""
        tag, start = self.varint(start, len(self.data) if end is None else end)
        if not 0 < tag >> 3 < 1 << 29:
            raise Unreadable("a field in it has a number that no field can have")
        return tag >> 3, tag & 7, start

    def value(self, number: int, kind: int, start: int, end: int) -> Field:
        """A field's value, or where it lies; for bytes `start` and `end` are theirs."""
        value = 0
        if kind == VARINT:
            value, stop = self.varint(start, end)
        elif kind in (EIGHT_BYTES, FOUR_BYTES):
            stop = start + (8 if kind == EIGHT_BYTES else 4)
        elif kind == LENGTH:
            value, start = self.varint(start, end)
            stop = start + value
        else:
            raise Unreadable("a field in it is of a kind that Caffe does not use")
        if stop > end:
            raise Unreadable("it is cut short, or a length in it reaches beyond its end")
        return Field(number, kind, value, start, stop)

    def varint(self, start: int, end: int) -> tuple[int, int]:
        """A number of at most 64 bits, seven of them a byte, and where the next thing begins."""
        value = 0
        for place, shift in zip(range(start, end), range(0, 70, 7), strict=False):
            byte = self.data[place]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >> 64:
                    break
                return value, place + 1
        raise Unreadable("it is cut short" if end - start < 10 else "a number in it has too many bits")


def _layers(reader: Reader, size: int) -> Iterator[tuple[str, int, Field]]:
    """Each blob of each layer: the layer's name, the blob's number, where it lies."""
    for layer in reader.message(0, size):
        if layer.kind != LENGTH or layer.number not in (NET_LAYER, NET_LAYERS_V1):
            continue
        names, blobs = (NAME, BLOBS) if layer.number == NET_LAYER else (NAME_V1, BLOBS_V1)
        name, spans = "", []
        for part in reader.message(layer.start, layer.end):
            if part.kind == LENGTH and part.number == names:
                name = _text(reader, part)
            elif part.kind == LENGTH and part.number == blobs:
                spans.append(part)
        for number, span in enumerate(spans):
            yield name, number, span


def _text(reader: Reader, part: Field) -> str:
    if part.value > LONGEST_NAME:
        raise Unreadable("a name in it is too long")
    return bytes(reader.data[part.start : part.end]).decode("utf-8", "replace")


def _blob(reader: Reader, key: str, span: Field, file: BinaryIO) -> Blob:
    """A BlobProto. Raises Misfit where its shape and its numbers do not agree."""
    old: dict[int, int] = {}
    shape: tuple[int, ...] | None = None
    numbers: list[Field] = []
    for part in reader.message(span.start, span.end):
        if part.kind == VARINT and part.number in SIDES:
            old[part.number] = part.value
        elif part.kind == LENGTH and part.number == SHAPE:
            shape = _shape(reader, key, part)
        elif part.number in (DATA, DOUBLE_DATA):
            numbers.append(part)
    if shape is None:
        shape = tuple(old.get(side, 0) for side in SIDES) if old else ()
    return _sized(key, shape, numbers, file)


def _shape(reader: Reader, key: str, span: Field) -> tuple[int, ...]:
    """A BlobShape: its dimensions, packed or one by one."""
    sides: list[int] = []
    for part in reader.message(span.start, span.end):
        place = part.start
        if part.number == DIMENSION and part.kind == VARINT:
            sides.append(part.value)
        while part.number == DIMENSION and part.kind == LENGTH and place < part.end:
            side, place = reader.varint(place, part.end)
            sides.append(side)
            if len(sides) > MOST_DIMENSIONS:
                break
        if len(sides) > MOST_DIMENSIONS:
            raise Misfit(key, "its shape has too many dimensions")
    return tuple(sides)


def _sized(key: str, shape: tuple[int, ...], numbers: list[Field], file: BinaryIO) -> Blob:
    """The blob, if the file holds as many numbers as its shape says."""
    if len(numbers) > 1 or any(part.kind != LENGTH for part in numbers):
        raise Misfit(key, "its numbers do not lie in one piece")
    start, size = (numbers[0].start, numbers[0].value) if numbers else (0, 0)
    dtype = torch.float64 if numbers and numbers[0].number == DOUBLE_DATA else torch.float32
    if any(not 0 <= side < LARGEST_SIDE for side in shape):
        raise Misfit(key, "its shape is malformed")
    if math.prod(shape) * dtype.itemsize != size or size == 0:
        why = f"its shape is {list(shape)}, and the file holds {size} bytes of it"
        raise Misfit(key, why)
    return Blob(shape, dtype, start, size, file)
