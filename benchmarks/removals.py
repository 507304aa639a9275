"""Real objects taken out of Kodak's photographs, by the bundled model and by PatchMatch, to be judged by eye.

    python benchmarks/removals.py PHOTOS --out DIR [--blind SEED]

PHOTOS: Kodak's 24 photographs of 768x512 pixels, whose names hold their numbers. removals.tsv says what goes, and its
outline as one draws it in a hurry; both fillers are given that, grown by 4 pixels as the plug-in does. Writes
removals.jpg: hole, ours, PatchMatch. With --blind the two stand in an order that the seed shuffles row by row, and
key.txt says which is where, for whoever wants to judge first and look then. Needs the extra `eval`.
"""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from rigatino.evaluation import fillers
from rigatino.evaluation.sheet import marked
from rigatino.service import Service
from rigatino.settings import Settings

GROW = 4  # pixels, the plug-in's default
WIDE, HIGH, GAP, LINE = (
    240,
    180,
    4,
    14,
)  # pixels of a picture on the sheet, between pictures, of a line of words
AROUND = 2.2  # how much is shown, in sides of the hole
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Removal:
    """What goes from which photograph, and its outline in pixels (x, y)."""

    photo: str
    what: str
    outline: list[tuple[int, int]]


def main() -> None:
    """Remove, and draw the sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--blind", type=int)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Settings(Path(folder)))
        compared = [fillers.make(name, lambda: service, 0, True) for name in ("", "patchmatch")]
        rows = [row(removal, arguments.photos, compared) for removal in removals()]
    headings = ["hole", "ours", "PatchMatch"]
    if arguments.blind is not None:
        (arguments.out / "key.txt").write_text(shuffled(rows, random.Random(arguments.blind)), "utf-8")
        headings = ["hole", "A", "B"]
    sheet(rows, headings).save(arguments.out / "removals.jpg", quality=88)


def removals() -> list[Removal]:
    """What removals.tsv holds."""
    with Path(__file__).with_name("removals.tsv").open(newline="", encoding="utf-8") as file:
        return [
            Removal(line["photo"], line["what"], [_point(pair) for pair in line["outline"].split()])
            for line in csv.DictReader(file, delimiter="\t")
        ]


def _point(pair: str) -> tuple[int, int]:
    x, y = pair.split(",")
    return int(x), int(y)


def row(removal: Removal, photos: Path, compared: list[fillers.Filler]) -> tuple[str, list[Image.Image]]:
    """(what goes, [the hole, and what each made of it]), each what is around the hole."""
    path = next(path for path in sorted(photos.iterdir()) if path.stem.endswith(removal.photo))
    with Image.open(path) as file:
        picture = np.asarray(file.convert("RGB"))
    hole = drawn(removal.outline, (picture.shape[1], picture.shape[0]))
    shown = [marked(picture, hole), *(filler.fill(picture, hole) for filler in compared)]
    return f"{removal.photo}: {removal.what}", [_around(one, removal.outline) for one in shown]


def drawn(outline: list[tuple[int, int]], size: tuple[int, int]) -> Pixels:
    """An outline in a picture of `size` (width, height) as a grown hole [H,W], 1 = fill."""
    hole = Image.new("L", size)
    ImageDraw.Draw(hole).polygon(outline, fill=1)
    return np.asarray(hole.filter(ImageFilter.MaxFilter(2 * GROW + 1)))


def _around(picture: Pixels, outline: list[tuple[int, int]]) -> Image.Image:
    """The part of a picture in which the hole is, in the sheet's proportions."""
    height, width = picture.shape[:2]
    (left, top), (right, bottom) = np.min(outline, 0), np.max(outline, 0)
    side = AROUND * max(right - left, (bottom - top) * WIDE / HIGH)
    wide, high = min(width, side), min(height, side * HIGH / WIDE)
    wide, high = min(wide, high * WIDE / HIGH), min(high, wide * HIGH / WIDE)
    x = np.clip((left + right - wide) / 2, 0, width - wide)
    y = np.clip((top + bottom - high) / 2, 0, height - high)
    box = (float(x), float(y), float(x + wide), float(y + high))
    return Image.fromarray(picture).resize((WIDE, HIGH), Image.Resampling.LANCZOS, box)


def shuffled(rows: list[tuple[str, list[Image.Image]]], rng: random.Random) -> str:
    """Put the two results of each row in an order of chance; says, row by row, which of A and B is ours."""
    key = []
    for name, shown in rows:
        swapped = rng.random() < 0.5
        shown[1:] = shown[:0:-1] if swapped else shown[1:]
        key.append(f"{name}\t{'B' if swapped else 'A'}")
    return "\n".join(key) + "\n"


def sheet(rows: list[tuple[str, list[Image.Image]]], headings: list[str]) -> Image.Image:
    """The rows in two blocks side by side, the first half on the left."""
    half = -(-len(rows) // 2)
    block, pace = len(headings) * (WIDE + GAP) + GAP, HIGH + LINE + GAP
    canvas = Image.new("RGB", (2 * block, LINE + half * pace), "white")
    draw = ImageDraw.Draw(canvas)
    for number, (name, shown) in enumerate(rows):
        left, top = number // half * block, LINE + number % half * pace
        draw.text((left, top), name, fill="black")
        for column, picture in enumerate(shown):
            x = left + column * (WIDE + GAP)
            draw.text((x, 0), headings[column], fill="black")
            canvas.paste(picture, (x, top + LINE))
    return canvas


if __name__ == "__main__":
    main()
