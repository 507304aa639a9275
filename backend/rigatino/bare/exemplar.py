"""The exemplar engine on arrays: image, hole -> raw, out."""

from __future__ import annotations

from rigatino.arrays import Arrays, Floats
from rigatino.bare.common import Options, answer, picture
from rigatino_models.convert import Weights
from rigatino_models.inpainter import Inpainter
from rigatino_models.spec import NetworkSpec


def run(weights: Weights, spec: NetworkSpec, arrays: Arrays, options: Options) -> dict[str, Floats]:
    """Any size; it has no settings. Raises Failure."""
    image, hole = picture(arrays)
    options.done(spec.title)
    raw = Inpainter(weights.network(), spec.multiple, spec.minimum).raw(image, hole)
    return answer(image, hole, raw)
