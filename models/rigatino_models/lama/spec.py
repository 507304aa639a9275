"""How a LaMa presents itself, told from its configuration alone. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rigatino_models.spec import NetworkSpec

PAPER = (
    "Suvorov et al., Resolution-robust Large Mask Inpainting with Fourier Convolutions, "
    "WACV 2022, arXiv 2109.07161"
)
PUBLISHED_WIDTHS = (64, 128, 256, 512)
PUBLISHED_TITLES = {
    (18, 384): "Big-LaMa",
    (9, 384): "LaMa-Fourier",
    (9, 0): "LaMa-Regular",
    (15, 0): "Big-LaMa-Regular",
}
SMALLEST_SIDE = 16
PIXEL_BYTES = 16  # for each channel at full size; the small network takes 508 in all, measured
MARGIN = 16  # that one sees mirrored, where its hole is near the edge
COARSEST = 128  # where a network that corrects a first guess takes its first look


def describe(name: str, config: Mapping[str, Any], weights_licence: str, format_origin: str) -> NetworkSpec:
    """The spec of a LaMa with LamaConfig's fields in `config`."""
    downs = len(config["widths"]) - 1
    square = bool(config.get("enable_lfu", False))
    return NetworkSpec(
        name=name,
        title=title(config),
        system="lama",
        good_for="large holes, regular structures and textures",
        # The local Fourier unit quarters the bottleneck, so its side is even.
        multiple=2 ** (downs + 1) if square else 2**downs,
        # The bottleneck is padded by reflection, so it has 2 cells or more.
        minimum=max(SMALLEST_SIDE, 2 ** (downs + 1)),
        native=256,
        comfortable=1024,
        coarsest=COARSEST if config.get("prefill") else 0,
        square=square,
        dtypes=("fp32", "bf16"),
        stochastic=False,
        hole_polarity_inside=1,
        weights_licence=weights_licence,
        paper=PAPER,
        format_origin=format_origin,
        context_factor=2.0,
        context_margin=128,
        context_minimum=512,
        pixel_bytes=PIXEL_BYTES * config["widths"][0],
        margin=MARGIN if config.get("prefill") else 0,
        soft=bool(config.get("prefill")),  # trained by the recipe of ours, which has no adversary
    )


def title(config: Mapping[str, Any]) -> str:
    """The published name of a configuration, or a description of one that no paper uses."""
    blocks, global_width = config["blocks"], config["global_width"]
    plain = not (config.get("enable_lfu") or config.get("gated_skips") or config.get("prefill"))
    if plain and tuple(config["widths"]) == PUBLISHED_WIDTHS and (blocks, global_width) in PUBLISHED_TITLES:
        return PUBLISHED_TITLES[blocks, global_width]
    family = "LaMa-Fourier" if global_width else "LaMa-Regular"
    return f"{family} ({config['widths'][0]} wide, {blocks} blocks)"
