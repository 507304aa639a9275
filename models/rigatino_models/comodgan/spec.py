"""How a CoModGAN presents itself, told from its configuration alone. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rigatino_models.spec import NetworkSpec

PAPER = (
    "Zhao et al., Large Scale Image Completion via Co-Modulated Generative Adversarial Networks, "
    "ICLR 2021, arXiv 2103.10428"
)
PUBLISHED_CODE = 1024
# Fields of the configuration that say whether the weights hold what they may lack.
OPTIONAL = {
    "average": "mean style (w_avg): it is taken from draws",
    "constants": "constant noise: none is added unless asked for",
    "critic": "discriminator: answers are not ranked",
}


def describe(name: str, config: Mapping[str, Any], weights_licence: str, format_origin: str) -> NetworkSpec:
    """The spec of a CoModGAN with CoModGANConfig's fields in `config`. It takes one size, its resolution."""
    side = 2 ** (len(config["widths"]) + 1)
    translates = bool(config.get("image_to_image", False))
    return NetworkSpec(
        name=name,
        title=title(config),
        system="comodgan",
        good_for="making the selection anew from what it shows"
        if translates
        else "large holes, many answers",
        multiple=side,
        minimum=side,
        native=side,
        comfortable=side,
        square=True,
        dtypes=("fp32", "bf16"),
        stochastic=True,
        hole_polarity_inside=0,
        weights_licence=weights_licence,
        paper=PAPER,
        format_origin=format_origin,
        context_factor=2.0,
        context_margin=64,
        context_minimum=side,
        missing=tuple(text for field, text in OPTIONAL.items() if not config.get(field)),
    )


def title(config: Mapping[str, Any]) -> str:
    """CoModGAN and its side, widths where no paper uses them."""
    widths = tuple(config["widths"])
    kind = "CoModGAN image to image" if config.get("image_to_image") else "CoModGAN"
    published = tuple(min(8192 >> level, 512) for level in range(len(widths)))
    usual = widths == published and config["global_width"] == PUBLISHED_CODE
    return f"{kind} {4 << len(widths) >> 1}" + ("" if usual else f" ({widths[-1]} wide)")
