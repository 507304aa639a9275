"""Gradient-domain blending: what is laid into a hole keeps its gradients and takes its colours from the rim.

Poisson image editing (Perez, Gangnet, Blake 2003), solved for the correction x = result - guide, which is smooth: a
sparse system per channel over the hole's pixels, the five-point Laplacian, by conjugate gradients. What makes these
fast is a multigrid cycle as preconditioner (Briggs, Henson, McCormick 2000, ch. 8): every other pixel, bilinear, with
Galerkin's coarse operators.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import LinearOperator, cg, splu

from rigatino.compose import Bools, bounds, distance
from rigatino_wire.region import Box

logger = logging.getLogger(__name__)
Progress = Callable[[float], None]
Values = NDArray[np.floating[Any]]
Indices = NDArray[np.int32]
Kind = TypeVar("Kind", np.float32, np.float64)

NEIGHBOURS = ((-1, 0), (0, -1), (0, 1), (1, 0))
TOLERANCE = 1e-5  # of the right side's norm: about the largest error, where the rim's offsets are about 1
ROUNDS = 100  # a dozen is usual; more only where a labyrinth hangs on a few known pixels
SINGLE = 1e-4  # tolerance from which float32 is exact enough for the gradients' vectors
DIRECT = 3000  # unknowns that are solved for at once
DAMPING = 0.8  # of Jacobi's sweeps


def blend(
    picture: NDArray[Kind],
    guide: NDArray[Kind],
    hole: Bools,
    known: Bools | None = None,
    mixed: bool = False,
    tolerance: float = TOLERANCE,
    progress: Progress | None = None,
) -> NDArray[Kind]:
    """The picture [H,W,C] with its hole [H,W] filled along the guide's gradients, continuous with the known rim.

    guide [H,W,C] counts in the hole and in the pixels next to it. known [H,W]: where the picture is valid, by default
    all that is not hole; beyond it, as beyond the picture's edge, nothing is demanded (Neumann). With `mixed` the
    stronger of both gradients counts, for each channel and pair of neighbours where the picture is valid on both sides
    (Perez, eq. 12): `known` then says where the picture inside the hole may be looked at, and outside it is the border.

    Pixels outside the hole stay bit for bit. Parts of the hole that no known pixel touches take the guide as it is.
    Results are not clipped. progress(fraction) is called in every round and with 1 at the end; it may raise to stop.
    """
    valid = ~hole if known is None else known
    domain = _Domain(hole, valid & ~hole)
    colours, wanted = domain.part(picture), domain.part(guide)
    right = domain.offsets(colours, wanted, from_within=False)
    if mixed:
        right += domain.stronger(colours, wanted, domain.part(valid))
    return _laid(picture, guide, hole, domain, domain.solve(right, tolerance, progress))


def continued(
    picture: NDArray[Kind],
    answer: NDArray[Kind],
    hole: Bools,
    known: Bools | None = None,
    reach: float = np.inf,
    tolerance: float = TOLERANCE,
    progress: Progress | None = None,
) -> NDArray[Kind]:
    """The picture with its hole filled by an answer, whose colours are drawn to those of the known rim.

    `blend` for a guide that says nothing of the rim: from there into the hole no change of colour is wanted. What is
    added goes down to 0 within `reach` pixels from the rim. All else as for `blend`.
    """
    domain = _Domain(hole, ~hole if known is None else known & ~hole, reach)
    right = domain.offsets(domain.part(picture), domain.part(answer), from_within=True)
    return _laid(picture, answer, hole, domain, domain.solve(right, tolerance, progress))


def _laid(
    picture: NDArray[Kind], guide: NDArray[Kind], hole: Bools, domain: _Domain, correction: Values
) -> NDArray[Kind]:
    """The picture, and in its hole the guide corrected."""
    result = np.where(hole[..., None], guide, picture)
    domain.part(result)[domain.unknown] += correction.astype(guide.dtype)
    return result


class _Domain:
    """The part of a picture where something is solved for: `unknown` pixels, the `border` around them, and `still`
    ones, whose correction is 0 because they are farther than `reach` from the border."""

    def __init__(self, hole: Bools, border: Bools, reach: float = np.inf) -> None:
        unknown = _held(hole, border)
        self.box = bounds(unknown).grow(1).intersect(Box(0, 0, hole.shape[1], hole.shape[0]))
        self.unknown, self.border = self.part(unknown), self.part(border)
        self.still = np.zeros_like(self.unknown)
        if np.isfinite(reach):
            self.still = self.unknown & (distance(self.border, reach) > reach)
            self.unknown &= ~self.still

    def part(self, values: NDArray[Any]) -> NDArray[Any]:
        """What an array [H,W,...] shows of it, as a view."""
        return values[self.box.y : self.box.bottom, self.box.x : self.box.right]

    def offsets(self, picture: Values, guide: Values, from_within: bool) -> Values:
        """[n,C]: for each unknown pixel, by how much its neighbours in the border differ from the guide.

        from_within: from the guide in the unknown pixel, not in the neighbour.
        """
        numbers, theirs, ours = _numbers(self.unknown).ravel(), _flat(picture), _flat(guide)
        right = np.zeros((int(self.unknown.sum()), picture.shape[-1]), picture.dtype)
        for step in NEIGHBOURS:
            here, there = _pairs(self.unknown, self.border, step)
            right[numbers[here]] += theirs[there] - ours[here if from_within else there]
        return right

    def stronger(self, picture: Values, guide: Values, valid: Bools) -> Values:
        """[n,C]: what the picture's gradients add where they are stronger than the guide's."""
        numbers, theirs, ours = _numbers(self.unknown).ravel(), _flat(picture), _flat(guide)
        right = np.zeros((int(self.unknown.sum()), picture.shape[-1]), picture.dtype)
        for step in NEIGHBOURS:
            here, there = _pairs(self.unknown & valid, valid, step)
            own, other = ours[here] - ours[there], theirs[here] - theirs[there]
            right[numbers[here]] += np.where(np.abs(other) > np.abs(own), other - own, 0)
        return right

    def solve(self, right: Values, tolerance: float, progress: Progress | None) -> Values:
        """The correction [n,C] for the right side [n,C] of all channels at once."""
        found = right
        if right.any():
            fixed = self.border | self.still
            system = _laplacian(self.unknown, self.unknown | fixed)
            grids = _Multigrid(system, self.unknown, fixed)
            found = _conjugate_gradients(system, grids, right, tolerance, progress)
        if progress is not None:
            progress(1.0)
        return found


def _held(hole: Bools, border: Bools) -> Bools:
    """The parts of the hole that touch the border: the others' system would be singular."""
    labels, count = ndimage.label(hole)
    held = np.zeros(count + 1, bool)
    held[labels[ndimage.binary_dilation(border)]] = True
    held[0] = False
    return held[labels]


