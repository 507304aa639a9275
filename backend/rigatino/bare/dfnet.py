"""DFNet on arrays: image, hole -> raw (the fused result), alpha, out."""

from __future__ import annotations

import torch

from rigatino.arrays import Arrays, Floats
from rigatino.bare.common import Options, answer, array, picture
from rigatino.pool import TYPES
from rigatino_models.convert import Weights
from rigatino_models.inpainter import Inpainter
from rigatino_models.spec import NetworkSpec


def run(weights: Weights, spec: NetworkSpec, arrays: Arrays, options: Options) -> dict[str, Floats]:
    """Any size; setting fast=true takes the form that the service uses. Raises Failure."""
    image, hole = picture(arrays)
    quick = options.flag("fast")
    options.done(spec.title)
    network = weights.fast(TYPES[options.precision]) if quick else weights.network()
    with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16" and not quick):
        found = Inpainter(network, spec.multiple, spec.minimum).fused(image, hole)
    return answer(image, hole, found.picture) | {"alpha": array(found.alpha)}
