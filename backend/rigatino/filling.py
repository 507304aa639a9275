"""One fill on its way: what is there and to be looked at, the network's answers, and what is laid over the picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from rigatino import compose
from rigatino.answers import Answer, Answers, Lineage, ranked
from rigatino.budget import CPU, DRAWN, REGION, Rung, needed
from rigatino.compose import Floats
from rigatino.exchange import Clock, Meter, Region, Report, laid_out, packed, read
from rigatino.faces.plan import SOFT, Seeing, face
from rigatino.failures import translated
from rigatino.finish import second_looks, textures, weights
from rigatino.planning import Part, batches, plan
from rigatino.pool import Pool
from rigatino.seams import OWN_REACH, SHALLOW, depth, drawn, drawn_pixels, own, what_is_known
from rigatino.weights import for_task
from rigatino_models.memory import release_freed_memory
from rigatino_models.spec import NetworkSpec
from rigatino_wire import messages as wire
from rigatino_wire.errors import Failure
from rigatino_wire.messages import ITEM_SIZES, MAX_MESSAGE, MAX_PREVIEW, Array, Face, Fill, Filled, Preview
from rigatino_wire.region import Box
from rigatino_wire.texts import NOTES

Show = Callable[[Preview], None]
NOTHING = torch.empty(0)
SEAM_SHARE = 0.05  # of a fill's progress


class Candidate(NamedTuple):
    """An answer without its picture, and what is laid over the region: RGBA [h,w,4] with its place."""

    answer: Answer
    place: Box
    rgba: Floats


class Filling:
    """A request, whose seed is drawn, with as much memory as a rung leaves it; `filled` once does the work."""

    def __init__(self, pool: Pool, request: Fill, progress: Report, show: Show, rung: Rung) -> None:
        """Raises Failure hole_empty, hole_everything, unknown_network, too_large, out_of_memory, and what loading
        weights and finding a face can raise."""
        self.pool, self.show, self.rung = pool, show, rung
        self.request = request = affordable(request, rung)
        self.clock = Clock()
        region = read(request, looked_at=False)
        self.known = what_is_known(region, request.grow)
        self.region = region.toned(self.known)
        progress("loading", 0.0)
        name = for_task(request.network, request.op, pool.settings.data_dir).spec.name
        self.loaded = pool.get(name, request.precision, rung.device)
        self.spec = self.loaded.spec
        self.clock.lap("load")
        self.lineages = lineages(request, self.spec)
        _check_reply(self.region, len(self.lineages), request.image.dtype)
        self.fused = request.seam == "auto" and self.spec.alpha
        self.parts, self.see = self._planned()
        self.batches, self.reach = self._afford(), self._reach()
        self.meter = Meter(progress, **weights(self.parts), **{"seam 0": SEAM_SHARE})

    def filled(self) -> Filled:
        """The reply. Raises Failure out_of_memory where the estimate was too low."""
        request, region, parts = self.request, self.region, self.parts
        answers = Answers(self.loaded, region.rgb, self.known, parts, self.batches, self.fused, self.see)
        steps = self.meter.steps("network", len(parts))
        with translated():
            asked = answers.ask(self.lineages, request.variety, steps)
            found = [self._candidate(answers, number, answer) for number, answer in enumerate(asked)]
        best = [found[k] for k in ranked([one.answer for one in found])]
        place = best[0].place
        return Filled(
            id=request.id,
            offset=(request.offset[0] + place.x, request.offset[1] + place.y),
            seed=request.seed,
            network=self.spec.name,
            weights=self.loaded.sha256,
            scale=min(part.scale for part in parts),
            precision=self.loaded.precision,
            device=str(self.loaded.device),
            answers=[wire.Answer(one.answer.lineage, one.answer.score) for one in best],
            notes=[*self._notes(), *self.rung.notes],
            seconds=self.clock.seconds(),
            fill=packed(np.stack([one.rgba for one in best]), request.image.dtype),
        )

    def _planned(self) -> tuple[list[Part], Seeing | None]:
        """What the network looks at, and how it sees that where it is not as it lies there."""
        request = self.request
        reach = max(request.feather, OWN_REACH) if self.fused else request.feather
        shown = compose.hole_for_network(self.region.selection, request.grow + ceil(reach) + 1)
        if isinstance(request, Face):
            part, see = face(request, self.region, shown)
            return [part], see
        return plan(self.known, shown, self.rung.spec(self.spec), request.quality, request.detail), None

    def _afford(self) -> list[list[int]]:
        """The parts that are seen at once: as many as there is memory for.

        Raises Failure out_of_memory for more bytes than there are, before they are taken.
        """
        together, alone = batches(self.parts), batches(self.parts, 0)
        if not self.rung.smaller and self._fits(together):
            return together
        if self.rung.last or self._fits(alone):
            return alone
        raise Failure("out_of_memory")

    def _fits(self, together: Sequence[Sequence[int]]) -> bool:
        device, precision = self.loaded.device, self.loaded.precision
        wanted = needed(self.parts, together, self.spec, precision, self.known)
        if wanted > self.pool.room(device):
            release_freed_memory()  # what this process keeps is free too
        return wanted <= self.pool.room(device)

    def _reach(self) -> float:
        """How deep the answer's colours are drawn to the rim's: in the last resort, or where memory is short, less."""
        wanted = depth(self.request)
        holes = [part.hole & ~self.known[part.at] for part in self.parts]
        all_of_it, less = (sum(drawn_pixels(hole, reach) for hole in holes) for reach in (wanted, SHALLOW))
        room = self.pool.room(CPU) - REGION * self.known.size
        short = self.rung.last or DRAWN * all_of_it > room
        return SHALLOW if short and less < all_of_it else wanted

    def _candidate(self, answers: Answers, number: int, answer: Answer) -> Candidate:
        """An answer, finished, as it is to be laid over the picture; those of networks with chance are shown."""
        self.clock.lap("network")
        answer = self._finished(answers, number, answer)
        place, rgba = laid_out(self.request.image.dtype, *self._joined(number, answer))
        if self.spec.stochastic:
            which = (number, len(self.lineages), answer.lineage)
            self.show(_preview(self.region, place, rgba, self.request.id, which))
        self.clock.lap("compose")
        return Candidate(answer._replace(picture=NOTHING, opacity=None), place, rgba)

    def _finished(self, answers: Answers, number: int, answer: Answer) -> Answer:
        """The answer after a second look and with texture, where these are to be."""
        which = (len(self.parts), number, len(self.lineages))
        if any(part.again for part in self.parts):
            steps = self.meter.steps("again", *which)
            looks = second_looks(self.parts, self.loaded, self._look_again, steps)
            answer = answers.finished(answer, looks)
            self.clock.lap("again")
        if any(part.texture for part in self.parts):
            answer = answers.finished(answer, textures(self.parts, self.meter.shares("texture", *which)))
            self.clock.lap("detail")
        return answer

    def _joined(self, number: int, answer: Answer) -> tuple[Floats, Floats]:
        """The answer [H,W,3] as it passes into the picture, and its opacity [H,W]."""
        [share] = self.meter.shares("seam", 1, number, len(self.lineages))
        if self._sees_to_seam():
            found = own(self.region, answer, self.request)
        else:
            found = drawn(self.region, self.known, answer, self.request, self.reach, share)
        share(1.0)
        return found

    def _notes(self) -> list[str]:
        """What the user should know of how the fill came about."""
        request = self.request
        noted = {
            "one_candidate": request.candidates > 1 and not self.spec.stochastic,
            "soft_face": isinstance(request, Face) and any(part.scale < SOFT for part in self.parts),
            "memory_seam": not self._sees_to_seam() and self.reach < depth(request),
        }
        return [NOTES[name] for name, so in noted.items() if so]

    def _sees_to_seam(self) -> bool:
        """Whether the network itself says how its answer passes into the picture."""
        return self.spec.alpha and self.request.seam != "poisson"

    def _look_again(self, *seen: Any) -> torch.Tensor:
        """A look of the bundled network, which goes on from coarser answers, for networks that do not."""
        return self.pool.get("", self.request.precision, self.rung.device).inpainter.look(*seen)


def affordable(request: Fill, rung: Rung) -> Fill:
    """The request as a rung makes do with it."""
    quality = "fast" if rung.smaller else request.quality
    precision = "bf16" if rung.rough else request.precision
    return replace(request, quality=quality, precision=precision)


def lineages(request: Fill, spec: NetworkSpec) -> list[Lineage]:
    """Of the answers that a request asks for; a network without chance has one."""
    count = request.candidates if spec.stochastic else 1
    return [(*request.near, request.seed + k) for k in range(count)]


def _check_reply(region: Region, count: int, dtype: str) -> None:
    """Raise Failure too_large where no reply can hold so many fills of a hole: before they are made."""
    hole = compose.bounds(region.selection > 0)
    size = 4 * ITEM_SIZES[dtype] * hole.width * hole.height * count
    if size > MAX_MESSAGE:
        raise Failure("too_large", what="fills", size=size, limit=MAX_MESSAGE)


def _preview(region: Region, place: Box, rgba: Floats, id: str, which: tuple[int, int, Lineage]) -> Preview:
    """A candidate in its surroundings, at most MAX_PREVIEW pixels wide and high; which: its number, count, lineage."""
    height, width = region.visible.shape
    around = place.grow(max(place.width, place.height) // 2).intersect(Box(0, 0, width, height))
    rows, columns = slice(around.y, around.bottom), slice(around.x, around.right)
    rgb, visible = region.light[rows, columns].copy(), region.visible[rows, columns, None].copy()
    there = np.s_[place.y - around.y : place.bottom - around.y, place.x - around.x : place.right - around.x]
    alpha = rgba[..., 3:]
    rgb[there] = rgb[there] * (1 - alpha) + rgba[..., :3] * alpha
    visible[there] = np.maximum(visible[there], alpha)
    shown = np.concatenate((rgb, visible), -1).clip(0, 1) * 255 + 0.5
    picture = Image.fromarray(shown.astype(np.uint8), "RGBA")
    picture.thumbnail((MAX_PREVIEW, MAX_PREVIEW))
    number, count, lineage = which
    shape = (picture.height, picture.width, 4)
    return Preview(id, Array("u8", shape, picture.tobytes()), number, count, lineage)
