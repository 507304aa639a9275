"""LaMa's forward pass written a second time, from the published facts: plain functions over a state dict.

The keys are the original's (`generator.model.<i>...`), tensors are N,C,H,W, the spectrum is packed by
stacking. Nothing here comes from rigatino_models: it is what its networks are held to. `make` draws seeded
weights and gives the BatchNorms the statistics of a picture, so that no activation dies and the last sigmoid
is not saturated.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]
ROOT = "generator.model."


@dataclass(frozen=True)
class Shape:
    """Hyper-parameters by the original's names; ratio 0 is LaMa-Regular (pix2pixHD)."""

    ngf: int = 8
    downs: int = 3
    blocks: int = 2
    ratio: float = 0.75
    max_features: int = 1024
    lfu: bool = False

    @property
    def widths(self) -> list[int]:
        return [min(self.max_features, self.ngf * 2**i) for i in range(self.downs + 1)]

    @property
    def split(self) -> tuple[int, int]:
        glob = int(self.widths[-1] * self.ratio)
        return self.widths[-1] - glob, glob


def forward(state: State, shape: Shape, image: Tensor, mask: Tensor, calibrate: bool = False) -> Tensor:
    """image [N,3,H,W], mask [N,1,H,W] (1 = hole) -> the generator's answer [N,3,H,W]."""
    net = _Net(state, calibrate)
    x = torch.cat((image * (1 - mask), mask), 1)
    with torch.no_grad():
        return net.fourier(x, shape) if shape.ratio else net.regular(x, shape)


