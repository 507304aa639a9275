"""What a fill layer remembers, as its parasite "rigatino-fill": all that it takes to run the fill again.

ASCII JSON, because GIMP's parasites hold no byte above 127. docs/gimp.md lists the fields.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from functools import lru_cache
from typing import Any, NamedTuple, Union

from rigatino_gimp.edits import PaintSettings, TransplantSettings
from rigatino_gimp.faces import FaceSettings
from rigatino_gimp.request import Settings, check
from rigatino_wire import __version__
from rigatino_wire.errors import Failure
from rigatino_wire.messages import MAX_CANDIDATES, Answer, Filled, nbytes
from rigatino_wire.region import Box

NAME = "rigatino-fill"
VERSION = 2
AnySettings = Union[Settings, FaceSettings, PaintSettings, TransplantSettings]
TASKS: dict[str, type[AnySettings]] = {
    "fill": Settings,
    "face": FaceSettings,
    "paint": PaintSettings,
    "transplant": TransplantSettings,
}
MANY = 1 << 31
FIRST = 1  # its fills had neither lineages nor the settings that came with them, and up to 16 candidates


class Hole(NamedTuple):
    """The selection that was filled: its bounds in the picture and its values, row by row ("u8" or "f32")."""

    box: Box
    dtype: str
    data: bytes


class Source(NamedTuple):
    """The layer that was filled: GIMP's number for it, its name, where it lay, and its width and height."""

    tattoo: int
    name: str
    offset: tuple[int, int]
    size: tuple[int, int]


class Record(NamedTuple):
    """A fill: what was asked of which layer and region, where the fill was laid, what ran, which answer it is of
    the network, and for what task."""

    settings: AnySettings
    source: Source
    region: Box
    hole: Hole
    box: Box
    ran: dict[str, Any]
    answer: Answer = Answer()
    task: str = "fill"


def ran(filled: Filled) -> dict[str, Any]:
    """What the daemon says it ran."""
    names = ("network", "weights", "seed", "scale", "precision", "device", "latent", "notes", "seconds")
    return {"rigatino": __version__, **{name: getattr(filled, name) for name in names}}


def encode(record: Record, candidate: int = 0) -> bytes:
    """The parasite's data for one of the candidates of a fill."""
    hole = {
        "box": record.hole.box,
        "dtype": record.hole.dtype,
        "zlib": _packed(record.hole.data),
    }
    fields = {
        "version": VERSION,
        "task": record.task,
        "candidate": candidate,
        "settings": record.settings._asdict(),
        "source": record.source._asdict(),
        "region": record.region,
        "hole": hole,
        "box": record.box,
        "ran": record.ran,
        "answer": record.answer.to_header(),
    }
    return json.dumps(fields, ensure_ascii=True).encode("ascii")


@lru_cache(maxsize=1)
def _packed(hole: bytes) -> str:
    """All candidates of a fill have the same hole."""
    return b64encode(zlib.compress(hole)).decode("ascii")


def decode(data: bytes) -> Record:
    """The inverse of `encode`. Raises ValueError for what it did not write: a picture may come from anybody."""
    try:
        fields = _current(json.loads(data))
        json.dumps(fields, ensure_ascii=False).encode()  # GIMP takes no text that is not UTF-8
        return Record(
            _settings(TASKS[fields["task"]], fields["settings"]),
            _source(fields["source"]),
            Box(*_integers(fields["region"], 4)),
            _hole(fields["hole"]),
            Box(*_integers(fields["box"], 4)),
            dict(fields["ran"]),
            Answer.from_header(dict(fields["answer"])),
            fields["task"],
        )
    except (KeyError, TypeError, RecursionError, zlib.error, Failure) as error:
        raise ValueError(f"not a record of a fill: {error}") from error


def _current(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of any version as this one has them."""
    if fields["version"] == FIRST:
        settings = fields["settings"]
        fewer = min(settings["candidates"], MAX_CANDIDATES)
        return {**fields, "settings": {**settings, "candidates": fewer}, "answer": {}, "task": "fill"}
    if fields["version"] != VERSION:
        raise ValueError(f"version {fields['version']}")
    return fields


def _settings(kind: type[AnySettings], fields: dict[str, Any]) -> AnySettings:
    settings = kind(**fields)
    for value, default in zip(settings, kind()):
        if type(value) is not type(default):
            raise TypeError(f"{value!r} among the settings")
    check(settings)
    return settings


def _source(fields: dict[str, Any]) -> Source:
    (tattoo,) = _integers([fields["tattoo"]], 1)
    x, y = _integers(fields["offset"], 2)
    width, height = _integers(fields["size"], 2)
    return Source(tattoo, str(fields["name"]), (x, y), (width, height))


def _hole(fields: dict[str, Any]) -> Hole:
    """A hole of exactly as many values as its box has: GEGL would pass over another length without a word."""
    box, dtype = Box(*_integers(fields["box"], 4)), fields["dtype"]
    size = nbytes(dtype, (box.height, box.width))
    data = zlib.decompressobj().decompress(b64decode(fields["zlib"]), size)
    if len(data) != size:
        raise ValueError(f"{len(data)} bytes in place of {size}")
    return Hole(box, dtype, data)


def _integers(values: Any, count: int) -> list[int]:
    """Whole numbers, of 32 bits as GIMP's own."""
    if len(values) != count or not all(type(value) is int and -MANY < value < MANY for value in values):
        raise TypeError(f"{values!r} in place of {count} integers")
    return list(values)
