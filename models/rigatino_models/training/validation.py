"""How a run does on photographs that it does not train on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor, nn

from rigatino_models.data.batches import Batch, Workers
from rigatino_models.data.photos import Photos
from rigatino_models.data.samples import Samples
from rigatino_models.training import sheet
from rigatino_models.training.settings import Recipe

COUNT, BATCH, SEED, COLUMNS, ROWS = 64, 16, 12345, 8, 3
CPU = torch.device("cpu")


class Completes(Protocol):
    """What is measured: it completes pictures, and knows its recipe and the photographs to be measured on."""

    recipe: Recipe
    held: Photos

    def complete(self, image: Tensor, beside: Tensor) -> Tensor:
        """The answer [N,3,H,W] on the CPU."""


def fixed(run: Completes) -> Iterator[Batch]:
    """Batches of 64 samples that are always the same, of held photos without their variations."""
    data = run.recipe.data
    samples = Samples(
        run.held, data.side, COUNT, SEED, data.scales, holes=data.masks, beside=run.recipe.beside
    )
    return Workers(samples, CPU, 0)([list(range(i, i + BATCH)) for i in range(0, COUNT, BATCH)])


def measure(run: Completes, judge: nn.Module | None) -> tuple[dict[str, float], list[Tensor]]:
    """(mean L1 and PSNR in dB over the hole, and a perceptual distance, of the fixed samples; rows of a sheet).

    Where a condition stands beside the pictures, all of them is hole.
    """
    error, count, squared, distances = 0.0, 0.0, 0.0, []
    shown: list[tuple[Tensor, Tensor, Tensor]] = []
    for image, beside in fixed(run):
        holes = run.recipe.beside == "hole"
        hole = beside if holes else torch.ones_like(image[:, :1])
        result = run.complete(image, beside)
        difference = (result - image) * hole
        error += float(difference.abs().sum())
        squared += float(difference.square().sum())
        count += float(hole.sum()) * 3
        distances += _distance(judge, result, image)
        shown.append((sheet.marked(image, hole) if holes else beside, result, image))
    rows = [row[:COLUMNS] for batch in shown[:ROWS] for row in batch]
    found = {"held_l1": error / count, "held_psnr": -10 * math.log10(max(squared / count, 1e-12))}
    if distances:
        found["held_perceptual"] = sum(distances) / len(distances)
    return {name: round(value, 6) for name, value in found.items()}, rows


@torch.no_grad()
def _distance(judge: nn.Module | None, result: Tensor, image: Tensor) -> list[float]:
    if judge is None:
        return []
    device = next(judge.parameters()).device
    return [float(judge(result.to(device), image.to(device)))]
