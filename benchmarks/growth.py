"""How the cost of a fill grows with its hole, with the picture, and with the number of holes.

    python benchmarks/growth.py --plot docs/images/growth.png [--network NAME] [--largest 512] [--runs 1]

From a picture and its mask in memory to the answer, as `rigatino fill` does it, in this process: the least processor
time of some runs on one thread, and the most memory that the process held meanwhile. Bundled network unless another is
named, quality "balanced". The plot has a panel for each: seconds in black, megabytes in grey, from 0 up. The last line
is JSON: {panel: [[x, seconds, megabytes], ...]}. Linux only.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from end_to_end import Pixels, peak, scene
from PIL import Image, ImageDraw

from rigatino import retouch, weights
from rigatino.pictures import Picture
from rigatino.service import Service
from rigatino.settings import Settings
from rigatino_models.memory import keep_freed_memory, release_freed_memory
from rigatino_wire.region import ContextRule
from rigatino_wire.several import ask

HOLE = 64  # pixels, where something else varies
MEGAPIXELS = (1, 3, 6, 12, 24)
NUMBERS = (1, 2, 4, 8)
WIDTH, HEIGHT, MARGIN = 400, 280, 48
Point = tuple[float, float, float]  # x, seconds, megabytes


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plot", type=Path, required=True)
    parser.add_argument("--network", default="")
    parser.add_argument("--largest", type=int, default=512)
    parser.add_argument("--runs", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        meter = Meter(Service(Settings(Path(folder), device="cpu")), arguments.network, arguments.runs)
        sides = [side for side in (32, 64, 128, 256, 512, 1024, 1500) if side <= arguments.largest]
        found = {
            "side of the hole, of 12 megapixels": [
                meter.point(side, *scene(3000, 4000, side)) for side in sides
            ],
            f"megapixels, hole of {HOLE}": [
                meter.point(size, *scene(*landscape(size), HOLE)) for size in MEGAPIXELS
            ],
            f"holes of {HOLE}, in 12 megapixels": [
                meter.point(count, *scattered(count)) for count in NUMBERS
            ],
        }
    draw(arguments.plot, found)
    print(json.dumps(found))


class Meter:
    """Fills by one service and what they take."""

    def __init__(self, service: Service, network: str, runs: int) -> None:
        self.service, self.runs = service, runs
        self.options = retouch.Options(network, seed=0)
        infos = weights.network_infos()
        self.rule: ContextRule = next(info.rule for info in infos if network in ("", info.name))
        self.fill(*scene(256, 256, 64))  # loads the network

    def point(self, x: float, picture: Picture, mask: Pixels) -> Point:
        """x, seconds, megabytes."""
        release_freed_memory()
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins again
        seconds = min(self.fill(picture, mask) for _ in range(self.runs))
        print(x, round(seconds, 3), file=sys.stderr, flush=True)
        return x, round(seconds, 4), peak("self")

    def fill(self, picture: Picture, mask: Pixels) -> float:
        """Seconds of one fill."""
        begun = time.process_time()
        requests = retouch.requests(picture, mask, self.options, self.rule)
        ask(requests, lambda request, whole: self.service.answer(request, lambda *_: None))
        return time.process_time() - begun


def landscape(megapixels: int) -> tuple[int, int]:
    """Height and width, 2 to 3."""
    height = round((megapixels * 1e6 * 2 / 3) ** 0.5)
    return height, height * 3 // 2


def scattered(count: int) -> tuple[Picture, Pixels]:
    """So many holes on a grid of 700 pixels: far enough from each other that each has its own part."""
    picture, mask = scene(3000, 4000, 0)
    for number in range(count):
        top, left = 300 + number // 4 * 700, 300 + number % 4 * 700
        mask[top : top + HOLE, left : left + HOLE] = 255
    return picture, mask


def draw(path: Path, panels: Mapping[str, Sequence[Point]]) -> None:
    """One panel beside the other, as a PNG."""
    page = Image.new("RGB", (WIDTH * len(panels), HEIGHT), "white")
    for number, (title, points) in enumerate(panels.items()):
        page.paste(panel(title, points), (number * WIDTH, 0))
    page.save(path, format="png", optimize=True)


def panel(title: str, points: Sequence[Point]) -> Image.Image:
    """Seconds in black, megabytes in grey, each from 0 to its own largest value."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen = ImageDraw.Draw(image)
    xs, seconds, megabytes = np.array(points).T
    pen.text((MARGIN, 8), title, fill="black")
    pen.text((MARGIN, 24), f"up to {seconds.max():.2f} s, {megabytes.max():.0f} MB (grey)", fill="black")
    pen.rectangle((MARGIN, MARGIN, WIDTH - 16, HEIGHT - 32), outline="silver")

    def place(x: float, share: float) -> tuple[float, float]:
        return MARGIN + x / xs.max() * (WIDTH - 16 - MARGIN), HEIGHT - 32 - share * (HEIGHT - 48 - MARGIN)

    for values, colour in ((megabytes, "darkgrey"), (seconds, "black")):
        line = [place(x, value / values.max()) for x, value in zip(xs, values, strict=True)]
        pen.line(line, fill=colour, width=2)
        for x, y in line:
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
    for x in xs[xs >= xs.max() / 4]:
        pen.text((place(x, 0)[0] - 8, HEIGHT - 28), f"{x:g}", fill="black")
    return image


if __name__ == "__main__":
    main()
