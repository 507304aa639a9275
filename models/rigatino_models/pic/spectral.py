"""Spectral normalisation (Miyato et al., arXiv 1802.05957) as PIC trains with it; weights at rest have it worked in."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

from rigatino_models.pic.blocks import SelfAttention

Net = TypeVar("Net", bound=nn.Module)


def normalised(net: Net) -> Net:
    """The network itself, each convolution but the attentions' queries divided by its largest singular value.

    The first axis of a weight is the matrix's rows, also where the convolution is transposed.
    """
    queries = {id(part.query_conv) for part in net.modules() if isinstance(part, SelfAttention)}
    for part in list(net.modules()):
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d) and id(part) not in queries:
            spectral_norm(part, dim=0)
    return net


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
