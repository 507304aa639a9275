"""One fill, from request to reply: plan, network, seam. The daemon's worker and the command line both call it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rigatino import compose
from rigatino.compose import Floats
from rigatino.failures import translated
from rigatino.pool import Loaded, Pool
from rigatino.settings import Settings
from rigatino_models.exemplar.synthesis import copy_texture
from rigatino_models.inpainter import Inpainter, enlarged
from rigatino_models.layers.resize import reduce_known
from rigatino_models.spec import NetworkSpec
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Array, Fill, Filled
from rigatino_wire.region import Box
from rigatino_wire.texts import NOTES

Report = Callable[[str, float], None]
THIN = 10  # a thin hole reaches this part of the comfortable side from its rim, or less: 25 of 256 pixels
NETWORK_SHARE = 0.4  # of the progress of a fill; the rest copies texture
THICK = 24  # network pixels from its rim to its middle, above which texture is copied into a hole
LARGEST_THIN = 1024  # pixels; beyond it the cost outgrows the gain
SCALES = {"u8": 255.0, "f32": 1.0}
TYPES: dict[str, np.dtype[Any]] = {"u8": np.dtype("u1"), "f32": np.dtype("<f4")}


@dataclass(frozen=True)
class Region:
    """A region as the networks' side sees it: RGB [H,W,3], what is visible [H,W], the selection [H,W], all in [0,1]."""

    rgb: Floats
    visible: Floats
    selection: Floats


class Service:
    """Holds the loaded networks and answers fills, one at a time."""

    def __init__(self, settings: Settings) -> None:
        self.pool = Pool(settings)

    @property
    def device(self) -> str:
        """Where the networks run: cpu, cuda:0, mps."""
        return str(self.pool.device)

    @property
    def precision(self) -> str:
        """What precision "auto" means on this machine."""
        return self.pool.precision("auto")

    def resident(self) -> list[str]:
        """Names of the networks in memory."""
        return self.pool.resident()

    def fill(self, request: Fill, progress: Report) -> Filled:
        """Fill a region's hole.

        progress(stage, fraction) is called at every step; it may raise to stop. Raises Failure hole_empty,
        hole_everything, unknown_network, and what loading weights can raise.
        """
        clock = Clock()
        region = read(request)
        known = what_is_known(region, request.grow)
        progress("loading", 0.0)
        loaded = self.pool.get(request.network, request.precision)
        clock.lap("load")
        scale = working_scale(known, loaded.spec)
        answer = Answer(loaded, region.rgb, known)
        detail = request.detail and gains_from_texture(known, scale, loaded.spec)
        share = NETWORK_SHARE if detail else 1.0
        with translated():
            answer.run(scale, lambda done, total: progress("filling", share * done / total))
            clock.lap("network")
            if detail:
                answer.copy_texture(lambda part: progress("filling", share + (1 - share) * part))
                clock.lap("detail")
        offset, fill = _lay(region, answer.pixels(), request)
        clock.lap("compose")
        return Filled(
            id=request.id,
            offset=(request.offset[0] + offset.x, request.offset[1] + offset.y),
            seed=request.seed if request.seed >= 0 else secrets.randbelow(2**31),
            network=loaded.spec.name,
            weights=loaded.sha256,
            scale=scale,
            precision=loaded.precision,
            device=self.device,
            notes=_notes(request),
            seconds=clock.seconds(),
            fill=_packed(fill[None], request.image.dtype),
        )


class Clock:
    """Seconds by name."""

    def __init__(self) -> None:
        self.start = self.last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """What has passed since the last lap is `name`."""
        now = time.perf_counter()
        self.laps[name], self.last = now - self.last, now

    def seconds(self) -> dict[str, float]:
        """The laps and their total."""
        return self.laps | {"total": self.last - self.start}


def _notes(request: Fill) -> list[str]:
    """What the user should know of how the fill came about."""
    if request.candidates > 1:
        return [NOTES["one_candidate"]]
    return []


