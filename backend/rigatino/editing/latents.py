"""What an edit found, as the text that a client keeps: base64 of float32."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rigatino_wire.errors import Failure

HALF = 1 << 24  # whole numbers below are exact in float32: a mark travels as two
BEFORE = 3  # numbers before each latent: its mark's halves and its steps


@dataclass(frozen=True)
class Found:
    """A latent [1,latent], the mark of what it was looked for in, and for how many steps in all."""

    z: Tensor
    mark: int
    steps: int


@dataclass(frozen=True)
class Latents:
    """The class of what a picture shows (-1: unknown), and what was found of it, then perhaps of its reference."""

    base: int
    found: Sequence[Found]


def mark(weights: str, photo: Tensor, base: int) -> int:
    """48 bits for what a network of these weights sees, as a class."""
    seen = hashlib.sha256(f"{weights} {base} ".encode())
    seen.update(photo.detach().cpu().numpy().tobytes())
    return int.from_bytes(seen.digest()[:6], "big")


def text(latents: Latents) -> str:
    """As it travels: the class; for each latent its mark (the upper half, the lower one), its steps and its numbers."""
    values: list[float] = [latents.base]
    for found in latents.found:
        values += [*divmod(found.mark, HALF), found.steps, *found.z.detach().flatten().tolist()]
    return base64.b64encode(np.array(values, "<f4").tobytes()).decode("ascii")


def read(text: str, length: int, classes: int) -> Latents:
    """What `text` made; nothing of "". Raises Failure bad_setting for what does not belong to such a network."""
    if not text:
        return Latents(-1, [])
    try:
        values = np.frombuffer(base64.b64decode(text, validate=True), "<f4").astype(np.float32)
    except (binascii.Error, ValueError) as error:
        raise _wrong(text) from error
    if len(values) not in (1 + k * (BEFORE + length) for k in (1, 2)) or not np.isfinite(values).all():
        raise _wrong(text)
    parts = values[1:].reshape(-1, BEFORE + length)
    whole = np.concatenate((values[:1], parts[:, :BEFORE].ravel()))
    if (whole != whole.round()).any() or (whole < 0).any() or (whole >= HALF).any() or whole[0] >= classes:
        raise _wrong(text)
    return Latents(int(values[0]), [_found(part) for part in parts])


def _found(part: np.ndarray[tuple[int], np.dtype[np.float32]]) -> Found:
    high, low, steps = (int(value) for value in part[:BEFORE])
    return Found(torch.from_numpy(part[BEFORE:].copy())[None], high * HALF + low, steps)


def _wrong(text: str) -> Failure:
    value = text if len(text) <= 20 else f"{text[:20]}…"
    return Failure(
        "bad_setting", name="latent", value=value, expected="the latent of a reply that this network gave"
    )
