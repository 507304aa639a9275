"""How a GFC presents itself. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rigatino_models.spec import NetworkSpec

PAPER = "Li, Liu, Yang, Yang, Generative Face Completion, CVPR 2017, arXiv 1704.05838"
LICENCE = (
    "not stated by their authors; trained on CelebA (non-commercial research)"  # of the published weights
)
SIDE = 128  # two dense layers fix it


def describe(name: str, config: Mapping[str, Any], weights_licence: str, format_origin: str) -> NetworkSpec:
    """The spec of a GFC with GfcConfig's fields in `config`."""
    return NetworkSpec(
        name=name,
        title="Generative Face Completion",
        system="gfc",
        good_for="hidden parts of a face",
        multiple=SIDE,
        minimum=SIDE,
        native=SIDE,
        comfortable=SIDE,
        square=True,
        dtypes=("fp32", "bf16"),
        stochastic=True,
        hole_polarity_inside=1,
        weights_licence=weights_licence,
        paper=PAPER,
        format_origin=format_origin,
        context_factor=8.0,  # the face is found in what is sent
        context_margin=512,
        context_minimum=SIDE,
        tasks=("face",),
    )
