"""CoModGAN on arrays: image, hole, z, and if wanted w_avg and noise -> raw, out, and score where there is a critic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from rigatino.arrays import Arrays, Floats
from rigatino.bare.common import Options, answer, array, picture
from rigatino.pool import TYPES
from rigatino_models.comodgan.net import CoModGAN, CoModGANConfig, Draw
from rigatino_models.convert import Weights
from rigatino_models.inpainter import composite
from rigatino_models.spec import NetworkSpec


def run(weights: Weights, spec: NetworkSpec, arrays: Arrays, options: Options) -> dict[str, Floats]:
    """Pictures of the native size. z [K,Z] asks for K answers to one picture, or for one to each of K.

    Settings: noise=none|const|random|given, psi, global_dropout, seed (of random noise and dropout), fast=true. An
    image-to-image network takes no hole. Raises Failure.
    """
    quick = options.flag("fast")
    net = cast(CoModGAN, weights.fast(TYPES[options.precision]) if quick else weights.network())
    image, hole = _picture(arrays, net.config)
    draw = _draw(arrays, options, net.config, len(image))
    options.done(spec.title)
    half = options.precision == "bf16" and not quick
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
        raw = net(image, hole, draw=draw).float()
        score = net.score(composite(image, hole, raw), hole)
    return answer(image, hole, raw) | ({} if score is None else {"score": array(score)})


def _picture(arrays: Arrays, config: CoModGANConfig) -> tuple[Tensor, Tensor]:
    """The picture and its hole; a condition is replaced everywhere. Raises Failure arrays_wrong."""
    side = config.resolution
    if not config.image_to_image:
        return picture(arrays, side)
    image = torch.from_numpy(arrays.floats("image", "N", 3, side, side, within=(0, 1)))
    return image, torch.ones_like(image[:, :1])


def _draw(arrays: Arrays, options: Options, config: CoModGANConfig, pictures: int) -> Draw:
    """What the arrays and settings say of chance. Raises Failure arrays_wrong, bad_setting."""
    number: int | str = "K" if pictures == 1 else pictures
    z = torch.from_numpy(arrays.floats("z", number, config.mapping[0]))
    average = None
    if "w_avg" in arrays.values:
        average = torch.from_numpy(arrays.floats("w_avg", 1, config.mapping[-1]))
    seed = options.number("seed", 0, "a whole number from 0 up", 2**31)
    return Draw(
        z,
        psi=options.number("psi", 1),
        average=average,
        noise=_noise(arrays, options, config, len(z)),
        dropout=options.number("global_dropout", 0, "a share from 0 to less than 1", 1),
        generator=torch.Generator().manual_seed(math.floor(seed)),
    )


def _noise(arrays: Arrays, options: Options, config: CoModGANConfig, number: int) -> str | Sequence[Tensor]:
    """The mode, or the maps that are given: noise00 of 4x4, noise01 and noise02 of 8x8, ..."""
    known = ("none", "const", "random", "given") if config.constants else ("none", "random", "given")
    mode = options.choice("noise", "const" if config.constants else "none", *known)
    if mode != "given":
        return mode
    return [
        torch.from_numpy(arrays.floats(f"noise{index:02}", number, 1, side, side))
        for index, side in enumerate(config.noise_sides)
    ]
