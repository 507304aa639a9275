"""A second Neural Collage, written from the published facts alone: functions on chainer's keys and arrays.

Pictures are [N,3,H,W] in [-1,1], maps of classes and of blending [1,H,W,...] as the original has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]


@dataclass(frozen=True)
class Shape:
    """Widths in multiples of `channels`; generator: of the start and each block; discriminator: (channels, halves)."""

    channels: int = 4
    classes: int = 5
    latent: int = 6
    generator: tuple[int, ...] = (4, 4, 2, 1)
    discriminator: tuple[int, ...] = (1, 2, 2)
    wide: bool = True
    flat: bool = True
    encoder: tuple[int, ...] = (1, 2, 2)
    new_encoder: bool = False  # the original's larger one has other names

    @property
    def side(self) -> int:
        return 4 * 2 ** (len(self.generator) - 1)


FULL = Shape(48, 143, 128, (16, 16, 8, 8, 4, 2, 1), (1, 2, 4, 8, 8, 16, 16), encoder=(1, 2, 4, 4, 8, 8))
SIDES = {  # the three published architectures
    64: Shape(2, 5, 6, (16, 8, 4, 2, 1), (1, 2, 4, 8, 16), wide=False, flat=False),
    128: Shape(2, 5, 6, (8, 8, 4, 4, 2, 1), (1, 2, 4, 4, 8, 8), wide=False, encoder=(1, 2, 4, 4, 8, 8)),
    256: Shape(
        2, 5, 6, FULL.generator, FULL.discriminator, encoder=(1, 2, 4, 8, 8, 16, 16), new_encoder=True
    ),
}


class Maker:
    """Fills a state with seeded values, far from what training begins with, so that every path shows."""

    def __init__(self, seed: int) -> None:
        self.state: State = {}
        self.random = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int, scale: float = 1.0) -> Tensor:
        return torch.randn(*shape, generator=self.random) * scale

    def layer(self, name: str, *shape: int, normalised: bool = False) -> None:
        inputs = int(np.prod(shape[1:]))
        self.state[f"{name}/W"] = self.normal(*shape, scale=(1 if normalised else 1.3) / inputs**0.5)
        self.state[f"{name}/b"] = self.normal(shape[0], scale=0.2)
        if normalised:
            self.state[f"{name}/u"] = self.normal(1, shape[0])

    def norm(self, name: str, channels: int, classes: int = 0) -> None:
        self.state[f"{name}/avg_mean"] = self.normal(channels, scale=0.5)
        self.state[f"{name}/avg_var"] = self.normal(channels).abs() + 0.4
        self.state[f"{name}/N"] = torch.tensor(3)
        rows = (classes, channels) if classes else (channels,)
        keys = ("gammas/W", "betas/W") if classes else ("gamma", "beta")
        self.state[f"{name}/{keys[0]}"] = 1 + self.normal(*rows, scale=0.4)
        self.state[f"{name}/{keys[1]}"] = self.normal(*rows, scale=0.4)

    def block(self, name: str, inputs: int, hidden: int, outputs: int, classes: int) -> None:
        self.norm(f"{name}/b1", inputs, classes)
        self.norm(f"{name}/b2", hidden, classes)
        self.layer(f"{name}/c1", hidden, inputs, 3, 3)
        self.layer(f"{name}/c2", outputs, hidden, 3, 3)
        self.layer(f"{name}/c_sc", outputs, inputs, 1, 1)


def make_generator(shape: Shape = Shape(), seed: int = 0, auxiliary: bool = False) -> State:
    m = Maker(seed)
    widths = [shape.channels * factor for factor in shape.generator]
    m.layer("l1", 16 * widths[0], shape.latent)
    for i in range(1, len(widths)):
        m.block(f"block{i + 1}", widths[i - 1], widths[i], widths[i], shape.classes)
    m.norm(f"b{len(widths) + 1}", widths[-1])
    m.layer(f"l{len(widths) + 1}", 3, widths[-1], 3, 3)
    if auxiliary:
        for name, outputs, inputs in (("A1", 7, shape.latent), ("A2", 11, 7), ("B1", 8, 11)):
            m.layer(f"l{name}", outputs, inputs)
        m.layer("lB2", shape.latent, 8)
        m.state |= {"preluW/W": m.normal(shape.latent), "preluMiddleW/W": m.normal(11)}
        m.state["_fast_alpha/W"] = m.normal(11)
    return m.state


def make_discriminator(shape: Shape = Shape(), seed: int = 1) -> State:
    m = Maker(seed)
    widths = [3, *(shape.channels * factor for factor in shape.discriminator)]
    for i in range(1, len(widths)):
        inputs, outputs = widths[i - 1 : i + 1]
        hidden = outputs if shape.wide or i == 1 else inputs
        m.layer(f"block{i}/c1", hidden, inputs, 3, 3, normalised=True)
        m.layer(f"block{i}/c2", outputs, hidden, 3, 3, normalised=True)
        if i < len(widths) - 1 or not shape.flat:
            m.layer(f"block{i}/c_sc", outputs, inputs, 1, 1, normalised=True)
    m.layer(f"l{len(widths)}", 1, widths[-1], normalised=True)
    m.state |= {"l_y/W": m.normal(shape.classes, widths[-1]), "l_y/u": m.normal(1, shape.classes)}
    return m.state


def make_encoder(shape: Shape = Shape(), seed: int = 2) -> State:
    m = Maker(seed)
    widths = [shape.channels * factor for factor in shape.encoder]
    first, last = ("block1", "l8_enc") if shape.new_encoder else ("l1", "l7")
    m.layer(first, widths[0], 3, 3, 3)
    for i in range(1, len(widths)):
        m.block(f"block{i + 1}", widths[i - 1], widths[i - 1], widths[i], shape.classes)
    m.layer(last, shape.latent, 16 * widths[-1])
    m.state["prelu_out/W"] = m.normal(shape.latent, scale=0.5)
    if not shape.new_encoder:
        m.norm("b7", 16 * widths[-1])
    return m.state


def write(path: Path, state: State, prefix: str = "", compressed: bool = True) -> Path:
    """A snapshot as chainer's npz serializer writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {prefix + key: value.numpy() for key, value in state.items()}
    (np.savez_compressed if compressed else np.savez)(path, **arrays)  # type: ignore[arg-type]
    return path


