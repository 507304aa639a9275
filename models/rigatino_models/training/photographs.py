"""Whether a run that goes on sees the photographs that it began with."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import torch
from torch import Tensor

from rigatino_models.data.photos import Photos
from rigatino_models.training.settings import wrong


def fingerprints(photos: Photos) -> Tensor:
    """A number for the name and size of each [N] int64, in an order that is not the photographs'."""
    texts = (f"{name} {photos.shape(i)}".encode() for i, name in enumerate(photos.names))
    raw = b"".join(hashlib.blake2b(text, digest_size=8).digest() for text in texts)
    return torch.from_numpy(np.sort(np.frombuffer(raw, "<i8")).astype(np.int64))


def check_same(now: Tensor, before: Tensor) -> None:
    """Raise ModelError bad_setting where the fingerprints are not those that a run began with."""
    if torch.equal(now, before):
        return
    mine, theirs = Counter(now.tolist()), Counter(before.tolist())
    value = f"{len(now)} photographs, with {(mine - theirs).total()} new ones and {(theirs - mine).total()} missing"
    expected = f"the {len(before)} that the run began with, with the same names and sizes"
    raise wrong("--data", value, expected)
