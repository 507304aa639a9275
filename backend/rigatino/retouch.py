"""A fill on a whole picture: the region to send, and the answer laid back over the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rigatino import compose
from rigatino.light import decoded, encoded
from rigatino.pictures import LARGEST, Picture
from rigatino_wire import region
from rigatino_wire.client import new_id
from rigatino_wire.errors import Failure
from rigatino_wire.holes import holes
from rigatino_wire.messages import Array, Face, Fill, Filled
from rigatino_wire.region import Box, ContextRule, context, regions

BRIGHTEST = 65504.0  # what OpenEXR's half precision can hold
TYPES: dict[str, np.dtype[Any]] = {"u8": np.dtype("u1"), "f32": np.dtype("<f4")}


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
    """The request for the hole of a mask [H,W], in one region; Failure size_mismatch, hole_empty."""
    return _fill(part(picture, mask, options.grow, options.feather, rule), options)


def requests(
    picture: Picture, mask: NDArray[np.uint8], options: Options, rule: ContextRule
) -> Sequence[Fill]:
    """The requests for the holes of a mask [H,W], a region each for near ones; Failure size_mismatch, hole_empty.

    Several candidates are for all holes together, since each is ranked by all that it fills. So are all fills where a
    region shows nothing by itself.
    """
    if options.candidates > 1:
        return [request(picture, mask, options, rule)]
    frame, reach = _frame(picture, mask), options.grow + ceil(options.feather)
    found = holes(np.ascontiguousarray(mask).data.cast("B"), frame.width)
    boxes = regions([hole.grow(reach) for hole in found], frame, rule)
    if len(boxes) > 1 and not all(_tells(picture, box) for box in boxes):
        return [request(picture, mask, options, rule)]
    return [_fill(_shown(picture, mask, box), options) for box in boxes]


def _fill(shown: Part, options: Options) -> Fill:
    return Fill(id=new_id(), **shown.fields(), **vars(options))


def face(
    picture: Picture, mask: NDArray[np.uint8], options: Options, rule: ContextRule, eyes: Sequence[float]
) -> Face:
    """The request for the part of a face; eyes: x, y, x, y, or none. Failure size_mismatch, hole_empty."""
    also = region.face(eyes) if eyes else None
    shown = part(picture, mask, options.grow, options.feather, rule, also)
    return Face(id=new_id(), **shown.fields(), eyes=eyes, **vars(options))


@dataclass(frozen=True)
class Part:
    """What a request shows of a picture: its image, and the hole of a mask in it, at `offset`."""

    image: Array
    hole: Array
    offset: tuple[int, int]

    @property
    def box(self) -> Box:
        """The part's place in the picture."""
        height, width = self.hole.shape[:2]
        return Box(*self.offset, width, height)

    def fields(self) -> dict[str, Any]:
        """As a request has them."""
        return {"image": self.image, "hole": self.hole, "offset": self.offset}


def part(
    picture: Picture,
    mask: NDArray[np.uint8],
    grow: int,
    feather: float,
    rule: ContextRule,
    also: Box | None = None,
    factor: float | None = None,
) -> Part:
    """The part of a picture that a request about the hole of a mask [H,W] shows, and a box that is to be in it.

    factor: surroundings, times the hole, instead of the rule's. Raises Failure size_mismatch, hole_empty.
    """
    frame, hole = _frame(picture, mask), compose.bounds(mask > 0)
    if hole.empty:
        raise Failure("hole_empty")
    box = context(hole.grow(grow + ceil(feather)), frame, rule, factor)
    return _shown(picture, mask, box if also is None else box.join(also).intersect(frame))


def _frame(picture: Picture, mask: NDArray[np.uint8]) -> Box:
    """All of a picture; Failure size_mismatch for a mask [H,W] of another size."""
    height, width = picture.rgba.shape[:2]
    if mask.shape != (height, width):
        raise Failure("size_mismatch", picture=f"{width}x{height}", mask=f"{mask.shape[1]}x{mask.shape[0]}")
    return Box(0, 0, width, height)


def _tells(picture: Picture, box: Box) -> bool:
    """Whether any pixel of a box is half opaque or more."""
    return bool(_cut(picture.rgba[..., 3], box).max() >= picture.top / 2)


def _shown(picture: Picture, mask: NDArray[np.uint8], box: Box) -> Part:
    return Part(sent(picture, box), cut(mask, box), (box.x, box.y))


