"""DFNet (arXiv 1904.08060): a U-Net whose decoder gives pictures at several sizes, each fused with what is known.

Shapes: N batch, C channels, H height, W width. Inside, colours are BGR, as the published weights have them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.layers.fused import Fused
from rigatino_models.spec import Step

KERNELS = (7, 5, 5, 3, 3, 3, 3, 3)  # of the convolutions that halve the picture
LEVELS = len(KERNELS)
SLOPE = 0.2  # of the leaky ReLUs
TAKEN = 4  # channels: BGR and what is known

Tick = Callable[[], None]


@dataclass(frozen=True)
class DFNetConfig:
    """All that fixes a DFNet.

    widths: the encoder's channels at 1/2 .. 1/256 size. scales: pictures that it makes, at full, 1/2, ... size; blend:
    channels of the convolutions that find their alpha.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512, 512, 512, 512, 512)
    scales: int = 6
    blend: int = 32


class Down(nn.Module):
    """Half the sides: a convolution and, but for the first one, BatchNorm and ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, first: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride=2)
        self.norm: nn.Module | None = None if first else nn.BatchNorm2d(outputs)
        self.before = (kernel - 2) // 2  # zeros; one more comes after

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,outputs,H/2,W/2]."""
        x = self.conv(F.pad(x, (self.before, self.before + 1) * 2))
        return x if self.norm is None else torch.relu_(self.norm(x))


class Up(nn.Module):
    """Twice the sides, joined by the encoder's features: a convolution, BatchNorm and leaky ReLU."""

    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.conv = nn.Conv2d(inputs + skip, outputs, 3, padding=1)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """[N,inputs,H,W], [N,skip,2H,2W] -> [N,outputs,2H,2W]."""
        x = self.conv(torch.cat((F.interpolate(x, scale_factor=2.0, mode="nearest"), skip), 1))
        return F.leaky_relu_(self.norm(x), SLOPE)


class Fusion(nn.Module):
    """Features to a picture, an alpha for each of its channels, and both fused with what is known (section 3.2)."""

    def __init__(self, inputs: int, blend: int) -> None:
        super().__init__()
        self.own = nn.Conv2d(inputs, 3, 1)
        self.mix = nn.ModuleList(
            [nn.Conv2d(6, blend, 1), nn.Conv2d(blend, 3, 3, padding=1), nn.Conv2d(3, 3, 1)]
        )
        self.norms = nn.ModuleList([nn.BatchNorm2d(blend), nn.BatchNorm2d(3)])

    def forward(self, known: Tensor, features: Tensor) -> Fused:
        """known [N,3,H,W] BGR, 0 in the hole, at full size; features [N,inputs,h,w] -> [N,3,h,w] each, BGR."""
        known = resized(known, (features.shape[-2], features.shape[-1]))
        own = torch.sigmoid(self.own(features.float()).float())
        x = torch.cat((known, own), 1)
        for conv, norm in zip(self.mix, self.norms, strict=False):
            x = F.leaky_relu_(norm(conv(x)), SLOPE)
        alpha = torch.sigmoid(self.mix[-1](x).float())
        return Fused(alpha * own + (1 - alpha) * known, alpha, own)


class DFNet(nn.Module):
    """The network. Public pictures are RGB in [0,1], holes 1 = fill; sides are multiples of 256."""

    def __init__(self, config: DFNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = (TAKEN, *config.widths)
        self.encoder = nn.ModuleList(
            Down(widths[i], widths[i + 1], kernel, i == 0) for i, kernel in enumerate(KERNELS)
        )
        # The decoder's layer i ends at 1/2**i size, with as many channels as its skip has.
        self.decoder = nn.ModuleList(Up(widths[i + 1], widths[i], widths[i]) for i in range(LEVELS))
        self.fusion = nn.ModuleList(Fusion(widths[i], config.blend) for i in range(config.scales))

    def forward(self, image: Tensor, hole: Tensor, on_step: Step | None = None) -> Tensor:
        """image [N,3,H,W], hole [N,1,H,W] -> the fused result [N,3,H,W]; known pixels are nearly as they were.

        on_step(done, total) is called after each layer that takes time; it may raise to stop the work.
        """
        return self.fused(image, hole, on_step).picture

    def fused(self, image: Tensor, hole: Tensor, on_step: Step | None = None) -> Fused:
        """The result at full size, with its alpha and what the network made up."""
        return self.pictures(image, hole, 1, on_step)[0]

    def pictures(
        self, image: Tensor, hole: Tensor, scales: int | None = None, on_step: Step | None = None
    ) -> list[Fused]:
        """The answers at full, 1/2, 1/4, ... size: so many, or all that there are."""
        tick = _ticks(on_step)
        known = 1 - hole
        seen = image.flip(1) * known
        skips = [torch.cat((seen, known), 1).to(next(self.encoder.parameters()).dtype)]
        for down in self.encoder:
            skips.append(down(skips[-1]))
            tick()
        x, answers = skips.pop(), []
        for i in reversed(range(LEVELS)):
            x = self.decoder[i](x, skips.pop())
            tick()
            if i < min(scales or LEVELS, self.config.scales):
                answers.append(rgb(self.fusion[i](seen, x)))
        return answers[::-1]


def rgb(answer: Fused) -> Fused:
    """The other order of colours."""
    return Fused(*(part.flip(1) for part in answer))


def resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """x [N,C,H,W] at this size as the original resizes pictures: bilinear, without a filter before it."""
    if x.shape[-2:] == size:
        return x
    return F.interpolate(x, size, mode="bilinear", align_corners=False)


def _ticks(on_step: Step | None) -> Tick:
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if on_step is not None:
            on_step(done, 2 * LEVELS)

    return tick
