"""The settings of a fill and the request made of them: pure functions that know no GIMP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from typing import Any, NamedTuple

from rigatino_wire import region as sending
from rigatino_wire.errors import Failure
from rigatino_wire.messages import MAX_CANDIDATES, MAX_LINEAGE, Array, Description, Fill, NetworkInfo
from rigatino_wire.region import MAX_FACTOR, Box


class Settings(NamedTuple):
    """The arguments of the procedure, in their order, with their defaults."""

    network: str = ""
    source: str = "layer"
    grow: int = 4
    feather: float = 4.0
    context: float = 0.0
    seed: int = -1
    candidates: int = 1
    result: str = "mask"
    detail: bool = True
    variety: float = 1.0
    seam: str = "auto"
    quality: str = "balanced"


class Seen(NamedTuple):
    """A region of a picture as it is sent: RGBA, and what is meant of it, both of that dtype."""

    box: Box
    dtype: str
    image: bytes
    hole: bytes

    @property
    def arrays(self) -> tuple[Array, Array]:
        """The picture [H,W,4] and what is meant [H,W,1]."""
        size = (self.box.height, self.box.width)
        return Array(self.dtype, (*size, 4), self.image), Array(self.dtype, (*size, 1), self.hole)


SIZES = {"u8": 1, "f32": 4}  # bytes of a value
MODES = ("replace", "add", "another", "like")
JOINING = MODES[2:]  # the new fill becomes one of the old one's candidates
WORDS = {
    "source": ("layer", "visible"),
    "result": ("mask", "alpha"),
    "seam": ("auto", "feather", "poisson"),
    "quality": ("fast", "balanced", "best"),
}
RANGES: dict[str, tuple[float, float]] = {
    "grow": (0, 1000),
    "feather": (0, 1000),
    "context": (0, MAX_FACTOR),
    "seed": (-1, 2**31 - 1),
    "candidates": (1, MAX_CANDIDATES),
    "variety": (0, 4),
    "strength": (0, 1),
    "coarse": (0, 1),
    "middle": (0, 1),
    "fine": (0, 1),
    "finest": (0, 1),
    "steps": (0, 10000),
}


def check(settings: Any) -> None:
    """Raises Failure bad_setting for the first setting that holds a wrong value; for settings of any task."""
    values = settings._asdict()
    for name, value in values.items():
        if name in WORDS and value not in WORDS[name]:
            raise _bad(name, value, _either(WORDS[name]))
        if name in RANGES and not RANGES[name][0] <= value <= RANGES[name][1]:
            low, high = RANGES[name]
            raise _bad(name, value, f"a number from {low} to {high:.10g}")


def check_mode(mode: str) -> None:
    """Raises Failure bad_setting for a mode that rigatino-refill has not."""
    if mode not in MODES:
        raise _bad("mode", mode, _either(MODES))


def _either(words: Sequence[str]) -> str:
    return " or ".join(f"“{word}”" for word in words)


def _bad(name: str, value: object, expected: str) -> Failure:
    return Failure("bad_setting", name=name, value=str(value), expected=expected)


def network(description: Description, name: str) -> NetworkInfo:
    """The network that a name means, "" being the daemon's own choice. Raises Failure unknown_network."""
    wanted = name or description.default_network
    for info in description.networks:
        if info.name == wanted:
            return info
    raise Failure("unknown_network", name=wanted, known=_names(description.networks))


def _names(networks: Sequence[NetworkInfo]) -> str:
    return ", ".join(info.name for info in networks)


def region(selection: Box, frame: Box, settings: Any, description: Description) -> Box:
    """What is sent for a selection that is one: as `regions`."""
    [found] = regions([selection], frame, settings, description)
    return found


def regions(holes: Sequence[Box], frame: Box, settings: Any, description: Description) -> list[Box]:
    """What is sent: holes, as far as grow and feather widen them, with their context, inside the frame; near ones
    share a region.

    The settings are those of any task. Raises Failure unknown_network, hole_empty, or too_many_pixels for more than
    the daemon takes.
    """
    rule, limit = network(description, settings.network).rule, description.limits.max_pixels
    reach = settings.grow + ceil(settings.feather)
    shown = [part for part in (hole.intersect(frame) for hole in holes) if not part.empty]
    found = sending.regions([hole.grow(reach) for hole in shown], frame, rule, settings.context or None)
    for box in found:
        if box.width * box.height > limit:
            raise Failure("too_many_pixels", pixels=box.width * box.height, limit=limit)
    return found


def check_answers(hole: Box, count: int, dtype: str, description: Description) -> None:
    """Raises Failure too_large where no reply can hold so many fills of a hole: before they are made."""
    size, limit = 4 * SIZES[dtype] * hole.width * hole.height * count, description.limits.max_message
    if size > limit:
        raise Failure("too_large", what="fills", size=size, limit=limit)


def message(id: str, settings: Settings, seen: Seen) -> Fill:
    """The request."""
    image, hole = seen.arrays
    return Fill(
        id=id,
        network=settings.network,
        grow=settings.grow,
        feather=settings.feather,
        seed=settings.seed,
        candidates=settings.candidates,
        detail=settings.detail,
        variety=settings.variety,
        seam=settings.seam,
        quality=settings.quality,
        offset=(seen.box.x, seen.box.y),
        image=image,
        hole=hole,
    )


def another(request: Fill, id: str) -> Fill:
    """The same request for one more answer, of a new seed."""
    return replace(request, id=id, seed=-1, candidates=1, near=())


def like(request: Fill, lineage: Sequence[int]) -> Fill:
    """The request for answers that resemble the one of this lineage, the first seeds of it where it is long."""
    return replace(request, near=tuple(lineage[: MAX_LINEAGE - 1]))
