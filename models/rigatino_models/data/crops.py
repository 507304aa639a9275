"""Training crops: which square of which photograph, how warped and coloured; drawn in numbers, rendered by torch.

One renderer serves the loader's workers and the device, so that both show the same pictures for the same seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from rigatino_models.data.equalise import equalised

Random = np.random.Generator


@dataclass(frozen=True)
class Augment:
    """How crops vary. gamma: bounds; saturation, contrast: factors within 1 -+ this; brightness: added, -+ this.

    hue, rotation: degrees, -+ this; shear: fraction of the side, -+ this; perspective: standard deviation of the
    corners' way, at most this fraction of the side. lens: coefficient of radial distortion, -+ this. equalise: greatest
    limit of the equalisation that half of the crops undergo (0: none), see data.equalise.
    """

    mirror: bool = True
    gamma: tuple[float, float] = (0.85, 1.18)
    saturation: float = 0.2
    contrast: float = 0.0
    brightness: float = 0.0
    hue: float = 0.0
    rotation: float = 0.0
    shear: float = 0.0
    perspective: float = 0.0
    lens: float = 0.0
    equalise: float = 0.0

    @property
    def warps(self) -> bool:
        """Whether the square may stand otherwise than upright."""
        return bool(self.rotation or self.shear or self.perspective or self.lens)


PLAIN = Augment(mirror=False, gamma=(1.0, 1.0), saturation=0.0)


@dataclass(frozen=True)
class Crop:
    """box: top, left, height, width in the photo; size: height and width that the box has at the sample's scale.

    corners [2,2,2]: (y, x) of the square's corners in the box, in [-1,1]; None where the square is the box.
    colour: gamma, saturation, contrast, brightness, hue in radians. lens: coefficient of radial distortion; equalise:
    limit of the equalisation, 0 for none.
    """

    photo: int
    box: tuple[int, int, int, int]
    size: tuple[int, int]
    corners: NDArray[np.float64] | None
    mirrored: bool
    colour: tuple[float, float, float, float, float]
    lens: float = 0.0
    equalise: float = 0.0


def draw(
    rng: Random, photo: int, shape: tuple[int, int], side: int, scales: tuple[int, int], augment: Augment
) -> Crop:
    """A crop of a photo of `shape` (height, width), thought reduced to a random short side within `scales`.

    None is enlarged that holds a sample: a photo smaller than the scales is taken as it is.
    """
    short = min(shape)
    least, most = (max(side, min(scale, short)) for scale in scales)
    target = rng.uniform(least, most)
    extent = min(float(short), side * short / target)
    corners = _corners(rng, augment) * extent if augment.warps else None
    if corners is None:
        height = width = round(extent)
    else:
        corners, height, width = _fitted(corners, shape)
        extent = math.sqrt(_area(corners))
        corners = _in_box(corners)
    top, left = rng.integers(0, shape[0] - height + 1), rng.integers(0, shape[1] - width + 1)
    size = (
        (side, side)
        if corners is None
        else (max(2, round(height * side / extent)), max(2, round(width * side / extent)))
    )
    mirrored = augment.mirror and rng.random() < 0.5
    box, colour = (int(top), int(left), height, width), _colour(rng, augment)
    return Crop(photo, box, size, corners, mirrored, colour, *_rarer(rng, augment))


def render(photo: Tensor, crop: Crop, side: int) -> Tensor:
    """The crop of a photo [3,H,W] uint8, on the photo's device: [3,S,S] in [0,1], before its colours vary."""
    top, left, height, width = crop.box
    box = photo[None, :, top : top + height, left : left + width]
    # On the CPU whole bytes are reduced several times faster than floats; elsewhere there is no such kernel.
    box = box if box.device.type == "cpu" else box.float()
    small = F.interpolate(box, crop.size, mode="bicubic", antialias=True).float() / 255
    if crop.corners is not None:
        grid = _grid(torch.from_numpy(crop.corners).float().to(photo.device), side, crop.lens)
        small = F.grid_sample(small, grid[None], "bicubic", "reflection", align_corners=False)
    out = small[0].clamp(0, 1)
    return out.flip(-1) if crop.mirrored else out


