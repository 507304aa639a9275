"""Looking at a picture coarse to fine while training, as inference does (rigatino_models.inpainter)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rigatino_models import inpainter


def halvings(shares: Sequence[float], seed: int) -> int:
    """How often a step's pictures are halved for the first look: k with the probability shares[k], by the seed."""
    weights = torch.tensor(shares, dtype=torch.float64)
    return int(torch.multinomial(weights, 1, generator=torch.Generator().manual_seed(seed)))


@torch.no_grad()
def coarse_answer(net: nn.Module, image: Tensor, hole: Tensor, count: int) -> Tensor | None:
    """What `net` answers for the picture [N,3,H,W] halved once, having begun at `count` halvings; at full size.

    None for a count of 0. `net(image, hole, on_step, coarse)` as rigatino_models.lama.net.Lama's forward.
    """
    sizes = [(image.shape[-2] >> k, image.shape[-1] >> k) for k in range(count, 0, -1)]
    return inpainter.coarse_answer(
        lambda small, gap, coarse: net(small, gap, None, coarse).float(), image, hole, sizes
    )
