"""LPIPS (Zhang et al., arXiv 1801.03924), version 0.1, on AlexNet or VGG-16, with weights that the user has."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.checkpoint import load_state
from rigatino_models.losses.frozen import Normalise, fill_in

# Index in torchvision's `features` -> inputs, outputs, kernel, stride, padding. After each a ReLU; at the pools a
# maximum (AlexNet 3x3, VGG-16 2x2, both in steps of 2). Slices are the parts between the taps.
Layer = tuple[int, int, int, int, int]
ALEX: tuple[dict[int, Layer], ...] = (
    {0: (3, 64, 11, 4, 2)},
    {3: (64, 192, 5, 1, 2)},
    {6: (192, 384, 3, 1, 1)},
    {8: (384, 256, 3, 1, 1)},
    {10: (256, 256, 3, 1, 1)},
)
VGG: tuple[dict[int, Layer], ...] = (
    {0: (3, 64, 3, 1, 1), 2: (64, 64, 3, 1, 1)},
    {5: (64, 128, 3, 1, 1), 7: (128, 128, 3, 1, 1)},
    {10: (128, 256, 3, 1, 1), 12: (256, 256, 3, 1, 1), 14: (256, 256, 3, 1, 1)},
    {17: (256, 512, 3, 1, 1), 19: (512, 512, 3, 1, 1), 21: (512, 512, 3, 1, 1)},
    {24: (512, 512, 3, 1, 1), 26: (512, 512, 3, 1, 1), 28: (512, 512, 3, 1, 1)},
)
POOLED = {"alex": (1, 2), "vgg": (1, 2, 3, 4)}  # slices that begin with a pool
WINDOW = {"alex": 3, "vgg": 2}


class Lpips(nn.Module):
    """Reads the state dict of `lpips.LPIPS(net="alex")` or `net="vgg"`, backbone and heads in one file."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.kind = "vgg" if "net.slice1.2.weight" in load_state(weights).tensors else "alex"
        layers = VGG if self.kind == "vgg" else ALEX
        self.net = nn.ModuleDict(
            {f"slice{i + 1}": _slice(convolutions) for i, convolutions in enumerate(layers)}
        )
        widths = [list(convolutions.values())[-1][1] for convolutions in layers]
        for i, width in enumerate(widths):
            self.add_module(f"lin{i}", nn.ModuleDict({"model": nn.ModuleDict({"1": _head(width)})}))
        self.normalise = Normalise()
        fill_in(self, weights)

    @torch.inference_mode()
    def features(self, picture: Tensor) -> list[Tensor]:
        """Of a picture [1,3,H,W] in [0,1], sides of at least 64: features of unit length after each slice."""
        x = self.normalise(picture)
        found = []
        for i, part in enumerate(self.net.values()):
            assert isinstance(part, nn.ModuleDict)
            if i in POOLED[self.kind]:
                x = F.max_pool2d(x, WINDOW[self.kind], 2)
            for convolution in part.values():
                x = F.relu(convolution(x))
            found.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return found

    def distance(self, given: list[Tensor], wanted: list[Tensor]) -> float:
        """Sum over layers of the mean over pixels of the heads' weighted squared differences."""
        with torch.inference_mode():
            heads = [self.get_submodule(f"lin{i}.model.1") for i in range(len(given))]
            terms = [head((a - b).square()).mean() for head, a, b in zip(heads, given, wanted, strict=True)]
            return float(torch.stack(terms).sum())


def _slice(convolutions: dict[int, Layer]) -> nn.ModuleDict:
    return nn.ModuleDict({str(i): nn.Conv2d(*layer) for i, layer in convolutions.items()})


def _head(width: int) -> nn.Conv2d:
    return nn.Conv2d(width, 1, 1, bias=False)
