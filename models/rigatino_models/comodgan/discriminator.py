"""CoModGAN's discriminator: StyleGAN2's residual one (arXiv 1912.04958), which sees the hole as well."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rigatino_models.comodgan.config import CoModGANConfig
from rigatino_models.layers.stylegan2 import EPSILON, Conv, Dense

GROUP = 4  # pictures of a batch that are compared with one another


class Stage(nn.Module):
    """Two convolutions that halve the side, around a filtered 1x1 one."""

    def __init__(self, width: int, wider: int) -> None:
        super().__init__()
        self.conv = Conv(width, width, 3)
        self.down = Conv(width, wider, 3, down=True)
        self.skip = Conv(width, wider, 1, down=True, linear=True)

    def forward(self, x: Tensor) -> Tensor:
        """[N,width,H,W] -> [N,wider,H/2,W/2]."""
        out: Tensor = (self.down(self.conv(x)) + self.skip(x)) / math.sqrt(2)
        return out


class Discriminator(nn.Module):
    """Judges a whole picture. An image-to-image network's one sees the condition instead of the hole."""

    def __init__(self, config: CoModGANConfig) -> None:
        super().__init__()
        self.image_to_image, first = config.image_to_image, config.width(4)
        self.from_rgb = Conv(6 if self.image_to_image else 4, config.width(config.resolution), 1)
        self.stages = nn.Sequential(
            *(Stage(config.width(side), config.width(side // 2)) for side in reversed(config.sides))
        )
        self.last = Conv(first + 1, first, 3)
        self.dense = Dense(16 * first, first)
        self.score = Dense(first, 1, active=False)

    def forward(self, image: Tensor, beside: Tensor) -> Tensor:
        """image [N,3,R,R] RGB in [0,1], beside: hole [N,1,R,R] (1 = filled) or condition [N,3,R,R] -> [N,1]."""
        picture = image * 2 - 1
        parts = (picture, beside * 2 - 1) if self.image_to_image else (0.5 - beside, picture)
        x = self.stages(self.from_rgb(torch.cat(parts, 1).to(self.from_rgb.weight.dtype)))
        x = self.last(torch.cat((x, spread(x)), 1))
        out: Tensor = self.score(self.dense(x.flatten(1)))
        return out


def spread(x: Tensor) -> Tensor:
    """How much pictures of a group differ, [N,1,H,W]: the deviation over each group, the mean over all else.

    Groups are of four, or of the largest number below that the batch is a multiple of; picture i is compared with those
    whole strides of N / group away (StyleGAN2's minibatch deviation).
    """
    number, _, height, width = x.shape
    group = next(size for size in range(min(GROUP, number), 0, -1) if number % size == 0)
    grouped = x.float().reshape(group, number // group, -1)
    deviation = torch.sqrt(grouped.var(0, unbiased=False) + EPSILON).mean(1)
    return deviation.to(x.dtype).repeat(group).view(-1, 1, 1, 1).expand(-1, 1, height, width)
