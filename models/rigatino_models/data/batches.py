"""Batches of samples, made by worker processes or wholly on the device that trains.

A batch is (images [N,3,S,S] in [0,1], what stands beside them: holes [N,1,S,S], 1 = fill, for one); which samples it
holds is told by their indices.
"""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterable
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from rigatino_models.data import crops
from rigatino_models.data.photos import Unreadable
from rigatino_models.data.samples import Samples
from rigatino_models.errors import ModelError

Batch = tuple[Tensor, Tensor]
Kind = Literal["workers", "files", "device"]
BANK_SEED = 1


class Workers:
    """Worker processes draw samples ahead; 0 of them: this process does.

    They heed no signal, so whoever ends before the batches do closes the generator, or its process will wait for them.
    """

    def __init__(self, samples: Samples, device: torch.device, workers: int) -> None:
        self.samples, self.device, self.workers = samples, device, workers

    def __call__(self, parts: Iterable[list[int]]) -> Generator[Batch, None, None]:
        """One batch for each sequence of indices. Raises ModelError no_photos where one file after another is lost."""
        drawn: Any = iter(
            DataLoader(
                self.samples,
                batch_sampler=parts,
                num_workers=self.workers,
                prefetch_factor=4 if self.workers else None,
                pin_memory=self.device.type == "cuda",
                worker_init_fn=_outlive,
            )
        )
        try:
            for image, beside in drawn:
                yield image.to(self.device, non_blocking=True), beside.to(self.device, non_blocking=True)
        except Unreadable as error:
            raise ModelError("no_photos", folders="the folders given that can still be read") from error
        finally:
            if self.workers:  # an error would keep the loader, which ends them, alive
                drawn._shutdown_workers()


class OnDevice:
    """Photographs as bytes lie on the device, with a bank of holes; crops, warps and colours are made there.

    For the same seed the pictures are those of `Workers`, up to rounding; the holes are of the same kind, drawn
    from a bank of so many.
    """

    def __init__(self, samples: Samples, device: torch.device, bank: int) -> None:
        self.samples, self.device = samples, device
        self.photos = [
            torch.from_numpy(pixels).to(device).permute(2, 0, 1) for pixels in samples.photos.pixels
        ]
        drawn = [
            samples.make_hole(np.random.default_rng((samples.seed, BANK_SEED, i)), samples.side)
            for i in range(bank if samples.beside == "hole" else 1)
        ]
        self.holes = torch.from_numpy(np.stack(drawn)).to(device)[:, None]
        self.classes = torch.tensor(samples.photos.classes, device=device)

    def __call__(self, parts: Iterable[list[int]]) -> Generator[Batch, None, None]:
        """One batch for each sequence of indices."""
        for indices in parts:
            yield self.batch(indices)

    def batch(self, indices: list[int]) -> Batch:
        """The samples of these indices."""
        side, drawn, picked = self.samples.side, [], []
        for index in indices:
            rng = np.random.default_rng((self.samples.seed, index))
            drawn.append(self.samples.crop(rng))
            picked.append(int(rng.integers(len(self.holes))))
        images = torch.stack([crops.render(self.photos[crop.photo], crop, side) for crop in drawn])
        pictures = crops.vary(images[:, :3], drawn)
        if self.samples.beside == "condition":
            return pictures, images[:, 3:]
        if self.samples.beside == "class":
            return pictures, self.classes[[crop.photo for crop in drawn]]
        return pictures, self.holes[picked].float()


def source(kind: Kind, samples: Samples, device: torch.device, workers: int, bank: int) -> Workers | OnDevice:
    """What makes batches; whether the workers' photographs lie in memory or in files is theirs to say."""
    return OnDevice(samples, device, bank) if kind == "device" else Workers(samples, device, workers)


def _outlive(_: int) -> None:
    """A signal to the whole process group stops the trainer in order; its loader must serve until then."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
