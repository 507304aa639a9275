"""CoModGAN's generator: an encoder, a mapping of noise, and a synthesis that both of them modulate.

Pictures are RGB [N,3,R,R] in [0,1] outside and [-1,1] inside; R is the resolution, the only size it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from rigatino_models.comodgan.config import CoModGANConfig, published
from rigatino_models.comodgan.discriminator import Discriminator
from rigatino_models.layers.stylegan2 import (
    EPSILON,
    Conv,
    Dense,
    Modulated,
    StyledConv,
    fold,
    upsampled,
)
from rigatino_models.spec import Step

MAPPING_RATE = 0.01  # learning rate of the mapping relative to the rest
Tick = Callable[[], None]
DROPOUT = 0.5  # of the global code, in training; the TensorFlow original drops at inference too
AVERAGED = 4096  # draws that tell the mean style where weights come without it


@dataclass(frozen=True)
class Draw:
    """What one answer depends on besides the picture.

    z [N,Z]: None draws one in training, and is the same one each time in evaluation. psi: 1 for the style as drawn, 0
    for the mean of all, also beyond. average [1,W]: the mean style to use in place of the weights' own. noise:
    "random", "const", "none", or one map [N,1,r,r] for each styled convolution, from 4x4 upwards; "" is random in
    training, else const where the weights have constants. dropout: share of the global code that is dropped; None for
    1/2 in training. generator: source of all chance, on the CPU; None for torch's own.
    """

    z: Tensor | None = None
    psi: float = 1.0
    average: Tensor | None = None
    noise: str | Sequence[Tensor] = ""
    dropout: float | None = None
    generator: torch.Generator | None = None


class Encoded(NamedTuple):
    """What the encoder says of a picture: the global code [N,G], and its maps by their side."""

    code: Tensor
    maps: dict[int, Tensor]


class Mapping(nn.Module):
    """z [N,Z] -> style [N,W]."""

    def __init__(self, widths: Sequence[int], clamp: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Dense(a, b, rate=MAPPING_RATE, clamp=clamp) for a, b in pairwise(widths))

    def forward(self, z: Tensor) -> Tensor:
        """Brought to unit power, then through the dense layers."""
        x = z * torch.rsqrt(z.square().mean(1, keepdim=True) + EPSILON)
        for layer in self.layers:
            x = layer(x)
        return x


class EncoderStage(nn.Module):
    """A convolution whose result goes to the synthesis, and one that halves it."""

    def __init__(self, width: int, wider: int, clamp: float) -> None:
        super().__init__()
        self.conv = Conv(width, width, 3, clamp=clamp)
        self.down = Conv(width, wider, 3, down=True, clamp=clamp)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[N,width,H,W] -> the map that is kept, and the one of half the side."""
        kept = self.conv(x)
        return kept, self.down(kept)


