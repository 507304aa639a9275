"""Fast Fourier convolution (Chi et al., NeurIPS 2020) as LaMa uses it (arXiv 2109.07161, section 2.1).

Shapes: N batch, C channels, H height, W width, F = W // 2 + 1 frequencies. A feature map is a pair (local, global).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def reflect(x: Tensor, padding: int) -> Tensor:
    """Pad height and width by reflection, in x's own type (autocast would go through float32)."""
    if not padding:
        return x
    with torch.autocast(x.device.type, enabled=False):
        return F.pad(x, (padding,) * 4, mode="reflect")


class FourierUnit(nn.Module):
    """A 1x1 convolution over the picture's spectrum: every output pixel sees every input pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_layer = nn.Conv2d(2 * channels, 2 * channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(2 * channels)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,C,H,W]; the FFT runs in float32 whatever the input's type."""
        height, width = x.shape[-2:]
        # Channels last: the real view of the spectrum then already has the layout c0.re, c0.im, c1.re, ...
        spectrum = torch.fft.rfft2(x.permute(0, 2, 3, 1).float(), dim=(1, 2), norm="ortho")
        packed = torch.view_as_real(spectrum).flatten(-2).permute(0, 3, 1, 2)  # [N,2C,H,F]
        packed = torch.relu_(self.bn(self.conv_layer(packed)))
        pairs = pair_up(packed.permute(0, 2, 3, 1).float().contiguous())
        picture = torch.fft.irfft2(pairs, s=(height, width), dim=(1, 2), norm="ortho")
        out: Tensor = picture.permute(0, 3, 1, 2).to(x.dtype)
        return out


def pair_up(packed: Tensor) -> Tensor:
    """Real [..., 2C] with re, im in turn -> complex [..., C]."""
    return torch.view_as_complex(packed.view(*packed.shape[:-1], -1, 2))


class SpectralTransform(nn.Module):
    """Global to global: 1x1 down to half the channels, Fourier unit(s), 1x1 back (paper, figure 2)."""

    def __init__(self, inputs: int, outputs: int, enable_lfu: bool) -> None:
        super().__init__()
        half = outputs // 2
        self.conv1 = nn.Sequential(
            nn.Conv2d(inputs, half, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU(inplace=True)
        )
        self.fu = FourierUnit(half)
        self.lfu = FourierUnit(half) if enable_lfu else None
        self.conv2 = nn.Conv2d(half, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,outputs,H,W]."""
        x = self.conv1(x)
        total = x + self.fu(x)
        if self.lfu is not None:
            total = total + self.lfu(quarters(x)).repeat(1, 1, 2, 2)
        out: Tensor = self.conv2(total)
        return out


def quarters(x: Tensor) -> Tensor:
    """Stack the four quarters of the first C/4 channels as channels: [N,C,H,W] -> [N,C,H/2,W/2], H = W even."""
    part = x[:, : x.shape[1] // 4]
    rows = torch.cat(part.chunk(2, dim=-2), dim=1)
    return torch.cat(rows.chunk(2, dim=-1), dim=1)


class FFC(nn.Module):
    """Four paths between a local and a global branch; a branch of zero channels is absent.

    Widths are (local, global) channel counts on either side.
    """

    def __init__(
        self,
        inputs: tuple[int, int],
        outputs: tuple[int, int],
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        enable_lfu: bool = False,
    ) -> None:
        super().__init__()
        (in_l, in_g), (out_l, out_g) = inputs, outputs
        self.padding = padding
        self.convl2l = nn.Conv2d(in_l, out_l, kernel, stride, bias=False) if in_l and out_l else None
        self.convl2g = nn.Conv2d(in_l, out_g, kernel, stride, bias=False) if in_l and out_g else None
        self.convg2l = nn.Conv2d(in_g, out_l, kernel, stride, bias=False) if in_g and out_l else None
        self.convg2g = SpectralTransform(in_g, out_g, enable_lfu) if in_g and out_g else None

    def forward(self, local: Tensor, glob: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """(local, global) -> (local, global), either possibly absent."""
        padded_l = reflect(local, self.padding)
        padded_g = None if glob is None else reflect(glob, self.padding)
        out_l = _sum(self.convl2l, padded_l, self.convg2l, padded_g)
        out_g = _sum(self.convl2g, padded_l, self.convg2g, glob)
        return out_l, out_g


def _sum(
    first: nn.Module | None, local: Tensor, second: nn.Module | None, glob: Tensor | None
) -> Tensor | None:
    parts = [m(x) for m, x in ((first, local), (second, glob)) if m is not None and x is not None]
    return sum(parts[1:], start=parts[0]) if parts else None


class FFCNormAct(nn.Module):
    """FFC, then BatchNorm and ReLU on each branch."""

    def __init__(
        self,
        inputs: tuple[int, int],
        outputs: tuple[int, int],
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        enable_lfu: bool = False,
    ) -> None:
        super().__init__()
        self.ffc = FFC(inputs, outputs, kernel, stride, padding, enable_lfu)
        self.bn_l = nn.BatchNorm2d(outputs[0]) if outputs[0] else None
        self.bn_g = nn.BatchNorm2d(outputs[1]) if outputs[1] else None

    def forward(self, pair: tuple[Tensor, Tensor | None]) -> tuple[Tensor, Tensor | None]:
        """(local, global) -> (local, global)."""
        local, glob = self.ffc(*pair)
        if self.bn_l is not None:
            local = torch.relu_(self.bn_l(local))
        if self.bn_g is not None:
            glob = torch.relu_(self.bn_g(glob))
        assert local is not None
        return local, glob


class FFCBlock(nn.Module):
    """Two FFC layers around a skip; no activation after the sum."""

    def __init__(self, widths: tuple[int, int], enable_lfu: bool = False) -> None:
        super().__init__()
        self.conv1 = FFCNormAct(widths, widths, 3, padding=1, enable_lfu=enable_lfu)
        self.conv2 = FFCNormAct(widths, widths, 3, padding=1, enable_lfu=enable_lfu)

    def forward(self, pair: tuple[Tensor, Tensor | None]) -> tuple[Tensor, Tensor | None]:
        """(local, global) -> (local, global) of the same widths."""
        local, glob = self.conv2(self.conv1(pair))
        return pair[0] + local, glob if glob is None or pair[1] is None else pair[1] + glob
