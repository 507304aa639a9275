"""BatchNorm's statistics measured again on an averaged network (Wu and Johnson, arXiv 2105.07576, section 3).

The average of statistics is not the statistics of the averaged weights.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def remeasure(net: nn.Module, batches: Iterable[tuple[Tensor | None, ...]]) -> None:
    """Replace the running statistics by the mean over these batches of arguments; the net stays in evaluation mode.

    Each batch counts alike.
    """
    norms = [module for module in net.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for arguments in batches:
        net(*arguments)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
