"""LaMa for inference: BatchNorm folded into the convolutions, channels last, one tensor for both branches.

The spectral path stays in N,H,W,C: its 1x1 convolutions are products over the last axis, and so, in bf16 and at most
sizes, are the Fourier transforms (layers/dft); elsewhere there is an FFT in float32. Same mathematics as net.py, tested
against it.
"""

from __future__ import annotations

import copy
from itertools import product
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from rigatino_models.lama.net import (
    Join,
    Lama,
    LamaConfig,
    PlainBlock,
    Reflect,
    corrected,
    first_guess,
)
from rigatino_models.layers import dft
from rigatino_models.layers.ffc import (
    FFCBlock,
    FFCNormAct,
    FourierUnit,
    SpectralTransform,
    quarters,
    reflect,
)
from rigatino_models.spec import Step


def fast(net: Lama, dtype: torch.dtype = torch.float32) -> nn.Module:
    """The fast form of a network in evaluation mode; takes and gives float32 pictures, computes in `dtype`."""
    folded = FastLama(net.eval()).requires_grad_(False)
    return folded.to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


class Encoded(NamedTuple):
    """A picture halfway: features [N,C,h,w] before the residual blocks, skips by factor, the guess to correct."""

    features: Tensor
    skips: dict[int, Tensor]
    guess: Tensor


