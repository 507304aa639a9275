"""Any network behind one face: pictures of any size in, the network's raw answer and the composite out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rigatino_models.spec import Step


class Inpainter:
    """Pads to what the network takes, runs it, crops back.

    `net(image, hole, on_step)` takes sides that are multiples of `multiple`, at least `minimum`, equal if `square`.
    """

    def __init__(self, net: nn.Module, multiple: int, minimum: int, square: bool = False) -> None:
        self.net, self.multiple, self.minimum, self.square = net, multiple, minimum, square

    @torch.inference_mode()
    def raw(self, image: Tensor, hole: Tensor, on_step: Step | None = None) -> Tensor:
        """image [N,3,H,W] RGB in [0,1], hole [N,1,H,W] (1 = fill) -> raw RGB [N,3,H,W], float32.

        on_step(done, total) follows the network's layers; what it raises ends the work.
        """
        height, width = image.shape[-2:]
        padded = self._sides(height, width)
        answer: Tensor = self.net(mirror(image, *padded), mirror(hole, *padded), on_step)
        return answer[..., :height, :width].float()

    def _sides(self, height: int, width: int) -> tuple[int, int]:
        """The sides after padding."""
        if self.square:
            height = width = max(height, width)
        return (
            round_up(max(height, self.minimum), self.multiple),
            round_up(max(width, self.minimum), self.multiple),
        )


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
