"""LaMa-Fourier, Big-LaMa, LaMa-Regular and the bundled small LaMa: one encoder, blocks, one decoder.

Module names follow the original checkpoints (`model.<index>...`), so that a state dict loads by name.
Shapes: N batch, H and W multiples of 2**downs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.layers.diffuse import diffuse
from rigatino_models.layers.ffc import FFCBlock, FFCNormAct, reflect
from rigatino_models.spec import Step

# How much smaller the last layer begins, and in training moves, where it corrects a first guess: at full strength the
# first steps overshoot, and the decoder learns to be silent (98 % of its last features were dead after 2,000 steps).
CAUTION = 8


@dataclass(frozen=True)
class LamaConfig:
    """All that fixes a LaMa generator.

    widths: channels after the first convolution and after each of the stride-2 ones (3 of them as published).
    global_width: channels of the last width that take the Fourier path; 0 = plain convolutions (LaMa-Regular).
    gated_skips: add 1x1-projected encoder features, where the picture is known, at 1/2 and 1/4 size (ours).
    prefill: the hole is diffused from its rim instead of black, and the answer is a correction of that (ours).
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    blocks: int = 18
    global_width: int = 384
    enable_lfu: bool = False
    gated_skips: bool = False
    prefill: bool = False

    @property
    def downs(self) -> int:
        """Number of stride-2 convolutions; the picture's sides must be multiples of 2**downs."""
        return len(self.widths) - 1

    @property
    def fourier(self) -> bool:
        """Whether the bottleneck is made of fast Fourier convolutions."""
        return self.global_width > 0


BIG_LAMA = LamaConfig()
LAMA_FOURIER = LamaConfig(blocks=9)
LAMA_REGULAR = LamaConfig(blocks=9, global_width=0)
SMALL = LamaConfig(widths=(32, 64, 128, 256), blocks=6, global_width=192, gated_skips=True, prefill=True)
TINY = LamaConfig(widths=(8, 16, 32, 64), blocks=2, global_width=48, gated_skips=True, prefill=True)


class Reflect(nn.Module):
    """Reflection padding of height and width."""

    def __init__(self, padding: int) -> None:
        super().__init__()
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C,H+2p,W+2p]."""
        return reflect(x, self.padding)


class Join(nn.Module):
    """(local, global) -> one tensor, local channels first."""

    def forward(self, pair: tuple[Tensor, Tensor | None]) -> Tensor:
        """Concatenate along channels."""
        local, glob = pair
        return local if glob is None else torch.cat((local, glob), 1)


class PlainBlock(nn.Module):
    """Residual block of LaMa-Regular (pix2pixHD): no activation after the second normalisation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            Reflect(1),
            nn.Conv2d(width, width, 3),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            Reflect(1),
            nn.Conv2d(width, width, 3),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C,H,W]."""
        out: Tensor = x + self.conv_block(x)
        return out


def first_guess(config: LamaConfig, image: Tensor, hole: Tensor, coarse: Tensor | None = None) -> Tensor:
    """What stands in the hole before the network looks: black as published; a coarser answer, or the diffused rim."""
    if not config.prefill:
        return image * (1 - hole)
    return diffuse(image, hole) if coarse is None else image * (1 - hole) + coarse * hole


def corrected(config: LamaConfig, answer: Tensor, guess: Tensor) -> Tensor:
    """The decoder's answer before its sigmoid; with `prefill` it is a correction of the guess."""
    return answer + torch.logit(guess, eps=1 / 1024) if config.prefill else answer


