"""How a collage presents itself, told from its configuration alone. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rigatino_models.collage.classes import names
from rigatino_models.spec import NetworkSpec

PAPER = (
    "Suzuki, Koyama, Miyato, Yonetsuji, Zhu, Spatially Controllable Image Synthesis with Internal "
    "Representation Collaging, 2018, arXiv 1811.10153"
)
LICENCE = "MIT"  # of the original's code and published weights
PARTS = ("generator", "discriminator", "encoder", "auxiliary")

OPTIONAL = {
    "generator": "generator: there are no pictures without it",
    "discriminator": "discriminator: pictures are matched by their pixels alone, and no class is guessed",
    "encoder": "encoder: projections begin at latents that chance draws",
}


def describe(name: str, config: Mapping[str, Any], weights_licence: str, format_origin: str) -> NetworkSpec:
    """The spec of a collage with CollageConfig's fields in `config`. It makes pictures of one size.

    It fills no holes: it changes what a place shows. Without a generator it can be asked for nothing.
    """
    makes = bool(config["generator"])
    side = 4 << len(config["generator"]) >> 1 if makes else 4
    return NetworkSpec(
        name=name,
        title=title(config),
        system="collage",
        good_for="painting other classes into animals, transplanting parts of others",
        multiple=side,
        minimum=side,
        native=side,
        comfortable=side,
        square=True,
        dtypes=("fp32",),
        stochastic=True,
        hole_polarity_inside=1,
        weights_licence=weights_licence,
        paper=PAPER,
        format_origin=format_origin,
        context_factor=3.0,
        context_margin=32,
        context_minimum=side,
        tasks=("paint", "transplant") if makes else (),
        classes=names(config["classes"], config["names"]),
        missing=tuple(text for part, text in OPTIONAL.items() if not config[part]),
    )


def title(config: Mapping[str, Any]) -> str:
    """Neural Collage and its side, or the parts that are there where there is no generator."""
    if config["generator"]:
        return f"Neural Collage {4 << len(config['generator']) >> 1}"
    parts = [part for part in PARTS if config[part]]
    return f"Neural Collage, {' and '.join(parts)} alone"
