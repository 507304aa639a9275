"""LaMa's discriminator: pix2pixHD's patch network (arXiv 1711.11585), its features at hand for feature matching."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn


class Discriminator(nn.Module):
    """Convolutions of 4x4: `layers` of stride 2 that double the width up to 512, then two of stride 1.

    Modules are named as in the original, `model0` to `model{layers + 1}`.
    """

    def __init__(self, width: int = 64, layers: int = 4) -> None:
        super().__init__()
        widths = [3, *(min(width * 2**i, 8 * width) for i in range(layers + 1))]
        self.stages = layers + 1
        for index, (narrow, wide) in enumerate(pairwise(widths)):
            stride = 2 if index < layers else 1
            parts: list[nn.Module] = [nn.Conv2d(narrow, wide, 4, stride, 2)]
            if index:
                parts.append(nn.BatchNorm2d(wide))
            self.add_module(f"model{index}", nn.Sequential(*parts, nn.LeakyReLU(0.2)))
        self.add_module(f"model{self.stages}", nn.Sequential(nn.Conv2d(widths[-1], 1, 4, 1, 2)))

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """image [N,3,H,W] RGB in [0,1] -> (logits [N,1,h,w], the features of all stages before them)."""
        features = []
        x = image
        for index in range(self.stages):
            x = self.get_submodule(f"model{index}")(x)
            features.append(x)
        logits: Tensor = self.get_submodule(f"model{self.stages}")(x)
        return logits, features
