"""Photographs held in memory, and the training samples cut from them."""

from __future__ import annotations

import fnmatch
import logging
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import Dataset
from tqdm import tqdm

from rigatino_models.data import crops, masks
from rigatino_models.errors import ModelError

log = logging.getLogger(__name__)
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}
# What Pillow raises for files that are cut short, garbled or too large.
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError)
EIGHT_BIT = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"}
Pixels = NDArray[np.uint8]
# What stands beside the pictures of a batch: holes [N,1,S,S], conditions [N,3,S,S] in [0,1], or classes [N] int64.
Beside = Literal["hole", "condition", "class"]


@dataclass(frozen=True)
class Photos:
    """Decoded photographs [H,W,3] uint8, with the name of each; of a pair [H,W,6], picture and condition.

    folders: names of those that hold photographs, in order; classes: which of them each lies in.
    """

    names: Sequence[str]
    pixels: Sequence[Pixels]
    classes: Sequence[int] = ()
    folders: Sequence[str] = ()

    def split(self, held: Sequence[str]) -> tuple[Photos, Photos]:
        """(those whose name matches none of the patterns, those that match one)."""
        match = [any(fnmatch.fnmatch(name, pattern) for pattern in held) for name in self.names]
        return self._where(match, False), self._where(match, True)

    def weights(self, patterns: Mapping[str, float]) -> NDArray[np.float64]:
        """Probability of each photo: 1, times the factor of the first pattern its name matches, normalised.

        Raises ModelError bad_setting where no photo is left a chance.
        """
        raw = [next((w for p, w in patterns.items() if fnmatch.fnmatch(n, p)), 1.0) for n in self.names]
        if not any(raw):
            expected = "weights that leave at least one photograph a chance"
            raise ModelError("bad_setting", name="data.weights", value=str(dict(patterns)), expected=expected)
        return np.asarray(raw, np.float64) / sum(raw)

    def _where(self, match: Sequence[bool], value: bool) -> Photos:
        keep = [i for i, m in enumerate(match) if m is value]
        classes = [self.classes[i] for i in keep] if self.classes else ()
        names, pixels = [self.names[i] for i in keep], [self.pixels[i] for i in keep]
        return Photos(names, pixels, classes, self.folders)


def load(folders: Iterable[Path], short_side: int = 512, least: int = 1, pairs: bool = False) -> Photos:
    """Read every picture below the folders, in the order of their names, reduced to the given short side.

    pairs: the left half of each file is the condition, the right half the picture. A picture that cannot be read, or
    whose short side is below `least`, is named in the log and left out.
    """
    paths = sorted(p for folder in folders for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    parents = sorted({path.parent for path in paths})
    names, pixels, classes = [], [], []
    for path in tqdm(paths, desc="reading photos", unit="photo", disable=None):
        try:
            pixels.append(_read(path, short_side, least, pairs))
            names.append(path.name)
            classes.append(parents.index(path.parent))
        except UNREADABLE as error:
            log.warning("Left out %s: %s", path, error)
    return Photos(names, pixels, classes, [parent.name for parent in parents])


def _read(path: Path, short_side: int, least: int, pairs: bool) -> Pixels:
    with Image.open(path) as picture:
        if picture.mode not in EIGHT_BIT:
            raise ValueError(f"it has more than 8 bits per channel ({picture.mode})")
        rgb = ImageOps.exif_transpose(picture).convert("RGB")
    middle = rgb.width // 2
    halves = (
        [rgb.crop((middle, 0, 2 * middle, rgb.height)), rgb.crop((0, 0, middle, rgb.height))]
        if pairs
        else [rgb]
    )
    # torch wants it writable
    return np.concatenate([np.array(_reduced(half, short_side, least)) for half in halves], axis=2)


def _reduced(rgb: Image.Image, short_side: int, least: int) -> Image.Image:
    if min(rgb.size) < least:
        raise ValueError(f"its short side has {min(rgb.size)} pixels, a sample {least}")
    scale = short_side / min(rgb.size)
    if scale >= 1:
        return rgb
    return rgb.resize((round(rgb.width * scale), round(rgb.height * scale)), Image.Resampling.LANCZOS)


class Samples(Dataset[tuple[Tensor, Tensor]]):
    """Sample i is a function of (seed, i) alone, so that a resumed run sees what an uninterrupted one would.

    A sample is (image [3,S,S] float in [0,1], what stands beside it: a hole [1,S,S] float, 1 = fill, or else). The
    photo is thought reduced to a random short side within `scales`, then a square of S pixels is cut from it.
    """

    def __init__(
        self,
        photos: Photos,
        side: int,
        count: int,
        seed: int,
        scales: tuple[int, int] = (160, 512),
        weights: Mapping[str, float] | None = None,
        augment: crops.Augment = crops.PLAIN,
        holes: Mapping[str, float] | None = None,
        beside: Beside = "hole",
    ) -> None:
        self.photos, self.side, self.count, self.seed, self.scales = photos, side, count, seed, scales
        self.cumulative = np.cumsum(photos.weights(weights or {}))
        self.augment, self.beside = augment, beside
        self.make_hole = masks.mixture(holes) if holes else masks.mixed

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng((self.seed, index))
        crop = self.crop(rng)
        photo = torch.from_numpy(self.photos.pixels[crop.photo]).permute(2, 0, 1)
        drawn = crops.render(photo, crop, self.side)
        picture = crops.vary(drawn[None, :3], [crop])[0]
        if self.beside == "condition":
            return picture, drawn[3:]
        if self.beside == "class":
            return picture, torch.tensor(self.photos.classes[crop.photo])
        return picture, torch.from_numpy(self.make_hole(rng, self.side)[None].astype(np.float32))

    def crop(self, rng: masks.Random) -> crops.Crop:
        """Draw a photo by its weight, and a crop of it."""
        picked = min(int(np.searchsorted(self.cumulative, rng.random())), len(self.photos.pixels) - 1)
        height, width = self.photos.pixels[picked].shape[:2]
        return crops.draw(rng, picked, (height, width), self.side, self.scales, self.augment)
