"""The square of a picture that a network sees, and what changes in it brought back. Beyond its edge a picture is
continued by mirroring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rigatino.compose import Floats
from rigatino_wire.region import Box


@dataclass(frozen=True)
class View:
    """A square box, which may reach beyond a picture of this width and height, seen at `side` pixels."""

    box: Box
    width: int
    height: int
    side: int

    @property
    def scale(self) -> float:
        """Network pixels per pixel of the picture."""
        return self.side / self.box.width

    def seen(self, pixels: Floats, device: torch.device) -> Tensor:
        """Pixels [H,W,C] of the picture, as [1,C,side,side]."""
        inside, place = self._inside, self._place
        part = pixels[inside.y : inside.bottom, inside.x : inside.right]
        small = resized(_tensor(part).to(device), place.height, place.width)
        rows, columns = (
            torch.from_numpy(_mirrored(self.side, start, size)).to(device)
            for start, size in ((place.y, place.height), (place.x, place.width))
        )
        return small.index_select(2, rows).index_select(3, columns)

    def back(self, x: Tensor) -> Floats:
        """What the network sees [1,C,side,side], in the picture [H,W,C]; 0 outside the box."""
        inside, place = self._inside, self._place
        part = x[..., place.y : place.bottom, place.x : place.right]
        large = resized(part, inside.height, inside.width)[0].permute(1, 2, 0)
        whole = np.zeros((self.height, self.width, x.shape[1]), np.float32)
        whole[inside.y : inside.bottom, inside.x : inside.right] = large.float().cpu().numpy()
        return whole

    @property
    def _inside(self) -> Box:
        """The box as far as there is a picture."""
        return self.box.intersect(Box(0, 0, self.width, self.height))

    @property
    def _place(self) -> Box:
        """Where that lies in what the network sees."""
        inside = self._inside
        x, y = (round(start * self.scale) for start in (inside.x - self.box.x, inside.y - self.box.y))
        x, y = min(x, self.side - 1), min(y, self.side - 1)
        width, height = (max(1, round(size * self.scale)) for size in (inside.width, inside.height))
        return Box(x, y, min(width, self.side - x), min(height, self.side - y))


def around(part: Box, width: int, height: int, side: int) -> View:
    """As much of a region of this width and height as a square holds, and all of a part of it."""
    longer = max(min(width, height), part.width, part.height)
    x = _start(part.x + part.width / 2, longer, width)
    y = _start(part.y + part.height / 2, longer, height)
    return View(Box(x, y, longer, longer), width, height, side)


def matching(view: View, part: Box, reference: Box, width: int, height: int) -> View:
    """The view of a reference of this width and height in which its part has the place and size that `part` has in
    another view; with an empty part, the largest square in its middle."""
    if reference.empty:
        middle = Box(width // 2, height // 2, 0, 0)
        longer = min(width, height)
        return View(
            Box(_start(middle.x, longer, width), _start(middle.y, longer, height), longer, longer),
            width,
            height,
            view.side,
        )
    zoom = max(reference.width, reference.height) / max(part.width, part.height)
    longer = max(1, round(view.box.width * zoom))
    x = reference.x + reference.width / 2 - zoom * (part.x + part.width / 2 - view.box.x)
    y = reference.y + reference.height / 2 - zoom * (part.y + part.height / 2 - view.box.y)
    return View(Box(round(x), round(y), longer, longer), width, height, view.side)


def resized(x: Tensor, height: int, width: int) -> Tensor:
    """Maps [1,C,h,w] at this size: reduced without aliasing, enlarged smoothly."""
    if x.shape[-2:] == (height, width):
        return x
    mode = "bilinear" if height <= x.shape[-2] and width <= x.shape[-1] else "bicubic"
    on = x.cpu() if x.device.type == "mps" else x
    return F.interpolate(on, (height, width), mode=mode, antialias=True, align_corners=False).to(x.device)


def _start(middle: float, size: int, whole: int) -> int:
    """Where `size` pixels around a middle begin, within `whole` pixels where these are enough."""
    if size >= whole:
        return (whole - size) // 2
    return min(max(0, round(middle - size / 2)), whole - size)


def _mirrored(number: int, start: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Indices into `size` pixels that lie from `start` on among `number`: 0 .. size-1 there, mirrored around."""
    wave = (np.arange(number) - start) % (2 * size)
    return np.minimum(wave, 2 * size - 1 - wave)


def _tensor(pixels: Floats) -> Tensor:
    """[H,W,C] as [1,C,H,W]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None]
