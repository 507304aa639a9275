"""How much memory there is, how much a fill will take, and how it makes do with less."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

import torch

from rigatino.compose import Bools
from rigatino.planning import REFINE, Part
from rigatino_models.memory import release_freed_memory
from rigatino_models.second_look import TILE
from rigatino_models.spec import NetworkSpec
from rigatino_models.surroundings import Surroundings
from rigatino_wire.texts import NOTES

SHARE = 0.9  # of what is free that a fill may take
REGION = 160  # bytes for each pixel of a region: the picture, hole and answer as floats
TEXTURE = 200  # bytes more for each pixel into which texture is copied
DRAWN = 240  # bytes for each pixel whose colour is drawn to the rim's (benchmarks/poisson.py)
LEAST = 1 << 28  # bytes that a fill may take in any case: libraries' own buffers are no smaller
GRADIENTS = 4  # times what a look takes: a refinement keeps the layers' results
MEMINFO, GROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Rung:
    """How a fill makes do with less memory.

    smaller: at half the comfortable size and without a second look; rough: in bf16; device: elsewhere. last: whatever
    the estimate says, it is tried.
    """

    smaller: bool = False
    rough: bool = False
    device: torch.device | None = None
    last: bool = False

    @property
    def notes(self) -> list[str]:
        """What the user is told of it."""
        told = {
            "memory_smaller": self.smaller,
            "memory_rough": self.rough,
            "memory_cpu": self.device is not None,
        }
        return [NOTES[name] for name, so in told.items() if so]

    def spec(self, spec: NetworkSpec) -> NetworkSpec:
        """The network as this rung has it planned for; one that takes one size alone stays as it is."""
        if not self.smaller or spec.comfortable == spec.minimum:
            return spec
        return replace(spec, comfortable=max(spec.minimum, spec.comfortable // 2))


def ladder(device: torch.device, precision: str) -> Iterator[Rung]:
    """What to try when memory is short, one after another, for a fill on a device in a precision."""
    yield Rung()
    yield Rung(smaller=True, last=device == CPU and precision == "bf16")
    if precision != "bf16":
        yield Rung(smaller=True, rough=True, last=device == CPU)
    if device != CPU:
        yield Rung(device=CPU)
        yield Rung(smaller=True, device=CPU, last=True)


def needed(
    parts: Sequence[Part],
    together: Sequence[Sequence[int]],
    spec: NetworkSpec,
    precision: str,
    known: Bools,
) -> int:
    """An estimate of the bytes that a fill takes at most at once, beside its networks; known: of its region [H,W].

    together: the numbers of parts that the network sees at once.
    """
    pixel = spec.pixel_bytes * (0.5 if precision == "bf16" else 1.0)
    looks = [sum(_shown(parts[k], known, spec.margin) for k in numbers) * pixel for numbers in together]
    return REGION * known.size + round(max(*looks, *(_finish(part, pixel) for part in parts)))


def _shown(part: Part, known: Bools, margin: int) -> float:
    """The network pixels of a look at a part, what is shown around it included."""
    hole = torch.from_numpy(~known[part.at])[None, None]
    shown = Surroundings.of(hole, round(margin / part.scale))
    return len(shown.rows) * len(shown.columns) * part.scale**2


def _finish(part: Part, pixel: float) -> float:
    """What it takes to look at a part again, and to copy texture into it."""
    pixels = part.box.width * part.box.height
    work = [0.0]
    if part.again:
        work.append(min(pixels, TILE**2) * pixel * (GRADIENTS if part.again == REFINE else 1))
    if part.texture:
        work.append(TEXTURE * pixels)
    return max(work)


def room(device: torch.device, limit: float, networks: int) -> float:
    """Bytes that a fill may take beside the loaded networks; limit: the user's for both together, or infinite."""
    return max(LEAST, min(limit - networks, SHARE * free(device)))


def free(device: torch.device) -> float:
    """Bytes that are free on a device, what this process has kept there included; infinite where nobody says."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + kept
    return min(_machine(), _group()) if device.type == "cpu" else inf


def let_go() -> None:
    """Give memory that is kept without need back to the system and the device."""
    gc.collect()
    release_freed_memory()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _machine() -> float:
    """What Linux says is available."""
    try:
        lines = dict(line.split(":") for line in MEMINFO.read_text().splitlines())
        return float(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError, IndexError):
        return inf


def _group() -> float:
    """What the control group (version 2) of a container leaves."""
    try:
        return float((GROUP / "memory.max").read_text()) - float((GROUP / "memory.current").read_text())
    except (OSError, ValueError):  # no group, or “max”
        return inf
