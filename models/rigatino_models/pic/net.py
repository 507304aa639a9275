"""PIC's encoder, prior and generator (arXiv 1903.04227), as the published models build them.

Module names follow the original's files, so that a state dict loads by name. Pictures are 256x256, the latent is a
Gaussian at 8x8; mechanically, any multiple of 32 runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.pic.blocks import ContextAttention, DownBlock, FirstBlock, Output, ResBlock, UpBlock
from rigatino_models.pic.critic import Critic
from rigatino_models.spec import Step

LEVELS = 5  # halvings of the picture
MIDDLE = 2  # the level whose features the attention copies from: 1/8 size
LATENT_SIDE = 8  # at the native size
ATTENTION = 1  # the decoder after which it stands, at the same size

Tick = Callable[[], None]


@dataclass(frozen=True)
class PicConfig:
    """All that fixes a PIC.

    widths: the encoder's channels at 1/2 .. 1/32 size, the decoder's in reverse; the two at 1/8 and 1/16 are equal.
    latent: channels of the latent. inference: residual blocks before the prior.
    scales: pictures that the generator makes, the largest at full size.
    posterior: whether the block is there that training reads the hidden part with.
    critic: the discriminator's channels; none without one.
    """

    widths: tuple[int, ...] = (32, 64, 128, 128, 128)
    latent: int = 128
    inference: int = 6
    scales: int = 4
    posterior: bool = True
    critic: tuple[int, ...] = ()


PUBLISHED = PicConfig(critic=(32, 64, 128, 128, 128))
TINY = PicConfig((4, 8, 8, 8, 8), latent=6, inference=1, posterior=False)


@dataclass(frozen=True)
class Gaussian:
    """A diagonal Gaussian over latents [N,latent,h,w]: mean and standard deviation."""

    mean: Tensor
    std: Tensor


@dataclass(frozen=True)
class Seen:
    """All that the encoder has to say of a picture with a hole, for any number of answers.

    prior: over latents; deep: features at 1/32 size; middle, known: features, and how known they are, at 1/8 size.
    """

    prior: Gaussian
    deep: Tensor
    middle: Tensor
    known: Tensor


class Encoder(nn.Module):
    """The picture to features and a Gaussian."""

    def __init__(self, config: PicConfig) -> None:
        super().__init__()
        first, *_, last = config.widths
        self.block0 = FirstBlock(3, first, first)
        for i, (narrow, wide) in enumerate(pairwise(config.widths)):
            self.add_module(f"encoder{i}", DownBlock(narrow, wide, narrow))
        for i in range(config.inference):
            self.add_module(f"infer_prior{i}", ResBlock(last, last, last))
        self.prior = ResBlock(last, 2 * config.latent, last)
        if config.posterior:
            self.posterior = ResBlock(last, 2 * config.latent, last)
        self.config = config

    def features(self, x: Tensor, tick: Tick) -> tuple[Tensor, Tensor]:
        """x [N,3,H,W] in [-1,1] -> features at 1/32 size, and at 1/8 size."""
        middle = x
        for i, stage in enumerate(self.stages()):
            x = stage(x)
            middle = x if i == MIDDLE else middle
            tick()
        return x, middle

    def stages(self) -> list[nn.Module]:
        """The blocks that halve the picture."""
        return [self.block0, *(self.get_submodule(f"encoder{i}") for i in range(LEVELS - 1))]

    def guess(self, deep: Tensor, tick: Tick) -> Gaussian:
        """The prior: what may be in the hole, from the features of what is known."""
        for i in range(self.config.inference):
            deep = self.get_submodule(f"infer_prior{i}")(deep)
            tick()
        return gaussian(self.prior(deep))


class Generator(nn.Module):
    """A latent and the known part's features to pictures."""

    def __init__(self, config: PicConfig) -> None:
        super().__init__()
        widths = config.widths[::-1]
        self.generator = ResBlock(config.latent, widths[0], widths[0])
        self.first_output = LEVELS - config.scales
        for i, (wide, narrow) in enumerate(pairwise((widths[0], *widths))):
            more = 3 if i > self.first_output else 0  # the picture made before it
            self.add_module(f"decoder{i}", UpBlock(wide + more, narrow))
            if i >= self.first_output:
                self.add_module(f"out{i}", Output(narrow))
        self.attn1 = ContextAttention(widths[ATTENTION])

    def forward(self, z: Tensor, seen: Seen, tick: Tick) -> list[Tensor]:
        """z [K,latent,h,w], what was seen of K pictures or of one -> pictures [K,3,...] in [-1,1], smallest first."""
        x = self.generator(z) + seen.deep
        pictures: list[Tensor] = []
        for i in range(LEVELS):
            x = self.get_submodule(f"decoder{i}")(x)
            if i == ATTENTION:
                x = self.attn1(x, seen.middle, seen.known)
            if i >= self.first_output:
                pictures.append(self.get_submodule(f"out{i}")(x))
                x = torch.cat((x, pictures[-1]), 1) if i < LEVELS - 1 else x
            tick()
        return pictures


