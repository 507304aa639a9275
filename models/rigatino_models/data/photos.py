"""Photographs held in memory, and the training samples cut from them."""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset
from tqdm import tqdm

from rigatino_models.data import masks

log = logging.getLogger(__name__)
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Photos:
    """Decoded photographs [H,W,3] uint8, with the name of each."""

    names: Sequence[str]
    pixels: Sequence[Pixels]

    def split(self, held: Sequence[str]) -> tuple[Photos, Photos]:
        """(those whose name matches none of the patterns, those that match one)."""
        match = [any(fnmatch.fnmatch(name, pattern) for pattern in held) for name in self.names]
        return self._where(match, False), self._where(match, True)

    def weights(self, patterns: Mapping[str, float]) -> NDArray[np.float64]:
        """Probability of each photo: 1, times the factor of the first pattern its name matches, normalised."""
        raw = [next((w for p, w in patterns.items() if fnmatch.fnmatch(n, p)), 1.0) for n in self.names]
        return np.asarray(raw, np.float64) / sum(raw)

    def _where(self, match: Sequence[bool], value: bool) -> Photos:
        keep = [i for i, m in enumerate(match) if m is value]
        return Photos([self.names[i] for i in keep], [self.pixels[i] for i in keep])


def load(folders: Iterable[Path], short_side: int = 512) -> Photos:
    """Read every picture below the folders, in the order of their names, reduced to the given short side.

    A picture that cannot be read is named in the log and left out.
    """
    paths = sorted(p for folder in folders for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    names, pixels = [], []
    for path in tqdm(paths, desc="reading photos", unit="photo", disable=None):
        try:
            pixels.append(_read(path, short_side))
            names.append(path.name)
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            log.warning("Left out %s: %s", path, error)
    return Photos(names, pixels)


def _read(path: Path, short_side: int) -> Pixels:
    with Image.open(path) as picture:
        rgb = picture.convert("RGB")
    scale = short_side / min(rgb.size)
    if scale < 1:
        rgb = rgb.resize((round(rgb.width * scale), round(rgb.height * scale)), Image.Resampling.LANCZOS)
    return np.asarray(rgb)


class Samples(Dataset[tuple[Tensor, Tensor]]):
    """Sample i is a function of (seed, i) alone, so that a resumed run sees what an uninterrupted one would.

    A sample is (image [3,S,S] float in [0,1], hole [1,S,S] float, 1 = fill). The photo is thought reduced to a random
    short side within `scales`, then a square of S pixels is cut from it.
    """

    def __init__(
        self,
        photos: Photos,
        side: int,
        count: int,
        seed: int,
        scales: tuple[int, int] = (160, 512),
        weights: Mapping[str, float] | None = None,
        augment: bool = True,
    ) -> None:
        self.photos, self.side, self.count, self.seed, self.scales = photos, side, count, seed, scales
        self.cumulative = np.cumsum(photos.weights(weights or {}))
        self.augment = augment

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng((self.seed, index))
        picked = min(int(np.searchsorted(self.cumulative, rng.random())), len(self.photos.pixels) - 1)
        image = self._crop(rng, self.photos.pixels[picked])
        hole = masks.mixed(rng, self.side)
        picture = torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32) / 255)
        return picture, torch.from_numpy(hole[None].astype(np.float32))

    def _crop(self, rng: masks.Random, photo: Pixels) -> Pixels:
        height, width = photo.shape[:2]
        short = min(height, width)
        target = rng.uniform(max(self.side, self.scales[0]), max(self.side, min(self.scales[1], short)))
        extent = min(short, round(self.side * short / target))
        top, left = rng.integers(0, height - extent + 1), rng.integers(0, width - extent + 1)
        patch = Image.fromarray(photo[top : top + extent, left : left + extent])
        out = np.asarray(patch.resize((self.side, self.side), Image.Resampling.LANCZOS))
        return _vary(rng, out) if self.augment else out


def _vary(rng: masks.Random, image: Pixels) -> Pixels:
    """Mirror half of the time; a little gamma and saturation."""
    if rng.random() < 0.5:
        image = image[:, ::-1]
    unit = (image / 255.0) ** rng.uniform(0.85, 1.18)
    grey = unit.mean(-1, keepdims=True)
    varied = grey + (unit - grey) * rng.uniform(0.8, 1.2)
    out: Pixels = (np.clip(varied, 0, 1) * 255 + 0.5).astype(np.uint8)
    return out