class _Net:
    def __init__(self, state: State, calibrate: bool) -> None:
        self.state, self.calibrate = state, calibrate

    def fourier(self, x: Tensor, shape: Shape) -> Tensor:
        x = F.pad(x, (3, 3, 3, 3), mode="reflect")
        local = self.bn(self.conv(x, "1.ffc.convl2l"), "1.bn_l").relu()
        for i in range(2, 2 + shape.downs):
            padded = F.pad(local, (1, 1, 1, 1), mode="reflect")
            local = self.bn(self.conv(padded, f"{i}.ffc.convl2l", stride=2), f"{i}.bn_l").relu()
            if i == 1 + shape.downs:
                glob = self.bn(self.conv(padded, f"{i}.ffc.convl2g", stride=2), f"{i}.bn_g").relu()
        after = 2 + shape.downs + shape.blocks
        for i in range(2 + shape.downs, after):
            new = self.ffc(*self.ffc(local, glob, f"{i}.conv1"), f"{i}.conv2")
            local, glob = local + new[0], glob + new[1]
        return self.decode(torch.cat((local, glob), 1), shape, after + 1)

    def regular(self, x: Tensor, shape: Shape) -> Tensor:
        x = F.pad(x, (3, 3, 3, 3), mode="reflect")
        x = self.bn(self.conv(x, "1"), "2").relu()
        for i in range(shape.downs):
            x = self.bn(self.conv(x, str(4 + 3 * i), stride=2, padding=1), str(5 + 3 * i)).relu()
        first = 4 + 3 * shape.downs
        for i in range(first, first + shape.blocks):
            y = F.pad(x, (1, 1, 1, 1), mode="reflect")
            y = self.bn(self.conv(y, f"{i}.conv_block.1"), f"{i}.conv_block.2").relu()
            y = F.pad(y, (1, 1, 1, 1), mode="reflect")
            x = x + self.bn(self.conv(y, f"{i}.conv_block.5"), f"{i}.conv_block.6")
        return self.decode(x, shape, first + shape.blocks)

    def decode(self, x: Tensor, shape: Shape, first: int) -> Tensor:
        for i in range(first, first + 3 * shape.downs, 3):
            weight, bias = self.state[f"{ROOT}{i}.weight"], self.state[f"{ROOT}{i}.bias"]
            x = F.conv_transpose2d(x, weight, bias, stride=2, padding=1, output_padding=1)
            x = self.bn(x, str(i + 1)).relu()
        x = F.pad(x, (3, 3, 3, 3), mode="reflect")
        return torch.sigmoid(self.conv(x, str(first + 3 * shape.downs + 1)))

    def ffc(self, local: Tensor, glob: Tensor, key: str) -> tuple[Tensor, Tensor]:
        wide_l = F.pad(local, (1, 1, 1, 1), mode="reflect")
        wide_g = F.pad(glob, (1, 1, 1, 1), mode="reflect")
        out_l = self.conv(wide_l, f"{key}.ffc.convl2l") + self.conv(wide_g, f"{key}.ffc.convg2l")
        out_g = self.conv(wide_l, f"{key}.ffc.convl2g") + self.spectral(glob, f"{key}.ffc.convg2g")
        return self.bn(out_l, f"{key}.bn_l").relu(), self.bn(out_g, f"{key}.bn_g").relu()

    def spectral(self, x: Tensor, key: str) -> Tensor:
        x = self.bn(self.conv(x, f"{key}.conv1.0"), f"{key}.conv1.1").relu()
        y = x + self.unit(x, f"{key}.fu")
        if f"{ROOT}{key}.lfu.conv_layer.weight" in self.state:
            half = x.shape[-1] // 2
            part = x[:, : x.shape[1] // 4]
            above_below = torch.cat((part[..., :half, :], part[..., half:, :]), 1)
            quarters = torch.cat((above_below[..., :half], above_below[..., half:]), 1)
            z = self.unit(quarters, f"{key}.lfu")
            z = torch.cat((z, z), -1)
            y = y + torch.cat((z, z), -2)
        return self.conv(y, f"{key}.conv2")

    def unit(self, x: Tensor, key: str) -> Tensor:
        number, channels, height, width = x.shape
        spectrum = torch.fft.rfftn(x, dim=(-2, -1), norm="ortho")
        packed = torch.stack((spectrum.real, spectrum.imag), dim=2)  # N, C, (re, im), H, F
        packed = packed.reshape(number, 2 * channels, *spectrum.shape[-2:])
        packed = self.bn(self.conv(packed, f"{key}.conv_layer"), f"{key}.bn").relu()
        pairs = packed.reshape(number, channels, 2, *spectrum.shape[-2:])
        spectrum = torch.complex(pairs[:, :, 0], pairs[:, :, 1])
        return torch.fft.irfftn(spectrum, s=(height, width), dim=(-2, -1), norm="ortho")

    def conv(self, x: Tensor, key: str, stride: int = 1, padding: int = 0) -> Tensor:
        weight, bias = self.state[f"{ROOT}{key}.weight"], self.state.get(f"{ROOT}{key}.bias")
        return F.conv2d(x, weight, bias, stride=stride, padding=padding)

    def bn(self, x: Tensor, key: str) -> Tensor:
        mean, var = self.state[f"{ROOT}{key}.running_mean"], self.state[f"{ROOT}{key}.running_var"]
        if self.calibrate:
            mean.copy_(x.mean((0, 2, 3)))
            var.copy_(x.var((0, 2, 3), unbiased=False) + 1e-3)
        scale = self.state[f"{ROOT}{key}.weight"] / torch.sqrt(var + 1e-5)
        shift = self.state[f"{ROOT}{key}.bias"] - mean * scale
        return x * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)


def make(shape: Shape, seed: int = 0) -> State:
    """A state dict with the original's keys, in the original's order of layers."""
    weights = _Weights(seed)
    (weights.fourier if shape.ratio else weights.regular)(shape)
    generator = torch.Generator().manual_seed(seed + 1)
    side = 8 * 2**shape.downs
    image = torch.rand(2, 3, side, side, generator=generator)
    mask = (torch.rand(2, 1, side, side, generator=generator) > 0.7).float()
    forward(weights.state, shape, image, mask, calibrate=True)
    return weights.state


