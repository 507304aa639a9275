"""The collage's generator, encoder and auxiliary network (SNGAN with projection, arXiv 1802.05637; 1811.10153).

Pictures are RGB in [-1,1] within the networks and in [0,1] at their public face. A latent is drawn from N(0,1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.collage.discriminator import Discriminator
from rigatino_models.collage.layers import DownBlock, Look, Tick, UpBlock, conv, dense, nothing

BOTTOM = 4  # side of the smallest maps
LEAK = 0.1  # the encoder's last activation below 0, before training


@dataclass(frozen=True)
class CollageConfig:
    """All that fixes a collage's networks. A part that is not there has no widths.

    classes: how many; names: of the classes, or none. latent: its length.
    generator: channels at 4x4, 8x8, ...; encoder: channels at full size, half of it, ...
    discriminator: channels at half the size and below; wide: whether a block's inner maps have its outputs' channels
    (else its inputs'); flat: whether its last block keeps the size.
    auxiliary: units before, of, and after the code that takes the latent's place in projections.
    """

    classes: int = 143
    latent: int = 128
    generator: tuple[int, ...] = ()
    discriminator: tuple[int, ...] = ()
    wide: bool = True
    flat: bool = True
    encoder: tuple[int, ...] = ()
    auxiliary: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def side(self) -> int:
        """Of the generator's pictures."""
        return BOTTOM << len(self.generator) >> 1

    @property
    def encoder_side(self) -> int:
        """Of the pictures that the encoder takes."""
        return BOTTOM << len(self.encoder) >> 1

    @property
    def map_sides(self) -> list[int]:
        """Sides of the maps of classes, one for each normalisation."""
        sides = [BOTTOM << level for level in range(len(self.generator))]
        return [side for pair in pairwise(sides) for side in pair]

    @property
    def blend_sides(self) -> list[int]:
        """Sides of the weights of blending, one for the start and one after each block."""
        return [BOTTOM << level for level in range(len(self.generator))]


def multiples(channels: int, *factors: int) -> tuple[int, ...]:
    """Widths as the papers state them."""
    return tuple(channels * factor for factor in factors)


PUBLISHED = CollageConfig(
    generator=multiples(48, 16, 16, 8, 8, 4, 2, 1),
    discriminator=multiples(48, 1, 2, 4, 8, 8, 16, 16),
    encoder=multiples(64, 1, 2, 4, 4, 8, 8),
)


class Generator(nn.Module):
    """A latent and classes to a picture."""

    def __init__(self, config: CollageConfig) -> None:
        super().__init__()
        first, *_, last = config.generator
        self.start = dense(config.latent, first * BOTTOM**2)
        pairs = pairwise(config.generator)
        self.blocks = nn.ModuleList([UpBlock(wide, narrow, config.classes) for wide, narrow in pairs])
        self.norm = nn.BatchNorm2d(last, 2e-5)
        self.last = conv(last, 3, gain=1.0)

    def forward(self, z: Tensor, looks: Sequence[Look], tick: Tick = nothing) -> Tensor:
        """z [N,latent], what to look at at each normalisation -> pictures [N,3,S,S] in [-1,1]."""
        x = self._begun(z)
        for block, first, second in zip(self.blocks, looks[::2], looks[1::2], strict=True):
            x = block(x, first, second)
            tick()
        return self._ended(x)

    def blended(
        self, zs: Sequence[Tensor], looks: Sequence[Look], blends: Sequence[Tensor], tick: Tick = nothing
    ) -> Tensor:
        """Feature blending (arXiv 1811.10153, section 3.2): a picture made of the features of several latents.

        zs: the source's [N,latent] and the references'; looks hold for all of them, labels given once for each of N.
        blends: weights [N or 1,len(zs)+1,h,w] of them, and last of the result's own features, at the start (where it
        has none yet) and after each block. Returns pictures [N,3,S,S] in [-1,1].
        """
        parts = [self._begun(z) for z in zs]
        result = mixed(parts, None, blends[0])
        needed = _last_use(blends)
        for number, block in enumerate(self.blocks):
            taken = [result, *parts] if number < needed else [result]
            first, second = (_repeated(look, len(taken)) for look in looks[2 * number : 2 * number + 2])
            result, *parts = block(torch.cat(taken), first, second).chunk(len(taken))
            if parts:
                result = mixed(parts, result, blends[number + 1])
            tick()
        return self._ended(result)

    def _begun(self, z: Tensor) -> Tensor:
        x: Tensor = self.start(z.to(self.start.weight.dtype))
        return x.view(len(x), -1, BOTTOM, BOTTOM)

    def _ended(self, x: Tensor) -> Tensor:
        return torch.tanh(self.last(F.relu(self.norm(x))).float())


def mixed(parts: Sequence[Tensor], own: Tensor | None, weights: Tensor) -> Tensor:
    """The sum of features [N,C,h,w] by weights [N or 1,len(parts)+1,h,w], the last of which is `own`'s."""
    share = weights.to(parts[0].dtype).unsqueeze(2).unbind(1)
    terms = [part * weight for part, weight in zip(parts, share[:-1], strict=True)]
    return torch.stack(terms if own is None else [*terms, own * share[-1]]).sum(0)


def _last_use(blends: Sequence[Tensor]) -> int:
    """The number of blocks for whose answers anything but the result's own features counts."""
    used = [number for number, weights in enumerate(blends) if not is_own(weights)]
    return max(used, default=0)


def is_own(weights: Tensor) -> bool:
    """Whether these weights keep the result's own features as they are."""
    return bool((weights[:, :-1] == 0).all() and (weights[:, -1] == 1).all())


def _repeated(look: Look, times: int) -> Look:
    """What one batch looks at, for several batches one after another."""
    if isinstance(look, Tensor):
        return look.repeat(times)
    if len(look.weights) == 1:
        return look
    return type(look)(look.classes, look.weights.repeat(times, 1, 1, 1))


class Encoder(nn.Module):
    """A picture of a known class to a latent: where a projection begins."""

    def __init__(self, config: CollageConfig) -> None:
        super().__init__()
        first, *_, last = config.encoder
        self.first = conv(3, first, gain=1.0)
        pairs = pairwise(config.encoder)
        self.blocks = nn.ModuleList([DownBlock(narrow, wide, config.classes) for narrow, wide in pairs])
        self.last = dense(last * BOTTOM**2, config.latent)
        self.leak = nn.Parameter(torch.full((config.latent,), LEAK))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """x [N,3,S,S] in [-1,1], labels [N] -> z [N,latent]."""
        x = self.first(x.to(self.leak.dtype))
        for block in self.blocks:
            x = block(x, labels)
        return F.prelu(self.last(x.flatten(1)), self.leak).float()


class Auxiliary(nn.Module):
    """The latent through a wide code (appendix of arXiv 1811.10153): a projection moves the code instead."""

    def __init__(self, config: CollageConfig) -> None:
        super().__init__()
        before, code, after = config.auxiliary
        self.widen1, self.widen2 = dense(config.latent, before), dense(before, code)
        self.narrow1, self.narrow2 = dense(code, after), dense(after, config.latent)
        self.code_leak = nn.Parameter(torch.full((code,), 0.25))
        self.leak = nn.Parameter(torch.full((config.latent,), 0.25))

    def widened(self, z: Tensor) -> Tensor:
        """z [N,latent] -> code [N,units]."""
        return F.prelu(self.widen2(F.relu(self.widen1(z))), self.code_leak)

    def narrowed(self, code: Tensor) -> Tensor:
        """code [N,units] -> z [N,latent]."""
        return F.prelu(self.narrow2(F.relu(self.narrow1(code))), self.leak)


class Collage(nn.Module):
    """The parts that a file or folder has; those that are missing are None."""

    def __init__(self, config: CollageConfig) -> None:
        super().__init__()
        self.config = config
        self.generator = Generator(config) if config.generator else None
        self.discriminator = (
            Discriminator(config.discriminator, config.classes, config.wide, config.flat)
            if config.discriminator
            else None
        )
        self.encoder = Encoder(config) if config.encoder else None
        self.auxiliary = Auxiliary(config) if config.auxiliary else None

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Pictures [N,3,S,S] RGB in [0,1] of z [N,latent] and classes [N]; there is a generator."""
        return self.picture(z, self.uniform(labels))

    def picture(self, z: Tensor, looks: Sequence[Look], tick: Tick = nothing) -> Tensor:
        """Pictures [N,3,S,S] RGB in [0,1], neither clamped nor rounded."""
        assert self.generator is not None
        made: Tensor = self.generator(z, looks, tick)
        return (made + 1) / 2

    def collage(
        self, zs: Sequence[Tensor], looks: Sequence[Look], blends: Sequence[Tensor], tick: Tick = nothing
    ) -> Tensor:
        """As `Generator.blended`, RGB in [0,1]."""
        assert self.generator is not None
        return (self.generator.blended(zs, looks, blends, tick) + 1) / 2

    def uniform(self, labels: Tensor) -> list[Look]:
        """The same class [N] everywhere."""
        return [labels] * (2 * (len(self.config.generator) - 1))
