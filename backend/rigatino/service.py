"""One fill, from request to reply: plan, network, seam. The daemon's worker and the command line both call it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import ceil
from typing import Any

import numpy as np
import torch
from PIL import Image

from rigatino import compose
from rigatino.answers import Answer, Answers, Lineage, pixels, ranked
from rigatino.budget import Rung, ladder, needed
from rigatino.compose import Floats
from rigatino.editing.editor import Editor
from rigatino.exchange import Clock, Meter, Region, Report, laid_out, packed, read
from rigatino.faces.plan import SOFT, Seeing, face
from rigatino.failures import translated
from rigatino.finish import second_looks, textures, weights
from rigatino.grain import with_grain
from rigatino.pieces import joined, split
from rigatino.planning import Part, plan
from rigatino.poisson import continued
from rigatino.pool import Pool
from rigatino.settings import Settings
from rigatino.weights import for_task
from rigatino_models.memory import release_freed_memory
from rigatino_models.spec import NetworkSpec
from rigatino_wire import messages as wire
from rigatino_wire.errors import Failure
from rigatino_wire.messages import MAX_PREVIEW, Array, Face, Fill, Filled, Message, Paint, Preview, Transplant
from rigatino_wire.region import Box
from rigatino_wire.texts import NOTES

Show = Callable[[Preview], None]
OWN_REACH = 24.0  # pixels beyond the hole over which a network's own opacity may pass into the picture
VISIBLE = 0.5  # opacity from which a pixel tells the network something
NOTHING = torch.empty(0)
REACH = 128  # pixels from the rim within which an answer's colours are drawn to it
CLOSE = 1e-3  # of the rim's offsets: how far off these corrections may be
SEAM_SHARE = 0.05  # of a fill's progress


def _unseen(preview: Preview) -> None:
    """Nobody looks at the candidates before all are done."""


class Service:
    """Holds the loaded networks and answers fills, one at a time."""

    def __init__(self, settings: Settings) -> None:
        self.pool = Pool(settings)
        self.editor = Editor(self.pool)

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
        if isinstance(request, Face):
            return self.fill(self._for_faces(request), progress, show)
        if isinstance(request, Fill):
            return self.fill(request, progress, show)
        if isinstance(request, Paint | Transplant):
            return self.editor.edit(request, progress)
        raise Failure("unknown_op", op=request.op)

    def fill(self, request: Fill, progress: Report, show: Show = _unseen) -> Filled:
        """Fill a region's hole.

        progress(stage, fraction) is called at every step; it may raise to stop. show(preview) is called with each
        candidate of a network with chance. Raises Failure hole_empty, hole_everything, unknown_network, and what
        loading weights can raise.
        """
        if isinstance(request, Fill):
            spec = for_task(request.network, request.op, self.pool.settings.data_dir).spec
            request = replace(request, seed=request.seed if request.seed >= 0 else secrets.randbelow(2**31))
            pieces = split(request, spec)
            if len(pieces) > 1:
                return joined(pieces, self._in_memory, progress)
        return self._in_memory(request, progress, show)

    def _in_memory(self, request: Fill | Face, progress: Report, show: Show = _unseen) -> Filled:
        """`fill` of one piece, in as much memory as there is."""
        for rung in ladder(self.pool.device, self.pool.precision(request.precision)):
            try:
                return self._fill(request, progress, show, rung)
            except Failure as failure:
                if failure.code != "out_of_memory" or rung.last:
                    raise
            self.pool.let_go()
        raise Failure("out_of_memory")

    def _fill(self, request: Fill | Face, progress: Report, show: Show, rung: Rung) -> Filled:
        """`fill` in so much memory; Failure out_of_memory where that is not enough."""
        clock = Clock()
        region = read(request, looked_at=False)
        known = what_is_known(region, request.grow)
        progress("loading", 0.0)
        name = for_task(request.network, request.op, self.pool.settings.data_dir).spec.name
        precision = "bf16" if rung.rough else request.precision
        loaded = self.pool.get(name, precision, rung.device)
        clock.lap("load")
        seed = request.seed if request.seed >= 0 else secrets.randbelow(2**31)
        lineages = candidates(request, seed, loaded.spec)
        fused = request.seam == "auto" and loaded.spec.alpha
        reach = max(request.feather, OWN_REACH) if fused else request.feather
        faded = compose.hole_for_network(region.selection, request.grow + ceil(reach) + 1)
        see: Seeing | None = None
        if isinstance(request, Face):
            part, see = face(request, region, faded)
            parts = [part]
        else:
            quality = "fast" if rung.smaller else request.quality
            parts = plan(known, faded, rung.spec(loaded.spec), quality, request.detail)
        self._afford(needed(parts, loaded.spec, loaded.precision, known.size), loaded.device, rung)
        meter = Meter(progress, **weights(parts), **{"seam 0": SEAM_SHARE})
        answers = Answers(loaded, region.rgb, known, parts, fused, see)
        found: list[Answer] = []
        laid: list[Floats] = []
        with translated():
            for answer in answers.ask(lineages, request.variety, meter.steps("network", len(parts))):
                clock.lap("network")
                which = (len(found), len(lineages))
                if any(part.again for part in parts):
                    steps = meter.steps("again", len(parts), *which)
                    look = partial(self._look_again, precision, rung.device)
                    answer = answers.finished(answer, second_looks(parts, loaded, look, steps))
                    clock.lap("again")
                if any(part.texture for part in parts):
                    answer = answers.finished(
                        answer, textures(parts, meter.shares("texture", len(parts), *which))
                    )
                    clock.lap("detail")
                [share] = meter.shares("seam", 1, *which)
                if loaded.spec.alpha and request.seam != "poisson":  # it has seen to the passage itself
                    rgb, alpha = pixels(answer), own_seam(region, answer, request)
                else:
                    rgb, alpha = drawn(region, known, pixels(answer), request, share)
                share(1.0)
                offset, fill = laid_out(request.image.dtype, rgb, alpha)
                found.append(answer._replace(picture=NOTHING, opacity=None))
                laid.append(fill)
                if loaded.spec.stochastic:
                    show(_preview(region, offset, fill, request, (*which, answer.lineage)))
                clock.lap("compose")
        order = ranked(found)
        return Filled(
            id=request.id,
            offset=(request.offset[0] + offset.x, request.offset[1] + offset.y),
            seed=seed,
            network=loaded.spec.name,
            weights=loaded.sha256,
            scale=min(part.scale for part in parts),
            precision=loaded.precision,
            device=str(loaded.device),
            answers=[wire.Answer(found[k].lineage, found[k].score) for k in order],
            notes=[*_notes(request, loaded.spec, parts), *rung.notes],
            seconds=clock.seconds(),
            fill=packed(np.stack([laid[k] for k in order]), request.image.dtype),
        )

    def _for_faces(self, request: Face) -> Face:
        """The request with its defaults told. Raises Failure no_network, unknown_network."""
        network = for_task(request.network, "face", self.pool.settings.data_dir).spec.name
        return replace(request, network=network, seam="poisson" if request.seam == "auto" else request.seam)

    def _look_again(self, precision: str, device: torch.device | None, *seen: Any) -> torch.Tensor:
        """A look of the bundled network, which goes on from coarser answers, for networks that do not."""
        return self.pool.get("", precision, device).inpainter.look(*seen)

    def _afford(self, wanted: int, device: torch.device, rung: Rung) -> None:
        """Raises Failure out_of_memory for more bytes than there are, before they are taken."""
        if rung.last or wanted <= self.pool.room(device):
            return
        release_freed_memory()  # what this process keeps is free too
        if wanted > self.pool.room(device):
            raise Failure("out_of_memory")


def candidates(request: Fill, seed: int, spec: NetworkSpec) -> list[Lineage]:
    """The lineages of the answers that a request asks for; a network without chance has one."""
    count = request.candidates if spec.stochastic else 1
    return [(*request.near, seed + k) for k in range(count)]


def _notes(request: Fill, spec: NetworkSpec, parts: Sequence[Part]) -> list[str]:
    """What the user should know of how the fill came about."""
    noted = {
        "one_candidate": request.candidates > 1 and not spec.stochastic,
        "soft_face": isinstance(request, Face) and any(part.scale < SOFT for part in parts),
    }
    return [NOTES[name] for name, so in noted.items() if so]


def what_is_known(region: Region, grow: int) -> compose.Bools:
    """[H,W]: the pixels that the network may look at. Raises Failure hole_empty, hole_everything."""
    if not (region.selection > 0).any():
        raise Failure("hole_empty")
    known = ~compose.hole_for_network(region.selection, grow) & (region.visible >= VISIBLE)
    if not known.any():
        raise Failure("hole_everything")
    return known


def own_seam(region: Region, answer: Answer, request: Fill) -> Floats:
    """The fill's opacity [H,W], a network's own near the hole; next to what is transparent that means nothing."""
    alpha = compose.seam(region.selection, request.grow, request.feather)
    if answer.opacity is None:
        return alpha
    near = compose.seam(region.selection, request.grow, max(request.feather, OWN_REACH))
    own = near * answer.opacity[0, 0].cpu().numpy()
    return np.where(region.visible >= VISIBLE, own, alpha).astype(np.float32)


def drawn(
    region: Region, known: compose.Bools, raw: Floats, request: Fill, progress: Callable[[float], None]
) -> tuple[Floats, Floats]:
    """The answer with its colours drawn to those of the rim, and its grain [H,W,3], and its opacity [H,W]."""
    hole = compose.hole_for_network(region.selection, request.grow)
    opaque = request.seam == "poisson"
    rgb = continued(region.rgb, raw, hole, known, np.inf if opaque else REACH, CLOSE, progress).clip(0, 1)
    if request.detail:
        rgb = with_grain(rgb, hole, known)
    faded = compose.seam(region.selection, request.grow, request.feather)
    alpha = hole.astype(np.float32) if opaque else faded
    return rgb, alpha


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