def extended(
    picture: Picture, left: int, right: int, top: int, bottom: int
) -> tuple[Picture, NDArray[np.uint8]]:
    """The picture with so many transparent pixels around it, and their mask [H,W]; Failure bad_setting."""
    height, width = picture.rgba.shape[:2]
    wide, high = width + left + right, height + top + bottom
    if wide * high > LARGEST:
        raise Failure(
            "bad_setting", name="size", value=f"{wide}x{high}", expected=f"{LARGEST} pixels or fewer"
        )
    rgba, new = np.zeros((high, wide, 4), picture.rgba.dtype), np.full((high, wide), 255, np.uint8)
    rgba[top : top + height, left : left + width] = picture.rgba
    new[top : top + height, left : left + width] = 0
    return replace(picture, rgba=rgba), new


def cut(mask: NDArray[np.uint8], box: Box) -> Array:
    """A box of a mask [H,W] as it travels."""
    return _bytes(_cut(mask[..., None], box))


def sent(picture: Picture, box: Box) -> Array:
    """A box of the picture as it travels: bytes as they are, deeper pixels as float32 on sRGB's curve, straight.

    What is brighter than any light in pictures, be it infinite, is as bright as that.
    """
    part = _cut(picture.rgba, box)
    if part.dtype == np.uint8:
        return _bytes(part)
    values = part.astype(np.float32) / np.float32(picture.top)
    rgb, alpha = values[..., :3], values[..., 3:]
    if picture.associated:
        rgb = np.divide(rgb, alpha, out=np.zeros_like(rgb), where=alpha > 0)
    rgb = rgb.clip(-BRIGHTEST, BRIGHTEST)
    if picture.linear:
        rgb = encoded(rgb)
    return Array("f32", part.shape, np.concatenate((rgb, alpha), -1).astype("<f4").tobytes())


def lay(picture: Picture, *answers: Filled, candidate: int = 0) -> Picture:
    """The picture with fills over it; pixels where these are transparent stay bit for bit."""
    rgba = picture.rgba.copy()
    for filled in answers:
        _lay(rgba, picture, filled, candidate)
    return replace(picture, rgba=rgba)


def _lay(rgba: NDArray[Any], picture: Picture, filled: Filled, candidate: int) -> None:
    """Lay a fill over pixels [H,W,4] that are stored as the picture's are."""
    kind = TYPES[filled.fill.dtype]
    fill = np.frombuffer(filled.fill.view, kind).reshape(filled.fill.shape)[candidate]
    x, y = filled.offset
    height, width = fill.shape[:2]
    below = rgba[y : y + height, x : x + width]
    if fill.dtype != np.uint8:
        rgb = decoded(fill[..., :3]) if picture.linear else fill[..., :3]
        fill = np.concatenate((rgb, fill[..., 3:]), -1).astype(np.float64) * picture.top
    below[...] = over(below, fill, picture.top, picture.associated)


def outputs(output: Path, count: int) -> list[Path]:
    """Where the candidates go: OUT.png, OUT-2.png, OUT-3.png, ..."""
    return [output, *(output.with_stem(f"{output.stem}-{k}") for k in range(2, count + 1))]


def over(
    below: NDArray[Any], above: NDArray[Any], one: float = 255.0, associated: bool = False
) -> NDArray[Any]:
    """Lay RGBA [H,W,4] over RGBA; exact where `above` is transparent or opaque.

    one: the number that stands for 1 in both. `above` is not associated; `below` and the result may be.
    """
    top, bottom = above[..., 3:].astype(np.float64) / one, below[..., 3:].astype(np.float64) / one
    alpha = top + bottom * (1 - top)
    weight = np.divide(top, alpha, out=np.zeros_like(top), where=alpha > 0)
    if associated:
        weight = top
    rgb = above[..., :3] * weight + np.where(weight < 1, below[..., :3], 0) * (1 - weight)
    mixed = np.concatenate((rgb, alpha * one), -1)
    if below.dtype.kind == "u":
        mixed = np.floor(mixed + 0.5)
    return np.where(top > 0, mixed, below).astype(below.dtype)


def marked(picture: Picture, mask: NDArray[np.uint8]) -> Picture:
    """The picture with its hole in magenta, to show what will be filled."""
    rgba = picture.rgba.copy()
    rgba[mask > 0] = np.array((1, 0, 1, 1)) * picture.top
    return replace(picture, rgba=rgba)


def _cut(pixels: NDArray[Any], box: Box) -> NDArray[Any]:
    return np.ascontiguousarray(pixels[box.y : box.bottom, box.x : box.right])


def _bytes(pixels: NDArray[np.uint8]) -> Array:
    return Array("u8", pixels.shape, pixels.data.cast("B"))
