"""A hole filled with patches of its own picture, coarse to fine, along a first answer.

Every level finds for each patch that touches the hole the most similar known one, lets all of them vote, and does so
again (Wexler et al. 2007; Barnes et al. 2009); the next level starts from the same patches, seen twice as large. The
first answer, a network's, is what the coarsest level starts from, and a part of every patch's description: what is
copied comes from places that look, blurred, as the answer does. Another part is how strong detail is around the hole:
answers are smooth, and would be taken for whatever is smooth in the picture. Answer and copy err in different ways. The
answer knows colours and large shapes, the copy how things look: so the coarser a part of the picture is, the more of it
is the answer's, and close to the rim, where little is in doubt, all of it. Before all that the answer loses the grid
that a network's strides leave in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from rigatino_models.exemplar import patches
from rigatino_models.exemplar.filters import blur, strength, without_grid
from rigatino_models.exemplar.search import Field
from rigatino_models.layers.resize import average, doubling, reduce_known

LARGEST_FIRST = 384  # no first level above it: comparing all with all would take too long
DENSE = 384  # up to this side there is a target at every pixel, above it at every other
LARGEST = 1024  # levels above it copy along what was found below
ROUNDS = (6, 4, 3, 2)  # searches and votes of a level, the coarsest first
LOOKS = 2  # of the first level's searches, those that compare all with all
FEWEST = 64  # source patches; a level with fewer is left out
MIDDLE, COARSE = 2.0 / 512, 10.0 / 512  # standard deviations of what counts as coarser, in longer sides
RIM = 6.0 / 512  # standard deviation of the hole's blur that tells how near the rim is, in longer sides

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Settings:
    """radius of a patch in pixels; components that tell patches apart; coarsest: the longer side of the first level.

    guide: weight of the answer beside the colours, at the first level and at the last; blur: the standard deviation
    to which the answer is blurred, in pixels of the first level; texture: weight of how strong detail is, at the first
    level, falling to 0 at the last. shares: of the copy in what is finest, finer and coarsest of the result (`MIDDLE`
    and `COARSE` lie between), the answer being the rest; rim: whether the answer stands at the rim. stride: pixels
    between the lines of the answer's grid; 0: it has none.
    """

    radius: int = 3
    components: int = 32
    coarsest: int = 64
    guide: tuple[float, float] = (1.0, 0.1)
    blur: float = 1.2
    texture: float = 0.2
    shares: tuple[float, float, float] = (1.0, 1.0, 1.0)
    rim: bool = False
    stride: int = 0


DETAIL = Settings(coarsest=128, guide=(0.5, 0.5), shares=(0.9, 0.75, 0.6), rim=True, stride=8)


@torch.inference_mode()
def copy_texture(
    image: Tensor,
    hole: Tensor,
    answer: Tensor,
    settings: Settings = DETAIL,
    on_progress: Progress | None = None,
) -> Tensor:
    """image [1,3,H,W] in [0,1], hole [1,1,H,W] (1 = fill), answer [1,3,H,W] (counts in the hole) -> filled [1,3,H,W].

    The same input gives the same result. on_progress(fraction) rises to 1 and may raise to stop. Where the picture has
    too little to copy from, the answer is returned as it is.
    """
    if not hole.any():
        return image
    plain = image * (1 - hole) + answer * hole
    guess = without_grid(plain, hole, settings.stride) if settings.stride else plain
    random = torch.Generator().manual_seed(0)
    sizes = doubling(hole.shape[-2], hole.shape[-1], settings.coarsest)
    parts = list(pairwise(_progress(sizes)))
    last_search = max(size for size in sizes if max(size) <= LARGEST)
    detail = strength(*reduce_known(image, 1 - hole, last_search))
    field: Field | None = None
    result = guess
    for number, size in enumerate(sizes):
        report = _part(on_progress, *parts[number])
        report(0.0)
        level = Level(image, hole, guess, detail, size, settings, number, len(sizes))
        if level.usable(field):
            result, field = level.fill(field, _rounds(number), random, report)
        report(1.0)
    if field is None or result.shape != guess.shape:
        return plain
    return torch.where(hole > 0, _mixed(result, guess, hole, settings), image).clamp(0, 1)


def _mixed(copy: Tensor, guess: Tensor, hole: Tensor, settings: Settings) -> Tensor:
    """Copy and guess [1,3,H,W] as one, each band of frequencies with its share of the copy."""
    side = max(hole.shape[-2:])
    added = copy - guess
    middle, coarse = blur(added, MIDDLE * side), blur(added, COARSE * side)
    fine_share, middle_share, coarse_share = settings.shares
    added = fine_share * (added - middle) + middle_share * (middle - coarse) + coarse_share * coarse
    if settings.rim:
        added = added * (2 * blur(hole, RIM * side) - 1).clamp_min(0)
    return guess + added


def _rounds(number: int) -> int:
    """Searches and votes of a level."""
    return ROUNDS[min(number, len(ROUNDS) - 1)]


def _progress(sizes: Sequence[tuple[int, int]]) -> list[float]:
    """How much of the work is done before each level and after the last, told from pixels and rounds.

    A level that is copied along costs as much as a fifth of a round of searching.
    """
    work = [
        height * width * (_rounds(number) if max(height, width) <= LARGEST else 0.2)
        for number, (height, width) in enumerate(sizes)
    ]
    done = list(accumulate(work, initial=0.0))
    return [part / done[-1] for part in done]


def _part(on_progress: Progress | None, begin: float, end: float) -> Progress:
    """Progress within a part as progress of the whole."""

    def report(part: float) -> None:
        if on_progress is not None:
            on_progress(begin + (end - begin) * part)

    return report


class Level:
    """The picture at one size, the `number`th of `count`; `detail` [1,1,h,w] of any size says how strong it is."""

    def __init__(
        self,
        image: Tensor,
        hole: Tensor,
        guess: Tensor,
        detail: Tensor,
        size: tuple[int, int],
        settings: Settings,
        number: int,
        count: int,
    ) -> None:
        known, self.hole = reduce_known(image, 1 - hole, size)
        guess = average(guess, size)
        self.image = torch.where(self.hole > 0, guess, known)
        self.side, self.settings = max(size), settings
        self.searches = self.side <= LARGEST
        self.allowed = patches.known(self.hole, settings.radius)
        if self.searches:
            first, last = settings.guide
            part = number / max(1, count - 1)
            answer = blur(guess, settings.blur * 2**number)
            texture = settings.texture * (1 - part) * average(detail, size)
            self.guide = torch.cat(((first + (last - first) * part) * answer, texture), 1)

    def usable(self, coarser: Field | None) -> bool:
        """Whether there is something to copy, and a start from below or a size at which everything can be compared."""
        return int(self.allowed.sum()) >= FEWEST and (coarser is not None or self.side <= LARGEST_FIRST)

    def fill(
        self, coarser: Field | None, rounds: int, random: torch.Generator, report: Progress
    ) -> tuple[Tensor, Field]:
        """The filled picture, and what was copied where."""
        if coarser is not None and not self.searches:
            return self._copied_along(coarser, random)
        features, settings = self._features(self.image), self.settings
        filters = patches.components(features, self.allowed.nonzero(), settings.radius, settings.components)
        field = self._field(patches.describe(features, filters))
        result = self.image
        if coarser is not None:
            field.start_from(coarser, random)
            result = self._vote(field)
        for done in range(rounds):
            report(done / rounds)
            wanted = patches.describe_at(field.targets, self._features(result), filters)
            if coarser is None and done < LOOKS:
                field.look_everywhere(wanted)
            field.ask_around(wanted, random)
            result = self._vote(field)
        return result, field

    def _copied_along(self, coarser: Field, random: torch.Generator) -> tuple[Tensor, Field]:
        """`fill` without a search: the patches of half the size, seen twice as large."""
        field = self._field(None)
        field.start_from(coarser, random)
        return self._vote(field), field

    def _field(self, described: Tensor | None) -> Field:
        """Nothing copied yet, to wherever a patch touches the hole."""
        step = 1 if self.side <= DENSE else 2
        grid = torch.zeros_like(self.allowed)
        grid[::step, ::step] = True
        targets = (patches.touched(self.hole, self.settings.radius) & grid).nonzero()
        return Field(targets, step, self.allowed, described)

    def _features(self, picture: Tensor) -> Tensor:
        return torch.cat((picture, self.guide), 1)

    def _vote(self, field: Field) -> Tensor:
        return patches.vote(
            self.image, self.hole, field.targets, field.sources, field.distances, self.settings.radius
        )
