"""A run's log as curves: one panel for each value, against samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

PANEL, COLUMNS, TOP, EDGE = (320, 180), 3, 28, 12
NOT_CURVES = {"step", "samples", "seconds"}


def write(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Draw all values of log lines as a PNG: raw in grey, smoothed in black, lowest and highest value in numbers."""
    series: dict[str, list[tuple[float, float]]] = {}
    for line in lines:
        for name in line.keys() - NOT_CURVES:
            value = math.nan if line[name] is None else float(line[name])
            series.setdefault(name, []).append((float(line["samples"]), value))
    names = sorted(series)
    rows = max(1, -(-len(names) // COLUMNS))
    page = Image.new("RGB", (COLUMNS * PANEL[0], rows * PANEL[1]), "white")
    for index, name in enumerate(names):
        page.paste(panel(name, series[name]), (index % COLUMNS * PANEL[0], index // COLUMNS * PANEL[1]))
    page.save(path, format="png")


def panel(name: str, points: Sequence[tuple[float, float]]) -> Image.Image:
    """One curve in a frame; values that are not finite are left out."""
    image = Image.new("RGB", PANEL, "white")
    draw = ImageDraw.Draw(image)
    points = [(x, y) for x, y in points if abs(y) < float("inf")]
    draw.rectangle((EDGE, TOP, PANEL[0] - EDGE, PANEL[1] - EDGE), outline="silver")
    if not points:
        draw.text((EDGE, 8), f"{name}: no finite values", fill="black")
        return image
    values = [y for _, y in points]
    low, high = min(values), max(values)
    draw.text((EDGE, 8), f"{name}  {low:.4g} .. {high:.4g}  now {values[-1]:.4g}", fill="black")
    width, height = PANEL[0] - 2 * EDGE, PANEL[1] - TOP - EDGE
    last = points[-1][0] or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        return EDGE + x / last * width, PANEL[1] - EDGE - (y - low) / ((high - low) or 1.0) * height

    draw.line([place(x, y) for x, y in points], fill="silver")
    draw.line([place(*point) for point in smoothed(points)], fill="black", width=2)
    return image


def smoothed(points: Sequence[tuple[float, float]], keep: float = 0.9) -> list[tuple[float, float]]:
    """An exponential average that begins with the first values' plain mean."""
    out: list[tuple[float, float]] = []
    average = 0.0
    for count, (x, y) in enumerate(points):
        average += (1 - min(keep, count / (count + 1))) * (y - average)
        out.append((x, average))
    return out
