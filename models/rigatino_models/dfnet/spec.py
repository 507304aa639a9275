"""How a DFNet presents itself. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rigatino_models.spec import NetworkSpec

PAPER = "Hong et al., Deep Fusion Network for Image Completion, ACM Multimedia 2019, arXiv 1904.08060"
LICENCE = "CC BY-NC 4.0 (non-commercial use)"  # of the original's code and published weights
PUBLISHED_WIDTHS = [64, 128, 256, 512, 512, 512, 512, 512]
MULTIPLE = 256  # eight halvings
NATIVE = 512  # of the weights for scenes; those for faces have seen 256 alone


def describe(name: str, config: Mapping[str, Any], weights_licence: str, format_origin: str) -> NetworkSpec:
    """The spec of a DFNet with DFNetConfig's fields in `config`."""
    widths = list(config["widths"])
    return NetworkSpec(
        name=name,
        title="Deep Fusion Network" + ("" if widths == PUBLISHED_WIDTHS else f" ({widths[0]} wide)"),
        system="dfnet",
        good_for="seams: it says itself how its fill passes into the picture",
        multiple=MULTIPLE,
        minimum=MULTIPLE,
        native=NATIVE,
        comfortable=NATIVE,
        square=False,
        dtypes=("fp32", "bf16"),
        stochastic=False,
        hole_polarity_inside=0,
        weights_licence=weights_licence,
        paper=PAPER,
        format_origin=format_origin,
        context_factor=2.0,
        context_margin=64,
        context_minimum=NATIVE,
        alpha=True,
    )
