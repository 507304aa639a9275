"""The two-dimensional Fourier transform of feature maps as products with matrices.

At a bottleneck's sizes that is quicker than an FFT in float32: products run at the processor's full speed, in bf16, and
take and give channels last, where an FFT wants planes of float32.

Shapes: N batch, H height, W width, C channels, F = W // 2 + 1 frequencies. A spectrum [N,H,F,2C] holds the channels'
real parts, then their imaginary ones; both directions are scaled as "ortho".
"""

from __future__ import annotations

from functools import lru_cache
from math import pi, sqrt

import torch
from torch import Tensor

LARGEST = 192  # side up to which products were seen to win
KEPT = 16  # sizes whose matrices are kept: half a megabyte at the largest


def wins(x: Tensor) -> bool:
    """Whether products are the quicker way for a feature map [N,H,W,C]; measured on processors with bf16 products."""
    return x.dtype == torch.bfloat16 and x.device.type == "cpu" and max(x.shape[1:3]) <= LARGEST


def spectrum(x: Tensor) -> Tensor:
    """[N,H,W,C] -> [N,H,F,2C]."""
    batch, height, width, channels = x.shape
    down, across, _ = _matrices(height, width, x.dtype)
    columns = torch.matmul(down, x.reshape(batch, height, -1))  # [N,2H,W*C]
    rows = torch.matmul(across, columns.view(batch, height, 2 * width, channels))  # [N,H,2F,C]
    return rows.view(batch, height, -1, 2 * channels)


def picture(mixed: Tensor, width: int) -> Tensor:
    """[N,H,F,2C] -> [N,H,W,C], for this W; takes any numbers for a spectrum, as irfft2 does."""
    batch, height, _, channels = mixed.shape
    down, _, back = _matrices(height, width, mixed.dtype)
    rows = torch.matmul(back, mixed.reshape(batch, height, -1, channels // 2))  # [N,H,2W,C]
    columns = torch.matmul(down.t(), rows.view(batch, 2 * height, -1))  # [N,H,W*C]
    return columns.view(batch, height, width, -1)


@lru_cache(KEPT)
def _matrices(height: int, width: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """The first turns columns into spectra [2H,H], re and im in turn; its transpose turns them back.

    The second turns rows [re; im] into spectra [2F,2W], re and im in turn; the third turns them back: the second's
    transpose, in which frequencies that have a mirror image count twice.
    """
    with torch.inference_mode(False):  # gradients may be wanted later
        cos, sin = _waves(height, height)
        down = torch.stack((cos, -sin), 1).flatten(0, 1)
        cos, sin = _waves(width // 2 + 1, width)
        across = torch.stack((torch.cat((cos, sin), 1), torch.cat((-sin, cos), 1)), 1)  # [F,2,2W]
        count = torch.full((len(cos), 1, 1), 2.0, dtype=torch.float64)
        count[0] = 1
        if width % 2 == 0:
            count[-1] = 1
        back = (across * count).flatten(0, 1).t().contiguous()
        return down.to(dtype), across.flatten(0, 1).to(dtype), back.to(dtype)


def _waves(frequencies: int, size: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines [frequencies,size], in float64, over the root of the size."""
    turns = torch.outer(torch.arange(frequencies), torch.arange(size)) % size
    angles = turns.double() * (2 * pi / size)
    return angles.cos() / sqrt(size), angles.sin() / sqrt(size)
