"""How the exemplar engine presents itself. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rigatino_models.spec import NetworkSpec

PAPER = (
    "Wexler, Shechtman, Irani, Space-Time Completion of Video, PAMI 2007; "
    "Barnes et al., PatchMatch, SIGGRAPH 2009"
)


def describe(name: str, config: Mapping[str, Any], weights_licence: str, format_origin: str) -> NetworkSpec:
    """The spec of the engine; `config` holds the fields of exemplar.synthesis.Settings."""
    return NetworkSpec(
        name=name,
        title="Exemplar",
        system="exemplar",
        good_for="textures: copies patches of the picture, with no network",
        multiple=1,
        minimum=1,
        native=512,
        comfortable=1024,
        square=False,
        dtypes=("fp32",),
        stochastic=False,
        hole_polarity_inside=1,
        weights_licence=weights_licence,
        paper=PAPER,
        format_origin=format_origin,
        context_factor=2.0,
        context_margin=64,
        context_minimum=256,
    )
