"""GFC on arrays: image, hole, and if wanted noise -> raw, out."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor

from rigatino.arrays import Arrays, Floats
from rigatino.bare.common import Options, answer, picture
from rigatino.pool import TYPES
from rigatino_models.convert import Weights
from rigatino_models.gfc.net import Gfc
from rigatino_models.spec import NetworkSpec


def run(weights: Weights, spec: NetworkSpec, arrays: Arrays, options: Options) -> dict[str, Floats]:
    """Faces of the native size, aligned. noise [K,3,128,128] in [0,1] asks for K answers to one picture, or for one to
    each of K; without it, setting seed says which is drawn. fast=true takes the form that the service uses.

    Raises Failure.
    """
    image, hole = picture(arrays, spec.native)
    quick = options.flag("fast")
    noise = _noise(arrays, options, image)
    options.done(spec.title)
    net = cast(Gfc, weights.fast(TYPES[options.precision]) if quick else weights.network())
    half = options.precision == "bf16" and not quick
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
        raw = net(image, hole, noise=noise).float()
    return answer(image, hole, raw)


def _noise(arrays: Arrays, options: Options, image: Tensor) -> Tensor:
    """What stands in the hole. Raises Failure arrays_wrong, bad_setting."""
    seed = options.number("seed", 0, "a whole number from 0 up", 2**31)
    if "noise" not in arrays.values:
        return torch.rand(image.shape, generator=torch.Generator().manual_seed(math.floor(seed)))
    number: int | str = "K" if len(image) == 1 else len(image)
    return torch.from_numpy(arrays.floats("noise", number, *image.shape[1:], within=(0, 1)))