def folder(path: Path, shape: Shape = Shape(), seed: int = 0) -> Path:
    """A folder with all three networks, named as published, and files that mean nothing here."""
    write(path / "ResNetGenerator_450000.npz", make_generator(shape, seed))
    write(path / "SNResNetProjectionDiscriminator_450000.npz", make_discriminator(shape, seed + 1))
    write(path / "ResNetEncoder_450000.npz", make_encoder(shape, seed + 2))
    (path / "config.yml").write_text("batchsize: 8")
    return path


def fixed(state: State, name: str, x: Tensor) -> Tensor:
    mean, var = state[f"{name}/avg_mean"], state[f"{name}/avg_var"]
    return (x - mean.reshape(1, -1, 1, 1)) / torch.sqrt(var.reshape(1, -1, 1, 1) + 2e-5)


def conditional(state: State, name: str, x: Tensor, y: Tensor) -> Tensor:
    """By class [N] or by weights [1,H,W,classes]."""
    tables = (state[f"{name}/gammas/W"], state[f"{name}/betas/W"])
    if y.ndim == 1:
        gamma, beta = (table[y].reshape(len(x), -1, 1, 1) for table in tables)
    else:
        gamma, beta = (torch.einsum("nhwk,kc->nchw", y, table) for table in tables)
    return gamma * fixed(state, name, x) + beta


