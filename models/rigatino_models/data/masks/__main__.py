"""Contact sheets of the registered holes: `python -m rigatino_models.data.masks DIR` writes masks-FAMILY.jpg there."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from rigatino_models.data.masks import MASKS

SIDE, SHOWN, SMALL, GAP, LABEL, SEED = 512, 8, 104, 6, 130, 0
FAMILIES = {"lama": "lama", "comodgan": "comodgan", "mat": "comodgan", "pic": "pic", "gfc": "pic"}


def families() -> dict[str, list[str]]:
    """File stem -> names of generators."""
    found: dict[str, list[str]] = {}
    for name in MASKS:
        found.setdefault(FAMILIES.get(name.partition("-")[0], "ours"), []).append(name)
    return found


def sheet(names: list[str]) -> Image.Image:
    """One row of eight holes for each generator, drawn at 512 pixels (LaMa's of 256 at 256), white = hole."""
    cell = SMALL + GAP
    page = Image.new("L", (LABEL + SHOWN * cell, GAP + len(names) * cell), 128)
    draw = ImageDraw.Draw(page)
    for row, name in enumerate(names):
        top = GAP + row * cell
        draw.text((GAP, top + SMALL // 2 - 6), name, fill=255)
        side = 256 if "256" in name or "train" in name else SIDE
        for column in range(SHOWN):
            hole = MASKS[name](np.random.default_rng((SEED, column)), side)
            small = Image.fromarray(hole * 255).resize((SMALL, SMALL), Image.Resampling.BOX)
            page.paste(small, (LABEL + column * cell, top))
    return page


def main(folder: Path) -> None:
    """Write a sheet for each family."""
    for family, names in families().items():
        sheet(names).save(folder / f"masks-{family}.jpg", quality=50, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