def _pairs(first: Bools, second: Bools, step: tuple[int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Flat indices of the pixels in `first` whose neighbour one step aside is in `second`, and of these neighbours."""
    here = np.flatnonzero(first & _beside(second, step, False))
    return here, here + step[0] * first.shape[1] + step[1]


def _flat(values: Values) -> Values:
    """[H,W,C] -> [H*W,C]."""
    return values.reshape(-1, values.shape[-1])


def _beside(values: NDArray[Any], step: tuple[int, int], outside: int | bool) -> NDArray[Any]:
    """What stands one step beside each pixel of [H,W,...]; `outside` beyond the edge, so that nothing wraps."""
    down, across = step
    moved = np.full_like(values, outside)
    height, width = values.shape[:2]
    to = (slice(max(0, -down), height - max(0, down)), slice(max(0, -across), width - max(0, across)))
    start = (slice(max(0, down), height - max(0, -down)), slice(max(0, across), width - max(0, -across)))
    moved[to] = values[start]
    return moved


def _numbers(mask: Bools) -> Indices:
    """[H,W]: the set pixels numbered row by row, -1 elsewhere."""
    numbers = np.full(mask.shape, -1, np.int32)
    numbers[mask] = np.arange(mask.sum(), dtype=np.int32)
    return numbers


def _rows(columns: Sequence[Indices], values: Sequence[Values], width: int) -> sparse.csr_array:
    """The sparse matrix with values[k] in columns[k] of row n, for every k; column -1 is left out."""
    table = np.stack(columns, 1)
    there = table >= 0
    starts = np.zeros(len(table) + 1, np.int32)
    np.cumsum(np.add.reduce([part >= 0 for part in columns], dtype=np.int32), out=starts[1:])
    return sparse.csr_array((np.stack(values, 1)[there], table[there], starts), shape=(len(table), width))


def _laplacian(hole: Bools, counted: Bools) -> sparse.csr_array:
    """The five-point Laplacian over the hole's pixels; their neighbours count where `counted`."""
    numbers = _numbers(hole)
    above, left, right, below = (_beside(numbers, step, -1)[hole] for step in NEIGHBOURS)
    number = np.add.reduce([_beside(counted, step, False)[hole] for step in NEIGHBOURS], dtype=np.float32)
    beside = np.full(len(above), -1, np.float32)
    return _rows(
        (above, left, numbers[hole], right, below), (beside, beside, number, beside, beside), len(above)
    )


@dataclass(frozen=True)
class _Level:
    """One grid: its system, from and to the next coarser one, and Jacobi's damped inverse diagonal [n,1]."""

    system: sparse.csr_array
    up: sparse.csr_array
    down: sparse.csc_array
    inverse: Values

    def rest(self, right: Values, x: Values) -> Values:
        """What x [n,C] leaves of the right side."""
        product: Values = self.system @ x
        return np.subtract(right, product, out=product)


class _Multigrid:
    """A symmetric V-cycle in float32, one sweep before and after each correction; exact on the coarsest grid."""

    def __init__(self, system: sparse.csr_array, hole: Bools, border: Bools) -> None:
        self.levels: list[_Level] = []
        while system.shape[0] > DIRECT and min(hole.shape) > 2:
            up = _bilinear(hole, border)
            hole, border = hole[::2, ::2], border[::2, ::2]
            if not up.shape[1]:
                break
            inverse = (DAMPING / system.diagonal())[:, None].astype(np.float32)
            self.levels.append(_Level(system, up, up.T, inverse))
            system = up.T.tocsr() @ system @ up
        # A little more on the diagonal, for coarse grids that lost their hold.
        shift = 1e-8 * system.diagonal().mean() * sparse.eye_array(system.shape[0])
        self.coarsest = splu((system + shift).tocsc().astype(np.float64), permc_spec="MMD_AT_PLUS_A")

    def cycle(self, right: Values, depth: int = 0) -> Values:
        """About the solution [n,C] for a right side [n,C]."""
        if depth == len(self.levels):
            solved: Values = self.coarsest.solve(right.astype(np.float64)).astype(np.float32)
            return solved
        level = self.levels[depth]
        x = level.inverse * right
        x += level.up @ self.cycle(level.down @ level.rest(right, x), depth + 1)
        x += level.inverse * level.rest(right, x)
        return x


def _bilinear(hole: Bools, border: Bools) -> sparse.csr_array:
    """From every other pixel of the hole to all of them; the border counts as 0, and what is neither does not count."""
    coarse = hole[::2, ::2]
    numbers = np.pad(_numbers(coarse), ((0, 1), (0, 1)), constant_values=-1)
    counted = np.pad(coarse | border[::2, ::2], ((0, 1), (0, 1)))
    y, x = (index.astype(np.int32) for index in np.nonzero(hole))
    columns, corners = [], np.zeros(len(y), np.float32)
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        apart = (dy <= y % 2) & (dx <= x % 2)  # a pixel on a line of the coarse grid has fewer corners
        corner = (y // 2 + dy * apart, x // 2 + dx * apart)
        columns.append(np.where(apart, numbers[corner], -1))
        corners += apart & counted[corner]
    weight = 1 / np.maximum(corners, 1)
    return _rows(columns, [weight] * len(columns), int(coarse.sum()))


def _conjugate_gradients(
    system: sparse.csr_array, grids: _Multigrid, right: Values, tolerance: float, progress: Progress | None
) -> Values:
    """The solution [n,C], in float32 or, for smaller tolerances, in float64."""
    kind = np.float32 if tolerance >= SINGLE else np.float64
    right = right.astype(kind, copy=False)
    whole = float(np.linalg.norm(right))
    parts = (system.data.astype(kind, copy=False), system.indices, system.indptr)
    exact: Any = sparse.csr_array(parts, shape=system.shape)
    done = 0.0

    def product(x: Values) -> Values:
        result: Values = exact @ x.reshape(right.shape)
        return result.ravel()

    def correction(rest: Values) -> Values:
        nonlocal done
        left = max(float(np.linalg.norm(rest)) / whole, tolerance)
        done = max(done, log(left) / log(tolerance))  # what is left may grow again in a round
        if progress is not None:
            progress(done)
        # Scaled, so that float32 holds what is left.
        scaled = (rest / whole).reshape(right.shape).astype(np.float32, copy=False)
        return grids.cycle(scaled).ravel() * kind(whole)

    size = (right.size, right.size)
    operator = LinearOperator(size, product, dtype=kind)
    preconditioner = LinearOperator(size, correction, dtype=kind)
    found, rounds = cg(operator, right.ravel(), rtol=tolerance, maxiter=ROUNDS, M=preconditioner)
    if rounds:
        logger.warning("Poisson: not down to the tolerance after %d rounds", rounds)
    return found.reshape(right.shape)
