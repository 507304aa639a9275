"""The training samples cut from photographs, each a function of the seed and its number."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from rigatino_models.data import crops, masks
from rigatino_models.data.photos import Beside, Photos, Pixels, Unreadable

TRIES = 100  # photographs drawn for one sample before all are taken for lost


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
        rng, crop, pixels = self._drawn(index)
        photo = torch.from_numpy(pixels).permute(2, 0, 1)
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
        return crops.draw(rng, picked, self.photos.shape(picked), self.side, self.scales, self.augment)

    def _drawn(self, index: int) -> tuple[masks.Random, crops.Crop, Pixels]:
        """A crop and its photo; another one, also by seed and number, where the file proves unreadable."""
        for attempt in range(TRIES):
            rng = np.random.default_rng((self.seed, index, attempt) if attempt else (self.seed, index))
            crop = self.crop(rng)
            try:
                return rng, crop, self.photos.pixels[crop.photo]
            except Unreadable:
                continue
        raise Unreadable(f"{TRIES} photographs one after another")
