"""For every target patch the most similar source patch: by looking at all, or by asking the neighbours.

The second way is PatchMatch (Barnes et al., SIGGRAPH 2009), with all targets moving at once instead of in a scan.
"""

from __future__ import annotations

import torch
from torch import Tensor

COMPARISONS = 2**24  # of a target with a source, at one time: 64 MiB
STRIDES = (4, 1, 2, 1)  # how far neighbours are asked, in steps of the grid of targets
SIDES = ((0, 1), (1, 0), (0, -1), (-1, 0))
PROBES, COMPARED = 200, 10_000  # patches from which the usual distance is estimated
APART = 8  # pixels between patches that are different ones
REACH = 8  # pixels around the best so far within which others are tried


class Field:
    """Targets [N,2], and for each the source [N,2] found so far and its squared distance [N].

    Targets lie on a grid of `step` pixels. `allowed` [H,W]: centres of patches that may be copied; `described` [H*W,D]:
    the vectors of the source picture, needed for a search.
    """

    def __init__(self, targets: Tensor, step: int, allowed: Tensor, described: Tensor | None) -> None:
        self.targets, self.step, self.allowed = targets, step, allowed
        self.described = torch.empty(0) if described is None else described
        self.height, self.width = allowed.shape
        self.index = torch.full(allowed.shape, -1, dtype=torch.long, device=targets.device)
        self.index[targets[:, 0], targets[:, 1]] = torch.arange(len(targets), device=targets.device)
        self.sources = targets
        self.distances = torch.full((len(targets),), torch.inf, device=targets.device)

    def start_from(self, coarser: Field, random: torch.Generator) -> None:
        """Begin with what was copied at half the size; where that may not be copied here, with anything."""
        copied = 2 * coarser._shifts(self.targets // 2) + self.targets
        astray = ~self._allowed(copied)
        allowed = self.allowed.nonzero()
        anything = torch.randint(len(allowed), (int(astray.sum()),), generator=random).to(copied.device)
        self.sources = copied.masked_scatter(astray[:, None], allowed[anything])
        self.distances = torch.ones_like(self.distances)

    def _shifts(self, places: Tensor) -> Tensor:
        """source - target [N,2] of the targets at these places, or next to them."""
        grid = self.index[:: self.step, :: self.step]
        grid = torch.where(grid < 0, _widened(grid), grid)
        row, column = (places // self.step).unbind(1)
        found = grid[row.clamp_max(grid.shape[0] - 1), column.clamp_max(grid.shape[1] - 1)].clamp_min(0)
        return self.sources[found] - self.targets[found]

    def look_everywhere(self, wanted: Tensor) -> None:
        """wanted [N,D]: the targets' vectors. Compare each with every source."""
        centres = self.allowed.nonzero()
        keys = self.described[self._flat(centres)]
        lengths = keys.square().sum(1)
        chunks = torch.split(wanted, max(1, COMPARISONS // len(keys)))
        nearest = torch.cat([torch.addmm(lengths, part, keys.T, alpha=-2).argmin(1) for part in chunks])
        self.sources, self.distances = centres[nearest], (wanted - keys[nearest]).square().sum(1)

    def ask_around(self, wanted: Tensor, random: torch.Generator) -> None:
        """wanted [N,D]: the targets' vectors. Try the neighbours' sources, shifted, then some near the best so far."""
        self.distances = (wanted - self.described[self._flat(self.sources)]).square().sum(1)
        for stride in STRIDES:
            for dy, dx in SIDES:
                shift = torch.tensor((dy, dx), device=wanted.device) * stride * self.step
                self._try(wanted, *self._neighbour(shift))
        reach = float(REACH)
        while reach >= 1:
            jitter = (torch.rand(self.targets.shape, generator=random) * 2 - 1) * reach
            tried = self.sources + jitter.round().long().to(wanted.device)
            self._try(wanted, tried, self._allowed(tried))
            reach /= 2

    def usual_distance(self, near: Tensor, random: torch.Generator) -> Tensor:
        """How far, squared and on average, known patches of `near` [H,W] are from the most similar one elsewhere."""
        known = _some((near & self.allowed).nonzero(), PROBES, random)
        others = _some(self.allowed.nonzero(), COMPARED, random)
        if not len(known):
            return torch.tensor(0.0, device=near.device)
        wanted, keys = self.described[self._flat(known)], self.described[self._flat(others)]
        distances = wanted.square().sum(1, keepdim=True) - 2 * wanted @ keys.T + keys.square().sum(1)
        overlap = ((known[:, None, 0] - others[:, 0]).abs() < APART) & (
            (known[:, None, 1] - others[:, 1]).abs() < APART
        )
        least = distances.masked_fill(overlap, torch.inf).amin(1).clamp_min(0)
        return least[least.isfinite()].mean().nan_to_num(0.0)

    def _neighbour(self, shift: Tensor) -> tuple[Tensor, Tensor]:
        """What the target at that shift would have this one copy, and where that can be copied."""
        place = self.targets + shift
        row, column = place[:, 0].clamp(0, self.height - 1), place[:, 1].clamp(0, self.width - 1)
        neighbour = self.index[row, column]
        tried = self.sources[neighbour.clamp_min(0)] - shift
        return tried, (neighbour >= 0) & self._allowed(tried)

    def _try(self, wanted: Tensor, tried: Tensor, possible: Tensor) -> None:
        chosen = possible.nonzero()[:, 0]
        distance = (wanted[chosen] - self.described[self._flat(tried[chosen])]).square().sum(1)
        better = distance < self.distances[chosen]
        self.sources = self.sources.index_copy(0, chosen[better], tried[chosen[better]])
        self.distances = self.distances.index_copy(0, chosen[better], distance[better])

    def _allowed(self, centres: Tensor) -> Tensor:
        row, column = centres[:, 0], centres[:, 1]
        inside = (row >= 0) & (row < self.height) & (column >= 0) & (column < self.width)
        return inside & self.allowed[row.clamp(0, self.height - 1), column.clamp(0, self.width - 1)]

    def _flat(self, centres: Tensor) -> Tensor:
        return centres[:, 0] * self.width + centres[:, 1]


def _widened(grid: Tensor) -> Tensor:
    """The largest of each cell of [h,w] and its eight neighbours; in whole numbers, which no device pools."""
    rows = torch.cat((grid[:1], grid, grid[-1:]))
    rows = torch.maximum(torch.maximum(rows[:-2], rows[1:-1]), rows[2:])
    columns = torch.cat((rows[:, :1], rows, rows[:, -1:]), 1)
    return torch.maximum(torch.maximum(columns[:, :-2], columns[:, 1:-1]), columns[:, 2:])


def _some(centres: Tensor, count: int, random: torch.Generator) -> Tensor:
    order = torch.randperm(len(centres), generator=random)[:count]
    return centres[order.to(centres.device)]
