"""How an answer passes into the picture around it: its colours, its grain, its opacity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rigatino import compose
from rigatino.answers import Answer, pixels
from rigatino.compose import Bools, Floats
from rigatino.exchange import Region
from rigatino.grain import with_grain
from rigatino.planning import CELL, held, spread
from rigatino.poisson import continued
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Fill
from rigatino_wire.region import Box

VISIBLE = 0.5  # opacity from which a pixel tells something
OWN_REACH = 24.0  # pixels beyond the hole over which a network's own opacity may pass into the picture
REACH = 128  # pixels from the rim within which an answer's colours are drawn to it
SHALLOW = 32  # the same where memory is short
CLOSE = 1e-3  # of the rim's offsets: how far off these corrections may be


def what_is_known(region: Region, grow: int) -> Bools:
    """[H,W]: the pixels that the network may look at. Raises Failure hole_empty, hole_everything."""
    if not (region.selection > 0).any():
        raise Failure("hole_empty")
    known = ~compose.hole_for_network(region.selection, grow) & (region.visible >= VISIBLE)
    if not known.any():
        raise Failure("hole_everything")
    return known


def depth(request: Fill) -> float:
    """How many pixels deep an answer's colours are to be drawn to the rim's."""
    return np.inf if request.seam == "poisson" else REACH


def drawn_pixels(hole: Bools, reach: float) -> int:
    """How many pixels of a hole [H,W] are no farther than that from its rim, or some more: told from its cells."""
    if np.isinf(reach):
        return int(hole.sum())
    away = compose.distance(held(~hole, CELL), reach / CELL + 3)
    near = away <= reach / CELL + 1.5  # a pixel is up to a cell's diagonal nearer than its cell's middle
    return int((hole & (spread(near.astype(np.uint8), Box(0, 0, hole.shape[1], hole.shape[0])) > 0)).sum())


def own(region: Region, answer: Answer, request: Fill) -> tuple[Floats, Floats]:
    """The answer [H,W,3], as light, of a network that has seen to the passage itself, and its opacity [H,W].

    The network's own opacity counts near the hole; next to what is transparent it means nothing.
    """
    alpha = compose.seam(region.selection, request.grow, request.feather)
    if answer.opacity is not None:
        near = compose.seam(region.selection, request.grow, max(request.feather, OWN_REACH))
        said = near * answer.opacity[0, 0].cpu().numpy()
        alpha = np.where(region.visible >= VISIBLE, said, alpha).astype(np.float32)
    return region.tones.meant(pixels(answer)), alpha


def drawn(
    region: Region,
    known: Bools,
    answer: Answer,
    request: Fill,
    reach: float,
    progress: Callable[[float], None],
) -> tuple[Floats, Floats]:
    """The answer [H,W,3], as light, with its colours drawn to those of the rim, and with grain, and its opacity [H,W].

    reach: pixels from the rim within which they are drawn.
    Where it is laid beyond the hole it is the picture, but where the picture is transparent: there it goes on.
    """
    hole = compose.hole_for_network(region.selection, request.grow)
    alpha = compose.seam(region.selection, request.grow, request.feather)
    filled = hole | (~known & (alpha > 0))
    light = region.tones.meant(pixels(answer))
    light = continued(region.light, light, filled, known, reach, CLOSE, progress).clip(*region.tones)
    if request.detail:
        light = with_grain(light, filled, known).clip(*region.tones)
    return light, hole.astype(np.float32) if request.seam == "poisson" else alpha