def read(request: Fill) -> Region:
    """The request's arrays as floats; Failure bad_pixels for pixels that are no numbers."""
    image, selection = _floats(request.image), _floats(request.hole)[..., 0]
    return Region(np.clip(image[..., :3], 0, 1), image[..., 3], np.clip(selection, 0, 1))


def what_is_known(region: Region, grow: int) -> compose.Bools:
    """[H,W]: the pixels that the network may look at. Raises Failure hole_empty, hole_everything."""
    if not (region.selection > 0).any():
        raise Failure("hole_empty")
    known = ~compose.hole_for_network(region.selection, grow) & (region.visible >= 0.5)
    if not known.any():
        raise Failure("hole_everything")
    return known


def working_scale(known: compose.Bools, spec: NetworkSpec) -> float:
    """Network pixels per picture pixel, at most 1.

    The region's longer side comes down to the comfortable one. A network that takes one look does better with twice
    that where the hole is thin everywhere: what counts is how far its middle is from what is known.
    """
    side = spec.comfortable
    one_size = spec.minimum == spec.comfortable
    if not (spec.coarsest or one_size) and float(compose.distance(known).max()) <= side / THIN:
        side = max(side, min(2 * side, LARGEST_THIN))
    longest: int = max(known.shape)
    return min(1.0, side / longest)


def gains_from_texture(known: compose.Bools, scale: float, spec: NetworkSpec) -> bool:
    """Whether the network's answer is too smooth, and the hole thick enough for that to show."""
    return spec.soft and float(compose.distance(known).max()) * scale > THICK


class Answer:
    """What is to stand in the hole of a region, as it comes about; rgb [H,W,3] in [0,1], known [H,W]."""

    def __init__(self, loaded: Loaded, rgb: Floats, known: compose.Bools) -> None:
        self.network: Inpainter = loaded.inpainter
        self.image = torch.from_numpy(rgb).permute(2, 0, 1)[None].to(loaded.device)
        self.known = torch.from_numpy(known.astype(np.float32))[None, None].to(loaded.device)
        self.filled = self.image

    def run(self, scale: float, step: Callable[[int, int], None]) -> None:
        """Ask the network, at `scale` network pixels per pixel of the region."""
        height, width = self.known.shape[-2:]
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        raw = self.network.raw(*reduce_known(self.image, self.known, size), step)
        self.filled = raw.clamp(0, 1) if size == (height, width) else enlarged(raw, (height, width))

    def copy_texture(self, progress: Callable[[float], None]) -> None:
        """Have texture of the region copied along the network's answer."""
        self.filled = copy_texture(self.image, 1 - self.known, self.filled, on_progress=progress)

    def pixels(self) -> Floats:
        """The answer for the whole region, [H,W,3] in [0,1]."""
        pixels: Floats = self.filled[0].permute(1, 2, 0).cpu().numpy()
        return pixels


def _lay(region: Region, raw: Floats, request: Fill) -> tuple[Box, Floats]:
    """The box that changes, and its RGBA [h,w,4]: the answer where it shows, the picture where it does not."""
    alpha = compose.seam(region.selection, request.grow, request.feather)
    if request.image.dtype == "u8":
        alpha[alpha < 0.5 / 255] = 0  # too faint for 8 bits
    box = compose.bounds(alpha > 0)
    rows, columns = slice(box.y, box.bottom), slice(box.x, box.right)
    alpha = alpha[rows, columns, None]
    rgb = np.where(alpha > 0, raw[rows, columns], region.rgb[rows, columns])
    return box, np.concatenate((rgb, alpha), -1).astype(np.float32)


def _floats(array: Array) -> Floats:
    kind = TYPES[array.dtype]
    stored = np.frombuffer(array.view, kind).reshape(array.shape)
    values = np.asarray(stored, np.float32) / np.float32(SCALES[array.dtype])
    if not np.isfinite(values).all():
        raise Failure("bad_pixels")
    return values


def _packed(values: NDArray[np.float32], dtype: str) -> Array:
    if dtype == "u8":
        values = np.clip(values, 0, 1) * 255 + 0.5
    return Array(dtype, values.shape, np.ascontiguousarray(values.astype(TYPES[dtype])).data.cast("B"))
