"""What a fill is to remember, read before the daemon is asked, for then all may be gone; and what its reply becomes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

from rigatino_gimp import candidates, fills, insertion, pixels, record
from rigatino_gimp.candidates import Candidate
from rigatino_gimp.layers import Place
from rigatino_gimp.record import Hole, Record, Source
from rigatino_wire.region import Box


class Before(NamedTuple):
    """A place as it is: the layer, what is sent, and the hole."""

    source: Source
    region: Box
    hole: Hole


def before(place: Place, *regions: Box) -> Before:
    """The place as it is now, and what is sent of it."""
    layer, box, depth = place.layer, place.box, pixels.depth(place.image)
    data = pixels.read(place.hole, place.selection, depth.mask, depth.dtype)
    source = Source(layer.get_tattoo(), layer.get_name(), (box.x, box.y), (box.width, box.height))
    return Before(source, _around(regions), Hole(place.selection, depth.dtype, data))


def remembered(then: Before, settings: record.AnySettings, one: Candidate, task: str = "fill") -> Record:
    """The record of a candidate."""
    laid, ran = _around([part.box for part in one.parts]), record.ran(one.filled)
    return Record(settings, then.source, then.region, then.hole, laid, ran, one.answer, task)


def result(
    place: Place, found: Sequence[Candidate], records: Sequence[Record], mode: str, kind: str = "Fill"
) -> insertion.Result:
    """What is to be inserted: candidates with their records. Layers are called by their kind and network."""
    filled = found[0].filled
    return insertion.Result(
        name=_name(place, candidates.name(filled.network, kind=kind), mode == "replace"),
        box=records[0].box,
        dtype=filled.fill.dtype,
        pictures=[
            insertion.Picture(
                one.parts, candidates.name(filled.network, one.answer, kind), record.encode(kept, k)
            )
            for k, (one, kept) in enumerate(zip(found, records))
        ],
        masked=records[0].settings.result == "mask",
        mode=mode,
    )


def _around(boxes: Sequence[Box]) -> Box:
    return reduce(Box.join, boxes)


def notes(found: Sequence[Candidate]) -> list[str]:
    """What the replies note, each thing once."""
    return list(dict.fromkeys(note for one in found for note in one.filled.notes))


def _name(place: Place, made: str, replace: bool) -> str:
    """What a fill is called: by its kind and network, as `made` says.

    One that takes another's place keeps a name that the user gave, or that is true still.
    """
    if not replace or place.old is None or not place.old.is_valid():
        return made
    kind, _, network = made.partition(" ")
    ran: Any = fills.remembered(place.old).ran.get("network")
    old = str(place.old.get_name())
    outdated = f"({ran})" != network and old.startswith(f"{kind} ({ran})")
    return made if outdated else old
