"""The similarity that takes a face to where the network has learnt faces to be, and pictures there and back.

Places are complex numbers, x + iy in pixels, x to the right and y down; a pixel's middle is at one half.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import torch
import torch.nn.functional as F
from torch import Tensor

from rigatino_models.gfc.spec import SIDE
from rigatino_models.layers.diffuse import diffuse
from rigatino_models.layers.resize import reduce_known
from rigatino_wire.region import Box

Eyes = tuple[complex, complex]

# The eyes in the original's test pictures that show them on the right; the others mirror them, as training did.
TEMPLATE: Eyes = (54 + 66j, 92 + 66j)


@dataclass(frozen=True)
class Alignment:
    """z -> turn * z + shift, from the picture to the network's square."""

    turn: complex
    shift: complex

    @classmethod
    def of(cls, eyes: Eyes) -> Alignment:
        """What takes these eyes, which are two places, to the template; they may come in either order.

        A face is taken to be upright, or tilted by less than a right angle.
        """
        left, right = sorted(eyes, key=lambda eye: (eye.real, eye.imag))
        turn = (TEMPLATE[1] - TEMPLATE[0]) / (right - left)
        return cls(turn, TEMPLATE[0] - turn * left)

    @property
    def scale(self) -> float:
        """Pixels of the square for one of the picture."""
        return abs(self.turn)

    def within(self, box: Box) -> Alignment:
        """The same for a box of the picture by itself."""
        return Alignment(self.turn, self.shift + self.turn * complex(box.x, box.y))

    def box(self) -> Box:
        """The smallest box of whole pixels around the square in the picture."""
        corners = [(z - self.shift) / self.turn for z in (0j, SIDE + 0j, SIDE * 1j, SIDE * (1 + 1j))]
        x, y = floor(min(z.real for z in corners)), floor(min(z.imag for z in corners))
        right, bottom = ceil(max(z.real for z in corners)), ceil(max(z.imag for z in corners))
        return Box(x, y, right - x, bottom - y)

    def covers(self, x: Tensor, y: Tensor) -> Tensor:
        """Whether pixels (columns x, rows y) lie in the square."""
        across, down = self._there(x + 0.5, y + 0.5)
        return (across >= 0) & (across <= SIDE) & (down >= 0) & (down <= SIDE)

    def taken(self, image: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """The square [1,3,S,S] of a picture [1,3,H,W] in [0,1], and its hole [1,1,S,S]; known [1,1,H,W] is 1 or 0.

        A pixel of the square that any unknown pixel has a share in is hole. Where the square leaves the picture, its
        edge goes on.
        """
        frame = Box(0, 0, image.shape[-1], image.shape[-2])
        box = self.box().grow(ceil(2 / self.scale) + 2).intersect(frame)
        image, known = (x[..., box.y : box.bottom, box.x : box.right] for x in (image, known))
        less = min(1.0, self.scale)
        size = (max(1, round(box.height * less)), max(1, round(box.width * less)))
        small, gap = reduce_known(image, known, size)
        grid = self._grid_of_square(box)
        face, hole = _sampled(diffuse(small, gap), grid, "bicubic"), _sampled(gap, grid, "bilinear")
        return face.clamp(0, 1), (hole > 1e-3).float()

    def returned(self, face: Tensor, box: Box) -> Tensor:
        """What a square [1,3,S,S] shows in a box of the picture: [1,3,h,w]; beyond the square its edge goes on."""
        if self.scale > 1:
            side = max(1, round(SIDE / self.scale))
            face = F.interpolate(_sampleable(face), (side, side), mode="bicubic", antialias=True).to(
                face.device
            )
        return _sampled(face, self._grid_of_picture(box), "bicubic").clamp(0, 1)

    def _there(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return (
            self.turn.real * x - self.turn.imag * y + self.shift.real,
            self.turn.imag * x + self.turn.real * y + self.shift.imag,
        )

    def _grid_of_square(self, box: Box) -> Tensor:
        """Where each pixel of the square lies in a box of the picture, [1,S,S,2], the box's sides at -1 and 1."""
        y, x = _middles(SIDE, SIDE)
        back = Alignment(1 / self.turn, -self.shift / self.turn)
        x, y = back._there(x, y)
        return _grid((x - box.x) / box.width, (y - box.y) / box.height)

    def _grid_of_picture(self, box: Box) -> Tensor:
        """Where each pixel of a box of the picture lies in the square, [1,h,w,2], the square's sides at -1 and 1."""
        y, x = _middles(box.height, box.width)
        x, y = self._there(x + box.x, y + box.y)
        return _grid(x / SIDE, y / SIDE)


def _middles(height: int, width: int) -> tuple[Tensor, Tensor]:
    """The pixels' middles, y and x [H,W], float64."""
    rows, columns = (torch.arange(size, dtype=torch.float64) + 0.5 for size in (height, width))
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return y, x


def _grid(x: Tensor, y: Tensor) -> Tensor:
    """Shares of width and height as torch's grids have them."""
    return (2 * torch.stack((x, y), -1) - 1)[None].float()


def _sampled(x: Tensor, grid: Tensor, mode: str) -> Tensor:
    """A picture [1,C,H,W] at the places of a grid [1,h,w,2]; beyond the picture its edge goes on."""
    on = _sampleable(x)
    return F.grid_sample(on, grid.to(on.device), mode, "border", align_corners=False).to(x.device)


def _sampleable(x: Tensor) -> Tensor:
    """x where it can be sampled: Metal knows neither bicubic grids nor edges that go on."""
    return x.cpu() if x.device.type == "mps" else x
