"""BatchNorm's statistics measured again on an averaged network (Wu and Johnson, arXiv 2105.07576, section 3).

The average of statistics is not the statistics of the averaged weights.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def remeasure(net: nn.Module, show: Callable[[], None]) -> None:
    """Replace the running statistics by the mean over batches; the net stays in evaluation mode.

    show: shows the net some batches. Each counts alike.
    """
    norms = [module for module in net.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    show()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
