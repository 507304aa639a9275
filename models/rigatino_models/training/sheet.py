"""Sheets of pictures, so that a run can be judged by eye."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor


def write(path: Path, rows: Sequence[Tensor], gap: int = 4) -> None:
    """Write rows of pictures, each row [N,3,H,W] in [0,1], as one PNG."""
    strips = [torch.cat([_framed(picture, gap) for picture in row], 2) for row in rows]
    sheet = torch.cat(strips, 1).permute(1, 2, 0)
    Image.fromarray((sheet.clamp(0, 1) * 255 + 0.5).byte().cpu().numpy()).save(path, format="png")


def marked(image: Tensor, hole: Tensor) -> Tensor:
    """The picture with its hole in magenta."""
    colour = torch.tensor((1.0, 0.0, 1.0), device=image.device).view(1, 3, 1, 1)
    return image * (1 - hole) + colour * hole


def _framed(picture: Tensor, gap: int) -> Tensor:
    return torch.nn.functional.pad(picture.float(), (0, gap, 0, gap), value=1.0)