class Encoder(nn.Module):
    """The known picture, or the condition, -> global code and maps."""

    def __init__(self, config: CoModGANConfig) -> None:
        super().__init__()
        clamp, first = config.clamp, config.width(4)
        self.from_rgb = Conv(
            3 if config.image_to_image else 4, config.width(config.resolution), 1, clamp=clamp
        )
        self.stages = nn.ModuleDict(
            {
                str(side): EncoderStage(config.width(side), config.width(side // 2), clamp)
                for side in reversed(config.sides)
            }
        )
        self.last = Conv(first, first, 3, clamp=clamp)
        self.dense = Dense(16 * first, config.global_width, clamp=clamp)

    def forward(self, x: Tensor, step: Tick) -> Encoded:
        """x [N,4 or 3,R,R]."""
        x, maps = self.from_rgb(x), {}
        for side, stage in self.stages.items():
            maps[int(side)], x = stage(x)
            step()
        maps[4] = x = self.last(x)
        step()
        return Encoded(self.dense(x.flatten(1)), maps)


class SynthesisStage(nn.Module):
    """Twice the side, the encoder's map added, a convolution, and the layer to RGB."""

    def __init__(self, wider: int, width: int, code: int, clamp: float) -> None:
        super().__init__()
        self.up = StyledConv(wider, width, 3, code, up=True, clamp=clamp)
        self.conv = StyledConv(width, width, 3, code, clamp=clamp)
        self.rgb = Modulated(width, 3, 1, code)

    def forward(
        self, x: Tensor, kept: Tensor, codes: Sequence[Tensor], noise: Sequence[Tensor | None]
    ) -> tuple[Tensor, Tensor]:
        """Three codes, two maps of noise -> the map of twice the side, and what it adds to the picture."""
        x = self.up(x, codes[0], noise[0]) + kept
        x = self.conv(x, codes[1], noise[1])
        return x, self.rgb(x, codes[2]).float()


class Synthesis(nn.Module):
    """Global code, the encoder's maps and styles -> picture in [-1,1], unbounded."""

    def __init__(self, config: CoModGANConfig) -> None:
        super().__init__()
        first, code, clamp = config.width(4), config.code, config.clamp
        self.skip4, self.layout = config.skip4, torch.contiguous_format
        self.start = Dense(config.global_width, 16 * first, clamp=clamp)
        self.conv = StyledConv(first, first, 3, code, clamp=clamp)
        self.rgb = Modulated(first, 3, 1, code)
        self.stages = nn.ModuleDict(
            {
                str(side): SynthesisStage(config.width(side // 2), config.width(side), code, clamp)
                for side in config.sides
            }
        )

    def forward(self, encoded: Encoded, styles: Tensor, noise: Sequence[Tensor | None], step: Tick) -> Tensor:
        """styles [N,2 log2(R)-2,W], one map of noise for each styled convolution -> [N,3,R,R] float32."""
        context = encoded.code.expand(len(styles), -1)
        codes = [torch.cat((style, context), 1) for style in styles.unbind(1)]
        seen = encoded.maps[4]
        x = self.start(context).view(len(styles), -1, 4, 4).to(seen.dtype, memory_format=self.layout)
        x = self.conv(x + seen if self.skip4 else x, codes[0], noise[0])
        picture: Tensor = self.rgb(x, codes[1]).float()
        step()
        for level, (side, stage) in enumerate(self.stages.items()):
            first = 2 * level + 1
            x, more = stage(x, encoded.maps[int(side)], codes[first:], noise[first:])
            picture = upsampled(picture) + more
            step()
        return picture


class CoModGAN(nn.Module):
    """The generator. `encode`, `styles` and `decode` are its parts: one encoding serves any number of answers."""

    w_avg: Tensor

    def __init__(self, config: CoModGANConfig) -> None:
        super().__init__()
        self.config = config
        self.mapping = Mapping(config.mapping, config.clamp)
        self.encoder = Encoder(config)
        self.synthesis = Synthesis(config)
        self.critic = Discriminator(config) if config.critic else None
        if config.average:
            self.register_buffer("w_avg", torch.zeros(config.mapping[-1]))
        for index, side in enumerate(self.config.noise_sides if config.constants else ()):
            self.register_buffer(f"noise{index:02}", torch.randn(side, side))

    def forward(
        self, image: Tensor, hole: Tensor, on_step: Step | None = None, draw: Draw | None = None
    ) -> Tensor:
        """image [N,3,R,R], hole [N,1,R,R] (1 = fill) -> raw RGB [N,3,R,R] float32, not composited.

        With a z of more rows than the one picture, as many answers. An image-to-image network looks at no hole.
        """
        draw = draw or Draw()
        step = _Steps(on_step, 2 * len(self.config.widths))
        encoded = self.encode(image, hole, step)
        z = draw.z if draw.z is not None else self.draw_z(len(image), draw.generator)
        return self.decode(encoded, self.styles(z, draw.psi, draw.average), draw, step)

    def encode(self, image: Tensor, hole: Tensor, step: Tick | None = None) -> Encoded:
        """What the synthesis is told of the picture; nothing under the hole is looked at. Raises ValueError."""
        side = self.config.resolution
        if image.shape[-2:] != (side, side):
            raise ValueError(f"pictures of {side}x{side} pixels, not {tuple(image.shape[-2:])}")
        x = image * 2 - 1
        if not self.config.image_to_image:
            known = 1 - hole
            x = torch.cat((known - 0.5, x * known), 1)
        x = x.to(self.encoder.from_rgb.weight.dtype, memory_format=self.synthesis.layout)
        encoded: Encoded = self.encoder(x, step or _Steps(None, 1))
        return encoded

    def draw_z(self, number: int, generator: torch.Generator | None = None) -> Tensor:
        """Noise [number,Z]; in evaluation and without a generator the same each time."""
        if generator is None and not self.training:
            generator = torch.Generator().manual_seed(0)
        z = torch.randn(number, self.config.mapping[0], generator=generator)
        return z.to(self._device())

    def styles(self, z: Tensor, psi: float = 1.0, average: Tensor | None = None) -> Tensor:
        """z [N,Z] -> one style for each layer [N,2 log2(R)-2,W], drawn towards the mean by psi."""
        style: Tensor = self.mapping(z)
        if psi != 1:
            style = torch.lerp(self.average() if average is None else average, style, psi)
        return style[:, None].expand(-1, 2 * len(self.config.widths), -1)

    def average(self) -> Tensor:
        """The mean style [1,W]: the weights' own, or that of seeded draws."""
        if self.config.average:
            return self.w_avg[None]
        z = torch.randn(AVERAGED, self.config.mapping[0], generator=torch.Generator().manual_seed(0))
        mean: Tensor = self.mapping(z.to(self._device())).mean(0, keepdim=True)
        return mean

    def decode(
        self, encoded: Encoded, styles: Tensor, draw: Draw | None = None, step: Tick | None = None
    ) -> Tensor:
        """styles [N,2 log2(R)-2,W] -> raw RGB [N,3,R,R] float32; one encoding may serve all N."""
        draw = draw or Draw()
        dropout = draw.dropout if draw.dropout is not None else DROPOUT * self.training
        code = encoded.code.expand(len(styles), -1)
        if dropout:
            kept = torch.rand(code.shape, generator=draw.generator) >= dropout
            code = code * kept.to(code.device) / (1 - dropout)
        noise = self._noise(len(styles), draw)
        picture: Tensor = self.synthesis(encoded._replace(code=code), styles, noise, step or _Steps(None, 1))
        return (picture + 1) / 2

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """Of one answer's z."""
        return (self.config.mapping[0],)

    @property
    def pace(self) -> tuple[int, int]:
        """Stages of an encoding, and of an answer."""
        return len(self.config.widths), len(self.config.widths)

    def see(self, image: Tensor, hole: Tensor, tick: Tick) -> Encoded:
        """`encode`, for rigatino_models.sampling."""
        return self.encode(image, hole, tick)

    def answer(self, seen: Encoded, noise: Tensor, variety: float, tick: Tick) -> Tensor:
        """The answer to a z [1,Z], with psi = variety: raw RGB [1,3,R,R] float32."""
        return self.decode(seen, self.styles(noise, variety), step=tick)

    def score(self, filled: Tensor, hole: Tensor) -> Tensor | None:
        """The discriminator's verdict [N] on composites [N,3,R,R], hole [N or 1,1,R,R]: more is better.

        None without one. Each is judged alone, so that no verdict depends on the others.
        """
        if self.critic is None:
            return None
        holes = hole.expand(len(filled), -1, -1, -1)
        alone = zip(torch.split(filled, 1), torch.split(holes, 1), strict=True)
        return torch.cat([self.critic(*one)[:, 0] for one in alone]).float()

    def _noise(self, number: int, draw: Draw) -> list[Tensor | None]:
        """A map for each styled convolution."""
        if not isinstance(draw.noise, str):
            return list(draw.noise)
        mode = draw.noise or ("random" if self.training else "const" if self.config.constants else "none")
        sides, device = self.config.noise_sides, self._device()
        if mode == "none":
            return [None] * len(sides)
        if mode == "const":
            return [cast(Tensor, getattr(self, f"noise{i:02}"))[None, None] for i in range(len(sides))]
        return [torch.randn(number, 1, side, side, generator=draw.generator).to(device) for side in sides]

    def _device(self) -> torch.device:
        return self.encoder.from_rgb.weight.device


class _Steps:
    """Counts the stages done, for whoever waits."""

    def __init__(self, on_step: Step | None, total: int) -> None:
        self.on_step, self.total, self.done = on_step, total, 0

    def __call__(self) -> None:
        self.done += 1
        if self.on_step is not None:
            self.on_step(self.done, self.total)


def fast(net: CoModGAN, dtype: torch.dtype = torch.float32) -> CoModGAN:
    """The form for inference: scales drawn into the weights, channels last, convolutions in `dtype`."""
    fold(net, dtype)
    net.synthesis.layout = torch.channels_last
    return net.eval().requires_grad_(False)


__all__ = ["CoModGAN", "CoModGANConfig", "Draw", "Encoded", "fast", "published"]
