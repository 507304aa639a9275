"""What a picture is shown with around it, where a hole comes near its edge: answers can run wild there.

Beyond the edge the picture is mirrored. Where all along an edge is hole, as where a picture is made larger, its mirror
image would be hole again. There what is known is mirrored to the far side: the hole lies between two known ones.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

NEAR = 3  # margins from the picture's edge, within which a hole is near it
FAR_SIDE = 4  # margins of what is known that are shown beyond a hole


class Surroundings(NamedTuple):
    """Which rows and columns of a picture are shown, in their order, and where the picture itself begins."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    top: int = 0
    left: int = 0

    @classmethod
    def of(cls, hole: Tensor, margin: int) -> Surroundings:
        """Those of holes [N,1,H,W] (1 = fill), margin pixels on every side; none where no hole is near the edge."""
        height, width = hole.shape[-2:]
        if not (margin and _beside(hole, NEAR * margin)):
            return cls(tuple(range(height)), tuple(range(width)))
        margin = min(margin, height - 1, width - 1)
        known = (hole < 1).any(0)[0]
        rows, top = _shown(known.any(1), margin)
        columns, left = _shown(known.any(0), margin)
        return cls(rows, columns, top, left)

    def around(self, picture: Tensor) -> Tensor:
        """The picture [N,C,H,W] as it is shown."""
        for dim, indices in ((-2, self.rows), (-1, self.columns)):
            if len(indices) != picture.shape[dim]:
                picture = picture.index_select(dim, torch.tensor(indices, device=picture.device))
        return picture

    def within(self, shown: Tensor, height: int, width: int) -> Tensor:
        """Of what is shown the picture itself, of this size."""
        return shown[..., self.top : self.top + height, self.left : self.left + width]


def _beside(hole: Tensor, near: int) -> bool:
    """Whether any of a hole is near the picture's edge."""
    height, width = hole.shape[-2:]
    inner = hole[..., near : max(near, height - near), near : max(near, width - near)]
    return bool(hole.sum() != inner.sum())


def _shown(known: Tensor, margin: int) -> tuple[tuple[int, ...], int]:
    """The indices to be shown of an axis, and how many come before the first; known: where any pixel is."""
    size = len(known)
    there = known.nonzero().flatten().tolist() or [0, size - 1]
    first, last, wide = there[0], there[-1], FAR_SIDE * margin
    before = range(first, min(first + wide, last + 1)) if first else range(1, margin + 1)
    after = (
        range(last, max(last - wide, first - 1), -1)
        if last < size - 1
        else range(size - 2, size - 2 - margin, -1)
    )
    return (*reversed(before), *range(size), *after), len(before)
