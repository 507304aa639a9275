"""Spectral normalisation as PIC trains with it."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

from rigatino_models.layers.spectral import at_rest, normalise
from rigatino_models.pic.blocks import SelfAttention

__all__ = ["at_rest", "normalised"]

Net = TypeVar("Net", bound=nn.Module)


def normalised(net: Net) -> Net:
    """The network itself, each convolution but the attentions' queries divided by its largest singular value."""
    queries = {id(part.query_conv) for part in net.modules() if isinstance(part, SelfAttention)}
    for part in list(net.modules()):
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d) and id(part) not in queries:
            normalise(part)
    return net
