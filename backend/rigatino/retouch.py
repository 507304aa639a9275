"""A fill on a whole picture: the region to send, and the answer laid back over the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rigatino import compose
from rigatino.pictures import Picture
from rigatino_wire.client import new_id
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Array, Fill, Filled
from rigatino_wire.region import Box, ContextRule, context


@dataclass(frozen=True)
class Options:
    """What a user can set; network "" is the bundled one, seed -1 a new one."""

    network: str = ""
    grow: int = 4
    feather: float = 4.0
    seed: int = -1
    precision: str = "auto"
    detail: bool = True
    candidates: int = 1
    variety: float = 1.0
    seam: str = "auto"
    quality: str = "balanced"


def request(picture: Picture, mask: NDArray[np.uint8], options: Options, rule: ContextRule) -> Fill:
    """The request for the hole of a mask [H,W]; Failure size_mismatch, hole_empty."""
    height, width = picture.rgba.shape[:2]
    if mask.shape != (height, width):
        raise Failure("size_mismatch", picture=f"{width}x{height}", mask=f"{mask.shape[1]}x{mask.shape[0]}")
    hole = compose.bounds(mask > 0)
    if hole.empty:
        raise Failure("hole_empty")
    reach = options.grow + int(np.ceil(options.feather))
    region = context(hole.grow(reach), Box(0, 0, width, height), rule)
    return Fill(
        id=new_id(),
        image=_cut(picture.rgba, region),
        hole=_cut(mask[..., None], region),
        offset=(region.x, region.y),
        **vars(options),
    )


def lay(picture: Picture, filled: Filled, candidate: int = 0) -> Picture:
    """The picture with the fill over it; pixels where the fill is transparent stay bit for bit."""
    fill = np.frombuffer(filled.fill.view, np.uint8).reshape(filled.fill.shape)[candidate]
    x, y = filled.offset
    height, width = fill.shape[:2]
    rgba = picture.rgba.copy()
    below = rgba[y : y + height, x : x + width]
    rgba[y : y + height, x : x + width] = over(below, fill)
    return replace(picture, rgba=rgba)


def over(below: NDArray[np.uint8], above: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay RGBA [H,W,4] over RGBA, neither premultiplied; exact where `above` is transparent or opaque."""
    top, bottom = above[..., 3:].astype(np.float64) / 255, below[..., 3:].astype(np.float64) / 255
    alpha = top + bottom * (1 - top)
    weight = np.divide(top, alpha, out=np.zeros_like(top), where=alpha > 0)
    rgb = above[..., :3] * weight + below[..., :3] * (1 - weight)
    mixed = np.concatenate((rgb, alpha * 255), -1)
    return np.where(top > 0, np.floor(mixed + 0.5), below).astype(np.uint8)


def marked(picture: Picture, mask: NDArray[np.uint8]) -> Picture:
    """The picture with its hole in magenta, to show what will be filled."""
    rgba = picture.rgba.copy()
    rgba[mask > 0] = (255, 0, 255, 255)
    return replace(picture, rgba=rgba)


def _cut(pixels: NDArray[np.uint8], box: Box) -> Array:
    part = np.ascontiguousarray(pixels[box.y : box.bottom, box.x : box.right])
    return Array("u8", part.shape, part.data.cast("B"))
