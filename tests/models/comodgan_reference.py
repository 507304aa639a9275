"""CoModGAN's forward pass written a second time, from the published facts: functions over arrays by TensorFlow's names.

Tensors lie as TensorFlow has them (convolutions [k,k,inputs,outputs], dense layers [inputs,outputs], styles around 0).
Modulation is done on the weights, picture by picture; filters are laid over pictures with zeros put in between. Nothing
here comes from rigatino_models: it is what its network is held to.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]


@dataclass(frozen=True)
class Shape:
    """Hyper-parameters: channels are base / side, `cap` at most; `code` is the encoder's global code."""

    resolution: int = 32
    base: int = 256
    cap: int = 24
    code: int = 40
    mapping: tuple[int, ...] = (48,) * 9
    inputs: int = 4

    def width(self, side: int) -> int:
        return min(self.base // side, self.cap)

    @property
    def sides(self) -> list[int]:
        return [2**level for level in range(3, self.resolution.bit_length())]

    @property
    def noise_sides(self) -> list[int]:
        return [4, *(side for side in self.sides for _ in range(2))]


@dataclass(frozen=True)
class How:
    """What differs between the originals and from run to run; noise is one map for each styled convolution."""

    skip4: bool = True
    psi: float = 1.0
    average: Tensor | None = None
    noise: Sequence[Tensor] | None = None
    clamp: float = math.inf


def shapes(shape: Shape) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name -> shape, as TensorFlow has them."""
    modulated = shape.mapping[-1] + shape.code

    def layer(name: str, *sizes: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{name}/weight", sizes
        yield f"{name}/bias", sizes[-1:]

    def styled(name: str, *sizes: int, noise: bool = True) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield from layer(name, *sizes)
        yield f"{name}/mod_weight", (modulated, sizes[2])
        yield f"{name}/mod_bias", (sizes[2],)
        if noise:
            yield f"{name}/noise_strength", ()

    for i, (a, b) in enumerate(zip(shape.mapping, shape.mapping[1:], strict=False)):
        yield from layer(f"mapping/Dense{i}", a, b)
    top, first = shape.resolution, shape.width(4)
    yield from layer(f"synthesis/E_{top}x{top}/FromRGB", 1, 1, shape.inputs, shape.width(top))
    yield from layer("synthesis/E_4x4/Conv", 3, 3, first, first)
    yield from layer("synthesis/E_4x4/Dense0", 16 * first, shape.code)
    yield from layer("synthesis/G_4x4/Dense", shape.code, 16 * first)
    yield from styled("synthesis/G_4x4/Conv", 3, 3, first, first)
    yield from styled("synthesis/G_4x4/ToRGB", 1, 1, first, 3, noise=False)
    for side in shape.sides:
        wide, narrow = shape.width(side // 2), shape.width(side)
        yield from layer(f"synthesis/E_{side}x{side}/Conv0", 3, 3, narrow, narrow)
        yield from layer(f"synthesis/E_{side}x{side}/Conv1_down", 3, 3, narrow, wide)
        yield from styled(f"synthesis/G_{side}x{side}/Conv0_up", 3, 3, wide, narrow)
        yield from styled(f"synthesis/G_{side}x{side}/Conv1", 3, 3, narrow, narrow)
        yield from styled(f"synthesis/G_{side}x{side}/ToRGB", 1, 1, narrow, 3, noise=False)
    for i, side in enumerate(shape.noise_sides):
        yield f"synthesis/noise{i}", (1, 1, side, side)
    yield "dlatent_avg", shape.mapping[-1:]


def critic_shapes(shape: Shape) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name -> shape of the discriminator's own network, as TensorFlow has them."""

    def layer(name: str, *sizes: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{name}/weight", sizes
        yield f"{name}/bias", sizes[-1:]

    top, first = shape.resolution, shape.width(4)
    yield from layer(f"{top}x{top}/FromRGB", 1, 1, 4, shape.width(top))
    for side in shape.sides:
        wide, narrow = shape.width(side // 2), shape.width(side)
        yield from layer(f"{side}x{side}/Conv0", 3, 3, narrow, narrow)
        yield from layer(f"{side}x{side}/Conv1_down", 3, 3, narrow, wide)
        yield f"{side}x{side}/Skip/weight", (1, 1, narrow, wide)
    yield from layer("4x4/Conv", 3, 3, first + 1, first)
    yield from layer("4x4/Dense0", 16 * first, first)
    yield from layer("Output", first, 1)


def make(shape: Shape, seed: int = 0) -> State:
    """Seeded weights; those of the mapping are large, as its small learning rate wants them."""
    return _drawn(shapes(shape), seed)


def make_critic(shape: Shape, seed: int = 0) -> State:
    """Seeded weights of the discriminator."""
    return _drawn(critic_shapes(shape), seed)


def _drawn(names: Iterator[tuple[str, tuple[int, ...]]], seed: int) -> State:
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, size in names:
        drawn = torch.randn(size, generator=generator)
        if name.endswith(("bias", "noise_strength")):
            drawn = 0.2 * drawn
        state[name] = drawn * 100 if name.startswith("mapping/") else drawn
    return state


def forward(
    state: State, shape: Shape, image: Tensor, hole: Tensor, z: Tensor, how: How | None = None
) -> Tensor:
    """image [N,3,R,R] in [0,1], hole [N,1,R,R] (1 = fill), z [N,Z] -> raw [N,3,R,R] on the scale of [0,1]."""
    net = _Net(state, how or How())
    x = 2 * image - 1
    if shape.inputs == 4:
        x = torch.cat((1 - hole - 0.5, x * (1 - hole)), 1)
    with torch.no_grad():
        return (net.synthesis(shape, x, net.styles(shape, z)) + 1) / 2


def verdict(state: State, shape: Shape, filled: Tensor, hole: Tensor) -> Tensor:
    """The discriminator on composites [N,3,R,R] in [0,1], hole [N,1,R,R] (1 = filled), each by itself -> [N]."""
    net = _Net(state, How())
    x = net.conv(
        torch.cat((1 - hole - 0.5, 2 * filled - 1), 1), f"{shape.resolution}x{shape.resolution}/FromRGB"
    )
    for side in reversed(shape.sides):
        name = f"{side}x{side}"
        skip = F.conv2d(filtered(x, 1, 1), net.weight(f"{name}/Skip"))[:, :, ::2, ::2]
        x = net.conv(net.conv(x, f"{name}/Conv0"), f"{name}/Conv1_down", down=True)
        x = (x + skip) / math.sqrt(2)
    spread = x.new_full((len(x), 1, 4, 4), 1e-4)  # the root of 1e-8: a picture alone differs from nothing
    x = net.dense(net.conv(torch.cat((x, spread), 1), "4x4/Conv").flatten(1), "4x4/Dense0")
    weight = state["Output/weight"]
    return (x @ (weight / math.sqrt(len(weight))) + state["Output/bias"])[:, 0]


class _Net:
    def __init__(self, state: State, how: How) -> None:
        self.state, self.how = state, how

    def styles(self, shape: Shape, z: Tensor) -> Tensor:
        x = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
        for i in range(len(shape.mapping) - 1):
            x = self.dense(x, f"mapping/Dense{i}", rate=0.01)
        average = self.state["dlatent_avg"] if self.how.average is None else self.how.average
        return average + (x - average) * self.how.psi

    def synthesis(self, shape: Shape, x: Tensor, style: Tensor) -> Tensor:
        top, kept = shape.resolution, {}
        x = self.conv(x, f"synthesis/E_{top}x{top}/FromRGB")
        for side in reversed(shape.sides):
            kept[side] = self.conv(x, f"synthesis/E_{side}x{side}/Conv0")
            x = self.conv(kept[side], f"synthesis/E_{side}x{side}/Conv1_down", down=True)
        kept[4] = self.conv(x, "synthesis/E_4x4/Conv")
        code = self.dense(kept[4].flatten(1), "synthesis/E_4x4/Dense0")
        both = torch.cat((style, code), 1)
        x = self.dense(code, "synthesis/G_4x4/Dense").view(len(x), -1, 4, 4)
        if self.how.skip4:
            x = x + kept[4]
        x = self.styled(x, both, "synthesis/G_4x4/Conv", 0)
        picture = self.rgb(x, both, "synthesis/G_4x4/ToRGB")
        for level, side in enumerate(shape.sides):
            name = f"synthesis/G_{side}x{side}"
            x = self.styled(x, both, f"{name}/Conv0_up", 2 * level + 1, up=True) + kept[side]
            x = self.styled(x, both, f"{name}/Conv1", 2 * level + 2)
            spread = filtered(spaced(picture), 2, 1) * 4
            picture = spread + self.rgb(x, both, f"{name}/ToRGB")
        return picture

    def act(self, x: Tensor, name: str, rate: float = 1.0) -> Tensor:
        bias = self.state[f"{name}/bias"] * rate
        x = x + (bias if x.ndim == 2 else bias[:, None, None])
        x = torch.where(x < 0, 0.2 * x, x) * math.sqrt(2)
        return x.clamp(-self.how.clamp, self.how.clamp)

    def dense(self, x: Tensor, name: str, rate: float = 1.0) -> Tensor:
        weight = self.state[f"{name}/weight"]
        return self.act(x @ (weight * rate / math.sqrt(len(weight))), name, rate)

    def weight(self, name: str) -> Tensor:
        weight = self.state[f"{name}/weight"]
        return weight.permute(3, 2, 0, 1) / math.sqrt(weight[..., 0].numel())

    def conv(self, x: Tensor, name: str, down: bool = False) -> Tensor:
        weight = self.weight(name)
        if down:
            x = F.conv2d(filtered(x, 2, 2), weight)[:, :, ::2, ::2]
        else:
            x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        return self.act(x, name)

    def modulated(self, style: Tensor, name: str) -> Tensor:
        """The weights for one picture."""
        weight = self.state[f"{name}/mod_weight"]
        factors = style @ (weight / math.sqrt(len(weight))) + self.state[f"{name}/mod_bias"] + 1
        return self.weight(name) * factors[None, :, None, None]

    def styled(self, x: Tensor, styles: Tensor, name: str, index: int, up: bool = False) -> Tensor:
        done = []
        for picture, style in zip(x, styles, strict=True):
            weight = self.modulated(style, name)
            weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
            if up:
                wide = F.pad(spaced(picture[None])[..., :-1, :-1], (2, 2, 2, 2))
                done.append(filtered(F.conv2d(wide, weight), 1, 1) * 4)
            else:
                done.append(F.conv2d(picture[None], weight, padding=1))
        out = torch.cat(done)
        if self.how.noise is not None:
            out = out + self.how.noise[index] * self.state[f"{name}/noise_strength"]
        return self.act(out, name)

    def rgb(self, x: Tensor, styles: Tensor, name: str) -> Tensor:
        done = [
            F.conv2d(picture[None], self.modulated(style, name))
            for picture, style in zip(x, styles, strict=True)
        ]
        return torch.cat(done) + self.state[f"{name}/bias"][:, None, None]


def spaced(x: Tensor) -> Tensor:
    """Twice the side, zeros after each row and column."""
    height, width = x.shape[2:]
    wide = x.new_zeros(*x.shape[:2], 2 * height, 2 * width)
    wide[..., ::2, ::2] = x
    return wide


def filtered(x: Tensor, before: int, after: int) -> Tensor:
    """The low-pass filter 1 3 3 1 in both directions, each channel a picture of its own."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = torch.outer(taps, taps) / 64
    flat = F.pad(x, (before, after, before, after)).flatten(0, 1)[:, None]
    out = F.conv2d(flat, kernel[None, None])
    return out.view(*x.shape[:2], *out.shape[2:])
