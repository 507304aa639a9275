"""Any network behind one face: pictures of any size in, the network's raw answer and the composite out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.layers.fused import Fused
from rigatino_models.layers.resize import doubling, reduce_known
from rigatino_models.spec import Step
from rigatino_models.steps import portion
from rigatino_models.surroundings import Surroundings

# look(picture, hole, an answer for this size to go on from) -> raw answer
Look = Callable[[Tensor, Tensor, Tensor | None], Tensor]


class Inpainter:
    """Pads to what the network takes, runs it, crops back.

    `net(image, hole, on_step)` takes sides that are multiples of `multiple`, at least `minimum`, equal if `square`.
    With `coarsest` it looks several times, from about that longer side up to the picture's own, and is given the answer
    of the look before as a fourth argument. With `margin`, a picture whose hole comes near its edge is shown with
    surroundings.
    """

    def __init__(
        self,
        net: nn.Module,
        multiple: int,
        minimum: int,
        square: bool = False,
        coarsest: int = 0,
        margin: int = 0,
    ) -> None:
        self.net, self.multiple, self.minimum, self.square = net, multiple, minimum, square
        self.coarsest, self.margin = coarsest, margin
        self.seen: OrderedDict[bytes, Any] = OrderedDict()  # features of pictures (sampling.Sampler)

    @torch.inference_mode()
    def raw(self, image: Tensor, hole: Tensor, on_step: Step | None = None) -> Tensor:
        """image [N,3,H,W] RGB in [0,1], hole [N,1,H,W] (1 = fill) -> raw RGB [N,3,H,W], float32.

        on_step(done, total) follows the network's layers; what it raises ends the work.
        """
        shown, size = Surroundings.of(hole, self.margin), hole.shape[-2:]
        image, hole = shown.around(image), shown.around(hole)
        sizes = doubling(hole.shape[-2], hole.shape[-1], self.coarsest)

        def look(image: Tensor, hole: Tensor, coarse: Tensor | None) -> Tensor:
            number = sizes.index((image.shape[-2], image.shape[-1]))
            return self.look(image, hole, coarse, portion(on_step, fourfold(len(sizes)), number))

        answer = look(image, hole, coarse_answer(look, image, hole, sizes[:-1]))
        return shown.within(answer, *size)

    def manner(self, hole: Tensor) -> Hashable:
        """How a picture with this hole [1,1,H,W] is looked at; those of one size and manner may share a batch."""
        shown = Surroundings.of(hole, self.margin)
        around = shown.around(hole)
        sizes = doubling(around.shape[-2], around.shape[-1], self.coarsest)[:-1]
        return shown, *(bool(reduce_known(around, 1 - around, size)[1].all()) for size in sizes)

    @torch.inference_mode()
    def look(self, image: Tensor, hole: Tensor, coarse: Tensor | None, on_step: Step | None) -> Tensor:
        """`raw` by one look at this size; with `coarsest` it can go on from a coarser answer [N,3,H,W]."""
        height, width = image.shape[-2:]
        more = () if coarse is None else self.padded(coarse)
        answer: Tensor = self.net(*self.padded(image, hole), on_step, *more)
        return answer[..., :height, :width].float()

    @torch.inference_mode()
    def fused(self, image: Tensor, hole: Tensor, on_step: Step | None = None) -> Fused:
        """The answer of a network whose spec has `alpha`, and how it passes into the picture; otherwise as `raw`."""
        height, width = image.shape[-2:]
        answer: Fused = self.net.fused(*self.padded(image, hole), on_step)  # type: ignore[operator]
        return Fused(*(part[..., :height, :width].float() for part in answer))

    def padded(self, *pictures: Tensor) -> tuple[Tensor, ...]:
        """Pictures [N,C,H,W] continued to sides that the network takes."""
        sides = self._sides(*pictures[0].shape[-2:])
        return tuple(mirror(picture, *sides) for picture in pictures)

    def _sides(self, height: int, width: int) -> tuple[int, int]:
        """The sides after padding."""
        if self.square:
            height = width = max(height, width)
        return (
            round_up(max(height, self.minimum), self.multiple),
            round_up(max(width, self.minimum), self.multiple),
        )


def coarse_answer(look: Look, image: Tensor, hole: Tensor, sizes: Sequence[tuple[int, int]]) -> Tensor | None:
    """What looks at these sizes make of a picture, each going on from the answer of the one before; at its full size.

    A size at which the hole leaves nothing known is passed over; None where no other is left.
    """
    answer: Tensor | None = None
    for size in sizes:
        small, gap = reduce_known(image, 1 - hole, size)
        if not gap.all():
            before = None if answer is None else enlarged(answer, size)
            answer = composite(small, gap, look(small, gap, before))
    return None if answer is None else enlarged(answer, (image.shape[-2], image.shape[-1]))


def fourfold(looks: int) -> list[int]:
    """What looks at ever doubled sides take, the first one 1."""
    return [4**k for k in range(looks)]


def enlarged(answer: Tensor, size: tuple[int, int]) -> Tensor:
    """A smaller answer [N,3,h,w] at this size, in [0,1]."""
    return F.interpolate(answer, size, mode="bicubic", align_corners=False).clamp(0, 1)


def composite(image: Tensor, hole: Tensor, raw: Tensor) -> Tensor:
    """The picture with the hole filled: image*(1-hole) + raw*hole, in [0,1]."""
    return (image * (1 - hole) + raw * hole).clamp(0, 1)


def round_up(size: int, multiple: int) -> int:
    """The next multiple that is not smaller."""
    return -(-size // multiple) * multiple


def mirror(x: Tensor, height: int, width: int) -> Tensor:
    """Continue a picture [N,C,H,W] downwards and to the right by mirroring it at its edge, as often as needed."""
    for dim, size in ((-2, height), (-1, width)):
        if x.shape[dim] != size:
            x = x.index_select(dim, _mirrored(x.shape[dim], size).to(x.device))
    return x


def _mirrored(size: int, wanted: int) -> Tensor:
    """Indices 0, 1, ..., size-1, size-1, ..., 1, 0, 0, 1, ... of the given length."""
    wave = torch.arange(wanted) % (2 * size)
    return torch.minimum(wave, 2 * size - 1 - wave)