def convolved(state: State, name: str, x: Tensor) -> Tensor:
    weight = state[f"{name}/W"]
    return F.conv2d(x, weight, state[f"{name}/b"], padding=weight.shape[-1] // 2)


def twice(x: Tensor) -> Tensor:
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def up(state: State, name: str, x: Tensor, y1: Tensor, y2: Tensor) -> Tensor:
    h = convolved(state, f"{name}/c1", twice(F.relu(conditional(state, f"{name}/b1", x, y1))))
    h = convolved(state, f"{name}/c2", F.relu(conditional(state, f"{name}/b2", h, y2)))
    return h + convolved(state, f"{name}/c_sc", twice(x))


def blocks(state: State) -> int:
    """The number of the last block."""
    return max(int(key.split("/")[0][5:]) for key in state if key.startswith("block"))


def generate(
    state: State,
    zs: Sequence[Tensor],
    looks: Sequence[Tensor],
    blends: Sequence[Tensor] | None = None,
) -> Tensor:
    """The picture of a latent, or with blends [1,h,w,len(zs)+1] that of several."""
    last = blocks(state)
    hs = [F.linear(z, state["l1/W"], state["l1/b"]).reshape(len(z), -1, 4, 4) for z in zs]
    if blends is not None:
        hs.append(torch.zeros_like(hs[0]))
        hs[-1] = blended(hs, blends[0])
    for i in range(2, last + 1):
        y1, y2 = looks[2 * i - 4], looks[2 * i - 3]
        hs = [up(state, f"block{i}", h, y1, y2) for h in hs]
        if blends is not None:
            hs[-1] = blended(hs, blends[i - 1])
    h = fixed(state, f"b{last + 1}", hs[-1])
    shape = (1, -1, 1, 1)
    h = state[f"b{last + 1}/gamma"].reshape(shape) * h + state[f"b{last + 1}/beta"].reshape(shape)
    return torch.tanh(convolved(state, f"l{last + 1}", F.relu(h)))


def blended(hs: Sequence[Tensor], blend: Tensor) -> Tensor:
    return torch.einsum("nijkl,nkli->njkl", torch.stack(list(hs), 1), blend.expand(len(hs[0]), -1, -1, -1))


def normalised(state: State, name: str) -> Tensor:
    weight, u = state[f"{name}/W"], state[f"{name}/u"]
    matrix = weight.reshape(len(weight), -1)
    v = u @ matrix
    v = v / v.norm()
    u = v @ matrix.t()
    u = u / u.norm()
    return weight / (u @ matrix @ v.t()).reshape(())


def judged(state: State, name: str, x: Tensor) -> Tensor:
    weight = normalised(state, name)
    return F.conv2d(x, weight, state[f"{name}/b"], padding=weight.shape[-1] // 2)


def features(state: State, x: Tensor) -> Tensor:
    """[N,C,h,w]."""
    for i in range(1, blocks(state) + 1):
        halves = f"block{i}/c_sc/W" in state
        h = judged(state, f"block{i}/c1", x if i == 1 else F.relu(x))
        h = judged(state, f"block{i}/c2", F.relu(h))
        if halves:
            x = F.avg_pool2d(judged(state, f"block{i}/c_sc", x), 2)
            h = F.avg_pool2d(h, 2)
        x = x + h
    return F.relu(x)


def score(state: State, seen: Tensor, y: Tensor) -> Tensor:
    """[N], of features."""
    h = seen.sum((2, 3))
    name = f"l{blocks(state) + 1}"
    plain = F.linear(h, normalised(state, name), state[f"{name}/b"])
    return plain[:, 0] + (normalised(state, "l_y")[y] * h).sum(1)


def encode(state: State, x: Tensor, y: Tensor) -> Tensor:
    first, last = ("block1", "l8_enc") if "l8_enc/W" in state else ("l1", "l7")
    h = convolved(state, first, x)
    for i in range(2, blocks(state) + 1):
        name = f"block{i}"
        short = convolved(state, f"{name}/c_sc", F.avg_pool2d(h, 2))
        h = convolved(state, f"{name}/c1", F.avg_pool2d(F.relu(conditional(state, f"{name}/b1", h, y)), 2))
        h = convolved(state, f"{name}/c2", F.relu(conditional(state, f"{name}/b2", h, y))) + short
    z = F.linear(h.flatten(1), state[f"{last}/W"], state[f"{last}/b"])
    return torch.where(z > 0, z, state["prelu_out/W"] * z)
