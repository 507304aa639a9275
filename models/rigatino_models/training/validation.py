"""How a run does on photographs that it does not train on."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from rigatino_models.data.photos import Photos, Samples
from rigatino_models.training import sheet
from rigatino_models.training.recipe import Recipe

COUNT, BATCH, SEED, COLUMNS, ROWS = 64, 16, 12345, 8, 3


class Completes(Protocol):
    """What is measured: it completes pictures, and knows its recipe, photographs and judge."""

    recipe: Recipe
    held: Photos
    data: Samples

    def complete(self, image: Tensor, hole: Tensor) -> Tensor:
        """Composite [N,3,H,W] on the CPU."""

    @property
    def judge(self) -> nn.Module | None:
        """A perceptual distance of (result, target), if the recipe has one."""


def measure(run: Completes) -> tuple[dict[str, float], list[Tensor]]:
    """(mean L1 and PSNR in dB over the hole, and perceptual distance, of 64 fixed samples; rows of a sheet).

    Without held photos the training ones serve, without their variations.
    """
    data, photos = run.recipe.data, run.held if run.held.pixels else run.data.photos
    fixed = Samples(photos, data.side, COUNT, SEED, data.scales, holes=data.masks)
    error, count, squared, distances = 0.0, 0.0, 0.0, []
    shown: list[tuple[Tensor, Tensor, Tensor]] = []
    for image, hole in DataLoader(fixed, batch_size=BATCH):
        result = run.complete(image, hole)
        difference = (result - image) * hole
        error += float(difference.abs().sum())
        squared += float(difference.square().sum())
        count += float(hole.sum()) * 3
        distances += _distance(run.judge, result, image)
        shown.append((sheet.marked(image, hole), result, image))
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
