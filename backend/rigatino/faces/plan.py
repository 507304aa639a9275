"""A face in a region, as its network sees it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from rigatino.answers import View
from rigatino.compose import Bools, bounds
from rigatino.exchange import Region
from rigatino.faces import eyes
from rigatino.faces.alignment import Alignment, Eyes
from rigatino.planning import LOOK_AGAIN, Part
from rigatino.pool import Loaded
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Face
from rigatino_wire.region import Box

SOFT = 0.5  # network pixels per pixel, below which what fills a face is soft: a face of more than 256 pixels

Seeing = Callable[[Loaded, Tensor, Tensor, Part], View]


def face(request: Face, region: Region, shown: Bools) -> tuple[Part, Seeing]:
    """The part of a region that holds the face, and how it is seen; shown [H,W]: where the answer will be laid.

    Raises Failure eyes_outside, eyes_close, no_face, no_detector, hole_off_face.
    """
    alignment = Alignment.of(_eyes(request, region))
    if not _covered(alignment, region.selection > 0):
        raise Failure("hole_off_face")
    height, width = shown.shape
    box = alignment.box().join(bounds(shown)).intersect(Box(0, 0, width, height))
    again = LOOK_AGAIN if alignment.scale < SOFT and request.quality != "fast" else ""
    hole = shown[box.y : box.bottom, box.x : box.right]
    return Part(box, hole, alignment.scale, again), partial(FaceView, alignment)


class FaceView(View):
    """A part of a region with a face in it: turned and scaled into the network's square."""

    def __init__(
        self, alignment: Alignment, loaded: Loaded, image: Tensor, unknown: Tensor, part: Part
    ) -> None:
        super().__init__(loaded, image, unknown, part)
        self.alignment = alignment.within(part.box)

    def enlarged(self, raw: Tensor) -> Tensor:
        """An answer at the part's size, in [0,1]."""
        height, width = self.part.hole.shape
        return self.alignment.returned(raw, Box(0, 0, width, height))

    def reduced(self) -> tuple[Tensor, Tensor]:
        """The square [1,3,h,w] and what is unknown in it [1,1,h,w]."""
        return self.alignment.taken(self.image, 1 - self.unknown)


def _eyes(request: Face, region: Region) -> Eyes:
    if request.eyes:
        return eyes.given(request.eyes, request.offset, region.selection.shape)
    return eyes.found(region.rgb, region.selection > 0)


def _covered(alignment: Alignment, hole: Bools) -> bool:
    """Whether all of the hole lies in the square."""
    rows, columns = (torch.from_numpy(places) for places in np.nonzero(hole))
    return bool(alignment.covers(columns, rows).all())
