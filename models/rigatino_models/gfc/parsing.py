"""GFC's parsing network (arXiv 1704.05838, section 3.3): what part of a face each pixel belongs to."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.gfc.net import chain

CLASSES = 11
DROPOUT = 0.5
DOWN = (2, 2, 4, 4, 4)  # convolutions before each halving, as VGG-19 has them


class Parsing(nn.Module):
    """VGG-19's convolutions, and a decoder that puts values back to where the maxima were.

    widths: channels at 1/1 .. 1/16 size; decoder: after each doubling, from 1/16 size upwards. Layers are named as in
    the original's file, and everything inside is transposed, as in the generator.
    """

    def __init__(
        self,
        widths: Sequence[int] = (64, 128, 256, 512, 512),
        decoder: Sequence[int] = (512, 256, 128, 64, 32),
    ) -> None:
        super().__init__()
        channels = 3
        for level, (count, width) in enumerate(zip(DOWN, widths, strict=True), 1):
            self._add([f"conv{level}_{part}" for part in range(1, count + 1)], channels, *[width] * count)
            channels = width
        self.doublings = range(len(widths), 0, -1)
        self._add([f"conv_decode{level}" for level in (*self.doublings, 0)], channels, *decoder, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        """image [N,3,H,W] RGB in [0,1], sides multiples of 32 -> logits [N,11,H,W]."""
        x, places = (2 * image - 1).transpose(-1, -2), []
        for level, count in enumerate(DOWN, 1):
            for part in range(1, count + 1):
                x = F.relu(self.get_submodule(f"conv{level}_{part}")(x))
            x, place = F.max_pool2d(x, 2, return_indices=True)
            places.append(place)
        for level in self.doublings:
            x = F.max_unpool2d(x, places.pop(), [2, 2])
            x = F.dropout(F.relu(self.get_submodule(f"conv_decode{level}")(x)), DROPOUT, self.training)
        out: Tensor = self.get_submodule("conv_decode0")(x)
        return out.transpose(-1, -2)

    def _add(self, names: Sequence[str], *widths: int) -> None:
        for name, inputs, outputs in chain(names, widths):
            self.add_module(name, nn.Conv2d(inputs, outputs, 3, padding=1))
