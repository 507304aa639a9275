"""The contact sheet: photographs with their holes, and what each filler made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from rigatino import atomic

MAGENTA = (255, 0, 255)
LINE, GAP = 16, 4  # pixels: height of a line of words, space between pictures
LARGEST = 256  # pixels of a picture's side on the sheet
HIGHEST = 65_000  # pixels that a JPEG can have


@dataclass(frozen=True)
class Strip:
    """One row: hole, results in the order of the fillers, and photograph, squares as large as they are shown."""

    name: str
    pictures: Sequence[Image.Image]

    @classmethod
    def of(
        cls,
        name: str,
        original: NDArray[np.uint8],
        hole: NDArray[np.uint8],
        results: Sequence[NDArray[np.uint8]],
    ) -> Strip:
        """The row of a photograph [S,S,3], its hole [S,S], and the results [S,S,3]."""
        side = min(LARGEST, len(original))
        shown = [Image.fromarray(picture) for picture in (marked(original, hole), *results, original)]
        return cls(name, [picture.resize((side, side), Image.Resampling.BOX) for picture in shown])


def marked(picture: NDArray[np.uint8], hole: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture [H,W,3] with its hole [H,W] in magenta."""
    return np.where(hole[..., None] > 0, np.asarray(MAGENTA, np.uint8), picture)


def write(path: Path, strips: Mapping[str, Sequence[Strip]], fillers: Sequence[str]) -> None:
    """Write the rows of each kind of hole as one JPEG, pictures at most 256 pixels wide.

    Raises Failure file_unwritable.
    """
    rows = [(kind, strip) for kind, found in strips.items() for strip in found]
    side = rows[0][1].pictures[0].height
    rows = rows[: (HIGHEST - LINE) // (side + LINE + GAP)]
    headings = ["hole", *fillers, "photo"]
    size = (len(headings) * (side + GAP), LINE + len(rows) * (side + LINE + GAP))
    canvas = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(canvas)
    for column, heading in enumerate(headings):
        draw.text((column * (side + GAP), 2), heading, fill="black")
    for row, (kind, strip) in enumerate(rows):
        top = LINE + row * (side + LINE + GAP)
        draw.text((0, top + 2), f"{kind}: {strip.name}", fill="black")
        for column, picture in enumerate(strip.pictures):
            canvas.paste(picture, (column * (side + GAP), top + LINE))
    with atomic.replacing(path) as part:
        canvas.save(part, "JPEG", quality=90)
