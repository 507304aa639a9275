"""What every kind of work shares: pixels out of requests and into replies, progress, and seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from rigatino import compose
from rigatino.compose import Bools, Floats
from rigatino.tone import LIMIT, UNBENT, Tones
from rigatino_models.spec import Step
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Array
from rigatino_wire.region import Box

Report = Callable[[str, float], None]
SCALES = {"u8": 255.0, "f32": 1.0}
TYPES: dict[str, np.dtype[Any]] = {"u8": np.dtype("u1"), "f32": np.dtype("<f4")}


class Picture(Protocol):
    """A request about a part of a picture."""

    @property
    def image(self) -> Array:
        """RGBA [H,W,4]."""

    @property
    def hole(self) -> Array:
        """[H,W,1]."""


@dataclass(frozen=True)
class Region:
    """A region as the networks' side sees it: RGB [H,W,3], what is visible [H,W], the selection [H,W], all in [0,1].

    light: RGB as it came, which may be brighter than white, up to tone.LIMIT; tones: the curve on which `rgb` shows it.
    """

    rgb: Floats
    visible: Floats
    selection: Floats
    light: Floats
    tones: Tones = UNBENT

    def toned(self, known: Bools) -> Region:
        """The region on the curve that shows all the light of what is known [H,W]."""
        tones = Tones.of(self.light, known)
        return self if tones == self.tones else replace(self, rgb=tones.shown(self.light), tones=tones)


def read(request: Picture, looked_at: bool = True) -> Region:
    """The request's arrays as floats; Failure bad_pixels for pixels that are no numbers.

    looked_at: whether what the hole hides is; otherwise its colours may be no numbers, and are 0 then.
    """
    image, selection = _values(request.image), floats(request.hole)[..., 0]
    if not looked_at and request.image.dtype != "u8":
        colours = image[..., :3]
        colours[(selection > 0)[..., None] & ~np.isfinite(colours)] = 0
    _check(image)
    return region(image, selection)


def region(image: Floats, selection: Floats) -> Region:
    """The region of RGBA [H,W,4] with a selection [H,W]; what is beyond white is cut off until it is toned."""
    light = image[..., :3].clip(-LIMIT, LIMIT)
    return Region(np.clip(light, 0, 1), image[..., 3], np.clip(selection, 0, 1), light)


class Clock:
    """Seconds by name."""

    def __init__(self) -> None:
        self.start = self.last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """What has passed since the last lap is added to `name`."""
        now = time.perf_counter()
        self.laps[name], self.last = self.laps.get(name, 0.0) + now - self.last, now

    def seconds(self) -> dict[str, float]:
        """The laps and their total."""
        return self.laps | {"total": self.last - self.start}


class Meter:
    """A fill's progress from that of its parts, by their weights."""

    def __init__(self, report: Report, **weights: float) -> None:
        self.report, self.weights = report, weights
        self.done = dict.fromkeys(weights, 0.0)

    def steps(self, work: str, parts: int, number: int = 0, count: int = 1) -> list[Step]:
        """What the parts of some work that count steps are to call, for the `number`th of `count` candidates."""
        return [_stepping(share) for share in self.shares(work, parts, number, count)]

    def shares(self, work: str, parts: int, number: int = 0, count: int = 1) -> list[Callable[[float], None]]:
        """What the parts of some work are to call with the fraction that is done."""
        return [partial(self._share, f"{work} {part}", number, count) for part in range(parts)]

    def _share(self, name: str, number: int, count: int, fraction: float) -> None:
        self._tell(name, (number + fraction) / count)

    def _tell(self, part: str, fraction: float) -> None:
        self.done[part] = fraction
        whole = sum(self.weights.values())
        self.report("filling", sum(self.done[name] * weight for name, weight in self.weights.items()) / whole)


def _stepping(share: Callable[[float], None]) -> Step:
    return lambda done, total: share(done / total)


def floats(array: Array) -> Floats:
    """An array's values from 0 to 1 (f32: as they are). Raises Failure bad_pixels for what are no numbers."""
    values = _values(array)
    _check(values)
    return values


def _values(array: Array) -> Floats:
    kind = TYPES[array.dtype]
    stored = np.frombuffer(array.view, kind).reshape(array.shape)
    return np.asarray(stored, np.float32) / np.float32(SCALES[array.dtype])


def _check(values: Floats) -> None:
    if not np.isfinite(values).all():
        raise Failure("bad_pixels")


def laid_out(dtype: str, rgb: Floats, alpha: Floats) -> tuple[Box, Floats]:
    """The box that changes, and its RGBA [h,w,4]; Failure hole_empty where all is too faint for 8 bits."""
    if dtype == "u8":
        alpha[alpha < 0.5 / 255] = 0
    box = compose.bounds(alpha > 0)
    if box.empty:
        raise Failure("hole_empty")
    rows, columns = slice(box.y, box.bottom), slice(box.x, box.right)
    laid = np.concatenate((rgb[rows, columns], alpha[rows, columns, None]), -1)
    return box, laid.astype(np.float32)


def packed(values: Floats, dtype: str) -> Array:
    """Values from 0 to 1 (f32: as they are) as an array of that kind."""
    if dtype == "u8":
        values = np.clip(values, 0, 1) * 255 + 0.5
    return Array(dtype, values.shape, np.ascontiguousarray(values.astype(TYPES[dtype])).data.cast("B"))
