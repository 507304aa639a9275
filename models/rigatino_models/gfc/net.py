"""GFC's generator (arXiv 1704.05838), as the published model is built.

Layers are named as in the original's file. A hole is noise: the network is told of it in no other way. The original's
Matlab code hands pictures to Caffe with rows and columns exchanged, so everything inside is transposed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.gfc.spec import SIDE
from rigatino_models.spec import Step

# Convolutions before each halving, at 1/1 .. 1/8 size, and after each doubling, from 1/8 size upwards.
DOWN = (
    ("conv0_1", "conv0_2"),
    ("conv1_1_new", "conv1_2"),
    ("conv2_1", "conv2_2"),
    ("conv3_1", "conv3_2", "conv3_3", "conv3_4"),
)
UP = (
    ("conv_decode3_4", "conv_decode3_3", "conv_decode3_2", "conv_decode3_1"),
    ("conv_decode2_2", "conv_decode2_1"),
    ("conv_decode1_2", "conv_decode1_1_new"),
    ("conv_decode0_2", "conv_decode0_1"),
)
LAST = "reconstruction_new"
LOWEST = SIDE >> len(DOWN)  # side of the features that the dense layers take
LAYERS = len(DOWN) + 1 + len(UP)  # that take time

Tick = Callable[[], None]


@dataclass(frozen=True)
class GfcConfig:
    """All that fixes a GFC.

    widths: the encoder's channels at 1/1 .. 1/8 size; inner: the decoder's at the same sizes, before the last
    convolution of each size, which leads to the width of the next; code: values between the dense layers.
    """

    widths: tuple[int, ...] = (32, 64, 128, 256)
    inner: tuple[int, ...] = (32, 64, 64, 64)
    code: int = 4096


class Gfc(nn.Module):
    """The generator. Pictures are 128x128, RGB in [0,1] outside and [-1,1] inside."""

    def __init__(self, config: GfcConfig) -> None:
        super().__init__()
        self.config = config
        for name, inputs, outputs in convolutions(config):
            self.add_module(name, nn.Conv2d(inputs, outputs, 3, padding=1))
        features = config.widths[-1] * LOWEST**2
        self.fc3 = nn.Linear(features, config.code)
        self.defc3 = nn.Linear(config.code, features)

    def forward(
        self, image: Tensor, hole: Tensor, on_step: Step | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """image [N,3,128,128], hole [N,1,128,128] (1 = fill), noise [N,3,128,128] in [0,1] -> raw RGB [N,3,128,128].

        The answer is unbounded. Without noise it is drawn; in evaluation, the same each time. on_step(done, total) is
        called after each layer that takes time; it may raise to stop the work. Raises ValueError for other sizes.
        """
        done = 0

        def tick() -> None:
            nonlocal done
            done += 1
            if on_step is not None:
                on_step(done, LAYERS)

        noise = self.draw_noise(image) if noise is None else noise
        return self.complete(image * (1 - hole) + noise * hole, tick)

    def complete(self, image: Tensor, tick: Tick = lambda: None) -> Tensor:
        """A picture [N,3,128,128] with noise for a hole -> raw RGB [N,3,128,128], float32."""
        if image.shape[-2:] != (SIDE, SIDE):
            raise ValueError(f"pictures of {SIDE}x{SIDE} pixels, not {tuple(image.shape[-2:])}")
        x = (2 * image - 1).transpose(-1, -2).to(self.fc3.weight.dtype)
        x, places = self._encoded(x, tick)
        shape = x.shape
        x = F.relu(self.fc3(x.flatten(1)))
        x = F.relu(self.defc3(x)).view(shape)
        tick()
        return (self._decoded(x, places, tick).float().transpose(-1, -2) + 1) / 2

    def draw_noise(self, like: Tensor) -> Tensor:
        """Uniform noise in [0,1], one for each picture [N,3,128,128]; in evaluation the same each time."""
        generator = None if self.training else torch.Generator().manual_seed(0)
        return torch.rand(like.shape, generator=generator).to(like)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """Of one answer's noise."""
        return (3, SIDE, SIDE)

    @property
    def pace(self) -> tuple[int, int]:
        """Layers of a look, which has none, and of an answer."""
        return 0, LAYERS

    def see(self, image: Tensor, hole: Tensor, tick: Tick = lambda: None) -> tuple[Tensor, Tensor]:
        """What answers need: the picture and its hole, for chance comes in at the first layer."""
        return image, hole

    def answer(self, seen: tuple[Tensor, Tensor], noise: Tensor, variety: float, tick: Tick) -> Tensor:
        """The answer to Gaussian noise [K,3,128,128], made uniform; variety 0 is mid grey. Raw RGB [K,3,128,128]."""
        image, hole = seen
        uniform = torch.special.ndtr(variety * noise)
        return self.complete(image * (1 - hole) + uniform * hole, tick)

    def score(self, filled: Tensor, hole: Tensor) -> Tensor | None:
        """None: the original's file holds no critic."""
        return None

    def _encoded(self, x: Tensor, tick: Tick) -> tuple[Tensor, list[Tensor]]:
        """x [N,3,128,128] in [-1,1] -> features [N,C,8,8], and of each halving the places of the maxima."""
        places = []
        for names in DOWN:
            x = self._convolved(names, x)
            x, place = F.max_pool2d(x, 2, return_indices=True)
            places.append(place)
            tick()
        return x, places

    def _decoded(self, x: Tensor, places: list[Tensor], tick: Tick) -> Tensor:
        """features [N,C,8,8] -> picture [N,3,128,128]; each value goes back to where the maximum was."""
        for names, place in zip(UP, reversed(places), strict=True):
            x = self._convolved(names, F.max_unpool2d(x, place, [2, 2]))
            tick()
        out: Tensor = self.get_submodule(LAST)(x)
        return out

    def _convolved(self, names: Iterable[str], x: Tensor) -> Tensor:
        for name in names:
            x = F.relu(self.get_submodule(name)(x))
        return x


def convolutions(config: GfcConfig) -> list[tuple[str, int, int]]:
    """Every convolution: its name, channels in and out."""
    found = []
    channels = 3
    for names, width in zip(DOWN, config.widths, strict=True):
        found += chain(names, (channels, *[width] * len(names)))
        channels = width
    sizes = list(zip(UP, config.inner[::-1], (*config.widths[-2::-1], config.inner[0]), strict=True))
    for names, inner, last in sizes:
        found += chain(names, (channels, *[inner] * (len(names) - 1), last))
        channels = last
    return [*found, (LAST, channels, 3)]


def chain(names: Iterable[str], widths: tuple[int, ...]) -> list[tuple[str, int, int]]:
    """Convolutions one after another: names, channels in and out."""
    return [(name, *pair) for name, pair in zip(names, pairwise(widths), strict=True)]


def fast(net: Gfc, dtype: torch.dtype = torch.float32) -> Gfc:
    """The network itself, made ready for inference: channels last, computing in `dtype`; pictures stay float32."""
    net.eval().requires_grad_(False)
    return net.to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
