"""What the tests of networks share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from click.testing import Result

Run = Callable[..., Result]
NetRun = Callable[..., dict[str, np.ndarray]]


def picture(height: int, width: int, number: int = 1, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth picture with some noise, and holes that touch the border."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(number, 3, 4, 5, generator=generator)
    image = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)
    image = (image + 0.1 * torch.rand(image.shape, generator=generator)).clamp(0, 1)
    hole = torch.zeros(number, 1, height, width)
    hole[..., : height // 3, width // 4 : width // 2] = 1
    hole[-1, :, height // 2 :, : width // 5] = 1
    return image, hole
