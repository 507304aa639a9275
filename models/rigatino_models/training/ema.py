"""Exponential moving average of a network."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Ema:
    """Averages parameters and floating-point buffers; the decay ramps up over the first steps."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, net: nn.Module, step: int) -> None:
        """Move towards `net` after step `step` (counted from 0)."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        mine, theirs = self.net.state_dict(), net.state_dict()
        floating = [k for k, v in mine.items() if v.is_floating_point()]
        torch._foreach_lerp_([mine[k] for k in floating], [theirs[k] for k in floating], share)
        for key in mine.keys() - set(floating):
            mine[key].copy_(theirs[key])

    def state_dict(self) -> dict[str, Tensor]:
        """The averaged network's state."""
        return self.net.state_dict()
