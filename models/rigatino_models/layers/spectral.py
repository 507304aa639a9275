"""Spectral normalisation (Miyato et al., arXiv 1802.05957) for training; weights at rest have it worked in."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized


def normalise(layer: nn.Module) -> None:
    """Have a layer's weight divided by its largest singular value, one step of power iteration in each training call.

    The first axis of the weight is the matrix's rows, also where a convolution is transposed.
    """
    spectral_norm(layer, dim=0)


@torch.no_grad()
def at_rest(net: nn.Module) -> dict[str, Tensor]:
    """The state dict of a network without normalisation that acts the same."""
    training = net.training
    net.eval()  # reading a weight would move its estimate on
    state = {key: value for key, value in net.state_dict().items() if ".parametrizations." not in key}
    for name, part in net.named_modules():
        if is_parametrized(part, "weight"):
            state[f"{name}.weight"] = part.weight.clone()
    net.train(training)
    return state
