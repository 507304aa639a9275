"""Requests for work, answered one at a time. The daemon's worker and the command line both call it."""

from __future__ import annotations

import secrets
from dataclasses import replace

import numpy as np

from rigatino.budget import ladder
from rigatino.editing.editor import Editor
from rigatino.exchange import Report
from rigatino.filling import Filling, Show
from rigatino.pool import Pool
from rigatino.settings import Settings
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Array, Face, Fill, Filled, Message, Paint, Preview, Transplant

SMALL = 128  # pixels: the bundled network's first look; texture is copied into a hole of half of it


def _unseen(preview: Preview) -> None:
    """Nobody looks at the candidates before all are done."""


class Service:
    """Holds the loaded networks and answers requests, one at a time."""

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

    def warm_up(self, progress: Report) -> None:
        """Fill a small hole, so that no first fill waits for what is loaded and prepared but once."""
        image = np.full((SMALL, SMALL, 4), 255, np.uint8)
        hole = np.pad(np.ones((SMALL // 2, SMALL // 2, 1), np.uint8), ((SMALL // 4,) * 2,) * 2 + ((0, 0),))
        seen, gap = (Array("u8", part.shape, part.tobytes()) for part in (image, hole))
        self.answer(Fill("first", seen, gap), progress)

    def answer(self, request: Message, progress: Report, show: Show = _unseen) -> Filled:
        """Do what a request of rigatino_wire.messages.WORK asks for. Raises Failure unknown_op for another."""
        if isinstance(request, Face):
            return self.face(request, progress, show)
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
        return self._in_memory(_seeded(request), progress, show)

    def face(self, request: Face, progress: Report, show: Show = _unseen) -> Filled:
        """Complete the hidden part of a face: as `fill`, with colours drawn through all of the hole.

        Raises Failure eyes_outside, eyes_close, no_face, no_detector, hole_off_face, no_network besides.
        """
        seam = "poisson" if request.seam == "auto" else request.seam
        return self._in_memory(_seeded(replace(request, seam=seam)), progress, show)

    def _in_memory(self, request: Fill, progress: Report, show: Show = _unseen) -> Filled:
        """The work, in as much memory as there is."""
        for rung in ladder(self.pool.device, self.pool.precision(request.precision)):
            try:
                return Filling(self.pool, request, progress, show, rung).filled()
            except Failure as failure:
                if failure.code != "out_of_memory" or rung.last:
                    raise
            self.pool.let_go()
        raise Failure("out_of_memory")


def _seeded(request: Fill) -> Fill:
    """The request with a seed of its own."""
    return replace(request, seed=request.seed if request.seed >= 0 else secrets.randbelow(2**31))
