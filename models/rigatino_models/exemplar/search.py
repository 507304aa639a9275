"""For every target patch the most similar source patch: by looking at all, or by asking the neighbours.

The second way is PatchMatch (Barnes et al., SIGGRAPH 2009), with every other target moving at once instead of in a
scan. A source has its price beside the distance: neighbours are to copy along with each other, so that pieces stay
whole (as in Ashikhmin, Synthesizing Natural Textures, I3D 2001), and what is copied often already is to be left alone
(Kaspar et al., Self Tuning Texture Optimization, Eurographics 2015).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor

from rigatino_models.exemplar.filters import blur

COMPARISONS = 2**24  # of a target with a source, at one time: 64 MiB
STRIDES = (4, 1, 2, 1)  # how far neighbours are asked, in steps of the grid of targets
SIDES = ((0, 1), (1, 0), (0, -1), (-1, 0))
REACH = 8  # pixels around the best so far within which others are tried
COHERENCE = 2.0  # price of a source that no neighbour copies along with, in median distances
CROWDING = 0.5  # price of a source that is copied once already, in median distances
CROWDED = 4.0  # copies beyond which the price rises no more
CROWD = 3.0  # standard deviation in pixels of the area over which copies are counted


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
        self.turns = (targets // step).sum(1) % 2 > 0
        self.usual, self.copies = torch.zeros(()), torch.empty(0)

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
        self.usual, self.copies = self.distances.median(), self._copies()
        for stride in STRIDES:
            for shift in self._steps():
                self._try(wanted, *self._neighbour(shift * stride))
        reach = float(REACH)
        while reach >= 1:
            jitter = (torch.rand(self.targets.shape, generator=random) * 2 - 1) * reach
            tried = self.sources + jitter.round().long().to(wanted.device)
            self._try(wanted, tried, self._allowed(tried))
            reach /= 2

    @cached_property
    def beside(self) -> Tensor:
        """The numbers [N,4] of each target's neighbours; -1: there is none. Only a search needs them."""
        return torch.stack([self._at(side) for side in self._steps()], 1)

    def _steps(self) -> Iterator[Tensor]:
        """From a target to those beside it."""
        for side in SIDES:
            yield torch.tensor(side, device=self.targets.device) * self.step

    def _at(self, shift: Tensor) -> Tensor:
        """The numbers [N] of the targets at that shift from each; -1: there is none."""
        return self._read(self.index, self.targets + shift, -1)

    def _neighbour(self, shift: Tensor) -> tuple[Tensor, Tensor]:
        """What the target at that shift would have this one copy, and where that can be copied."""
        neighbour = self._at(shift)
        tried = self.sources[neighbour.clamp_min(0)] - shift
        return tried, (neighbour >= 0) & self._allowed(tried)

    def _copies(self) -> Tensor:
        """How often each place [H*W] is copied, in the mean of what is around it."""
        copies = torch.zeros(self.height * self.width, device=self.targets.device)
        each = torch.full((len(self.sources),), float(self.step**2), device=copies.device)
        copies.index_add_(0, self._flat(self.sources), each)
        return blur(copies.view(1, 1, self.height, self.width), CROWD).flatten()

    def _try(self, wanted: Tensor, tried: Tensor, possible: Tensor) -> None:
        """Copy what was tried where that costs less; half of the targets at a time, none of them neighbours."""
        possible = possible & (tried != self.sources).any(1)  # few, where pieces are large
        for turn in (self.turns, ~self.turns):
            chosen = (possible & turn).nonzero()[:, 0]
            sources, held = tried[chosen], self.sources[chosen]
            distance = (wanted[chosen] - self.described[self._flat(sources)]).square().sum(1)
            better = distance + self._price(chosen, sources, 0) < self.distances[chosen] + self._price(
                chosen, held, 1
            )
            self.sources = self.sources.index_copy(0, chosen[better], sources[better])
            self.distances = self.distances.index_copy(0, chosen[better], distance[better])

    def _price(self, chosen: Tensor, sources: Tensor, own: int) -> Tensor:
        """Of copying these sources to the chosen targets; `own`: how many of the copies counted are theirs."""
        beside, shifts = self.beside[chosen], self._flat(self.sources - self.targets)
        along = shifts[beside.clamp_min(0)] == self._flat(sources - self.targets[chosen])[:, None]
        alone = (~along & (beside >= 0)).sum(1) / len(SIDES)
        copies = (self.copies[self._flat(sources)] - own).clamp(0, CROWDED)
        return (COHERENCE * alone + CROWDING * copies) * self.usual

    def _allowed(self, centres: Tensor) -> Tensor:
        return self._read(self.allowed, centres, False)

    def _read(self, grid: Tensor, places: Tensor, beyond: int) -> Tensor:
        """grid [H,W] at these places [N,2]; `beyond`, of its type, where they lie outside."""
        row, column = places.unbind(1)
        inside = (row >= 0) & (row < self.height) & (column >= 0) & (column < self.width)
        return grid[row.clamp(0, self.height - 1), column.clamp(0, self.width - 1)].where(inside, beyond)

    def _flat(self, centres: Tensor) -> Tensor:
        return centres[:, 0] * self.width + centres[:, 1]


def _widened(grid: Tensor) -> Tensor:
    """The largest of each cell of [h,w] and its eight neighbours; in whole numbers, which no device pools."""
    rows = torch.cat((grid[:1], grid, grid[-1:]))
    rows = torch.maximum(torch.maximum(rows[:-2], rows[1:-1]), rows[2:])
    columns = torch.cat((rows[:, :1], rows, rows[:, -1:]), 1)
    return torch.maximum(torch.maximum(columns[:, :-2], columns[:, 1:-1]), columns[:, 2:])
