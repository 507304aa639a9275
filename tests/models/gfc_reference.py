"""A second GFC, written from the published facts alone: layers named as in Caffe, pictures as Matlab hands them over.

Weights are {layer: (weight, bias)}. Convolutions and pooling are sums and maxima over shifted pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
State = dict[str, tuple[Floats, Floats]]


@dataclass(frozen=True)
class Shape:
    """Channels of the encoder's stages, of the decoder's inner layers at the same sizes, between the dense layers."""

    down: tuple[int, int, int, int] = (4, 5, 6, 7)
    inner: tuple[int, int, int, int] = (3, 4, 5, 6)
    code: int = 11


PUBLISHED = Shape((32, 64, 128, 256), (32, 64, 64, 64), 4096)


def plan(shape: Shape) -> list[tuple[str, int, int]]:
    a, b, c, d = shape.down
    p, q, r, s = shape.inner
    return [
        ("conv0_1", 3, a), ("conv0_2", a, a),
        ("conv1_1_new", a, b), ("conv1_2", b, b),
        ("conv2_1", b, c), ("conv2_2", c, c),
        ("conv3_1", c, d), ("conv3_2", d, d), ("conv3_3", d, d), ("conv3_4", d, d),
        ("conv_decode3_4", d, s), ("conv_decode3_3", s, s), ("conv_decode3_2", s, s), ("conv_decode3_1", s, c),
        ("conv_decode2_2", c, r), ("conv_decode2_1", r, b),
        ("conv_decode1_2", b, q), ("conv_decode1_1_new", q, a),
        ("conv_decode0_2", a, p), ("conv_decode0_1", p, p),
        ("reconstruction_new", p, 3),
    ]  # fmt: skip


def make(shape: Shape = Shape(), seed: int = 0) -> State:
    """Seeded weights, with biases that leave neither everything nor nothing to the ReLUs."""
    random = np.random.default_rng(seed)

    def pair(outputs: int, inputs: int, *kernel: int) -> tuple[Floats, Floats]:
        fan = inputs * int(np.prod(kernel))
        weight = random.normal(0, (2 / fan) ** 0.5, (outputs, inputs, *kernel))
        return weight.astype(np.float32), random.normal(0, 0.1, outputs).astype(np.float32)

    state = {name: pair(outputs, inputs, 3, 3) for name, inputs, outputs in plan(shape)}
    features = shape.down[3] * 64
    state["fc3"], state["defc3"] = pair(shape.code, features), pair(features, shape.code)
    return state


def convolved(state: State, name: str, x: Floats, active: bool = True) -> Floats:
    """A 3x3 convolution with a border of zeros, and a ReLU; x [N,C,H,W]."""
    weight, bias = state[name]
    height, width = x.shape[2:]
    wide = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    y = np.zeros((len(x), len(weight), height, width), np.float32)
    for i in range(3):
        for j in range(3):
            y += np.einsum(
                "oc,nchw->nohw", weight[:, :, i, j], wide[:, :, i : i + height, j : j + width], optimize=True
            )
    y += bias[:, None, None]
    return np.maximum(y, 0) if active else y


def pooled(x: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """The maxima of 2x2 cells, and which of a cell's pixels it is, read along the rows; the first of equals."""
    n, c, h, w = x.shape
    cells = x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // 2, w // 2, 4)
    return cells.max(-1), cells.argmax(-1)


def raised(x: Floats, which: NDArray[np.intp]) -> Floats:
    """Each value back at its place in its cell, zeros elsewhere."""
    n, c, h, w = x.shape
    cells = np.zeros((n, c, h, w, 4), np.float32)
    np.put_along_axis(cells, which[..., None], x[..., None], -1)
    return cells.reshape(n, c, h, w, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, 2 * h, 2 * w)


def completed(state: State, x: Floats) -> Floats:
    """x [N,3,128,128] in [-1,1] as Caffe has it (rows and columns exchanged) -> the same, completed."""
    masks = []
    for names in (
        ("conv0_1", "conv0_2"),
        ("conv1_1_new", "conv1_2"),
        ("conv2_1", "conv2_2"),
        ("conv3_1", "conv3_2", "conv3_3", "conv3_4"),
    ):
        for name in names:
            x = convolved(state, name, x)
        x, mask = pooled(x)
        masks.append(mask)
    flat = x.reshape(len(x), -1)
    for name in ("fc3", "defc3"):
        weight, bias = state[name]
        flat = np.maximum(flat @ weight.T + bias, 0)
    x = flat.reshape(x.shape)
    for names in (
        ("conv_decode3_4", "conv_decode3_3", "conv_decode3_2", "conv_decode3_1"),
        ("conv_decode2_2", "conv_decode2_1"),
        ("conv_decode1_2", "conv_decode1_1_new"),
        ("conv_decode0_2", "conv_decode0_1"),
    ):
        x = raised(x, masks.pop())
        for name in names:
            x = convolved(state, name, x)
    return convolved(state, "reconstruction_new", x, active=False)


def forward(state: State, image: Floats, hole: Floats, noise: Floats) -> dict[str, Floats]:
    """image, noise in [0,1], hole with 1 = fill -> raw, out as `rigatino net run` gives them."""
    masked = np.where(hole > 0, noise, image) * 2 - 1
    raw = (completed(state, masked.swapaxes(2, 3)).swapaxes(2, 3) + 1) / 2
    return {"raw": raw, "out": np.clip(np.where(hole > 0, raw, image), 0, 1)}
