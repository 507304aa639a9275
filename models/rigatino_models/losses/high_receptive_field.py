"""LaMa's high receptive field perceptual loss (arXiv 2109.07161, section 2.2).

Its judge is a ResNet-50 whose last two stages are dilated instead of strided (arXiv 1705.09914) and whose stem has
three convolutions, trained to segment ADE20k (arXiv 1608.05442). A file in the layout of that encoder (`conv1.weight`,
`layer1.0.conv1.weight`, ...) is the user's to bring.
"""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.losses.frozen import FeatureLoss, Normalise, fill_in

# (blocks, width of the 3x3 convolutions, stride, dilation of the first block, of the others)
STAGES = ((3, 64, 1, 1, 1), (4, 128, 2, 1, 1), (6, 256, 1, 1, 2), (3, 512, 1, 2, 4))
EXPANSION = 4


class Bottleneck(nn.Module):
    """1x1, 3x3 (stride or dilation), 1x1 to four times the width, around a skip."""

    def __init__(self, inputs: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        outputs = width * EXPANSION
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        if stride == 1 and inputs == outputs:
            self.downsample = None
        else:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,4*width,H/stride,W/stride]."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        skip = x if self.downsample is None else self.downsample(x)
        return F.relu(self.bn3(self.conv3(y)) + skip)


class DilatedResNet50(nn.Module):
    """The encoder, frozen; its four stages' outputs have 1/4, 1/8, 1/8 and 1/8 of the picture's side."""

    def __init__(self, weights: Path | None) -> None:
        super().__init__()
        self.normalise = Normalise()
        inputs = 3
        for index, outputs in enumerate((64, 64, 128), 1):
            convolution = nn.Conv2d(inputs, outputs, 3, 2 if index == 1 else 1, 1, bias=False)
            self.add_module(f"conv{index}", convolution)
            self.add_module(f"bn{index}", nn.BatchNorm2d(outputs))
            inputs = outputs
        for index, (count, width, stride, first, others) in enumerate(STAGES, 1):
            blocks = [Bottleneck(inputs, width, stride, first)]
            inputs = width * EXPANSION
            blocks += [Bottleneck(inputs, width, 1, others) for _ in range(count - 1)]
            self.add_module(f"layer{index}", nn.Sequential(*blocks))
        if weights is not None:
            fill_in(self, weights)

    def forward(self, image: Tensor) -> list[Tensor]:
        """image [N,3,H,W] RGB in [0,1] -> outputs of the four stages, of 256, 512, 1024 and 2048 channels."""
        x = self.normalise(image)
        for index in (1, 2, 3):
            x = F.relu(self.get_submodule(f"bn{index}")(self.get_submodule(f"conv{index}")(x)))
        x = F.max_pool2d(x, 3, 2, 1)
        found = []
        for index in range(1, len(STAGES) + 1):
            x = self.get_submodule(f"layer{index}")(x)
            found.append(x)
        return found


class HighReceptiveFieldLoss(FeatureLoss):
    """Sum over the four stages of the mean squared difference of features."""

    def __init__(self, weights: Path) -> None:
        super().__init__(DilatedResNet50(weights))