class Lama(nn.Module):
    """The generator. Its input is the picture with the hole blacked out (or diffused), and the hole."""

    def __init__(self, config: LamaConfig) -> None:
        super().__init__()
        self.config = config
        self.model = nn.Sequential(*(_fourier_layers(config) if config.fourier else _plain_layers(config)))
        self.skips = nn.ModuleDict(_skips(config))

    def forward(
        self, image: Tensor, hole: Tensor, on_step: Step | None = None, coarse: Tensor | None = None
    ) -> Tensor:
        """image [N,3,H,W] RGB in [0,1], hole [N,1,H,W] (1 = fill) -> raw RGB [N,3,H,W] in [0,1], not composited.

        coarse [N,3,H,W]: with `prefill`, an answer from a smaller picture to go on from, instead of the diffused rim.
        on_step(done, total) is called after each layer that takes time; it may raise to stop the work.
        """
        known = 1 - hole
        guess = first_guess(self.config, image, hole, coarse)
        state: Tensor | tuple[Tensor, Tensor | None] = torch.cat((guess, hole), 1)
        encoded: dict[str, Tensor] = {}
        steps = sum(map(_takes_time, self.model))
        done = 0
        for layer in self.model:
            if isinstance(layer, FFCNormAct) and isinstance(state, Tensor):
                state = (state, None)
            if isinstance(layer, nn.Sigmoid) and isinstance(state, Tensor):
                state = corrected(self.config, state, guess)
            state = layer(state)
            state = self._skip(layer, state, encoded, known)
            if _takes_time(layer):
                done += 1
                if on_step is not None:
                    on_step(done, steps)
        assert isinstance(state, Tensor)
        return state

    def _skip(
        self,
        layer: nn.Module,
        state: Tensor | tuple[Tensor, Tensor | None],
        encoded: dict[str, Tensor],
        known: Tensor,
    ) -> Tensor | tuple[Tensor, Tensor | None]:
        """Remember encoder features on the way down, add them gated by the known mask on the way up."""
        if not self.skips:
            return state
        if isinstance(layer, FFCNormAct) and isinstance(state, tuple):
            encoded[f"w{state[0].shape[-1]}"] = state[0]
        elif isinstance(layer, nn.ReLU) and isinstance(state, Tensor):
            factor = known.shape[-1] // state.shape[-1]
            name = str(factor)
            if name in self.skips:
                # A cell is known only where all its pixels are.
                gate = -F.max_pool2d(-known, factor)
                state = state + self.skips[name](encoded[f"w{state.shape[-1]}"] * gate)
        return state


def _takes_time(layer: nn.Module) -> bool:
    return isinstance(layer, FFCNormAct | FFCBlock | PlainBlock | nn.ConvTranspose2d | nn.Conv2d)


def _skips(config: LamaConfig) -> dict[str, nn.Conv2d]:
    """1x1 projections by scale factor, zero at the start so that training begins as plain LaMa."""
    if not config.gated_skips:
        return {}
    factors = {str(2**i): width for i, width in enumerate(config.widths[:-1]) if i > 0}
    convs = {name: nn.Conv2d(width, width, 1) for name, width in factors.items()}
    for projection in convs.values():
        nn.init.zeros_(projection.weight)
        nn.init.zeros_(projection.bias) if projection.bias is not None else None
    return convs


def _fourier_layers(config: LamaConfig) -> Iterator[nn.Module]:
    first, *_, last = config.widths
    split = (last - config.global_width, config.global_width)
    yield Reflect(3)
    yield FFCNormAct((4, 0), (first, 0), 7)
    for i, (narrow, wide) in enumerate(pairwise(config.widths)):
        outputs = split if i == config.downs - 1 else (wide, 0)
        yield FFCNormAct((narrow, 0), outputs, 3, stride=2, padding=1)
    for _ in range(config.blocks):
        yield FFCBlock(split, config.enable_lfu)
    yield Join()
    yield from _decoder(config)


def _plain_layers(config: LamaConfig) -> Iterator[nn.Module]:
    first = config.widths[0]
    yield Reflect(3)
    yield nn.Conv2d(4, first, 7)
    yield nn.BatchNorm2d(first)
    yield nn.ReLU(inplace=True)
    for narrow, wide in pairwise(config.widths):
        yield nn.Conv2d(narrow, wide, 3, stride=2, padding=1)
        yield nn.BatchNorm2d(wide)
        yield nn.ReLU(inplace=True)
    for _ in range(config.blocks):
        yield PlainBlock(config.widths[-1])
    yield from _decoder(config)


def _decoder(config: LamaConfig) -> Iterator[nn.Module]:
    widths = config.widths[::-1]
    for wide, narrow in pairwise(widths):
        yield nn.ConvTranspose2d(wide, narrow, 3, stride=2, padding=1, output_padding=1)
        yield nn.BatchNorm2d(narrow)
        yield nn.ReLU(inplace=True)
    yield Reflect(3)
    last = nn.Conv2d(config.widths[0], 3, 7)
    if config.prefill:
        with torch.no_grad():
            for parameter in last.parameters():
                parameter.mul_(1 / CAUTION)  # a division on the meta device imports sympy: half a second
    yield last
    yield nn.Sigmoid()
