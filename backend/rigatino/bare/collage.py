"""The collage's networks on arrays. Which one runs is for the file, or where it holds several, for the arrays to say.

Generator: z, label -> raw. Encoder: image, label -> z. Discriminator: image, label -> features, score.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor

from rigatino.arrays import Arrays, Floats
from rigatino.bare.common import Options, array
from rigatino.pool import TYPES
from rigatino_models.collage.layers import Look, Painted
from rigatino_models.collage.net import Collage, CollageConfig
from rigatino_models.convert import Weights
from rigatino_models.spec import NetworkSpec


def run(weights: Weights, spec: NetworkSpec, arrays: Arrays, options: Options) -> dict[str, Floats]:
    """fast=true takes the form that the service uses; part=generator|encoder|discriminator is asked for where a file
    has several and the arrays do not tell.

    Raises Failure.
    """
    quick = options.flag("fast")
    net = cast(Collage, weights.fast(TYPES[options.precision]) if quick else weights.network())
    part = _part(net, arrays, options)
    options.done(spec.title)
    half = options.precision == "bf16" and not quick
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
        if part == "generator":
            return _generated(net, arrays)
        return _encoded(net, arrays) if part == "encoder" else _judged(net, arrays)


def _part(net: Collage, arrays: Arrays, options: Options) -> str:
    """The network to run. Raises Failure bad_setting."""
    there = [part for part in ("generator", "encoder", "discriminator") if getattr(net, part) is not None]
    fitting = [part for part in there if (part == "generator") == ("z" in arrays.values)]
    return options.choice("part", (fitting or there)[0], *there)


def _generated(net: Collage, arrays: Arrays) -> dict[str, Floats]:
    """Pictures of z [N,latent] and label [N]; class_map_0 ... and z_ref with blend_0 ... where they are given."""
    config = net.config
    z = torch.from_numpy(arrays.floats("z", "N", config.latent))
    looks = _looks(arrays, config, _labels(arrays, len(z), config))
    if "z_ref" not in arrays.values:
        return {"raw": array(net.picture(z, looks))}
    reference = torch.from_numpy(arrays.floats("z_ref", len(z), config.latent))
    blends = [_map(arrays, f"blend_{i}", 3, side)[None] for i, side in enumerate(config.blend_sides)]
    return {"raw": array(net.collage([z, reference], looks, blends))}


def _looks(arrays: Arrays, config: CollageConfig, labels: Tensor) -> list[Look]:
    """The label everywhere, or the weights of the classes at the size of each normalisation."""
    if "class_map_0" not in arrays.values:
        return [labels] * len(config.map_sides)
    classes = torch.arange(config.classes)
    return [
        Painted(classes, _map(arrays, f"class_map_{i}", config.classes, side)[None])
        for i, side in enumerate(config.map_sides)
    ]


def _map(arrays: Arrays, name: str, channels: int, side: int) -> Tensor:
    return torch.from_numpy(arrays.floats(name, channels, side, side))


def _encoded(net: Collage, arrays: Arrays) -> dict[str, Floats]:
    """Latents of pictures of the encoder's own size."""
    assert net.encoder is not None
    side = net.config.encoder_side
    image = torch.from_numpy(arrays.floats("image", "N", 3, side, side, within=(0, 1)))
    return {"z": array(net.encoder(2 * image - 1, _labels(arrays, len(image), net.config)))}


def _judged(net: Collage, arrays: Arrays) -> dict[str, Floats]:
    """Features [N,D] and scores [N] of pictures whose sides can be halved often enough."""
    assert net.discriminator is not None
    image = torch.from_numpy(arrays.floats("image", "N", 3, "H", "W", within=(0, 1)))
    multiple = net.discriminator.multiple
    if any(side % multiple for side in image.shape[-2:]):
        shape = list(image.shape)
        raise arrays.wrong("image", f"has the shape {shape}, whose sides are no multiples of {multiple}")
    labels = _labels(arrays, len(image), net.config)
    features = net.discriminator.features(2 * image - 1)
    score = net.discriminator.scores(features).gather(1, labels[:, None])[:, 0]
    return {"features": array(features.flatten(1)), "score": array(score)}


def _labels(arrays: Arrays, number: int, config: CollageConfig) -> Tensor:
    """Classes [N], whole numbers of any type. Raises Failure arrays_wrong."""
    labels = arrays.values.get("label")
    if labels is None:
        raise arrays.wrong("label", "is missing")
    if labels.shape != (number,):
        raise arrays.wrong("label", f"has the shape {list(labels.shape)}, not [{number}]")
    if labels.dtype.kind not in "iuf" or not np.isin(labels, np.arange(config.classes)).all():
        raise arrays.wrong("label", f"holds values that are not whole numbers from 0 to {config.classes - 1}")
    return torch.from_numpy(labels.astype(np.int64))
