"""What an edit found, as the text that a client keeps: base64 of float32, the class first, then one latent or two."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rigatino_wire.errors import Failure


@dataclass(frozen=True)
class Latent:
    """Where a projection begins: z [1,latent], and whether it was found before (else drawn)."""

    z: Tensor
    given: bool


@dataclass(frozen=True)
class Latents:
    """The class of what a picture shows (-1: unknown), its latent [1,latent], and perhaps its reference's."""

    base: int
    z: Sequence[Tensor]


def text(found: Latents) -> str:
    """As it travels."""
    values = [np.array([found.base], np.float32), *(z.detach().cpu().numpy()[0] for z in found.z)]
    return base64.b64encode(np.concatenate(values).astype("<f4").tobytes()).decode("ascii")


def read(text: str, length: int, classes: int) -> Latents:
    """What `text` made; nothing of "". Raises Failure bad_setting for what does not belong to such a network."""
    if not text:
        return Latents(-1, [])
    try:
        values = np.frombuffer(base64.b64decode(text, validate=True), "<f4").astype(np.float32)
    except (binascii.Error, ValueError) as error:
        raise _wrong(text) from error
    if len(values) not in (1 + length, 1 + 2 * length) or not np.isfinite(values).all():
        raise _wrong(text)
    base = int(values[0])
    if base != values[0] or not 0 <= base < classes:
        raise _wrong(text)
    return Latents(base, list(torch.from_numpy(values[1:].copy()).view(-1, 1, length)))


def _wrong(text: str) -> Failure:
    value = text if len(text) <= 20 else f"{text[:20]}…"
    return Failure(
        "bad_setting", name="latent", value=value, expected="the latent of a reply that this network gave"
    )