class Pic(nn.Module):
    """Encoder, generator and, where there is one, the critic that ranks answers.

    For several answers: `see` once, then `draw` for each latent or batch of latents.
    """

    def __init__(self, config: PicConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.generator = Generator(config)
        self.critic = Critic(config.critic) if config.critic else None

    def forward(self, image: Tensor, hole: Tensor, on_step: Step | None = None) -> Tensor:
        """The most likely answer: image [N,3,H,W] RGB in [0,1], hole [N,1,H,W] (1 = fill) -> raw RGB [N,3,H,W].

        on_step(done, total) is called after each layer that takes time; it may raise to stop the work.
        """
        tick = self.ticks(on_step, answers=1)
        return self.draw(self.see(image, hole, tick), None, tick)

    def see(self, image: Tensor, hole: Tensor, tick: Tick = lambda: None) -> Seen:
        """Look at the known part of image [N,3,H,W] RGB in [0,1], hole [N,1,H,W] (1 = fill)."""
        known = 1 - hole
        deep, middle = self.encoder.features(self._taken((2 * image - 1) * known), tick)
        prior = self.encoder.guess(deep, tick)
        return Seen(
            prior, deep, middle, resized(known, (middle.shape[-2], middle.shape[-1])).to(middle.dtype)
        )

    def draw(self, seen: Seen, eps: Tensor | None = None, tick: Tick = lambda: None) -> Tensor:
        """Raw RGB [K,3,H,W] in [0,1] for eps [K,latent,h,w] (K pictures seen, or one); None: the most likely answer."""
        z = seen.prior.mean if eps is None else seen.prior.mean + seen.prior.std * eps
        pictures: list[Tensor] = self.generator(self._taken(z), seen, tick)
        return (pictures[-1].float() + 1) / 2

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """Of one answer's eps, at the native size."""
        return (self.config.latent, LATENT_SIDE, LATENT_SIDE)

    @property
    def pace(self) -> tuple[int, int]:
        """Layers of a look, and of an answer."""
        return LEVELS + self.config.inference, LEVELS

    def answer(self, seen: Seen, noise: Tensor, variety: float, tick: Tick) -> Tensor:
        """`draw` for eps [1,latent,8,8] at the temperature `variety`, for rigatino_models.sampling."""
        return self.draw(seen, variety * noise, tick)

    def score(self, filled: Tensor, hole: Tensor | None = None) -> Tensor | None:
        """The critic's mean verdict [N] on composites [N,3,H,W] RGB in [0,1]: more is better. None without one.

        It looks at no hole.
        """
        if self.critic is None:
            return None
        verdict: Tensor = self.critic(self._taken(2 * filled - 1))
        return verdict.float().mean((1, 2, 3))

    def ticks(self, on_step: Step | None, answers: int) -> Tick:
        """A tick for `see` once and `draw` this many times, that tells on_step how far the work is."""
        look, answer = self.pace
        total = look + answers * answer
        done = 0

        def tick() -> None:
            nonlocal done
            done += 1
            if on_step is not None:
                on_step(done, total)

        return tick

    def _taken(self, x: Tensor) -> Tensor:
        return x.to(self.generator.attn1.gamma.dtype)


def gaussian(both: Tensor) -> Gaussian:
    """Half the channels [N,2C,h,w] are the mean, half the deviation before a softplus; float32."""
    mean, spread = both.float().chunk(2, 1)
    return Gaussian(mean, F.softplus(spread))


def resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """x [N,C,H,W] at this size as the original resizes masks and pictures: bilinear, corners on corners."""
    return F.interpolate(x, size, mode="bilinear", align_corners=True)
