"""What the tests of networks share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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


def refused(run: Run, path: Path, *words: str) -> str:
    """`weights inspect` on the file: status 1, one line on stderr that names the file and has these words."""
    result = run("weights", "inspect", path)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    line = result.stderr.strip()
    assert "\n" not in line
    for word in (str(path), *words):
        assert word in line, line
    return line
