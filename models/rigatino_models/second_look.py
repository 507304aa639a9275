"""Detail for an answer that was given at a smaller size: it is looked at again at twice the size, and so on up to the
picture's own, through windows, by a network that goes on from coarser answers."""

from __future__ import annotations

import torch
from torch import Tensor

from rigatino_models.inpainter import composite, enlarged, fourfold
from rigatino_models.layers.resize import average, doubling, reduce_known
from rigatino_models.spec import Step
from rigatino_models.steps import portion
from rigatino_models.tiles import Look, look_in_tiles

TILE = 512  # pixels of a window's side: it bounds the memory
OVERLAP = 64


def sizes(height: int, width: int, scale: float) -> list[tuple[int, int]]:
    """The sizes at which to look again at an answer given at this scale; none where it is hardly smaller."""
    return doubling(height, width, max(1, round(scale * max(height, width))))[1:]


@torch.inference_mode()
def look_again(
    look: Look, image: Tensor, hole: Tensor, answer: Tensor, scale: float, on_step: Step | None = None
) -> Tensor:
    """image [1,3,H,W] in [0,1], hole [1,1,H,W] (1 = fill), answer [1,3,H,W] that came from `scale` times that size.

    look(image, hole, coarse, on_step): as Inpainter's. Returns the filled picture [1,3,H,W] in [0,1]. on_step(done,
    total) may raise to stop.
    """
    height, width = hole.shape[-2:]
    levels = sizes(height, width, scale)
    for number, size in enumerate(levels):
        step = portion(on_step, fourfold(len(levels)), number)
        small, gap = reduce_known(image, 1 - hole, size)
        answer = look_in_tiles(look, small, gap, average(answer, size), TILE, OVERLAP, step)
        answer = enlarged(answer, (height, width))
    return composite(image, hole, answer)


def only_detail(detailed: Tensor, answer: Tensor, scale: float) -> Tensor:
    """Of `detailed` [1,3,H,W] only what an answer given at this scale could not hold; the rest from that answer."""
    height, width = answer.shape[-2:]
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return (answer + detailed - enlarged(average(detailed, size), (height, width))).clamp(0, 1)
