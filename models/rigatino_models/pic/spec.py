"""How a PIC presents itself. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rigatino_models.spec import NetworkSpec

PAPER = "Zheng, Cham, Cai, Pluralistic Image Completion, CVPR 2019, arXiv 1903.04227"
SIDE = 256  # the latent is 8x8 of it, and the authors found no other size to work
LICENCE = "CC BY-NC 4.0 (non-commercial use)"  # of the original's code and published weights


def describe(name: str, config: Mapping[str, Any], weights_licence: str, format_origin: str) -> NetworkSpec:
    """The spec of a PIC with PicConfig's fields in `config`."""
    return NetworkSpec(
        name=name,
        title="Pluralistic Image Completion",
        system="pic",
        good_for="several different answers for faces, buildings and scenes at 256 pixels",
        multiple=SIDE,
        minimum=SIDE,
        native=SIDE,
        comfortable=SIDE,
        square=True,
        dtypes=("fp32", "bf16"),
        stochastic=True,
        hole_polarity_inside=0,
        weights_licence=weights_licence,
        paper=PAPER,
        format_origin=format_origin,
        context_factor=2.0,
        context_margin=64,
        context_minimum=SIDE,
        missing=() if config.get("critic") else ("discriminator: answers are not ranked",),
    )
