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
from PIL import Image

from rigatino import compose
from rigatino.answers import Answer, Answers, Lineage, pixels, ranked
from rigatino.compose import Floats
from rigatino.failures import translated
from rigatino.pool import Pool
from rigatino.settings import Settings
from rigatino_models.spec import NetworkSpec, Step
from rigatino_wire import messages as wire
from rigatino_wire.errors import Failure
from rigatino_wire.messages import MAX_PREVIEW, Array, Fill, Filled, Message, Preview
from rigatino_wire.region import Box
from rigatino_wire.texts import NOTES

Report = Callable[[str, float], None]
Show = Callable[[Preview], None]
THIN = 10  # a thin hole reaches this part of the comfortable side from its rim, or less: 25 of 256 pixels
NETWORK_SHARE = 0.4  # of the progress of a fill; the rest copies texture
THICK = 24  # network pixels from its rim to its middle, above which texture is copied into a hole
LARGEST_THIN = 1024  # pixels; beyond it the cost outgrows the gain
SCALES = {"u8": 255.0, "f32": 1.0}
TYPES: dict[str, np.dtype[Any]] = {"u8": np.dtype("u1"), "f32": np.dtype("<f4")}
NOTHING = torch.empty(0)


def _unseen(preview: Preview) -> None:
    """Nobody looks at the candidates before all are done."""


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

    def answer(self, request: Message, progress: Report, show: Show = _unseen) -> Filled:
        """Do what a request of rigatino_wire.messages.WORK asks for. Raises Failure unknown_op for another."""
        if isinstance(request, Fill):
            return self.fill(request, progress, show)
        raise Failure("unknown_op", op=request.op)

    def fill(self, request: Fill, progress: Report, show: Show = _unseen) -> Filled:
        """Fill a region's hole.

        progress(stage, fraction) is called at every step; it may raise to stop. show(preview) is called with each
        candidate of a network with chance. Raises Failure hole_empty, hole_everything, unknown_network, and what
        loading weights can raise.
        """
        clock = Clock()
        region = read(request)
        known = what_is_known(region, request.grow)
        progress("loading", 0.0)
        loaded = self.pool.get(request.network, request.precision)
        clock.lap("load")
        seed = request.seed if request.seed >= 0 else secrets.randbelow(2**31)
        lineages = candidates(request, seed, loaded.spec)
        scale = working_scale(known, loaded.spec)
        detail = request.detail and gains_from_texture(known, scale, loaded.spec)
        meter = Meter(progress, network=NETWORK_SHARE, detail=1 - NETWORK_SHARE if detail else 0.0)
        answers = Answers(loaded, region.rgb, known, scale)
        found: list[Answer] = []
        laid: list[Floats] = []
        with translated():
            for answer in answers.ask(lineages, request.variety, meter.steps("network")):
                clock.lap("network")
                if detail:
                    answer = answers.with_texture(answer, meter.share("detail", len(found), len(lineages)))
                    clock.lap("detail")
                offset, fill = _lay(region, pixels(answer), request)
                found.append(answer._replace(picture=NOTHING))
                laid.append(fill)
                if loaded.spec.stochastic:
                    show(
                        _preview(
                            region, offset, fill, request, (len(laid) - 1, len(lineages), answer.lineage)
                        )
                    )
                clock.lap("compose")
        order = ranked(found)
        return Filled(
            id=request.id,
            offset=(request.offset[0] + offset.x, request.offset[1] + offset.y),
            seed=seed,
            network=loaded.spec.name,
            weights=loaded.sha256,
            scale=scale,
            precision=loaded.precision,
            device=self.device,
            answers=[wire.Answer(found[k].lineage, found[k].score) for k in order],
            notes=_notes(request, loaded.spec),
            seconds=clock.seconds(),
            fill=_packed(np.stack([laid[k] for k in order]), request.image.dtype),
        )


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

    def steps(self, part: str) -> Step:
        """What a part that counts steps is to call."""
        return lambda done, total: self._tell(part, done / total)

    def share(self, part: str, number: int, count: int) -> Callable[[float], None]:
        """What the `number`th of `count` equal shares of a part is to call with its fraction."""
        return lambda fraction: self._tell(part, (number + fraction) / count)

    def _tell(self, part: str, fraction: float) -> None:
        self.done[part] = fraction
        whole = sum(self.weights.values())
        self.report("filling", sum(self.done[name] * weight for name, weight in self.weights.items()) / whole)


def candidates(request: Fill, seed: int, spec: NetworkSpec) -> list[Lineage]:
    """The lineages of the answers that a request asks for; a network without chance has one."""
    count = request.candidates if spec.stochastic else 1
    return [(*request.near, seed + k) for k in range(count)]


def _notes(request: Fill, spec: NetworkSpec) -> list[str]:
    """What the user should know of how the fill came about."""
    if request.candidates > 1 and not spec.stochastic:
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
    if not (spec.coarsest or one_size) and compose.depth(known) <= side / THIN:
        side = max(side, min(2 * side, LARGEST_THIN))
    longest: int = max(known.shape)
    return min(1.0, side / longest)


def gains_from_texture(known: compose.Bools, scale: float, spec: NetworkSpec) -> bool:
    """Whether the network's answer is too smooth, and the hole thick enough for that to show."""
    return spec.soft and compose.depth(known) * scale > THICK


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


def _preview(
    region: Region, laid: Box, fill: Floats, request: Fill, which: tuple[int, int, Lineage]
) -> Preview:
    """A candidate in its surroundings, at most MAX_PREVIEW pixels wide and high; which: its number, count, lineage."""
    height, width = region.visible.shape
    shown = laid.grow(max(laid.width, laid.height) // 2).intersect(Box(0, 0, width, height))
    rows, columns = slice(shown.y, shown.bottom), slice(shown.x, shown.right)
    rgb, visible = region.rgb[rows, columns].copy(), region.visible[rows, columns, None].copy()
    there = np.s_[laid.y - shown.y : laid.bottom - shown.y, laid.x - shown.x : laid.right - shown.x]
    alpha = fill[..., 3:]
    rgb[there] = rgb[there] * (1 - alpha) + fill[..., :3] * alpha
    visible[there] = np.maximum(visible[there], alpha)
    picture = Image.fromarray((np.concatenate((rgb, visible), -1) * 255 + 0.5).astype(np.uint8), "RGBA")
    picture.thumbnail((MAX_PREVIEW, MAX_PREVIEW))
    number, count, lineage = which
    shape = (picture.height, picture.width, 4)
    return Preview(request.id, Array("u8", shape, picture.tobytes()), number, count, lineage)


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