def vary(images: Tensor, crops: Sequence[Crop]) -> Tensor:
    """Give each picture of a batch [N,3,S,S] its crop's colours."""
    gamma, saturation, contrast, brightness, hue = (
        torch.tensor([crop.colour for crop in crops]).to(images).T[..., None, None, None]
    )
    if any(crop.equalise for crop in crops):
        images = equalised(images, images.new_tensor([crop.equalise for crop in crops])).clamp(0, 1)
    images = images**gamma
    middle = images.mean((1, 2, 3), keepdim=True)
    images = middle + (images - middle) * contrast + brightness
    grey = images.mean(1, keepdim=True)
    chroma = images - grey
    if any(crop.colour[-1] for crop in crops):
        chroma = _turned(chroma, hue)
    varied: Tensor = grey + chroma * saturation
    return varied.clamp(0, 1)


def _turned(chroma: Tensor, hue: Tensor) -> Tensor:
    """Turn colours about the grey axis (Rodrigues' formula; they are perpendicular to it)."""
    across = (chroma.roll(1, 1) - chroma.roll(-1, 1)) / math.sqrt(3)
    return chroma * hue.cos() + across * hue.sin()


def _corners(rng: Random, augment: Augment) -> NDArray[np.float64]:
    """The unit square's corners [2,2,2] about its middle: turned, sheared, each moved by itself."""
    square = np.stack(np.meshgrid((-0.5, 0.5), (-0.5, 0.5), indexing="ij"), -1)
    turn = math.radians(rng.uniform(-augment.rotation, augment.rotation))
    cosine, sine = math.cos(turn), math.sin(turn)
    shear = rng.uniform(-augment.shear, augment.shear, 2)
    matrix = np.array(((cosine, -sine), (sine, cosine))) @ np.array(((1, shear[0]), (shear[1], 1)))
    moved: NDArray[np.float64] = square @ matrix.T
    return moved + rng.normal(0, 1, (2, 2, 2)) * rng.uniform(0, augment.perspective)


def _fitted(corners: NDArray[np.float64], shape: tuple[int, int]) -> tuple[NDArray[np.float64], int, int]:
    """The corners, made smaller where the photo cannot hold them; and the height and width of their box."""
    reach = np.ptp(corners.reshape(4, 2), axis=0)
    shrink = min(1.0, shape[0] / reach[0], shape[1] / reach[1])
    height, width = (
        min(math.ceil(extent * shrink), limit) for extent, limit in zip(reach, shape, strict=True)
    )
    return corners * shrink, height, width


def _in_box(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    flat = corners.reshape(4, 2)
    low, high = flat.min(0), flat.max(0)
    inside: NDArray[np.float64] = (corners - low) / (high - low) * 2 - 1
    return inside


def _area(corners: NDArray[np.float64]) -> float:
    """The quadrilateral's area, by its diagonals."""
    one, other = corners[1, 1] - corners[0, 0], corners[1, 0] - corners[0, 1]
    return float(abs(one[0] * other[1] - one[1] * other[0]) / 2)


def _grid(corners: Tensor, side: int, lens: float = 0.0) -> Tensor:
    """Sampling places [S,S,2] (x, y), spread bilinearly between the corners, after a lens's radial distortion."""
    along = (torch.arange(side, device=corners.device) + 0.5) / side - 0.5
    down, across = along[:, None, None], along[None, :, None]
    apart = down.square() + across.square()
    bent = 1 + lens * (apart + apart.square())
    down, across = 0.5 + down * bent, 0.5 + across * bent
    top = corners[0, 0] * (1 - across) + corners[0, 1] * across
    bottom = corners[1, 0] * (1 - across) + corners[1, 1] * across
    return (top * (1 - down) + bottom * down).flip(-1)


def _rarer(rng: Random, augment: Augment) -> tuple[float, float]:
    """lens and equalise; nothing is drawn where there is none."""
    lens = float(rng.uniform(-augment.lens, augment.lens)) if augment.lens else 0.0
    equalise = float(rng.uniform(1, augment.equalise)) if augment.equalise and rng.random() < 0.5 else 0.0
    return lens, equalise


def _colour(rng: Random, augment: Augment) -> tuple[float, float, float, float, float]:
    def about(middle: float, reach: float) -> float:
        return float(rng.uniform(middle - reach, middle + reach))

    return (
        float(rng.uniform(*augment.gamma)),
        about(1, augment.saturation),
        about(1, augment.contrast),
        about(0, augment.brightness),
        math.radians(about(0, augment.hue)),
    )
