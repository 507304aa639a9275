"""What the bare networks share: their settings, and pictures in and out of arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from rigatino.arrays import Arrays, Floats
from rigatino_models.inpainter import composite
from rigatino_wire.errors import Failure


@dataclass
class Options:
    """Precision and the network's own settings; each is taken once, and what is left over is a mistake."""

    precision: str = "fp32"
    settings: dict[str, str] = field(default_factory=dict)

    def flag(self, name: str) -> bool:
        """A setting that is true or false, false if not given. Raises Failure bad_setting."""
        value = self.settings.pop(name, "false").lower()
        if value not in ("true", "false"):
            raise Failure("bad_setting", name=name, value=value, expected="true or false")
        return value == "true"

    def number(self, name: str, default: float, expected: str = "a number", below: float = math.inf) -> float:
        """A finite setting; with `below`, from 0 up to less than that. Raises Failure bad_setting."""
        text = self.settings.pop(name, str(default))
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or (math.isfinite(below) and not 0 <= value < below):
            raise Failure("bad_setting", name=name, value=text, expected=expected)
        return value

    def choice(self, name: str, default: str, *values: str) -> str:
        """A setting that is one of some words. Raises Failure bad_setting."""
        value = self.settings.pop(name, default)
        if value not in values:
            raise Failure("bad_setting", name=name, value=value, expected=" or ".join(values))
        return value

    def done(self, network: str) -> None:
        """Raise Failure bad_setting for a setting that no one took."""
        for name, value in self.settings.items():
            expected = f"no setting of that name: {network} does not have it"
            raise Failure("bad_setting", name=name, value=value, expected=expected)


def picture(arrays: Arrays, side: int | None = None) -> tuple[Tensor, Tensor]:
    """The picture [N,3,H,W] and its hole [N,1,H,W]; with `side`, squares of that size. Raises Failure arrays_wrong."""
    image = arrays.floats("image", "N", 3, side or "H", side or "W", within=(0, 1))
    number, _, height, width = image.shape
    hole = arrays.floats("hole", number, 1, height, width, within=(0, 1))
    return torch.from_numpy(image), torch.from_numpy(hole)


def array(tensor: Tensor) -> Floats:
    """A tensor as it is written."""
    return np.ascontiguousarray(tensor.numpy(), np.float32)


def answer(image: Tensor, hole: Tensor, raw: Tensor) -> dict[str, Floats]:
    """What every network that fills pictures gives: raw and out."""
    return {"raw": array(raw), "out": array(composite(image, hole, raw))}
