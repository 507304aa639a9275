"""The Inception-v3 of 2015 whose pooled features FID and the discriminative scores are defined on.

Szegedy et al. (arXiv 1512.00567), as TensorFlow's graph computes it: averages that leave the padding out, a maximum in
the last block, pictures of 299 pixels by TensorFlow 1's bilinear rule. The weights are the user's: the file
pt_inception-2015-12-05-6726825d.pth of pytorch-fid, or another in its key layout.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from rigatino_models.losses.frozen import fill_in

SIDE = 299
# A step of a branch: a pool, or a convolution (name, outputs, kernel, stride); a list is a fork into two, side by side.
Conv = tuple[str, int, tuple[int, int], int]
Step = str | Conv | list[Conv]
Branch = tuple[Step, ...]
POINT, SQUARE, LARGE, WIDE, TALL = (1, 1), (3, 3), (5, 5), (1, 7), (7, 1)


class Convolution(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: tuple[int, int], stride: int, padding: tuple[int, int]
    ):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,outputs,h,w]."""
        return F.relu(self.bn(self.conv(x)))


class Block(nn.Module):
    """Branches side by side, their results joined along the channels."""

    def __init__(self, inputs: int, *branches: Branch) -> None:
        super().__init__()
        self.branches = branches
        for branch in branches:
            width = inputs
            for step in branch:
                forks = step if isinstance(step, list) else [] if isinstance(step, str) else [step]
                for name, outputs, kernel, stride in forks:
                    around = (kernel[0] // 2, kernel[1] // 2) if stride == 1 else (0, 0)
                    self.add_module(name, Convolution(width, outputs, kernel, stride, around))
                width = sum(fork[1] for fork in forks) if forks else width

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,outputs,h,w]."""
        return torch.cat([self._run(branch, x) for branch in self.branches], 1)

    def _run(self, branch: Branch, x: Tensor) -> Tensor:
        for step in branch:
            if isinstance(step, str):
                x = POOLS[step](x)
            elif isinstance(step, list):
                x = torch.cat([self.get_submodule(name)(x) for name, *_ in step], 1)
            else:
                x = self.get_submodule(step[0])(x)
        return x


def _average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _maximum(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 1, 1)


def _halved(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 2)


POOLS = {"average": _average, "maximum": _maximum, "halved": _halved}


def _block_a(inputs: int, pooled: int) -> Block:
    return Block(
        inputs,
        (("branch1x1", 64, POINT, 1),),
        (("branch5x5_1", 48, POINT, 1), ("branch5x5_2", 64, LARGE, 1)),
        (
            ("branch3x3dbl_1", 64, POINT, 1),
            ("branch3x3dbl_2", 96, SQUARE, 1),
            ("branch3x3dbl_3", 96, SQUARE, 1),
        ),
        ("average", ("branch_pool", pooled, POINT, 1)),
    )


def _block_b(inputs: int) -> Block:
    return Block(
        inputs,
        (("branch3x3", 384, SQUARE, 2),),
        (
            ("branch3x3dbl_1", 64, POINT, 1),
            ("branch3x3dbl_2", 96, SQUARE, 1),
            ("branch3x3dbl_3", 96, SQUARE, 2),
        ),
        ("halved",),
    )


def _block_c(inner: int) -> Block:
    return Block(
        768,
        (("branch1x1", 192, POINT, 1),),
        (("branch7x7_1", inner, POINT, 1), ("branch7x7_2", inner, WIDE, 1), ("branch7x7_3", 192, TALL, 1)),
        (
            ("branch7x7dbl_1", inner, POINT, 1),
            ("branch7x7dbl_2", inner, TALL, 1),
            ("branch7x7dbl_3", inner, WIDE, 1),
            ("branch7x7dbl_4", inner, TALL, 1),
            ("branch7x7dbl_5", 192, WIDE, 1),
        ),
        ("average", ("branch_pool", 192, POINT, 1)),
    )


def _block_d() -> Block:
    return Block(
        768,
        (("branch3x3_1", 192, POINT, 1), ("branch3x3_2", 320, SQUARE, 2)),
        (
            ("branch7x7x3_1", 192, POINT, 1),
            ("branch7x7x3_2", 192, WIDE, 1),
            ("branch7x7x3_3", 192, TALL, 1),
            ("branch7x7x3_4", 192, SQUARE, 2),
        ),
        ("halved",),
    )


def _block_e(inputs: int, pool: str) -> Block:
    return Block(
        inputs,
        (("branch1x1", 320, POINT, 1),),
        (
            ("branch3x3_1", 384, POINT, 1),
            [("branch3x3_2a", 384, (1, 3), 1), ("branch3x3_2b", 384, (3, 1), 1)],
        ),
        (
            ("branch3x3dbl_1", 448, POINT, 1),
            ("branch3x3dbl_2", 384, SQUARE, 1),
            [("branch3x3dbl_3a", 384, (1, 3), 1), ("branch3x3dbl_3b", 384, (3, 1), 1)],
        ),
        (pool, ("branch_pool", 192, POINT, 1)),
    )


class Inception(nn.Module):
    """Frozen; module names are those of torchvision and pytorch-fid."""

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        none = (0, 0)
        self.Conv2d_1a_3x3 = Convolution(3, 32, SQUARE, 2, none)
        self.Conv2d_2a_3x3 = Convolution(32, 32, SQUARE, 1, none)
        self.Conv2d_2b_3x3 = Convolution(32, 64, SQUARE, 1, (1, 1))
        self.Conv2d_3b_1x1 = Convolution(64, 80, POINT, 1, none)
        self.Conv2d_4a_3x3 = Convolution(80, 192, SQUARE, 1, none)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _block_a(192, 32), _block_a(256, 64), _block_a(288, 64)
        self.Mixed_6a = _block_b(288)
        self.Mixed_6b, self.Mixed_6c = _block_c(128), _block_c(160)
        self.Mixed_6d, self.Mixed_6e = _block_c(160), _block_c(192)
        self.Mixed_7a = _block_d()
        self.Mixed_7b, self.Mixed_7c = _block_e(1280, "average"), _block_e(2048, "maximum")
        if weights:
            fill_in(self, weights)
        self.eval()

    @torch.inference_mode()
    def features(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Of a picture [H,W,3] uint8: its 2048 features."""
        x = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].float()
        found: NDArray[np.float32] = self((resized(x, SIDE) - 128) / 128)[0].numpy()
        return found

    def forward(self, x: Tensor) -> Tensor:
        """[N,3,299,299] in [-1,1] -> [N,2048]."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(_halved(x)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(_halved(x))))
        x = self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))
        x = self.Mixed_7a(self.Mixed_6e(self.Mixed_6d(x)))
        return self.Mixed_7c(self.Mixed_7b(x)).mean((2, 3))  # type: ignore[no-any-return]


def resized(x: Tensor, side: int) -> Tensor:
    """TensorFlow 1's bilinear resize of [N,C,H,W]: cell i of the result looks at i * H / side, without a half."""
    for axis in (2, 3):
        length = x.shape[axis]
        place = torch.arange(side, dtype=torch.float32) * (length / side)
        low = place.long()
        share = (place - low).view((-1, 1) if axis == 2 else (1, -1))
        high = (low + 1).clamp_max(length - 1)
        x = x.index_select(axis, low) * (1 - share) + x.index_select(axis, high) * share
    return x
