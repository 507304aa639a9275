"""Pretrained networks that judge pictures: their weights come from files of the user's, and never change."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.checkpoint import load_state
from rigatino_models.checkpoint.trouble import Misfit, named

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet, RGB in [0,1]


def fill_in(net: nn.Module, file: Path, prefix: str = "") -> None:
    """Give `net` the tensors of a file (safetensors or torch's formats) whose keys begin with `prefix`; freeze it.

    Other keys of the file are passed over: classifiers, for one. Raises ModelError as checkpoint.load_state does, and
    weights_key for a tensor that is missing or of another shape.
    """
    found = load_state(file).tensors
    state: dict[str, Tensor] = {}
    with named(file):
        for key, wanted in net.state_dict().items():
            if prefix + key not in found:
                if key.endswith("num_batches_tracked"):
                    continue
                raise Misfit(prefix + key, "this key is missing")
            value = found[prefix + key]
            if value.shape != wanted.shape:
                raise Misfit(prefix + key, f"its shape is {list(value.shape)}, not {list(wanted.shape)}")
            state[key] = value.float()
    net.load_state_dict(state, strict=False)
    net.requires_grad_(False).eval()


class Normalise(nn.Module):
    """RGB in [0,1] to the mean and deviation that ImageNet's networks were trained with."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """[N,3,H,W] -> the same shape."""
        return (image - self.mean) / self.std


class FeatureLoss(nn.Module):
    """Sum over a frozen network's layers of the mean squared difference of its features, in float32.

    net(picture) gives them as a list.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, result: Tensor, target: Tensor) -> Tensor:
        """Pictures [N,3,H,W] in [0,1] -> scalar."""
        with torch.no_grad():
            wanted = self.net(target)
        terms = [F.mse_loss(a.float(), b.float()) for a, b in zip(self.net(result), wanted, strict=True)]
        return torch.stack(terms).sum()
