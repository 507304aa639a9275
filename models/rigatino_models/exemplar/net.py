"""The exemplar engine as a network of its own: it has no weights, and starts from the diffused rim."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rigatino_models.exemplar.synthesis import Settings, copy_texture
from rigatino_models.layers.diffuse import diffuse
from rigatino_models.spec import Step

STEPS = 100


class Exemplar(nn.Module):
    """forward(image, hole, on_step) as every network's."""

    def __init__(self, config: Settings) -> None:
        super().__init__()
        self.config = config

    def forward(self, image: Tensor, hole: Tensor, on_step: Step | None = None) -> Tensor:
        """image [N,3,H,W] RGB in [0,1], hole [N,1,H,W] (1 = fill) -> filled RGB [N,3,H,W], float32."""
        filled = []
        for number, (picture, gap) in enumerate(
            zip(torch.split(image.float(), 1), torch.split(hole.float(), 1), strict=True)
        ):

            def report(part: float, number: int = number) -> None:
                if on_step is not None:
                    on_step(round((number + part) * STEPS), STEPS * len(image))

            filled.append(copy_texture(picture, gap, diffuse(picture, gap), self.config, report))
        return torch.cat(filled)


def fast(net: Exemplar, dtype: torch.dtype = torch.float32) -> Exemplar:
    """The form for inference: the same; it computes in float32 whatever the precision."""
    return net