class _Weights:
    def __init__(self, seed: int) -> None:
        self.state: State = {}
        self.generator = torch.Generator().manual_seed(seed)

    def fourier(self, shape: Shape) -> None:
        widths, (local, glob) = shape.widths, shape.split
        self.layer("1", (4, 0), (widths[0], 0), 7, shape)
        for i in range(shape.downs):
            outputs = (local, glob) if i == shape.downs - 1 else (widths[i + 1], 0)
            self.layer(str(2 + i), (widths[i], 0), outputs, 3, shape)
        after = 2 + shape.downs + shape.blocks
        for i in range(2 + shape.downs, after):
            self.layer(f"{i}.conv1", (local, glob), (local, glob), 3, shape)
            self.layer(f"{i}.conv2", (local, glob), (local, glob), 3, shape)
        self.decoder(shape, after + 1)

    def regular(self, shape: Shape) -> None:
        widths = shape.widths
        self.conv("1", 4, widths[0], 7, bias=True)
        self.bn("2", widths[0])
        for i in range(shape.downs):
            self.conv(str(4 + 3 * i), widths[i], widths[i + 1], 3, bias=True)
            self.bn(str(5 + 3 * i), widths[i + 1])
        first = 4 + 3 * shape.downs
        for i in range(first, first + shape.blocks):
            for place in (1, 5):
                self.conv(f"{i}.conv_block.{place}", widths[-1], widths[-1], 3, bias=True)
                self.bn(f"{i}.conv_block.{place + 1}", widths[-1])
        self.decoder(shape, first + shape.blocks)

    def decoder(self, shape: Shape, first: int) -> None:
        widths = shape.widths[::-1]
        for i in range(shape.downs):
            key = f"{first + 3 * i}"
            self.conv(key, widths[i + 1], widths[i], 3, bias=False)  # transposed: inputs come first
            self.put(f"{key}.bias", self.normal(widths[i + 1]) * 0.1)
            self.bn(str(first + 3 * i + 1), widths[i + 1])
        self.conv(str(first + 3 * shape.downs + 1), widths[-1], 3, 7, bias=True)

    def layer(
        self, key: str, inputs: tuple[int, int], outputs: tuple[int, int], kernel: int, shape: Shape
    ) -> None:
        (in_l, in_g), (out_l, out_g) = inputs, outputs
        self.conv(f"{key}.ffc.convl2l", in_l, out_l, kernel)
        if out_g:
            self.conv(f"{key}.ffc.convl2g", in_l, out_g, kernel)
        if in_g:
            self.conv(f"{key}.ffc.convg2l", in_g, out_l, kernel)
            self.spectral(f"{key}.ffc.convg2g", in_g, out_g, shape.lfu)
        self.bn(f"{key}.bn_l", out_l)
        if out_g:
            self.bn(f"{key}.bn_g", out_g)

    def spectral(self, key: str, inputs: int, outputs: int, lfu: bool) -> None:
        half = outputs // 2
        self.conv(f"{key}.conv1.0", inputs, half, 1)
        self.bn(f"{key}.conv1.1", half)
        for unit in ("fu", "lfu") if lfu else ("fu",):
            self.conv(f"{key}.{unit}.conv_layer", 2 * half, 2 * half, 1)
            self.bn(f"{key}.{unit}.bn", 2 * half)
        self.conv(f"{key}.conv2", half, outputs, 1)

    def conv(self, key: str, inputs: int, outputs: int, kernel: int, bias: bool = False) -> None:
        scale = (2 / (inputs * kernel * kernel)) ** 0.5
        self.put(f"{key}.weight", self.normal(outputs, inputs, kernel, kernel) * scale)
        if bias:
            self.put(f"{key}.bias", self.normal(outputs) * 0.1)

    def bn(self, key: str, width: int) -> None:
        self.put(f"{key}.weight", 0.5 + torch.rand(width, generator=self.generator))
        self.put(f"{key}.bias", self.normal(width) * 0.3)
        self.put(f"{key}.running_mean", torch.zeros(width))
        self.put(f"{key}.running_var", torch.ones(width))
        self.put(f"{key}.num_batches_tracked", torch.tensor(1000))

    def normal(self, *size: int) -> Tensor:
        return torch.randn(size, generator=self.generator)

    def put(self, key: str, value: Tensor) -> None:
        self.state[ROOT + key] = value
