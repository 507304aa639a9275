"""A second PIC, written from the published facts alone: functions on state dicts in the original's layout.

Every convolution is stored twice, before spectral normalisation; see `make`. Pictures are [N,3,H,W] in [-1,1].
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]
PLACES = {  # second names of (conv1, conv2, bypass)
    "first": ("model.0", "model.2", "shortcut.1"),
    "plain": ("model.1", "model.3", "shortcut.0"),
    "up": ("model.2", "model.5", "shortcut.0"),
}


@dataclass(frozen=True)
class Shape:
    """`base` channels, `cap` times that at most; the options of the original's constructors."""

    base: int = 4
    cap: int = 2
    latent: int = 6
    inference: int = 2
    scales: int = 4

    def width(self, level: int) -> int:
        return self.base * min(2**level, self.cap)


PUBLISHED = Shape(32, 4, 128, 6)


class Maker:
    """Fills a state dict with seeded values, far from what training begins with, so that every path shows."""

    def __init__(self, seed: int) -> None:
        self.state: State = {}
        self.random = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int, scale: float = 1.0) -> Tensor:
        return torch.randn(*shape, generator=self.random) * scale

    def conv(self, names: tuple[str, ...], outputs: int, inputs: int, kernel: int, up: bool = False) -> None:
        rows, columns = (inputs, outputs) if up else (outputs, inputs)
        values = {
            "bias": self.normal(outputs, scale=0.2),
            "weight_bar": self.normal(rows, columns, kernel, kernel),
            "weight_u": self.normal(rows),
            "weight_v": self.normal(columns * kernel**2),
        }
        values |= {key: F.normalize(values[key], dim=0) for key in ("weight_u", "weight_v")}
        self.state |= {f"{name}.module.{key}": value for name in names for key, value in values.items()}

    def block(self, name: str, kind: str, inputs: int, outputs: int, hidden: int) -> None:
        first, second, short = PLACES[kind]
        up = kind == "up"
        self.conv((f"{name}.conv1", f"{name}.{first}"), hidden, inputs, 3)
        self.conv((f"{name}.conv2", f"{name}.{second}"), outputs, hidden, 3, up)
        self.conv((f"{name}.bypass", f"{name}.{short}"), outputs, inputs, 3 if up else 1, up)
        if up:
            for place, channels in (("model.0", inputs), ("model.3", hidden)):
                self.state[f"{name}.{place}.weight"] = 1 + self.normal(channels, scale=0.3)
                self.state[f"{name}.{place}.bias"] = self.normal(channels, scale=0.3)

    def attention(self, name: str, channels: int) -> None:
        self.state[f"{name}.gamma"] = torch.tensor([0.7])
        self.state[f"{name}.alpha"] = torch.tensor([-0.6])
        self.state[f"{name}.query_conv.weight"] = self.normal(channels // 4, channels, 1, 1, scale=0.3)
        self.state[f"{name}.query_conv.bias"] = self.normal(channels // 4, scale=0.3)
        self.block(f"{name}.model", "plain", 2 * channels, channels, channels)


def make(shape: Shape = Shape(), seed: int = 0) -> dict[str, State]:
    """The state dicts of E, G and D."""
    wide = shape.width(4)
    e, g, d = (Maker(seed + i) for i in range(3))
    for part in (e, d):
        part.block("block0", "first", 3, shape.base, shape.base)
        for i in range(4):
            narrow = shape.width(i)
            if part is d and i == 2:
                part.attention("attn2", narrow)
            part.block(f"encoder{i}", "plain", narrow, shape.width(i + 1), narrow)
    for i in range(shape.inference):
        e.block(f"infer_prior{i}", "plain", wide, wide, wide)
    for name in ("posterior", "prior"):
        e.block(name, "plain", wide, 2 * shape.latent, wide)
    d.block("block1", "plain", wide, wide, wide)
    d.conv(("conv",), 1, wide, 3)
    g.block("generator", "plain", shape.latent, wide, wide)
    for i in range(5):
        inputs, outputs = shape.width(5 - i) + 3 * (i > 5 - shape.scales), shape.width(4 - i)
        g.block(f"decoder{i}", "up", inputs, outputs, outputs)
        if i > 4 - shape.scales:
            g.conv((f"out{i}.conv1", f"out{i}.model.2"), 3, outputs, 3)
        if i == 1:
            g.attention("attn1", outputs)
    return {"E": e.state, "G": g.state, "D": d.state}


def write(folder: Path, states: dict[str, State], prefix: str = "") -> Path:
    """The original's folder, with files besides that mean nothing here."""
    folder.mkdir(parents=True)
    for part, state in states.items():
        torch.save({prefix + key: value for key, value in state.items()}, folder / f"latest_net_{part}.pth")
    (folder / "latest_net_D_rec.pth").write_bytes(b"\x80\x02cos\nsystem\n.")
    (folder / "opt.txt").write_text("name: celeba_random")
    return folder


def weight(state: State, name: str) -> Tensor:
    """A convolution's weight as it acts: divided by u.(W v), u and v after one step from the stored u."""
    bar, u = state[f"{name}.module.weight_bar"], state[f"{name}.module.weight_u"]
    matrix = bar.reshape(len(bar), -1)
    v = F.normalize(torch.mv(matrix.t(), u), dim=0)
    u = F.normalize(torch.mv(matrix, v), dim=0)
    return bar / torch.dot(u, torch.mv(matrix, v))


def convolved(state: State, name: str, x: Tensor, padding: int = 0) -> Tensor:
    return F.conv2d(x, weight(state, name), state[f"{name}.module.bias"], padding=padding)


def raised(state: State, name: str, x: Tensor) -> Tensor:
    bias = state[f"{name}.module.bias"]
    return F.conv_transpose2d(x, weight(state, name), bias, stride=2, padding=1, output_padding=1)


def residual(state: State, name: str, x: Tensor, slope: float = 0.1) -> Tensor:
    y = convolved(state, f"{name}.conv1", F.leaky_relu(x, slope), 1)
    y = convolved(state, f"{name}.conv2", F.leaky_relu(y, slope), 1)
    return y + convolved(state, f"{name}.bypass", x)


def lowered(state: State, x: Tensor, attention: bool = False) -> list[Tensor]:
    """The features at 1/2 .. 1/32 size."""
    y = F.leaky_relu(convolved(state, "block0.conv1", x, 1), 0.1)
    y = F.avg_pool2d(convolved(state, "block0.conv2", y, 1), 2)
    found = [y + convolved(state, "block0.bypass", F.avg_pool2d(x, 2))]
    for i in range(4):
        last = found[-1]
        if attention and i == 2:
            last = state["attn2.gamma"] * mixed(last, looks(state, "attn2", last)) + last
        found.append(F.avg_pool2d(residual(state, f"encoder{i}", last), 2))
    return found


def looks(state: State, name: str, x: Tensor) -> Tensor:
    """[N,HW,HW]: row i says how much place i takes from every place."""
    q = F.conv2d(x, state[f"{name}.query_conv.weight"], state[f"{name}.query_conv.bias"]).flatten(2)
    return torch.softmax(torch.einsum("nci,ncj->nij", q, q), dim=2)


def mixed(x: Tensor, how: Tensor) -> Tensor:
    return torch.einsum("nij,ncj->nci", how, x.flatten(2)).reshape(x.shape)


def encode(state: State, x: Tensor, name: str = "prior") -> tuple[Tensor, Tensor, list[Tensor]]:
    """mean and deviation of the latent, and the features; `posterior` for the hidden part."""
    features = lowered(state, x)
    y, i = features[-1], 0
    while name == "prior" and f"infer_prior{i}.conv1.module.bias" in state:
        y, i = residual(state, f"infer_prior{i}", y), i + 1
    mean, spread = residual(state, name, y).chunk(2, dim=1)
    return mean, F.softplus(spread), features


def generate(state: State, z: Tensor, features: list[Tensor], known: Tensor) -> list[Tensor]:
    """All pictures, smallest first; features and known [1,...] or as many as latents."""
    count = len(z)
    deep, middle, known = (
        t if len(t) == count else t.repeat(count, 1, 1, 1) for t in (features[-1], features[2], known)
    )
    x = residual(state, "generator", z) + deep
    pictures: list[Tensor] = []
    for i in range(5):
        name = f"decoder{i}"
        y = F.instance_norm(x, weight=state[f"{name}.model.0.weight"], bias=state[f"{name}.model.0.bias"])
        y = convolved(state, f"{name}.conv1", F.leaky_relu(y, 0.1), 1)
        y = F.instance_norm(y, weight=state[f"{name}.model.3.weight"], bias=state[f"{name}.model.3.bias"])
        x = raised(state, f"{name}.conv2", F.leaky_relu(y, 0.1)) + raised(state, f"{name}.bypass", x)
        if i == 1:
            how = looks(state, "attn1", x)
            m = F.interpolate(known, x.shape[-2:], mode="bilinear", align_corners=True)
            near = state["attn1.gamma"] * mixed(x, how) + x
            far = state["attn1.alpha"] * (1 - m) * mixed(middle, how) + m * middle
            x = residual(state, "attn1.model", torch.cat((near, far), 1), 0.01)
        if f"out{i}.conv1.module.bias" in state:
            y = F.pad(F.leaky_relu(x, 0.1), (1, 1, 1, 1), mode="reflect")
            pictures.append(torch.tanh(convolved(state, f"out{i}.conv1", y)))
            x = torch.cat((x, pictures[-1]), 1)
    return pictures


def criticise(state: State, x: Tensor) -> Tensor:
    """Verdicts [N,1,h,w]."""
    y = residual(state, "block1", lowered(state, x, attention=True)[-1])
    return convolved(state, "conv", F.leaky_relu(y, 0.1))


def forward(states: dict[str, State], image: Tensor, hole: Tensor, eps: Tensor | None) -> dict[str, Tensor]:
    """image in [0,1], hole with 1 = fill -> raw, out, mu, sigma, score as `rigatino net run` gives them."""
    known = 1 - hole
    mu, sigma, features = encode(states["E"], (image * 2 - 1) * known)
    z = mu if eps is None else mu + sigma * eps
    picture = generate(states["G"], z, features, known)[-1]
    out = hole * picture + known * (image * 2 - 1)
    score = criticise(states["D"], out).mean((1, 2, 3))
    return {"raw": (picture + 1) / 2, "out": (out + 1) / 2, "mu": mu, "sigma": sigma, "score": score}
