"""A second DFNet, written from the published facts alone: a function on a state dict in the original's layout.

Pictures are [N,3,H,W] BGR in [0,1]; `known` is 1 where the picture is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]
KERNELS = (7, 5, 5, 3, 3, 3, 3, 3)


@dataclass(frozen=True)
class Shape:
    """`base` channels at half size, doubled at each halving up to `cap`; pictures at `scales` sizes."""

    base: int = 4
    cap: int = 12
    blend: int = 5
    scales: int = 6

    @property
    def widths(self) -> list[int]:
        """Channels of the input and after each halving."""
        return [4, *(min(self.base * 2**i, self.cap) for i in range(8))]


PUBLISHED = Shape(64, 512, 32)


class Maker:
    """Fills a state dict with seeded values, far from what training begins with, so that every path shows."""

    def __init__(self, seed: int) -> None:
        self.state: State = {}
        self.random = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int, scale: float = 1.0) -> Tensor:
        return torch.randn(*shape, generator=self.random) * scale

    def conv(self, name: str, inputs: int, outputs: int, kernel: int) -> None:
        self.state[f"{name}.weight"] = self.normal(
            outputs, inputs, kernel, kernel, scale=1.4 / (inputs * kernel**2) ** 0.5
        )
        self.state[f"{name}.bias"] = self.normal(outputs, scale=0.3)

    def norm(self, name: str, channels: int) -> None:
        self.state |= {
            f"{name}.weight": 1 + self.normal(channels, scale=0.3),
            f"{name}.bias": self.normal(channels, scale=0.3),
            f"{name}.running_mean": self.normal(channels, scale=0.3),
            f"{name}.running_var": 0.5 + self.normal(channels).abs(),
            f"{name}.num_batches_tracked": torch.tensor(7),
        }


def make(shape: Shape = Shape(), seed: int = 0) -> State:
    """A seeded state dict."""
    maker, widths = Maker(seed), shape.widths
    for i, kernel in enumerate(KERNELS):
        maker.conv(f"en_{i}.encode.0.conv.1", widths[i], widths[i + 1], kernel)
        if i:
            maker.norm(f"en_{i}.encode.1", widths[i + 1])
    for i in range(8):
        maker.conv(f"de_{i}.decode.0.conv", widths[i + 1] + widths[i], widths[i], 3)
        maker.norm(f"de_{i}.decode.1", widths[i])
    for i in range(shape.scales):
        maker.conv(f"fuse_{i}.map2img.0.conv", widths[i], 3, 1)
        for place, (inputs, outputs, kernel) in {
            0: (6, shape.blend, 1),
            3: (shape.blend, 3, 3),
            6: (3, 3, 1),
        }.items():
            maker.conv(f"fuse_{i}.blend.blend.{place}.conv", inputs, outputs, kernel)
        maker.norm(f"fuse_{i}.blend.blend.1", shape.blend)
        maker.norm(f"fuse_{i}.blend.blend.4", 3)
    return maker.state


def convolved(state: State, name: str, x: Tensor, **more: int) -> Tensor:
    return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], **more)


def normalised(state: State, name: str, x: Tensor) -> Tensor:
    mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    return F.batch_norm(x, mean, var, state[f"{name}.weight"], state[f"{name}.bias"])


def blended(state: State, name: str, x: Tensor) -> Tensor:
    x = F.leaky_relu(normalised(state, f"{name}.1", convolved(state, f"{name}.0.conv", x)), 0.2)
    x = F.leaky_relu(normalised(state, f"{name}.4", convolved(state, f"{name}.3.conv", x, padding=1)), 0.2)
    return convolved(state, f"{name}.6.conv", x).sigmoid()


def answers(state: State, image: Tensor, known: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
    """image BGR -> (result, alpha, raw) BGR at full size, 1/2, ..."""
    missing = image * known
    levels = [torch.cat((missing, known), 1)]
    for i, kernel in enumerate(KERNELS):
        before = (kernel - 2) // 2
        after = kernel - 2 - before
        x = F.pad(levels[-1], (before, after, before, after))
        x = convolved(state, f"en_{i}.encode.0.conv.1", x, stride=2)
        levels.append(x if i == 0 else normalised(state, f"en_{i}.encode.1", x).relu())
    x, found = levels[8], []
    for i in range(7, -1, -1):
        x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        x = convolved(state, f"de_{i}.decode.0.conv", torch.cat((x, levels[i]), 1), padding=1)
        x = F.leaky_relu(normalised(state, f"de_{i}.decode.1", x), 0.2)
        if f"fuse_{i}.map2img.0.conv.bias" in state:
            small = F.interpolate(missing, x.shape[-2:], mode="bilinear", align_corners=False)
            raw = convolved(state, f"fuse_{i}.map2img.0.conv", x).sigmoid()
            alpha = blended(state, f"fuse_{i}.blend.blend", torch.cat((small, raw), 1))
            found.append((alpha * raw + (1 - alpha) * small, alpha, raw))
    return found[::-1]


def forward(state: State, image: Tensor, hole: Tensor) -> dict[str, Tensor]:
    """image RGB, hole with 1 = fill -> raw, alpha, out as `rigatino net run` gives them, RGB."""
    result, alpha, _ = (x.flip(1) for x in answers(state, image.flip(1), 1 - hole)[0])
    return {"raw": result, "alpha": alpha, "out": (image * (1 - hole) + result * hole).clamp(0, 1)}
