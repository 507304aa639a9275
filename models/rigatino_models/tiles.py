"""A picture too large for one look, in windows that overlap: each is looked at by itself, and their answers fade into
each other, so that no seam shows and memory grows with the window instead of the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from rigatino_models.spec import Step
from rigatino_models.steps import portion

# look(window's picture, its hole, the answer to go on from, on_step) -> raw answer, all [1,.,h,w]
Look = Callable[[Tensor, Tensor, Tensor, Step | None], Tensor]


class Window(NamedTuple):
    """The rows top <= y < bottom and columns left <= x < right of a picture."""

    top: int
    bottom: int
    left: int
    right: int

    def of(self, x: Tensor) -> Tensor:
        """That part of x [N,C,H,W]; not a copy."""
        return x[..., self.top : self.bottom, self.left : self.right]


def windows(height: int, width: int, side: int, overlap: int) -> Iterator[Window]:
    """Windows of at most `side` pixels that cover a picture; neighbours share `overlap` pixels or more."""
    for top, bottom in spans(height, side, overlap):
        for left, right in spans(width, side, overlap):
            yield Window(top, bottom, left, right)


def spans(length: int, side: int, overlap: int) -> list[tuple[int, int]]:
    """One axis: as few spans of `side` pixels as do, spread evenly; the whole axis where it is no longer than that."""
    if length <= side:
        return [(0, length)]
    count = -(-(length - overlap) // (side - overlap))
    starts = [round(k * (length - side) / (count - 1)) for k in range(count)]
    return [(start, start + side) for start in starts]


def look_in_tiles(
    look: Look,
    image: Tensor,
    hole: Tensor,
    answer: Tensor,
    side: int,
    overlap: int,
    on_step: Step | None = None,
) -> Tensor:
    """What looks through windows that touch the hole make of an answer [1,3,H,W]: the picture, its hole filled anew.

    image [1,3,H,W] in [0,1], hole [1,1,H,W] (1 = fill). on_step(done, total) may raise to stop.
    """
    height, width = hole.shape[-2:]
    wanted = [w for w in windows(height, width, side, overlap) if w.of(hole).any()]
    total, weights = torch.zeros_like(image), torch.zeros_like(hole)
    for number, window in enumerate(wanted):
        step = portion(on_step, [1] * len(wanted), number)
        raw = look(window.of(image), window.of(hole), window.of(answer), step)
        weight = fading(window, height, width, overlap).to(image.device)
        window.of(total).add_(raw * weight)
        window.of(weights).add_(weight)
    return torch.where(hole > 0, total / weights.clamp_min(1e-6), image)


def fading(window: Window, height: int, width: int, overlap: int) -> Tensor:
    """A window's weight [h,w]: 1, and towards 0 within `overlap` pixels of a side beyond which the picture goes on."""
    rows = _ramp(window.top, window.bottom, height, overlap)
    return rows[:, None] * _ramp(window.left, window.right, width, overlap)


def _ramp(start: int, end: int, length: int, overlap: int) -> Tensor:
    ramp = torch.ones(end - start)
    rise = (torch.arange(overlap) + 0.5) / overlap
    if start > 0:
        ramp[:overlap] *= rise
    if end < length:
        ramp[-overlap:] *= rise.flip(0)
    return ramp