class FastLama(nn.Module):
    """forward(image, hole, on_step, coarse) as Lama's."""

    def __init__(self, net: Lama) -> None:
        super().__init__()
        self.config: LamaConfig = net.config
        self.stages = nn.ModuleList(_stages(net))
        self.skips = copy.deepcopy(net.skips)
        self.encoders = len(net.config.widths)

    def forward(
        self, image: Tensor, hole: Tensor, on_step: Step | None = None, coarse: Tensor | None = None
    ) -> Tensor:
        """image [N,3,H,W] RGB in [0,1], hole [N,1,H,W] -> raw RGB [N,3,H,W] float32, not composited."""
        return self.decode(self.encode(image, hole, on_step, coarse), on_step)

    def encode(
        self, image: Tensor, hole: Tensor, on_step: Step | None = None, coarse: Tensor | None = None
    ) -> Encoded:
        """What comes before the residual blocks; arguments as forward's."""
        guess = first_guess(self.config, image, hole, coarse)
        x = torch.cat((guess, hole), 1).to(memory_format=torch.channels_last, dtype=self._dtype())
        skips: dict[int, Tensor] = {}
        for done, stage in enumerate(self.stages[: self.encoders], 1):
            x = stage(x)
            factor = hole.shape[-1] // x.shape[-1]
            if done < self.encoders and str(factor) in self.skips:
                # A cell is known only where all its pixels are.
                gate = 1 - F.max_pool2d(hole, factor)
                skips[factor] = self.skips[str(factor)](x * gate.to(x.dtype))
            if on_step is not None:
                on_step(done, len(self.stages))
        return Encoded(x, skips, guess)

    def decode(self, encoded: Encoded, on_step: Step | None = None) -> Tensor:
        """The residual blocks and what follows -> raw RGB [N,3,H,W] float32. Gradients flow where they are wanted."""
        x, width = encoded.features, encoded.guess.shape[-1]
        for done, stage in enumerate(self.stages[self.encoders :], self.encoders + 1):
            x = stage(x)
            skip = encoded.skips.get(width // x.shape[-1])
            x = x if skip is None else x + skip
            if on_step is not None:
                on_step(done, len(self.stages))
        return torch.sigmoid(corrected(self.config, x.float(), encoded.guess))

    def _dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype


class Conv(nn.Module):
    """Reflection padding, a convolution and, where it is followed by one, a ReLU."""

    def __init__(self, conv: nn.Module, padding: int, act: bool) -> None:
        super().__init__()
        self.conv, self.padding, self.act = conv, padding, act

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C',H',W']."""
        x = self.conv(reflect(x, self.padding))
        return x.relu_() if self.act else x


class Last(nn.Module):
    """Reflection padding and the last convolution, for four pixels at once.

    So few channels would leave most of a processor's vectors empty: one step of two pixels with a kernel one pixel
    wider takes a third of the time.
    """

    def __init__(self, conv: nn.Conv2d, padding: int) -> None:
        super().__init__()
        outputs, inputs, kernel, _ = conv.weight.shape
        weight = conv.weight.new_zeros(outputs, 2, 2, inputs, kernel + 1, kernel + 1)
        for y, x in product(range(2), range(2)):
            weight[:, y, x, :, y : y + kernel, x : x + kernel] = conv.weight.detach()
        assert conv.bias is not None
        self.conv = _conv(weight.flatten(0, 2), conv.bias.repeat_interleave(4), 2)
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W], sides even -> [N,C',H,W]."""
        out: Tensor = F.pixel_shuffle(self.conv(reflect(x, self.padding)), 2)
        return out


class FoldedFFC(nn.Module):
    """FFC, BatchNorm and ReLU on one tensor that holds the local channels first.

    padding: by reflection, for a layer that has none of its own.
    """

    def __init__(self, layer: FFCNormAct, padding: int = 0) -> None:
        super().__init__()
        ffc, bn_l, bn_g = layer.ffc, layer.bn_l, layer.bn_g
        assert ffc.convl2l is not None
        assert bn_l is not None
        scale_l, shift_l = _affine(bn_l)
        weight, bias = ffc.convl2l.weight * scale_l, shift_l
        self.local = bias.numel()
        self.padding = ffc.padding or padding
        if ffc.convl2g is not None and bn_g is not None:
            scale_g, shift_g = _affine(bn_g)
            weight = torch.cat((weight, ffc.convl2g.weight * scale_g))
            bias = torch.cat((bias, shift_g))
        self.from_local = _conv(weight, bias, ffc.convl2l.stride[0])
        self.from_global: nn.Conv2d | None = None
        if ffc.convg2l is not None and ffc.convg2g is not None:
            self.from_global = _conv(ffc.convg2l.weight * scale_l, None, 1)
            self.spectral = FoldedSpectral(ffc.convg2g, scale_g)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C',H',W']."""
        out: Tensor = self.from_local(reflect(x[:, : self.local] if self.from_global else x, self.padding))
        if self.from_global is not None:
            glob = x[:, self.local :]
            out[:, : self.local] += self.from_global(reflect(glob, self.padding))
            out[:, self.local :] += self.spectral(glob)
        return out.relu_()


class FoldedSpectral(nn.Module):
    """SpectralTransform with folded BatchNorm; its last convolution carries the scale of the one that follows."""

    def __init__(self, layer: SpectralTransform, scale: Tensor) -> None:
        super().__init__()
        self.conv1 = _linear(cast(nn.Conv2d, layer.conv1[0]), cast(nn.BatchNorm2d, layer.conv1[1]))
        self.fu = FoldedFourier(layer.fu)
        self.lfu = FoldedFourier(layer.lfu) if layer.lfu is not None else None
        self.conv2 = _linear(layer.conv2)
        self.conv2.weight = nn.Parameter(self.conv2.weight.detach() * scale.flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C',H,W]."""
        y = self.conv1(x.permute(0, 2, 3, 1)).relu_()
        total = y + self.fu(y)
        if self.lfu is not None:
            small = quarters(y.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            total = total + self.lfu(small).repeat(1, 2, 2, 1)
        out: Tensor = self.conv2(total).permute(0, 3, 1, 2)
        return out


class FoldedFourier(nn.Module):
    """FourierUnit on [N,H,W,C]; its spectra hold the channels' real parts, then their imaginary ones."""

    def __init__(self, unit: FourierUnit) -> None:
        super().__init__()
        self.linear = _linear(unit.conv_layer, unit.bn)
        apart = torch.arange(self.linear.in_features).view(-1, 2).t().flatten()
        self.linear.weight = nn.Parameter(self.linear.weight.detach()[apart][:, apart])
        self.linear.bias = nn.Parameter(self.linear.bias.detach()[apart])

    def forward(self, x: Tensor) -> Tensor:
        """[N,H,W,C] -> [N,H,W,C]."""
        if dft.wins(x):
            return dft.picture(self.linear(dft.spectrum(x)).relu_(), x.shape[2])
        spectrum = torch.fft.rfft2(x.float(), dim=(1, 2), norm="ortho")
        packed = torch.cat((spectrum.real, spectrum.imag), -1).to(x.dtype)
        real, imaginary = self.linear(packed).relu_().float().chunk(2, -1)
        mixed = torch.complex(real, imaginary)
        picture = torch.fft.irfft2(mixed, s=(x.shape[1], x.shape[2]), dim=(1, 2), norm="ortho")
        out: Tensor = picture.to(x.dtype)
        return out


class FoldedBlock(nn.Module):
    """Two folded layers around a skip."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C,H,W]."""
        out: Tensor = self.second(self.first(x))
        if out.requires_grad:  # a gradient needs the ReLU's result as it was
            return out + x
        return out.add_(x)


def _stages(net: Lama) -> list[nn.Module]:
    """The network's layers with normalisation, padding and activation drawn into their convolutions."""
    stages: list[nn.Module] = []
    layers = list(net.model)
    padding = 0
    for i, layer in enumerate(layers):
        if isinstance(layer, Reflect):
            padding = layer.padding
        elif isinstance(layer, FFCNormAct):
            stages.append(FoldedFFC(layer, padding))
            padding = 0
        elif isinstance(layer, FFCBlock):
            stages.append(FoldedBlock(FoldedFFC(layer.conv1), FoldedFFC(layer.conv2)))
        elif isinstance(layer, PlainBlock):
            parts = list(layer.conv_block)
            stages.append(
                FoldedBlock(_fused(parts[1], parts[2], 1, True), _fused(parts[5], parts[6], 1, False))
            )
        elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            following = layers[i + 1]
            if isinstance(following, nn.BatchNorm2d):
                stages.append(_fused(layer, following, padding, True))
            else:
                stages.append(Last(cast(nn.Conv2d, layer), padding))
            padding = 0
        else:
            assert isinstance(layer, nn.BatchNorm2d | nn.ReLU | nn.Sigmoid | Join)
    return stages


def _fused(conv: nn.Module, bn: nn.Module, padding: int, act: bool) -> Conv:
    fused = fuse_conv_bn_eval(
        cast(nn.Conv2d, conv), cast(nn.BatchNorm2d, bn), transpose=isinstance(conv, nn.ConvTranspose2d)
    )
    return Conv(fused, padding, act)


def _affine(bn: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What BatchNorm does in evaluation: (scale [C,1,1,1], shift [C])."""
    assert bn.running_mean is not None
    assert bn.running_var is not None
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return scale.view(-1, 1, 1, 1), bn.bias - bn.running_mean * scale


def _conv(weight: Tensor, bias: Tensor | None, stride: int) -> nn.Conv2d:
    outputs, inputs, kernel, _ = weight.shape
    conv = nn.Conv2d(inputs, outputs, kernel, stride, bias=bias is not None)
    conv.weight = nn.Parameter(weight.detach())
    if bias is not None:
        conv.bias = nn.Parameter(bias.detach())
    return conv


def _linear(conv: nn.Conv2d, bn: nn.BatchNorm2d | None = None) -> nn.Linear:
    """A 1x1 convolution, with the BatchNorm that follows, as a product over the last axis."""
    weight, bias = conv.weight.detach(), None
    if bn is not None:
        scale, bias = _affine(bn)
        weight = weight * scale
    linear = nn.Linear(conv.in_channels, conv.out_channels, bias=bias is not None)
    linear.weight = nn.Parameter(weight.flatten(1))
    if bias is not None:
        linear.bias = nn.Parameter(bias.detach())
    return linear
