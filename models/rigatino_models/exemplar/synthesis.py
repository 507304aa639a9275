"""A hole filled with patches of its own picture, coarse to fine, along a first answer.

Every level finds for each patch that touches the hole the most similar known one, lets all of them vote, and does so
again (Wexler et al. 2007; Barnes et al. 2009); the next level starts from the same patches, seen twice as large. The
first answer, a network's, is what the coarsest level starts from, and a part of every patch's description: what is
copied comes from places that look, blurred, as the answer does. At the end the fill's low frequencies are drawn halfway
to the answer's, and where nothing similar was found, the answer itself stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rigatino_models.exemplar import patches
from rigatino_models.exemplar.search import Field
from rigatino_models.layers.resize import doubling, reduce_known

LARGEST_FIRST = 384  # no first level above it: comparing all with all would take too long
DENSE = 384  # up to this side there is a target at every pixel, above it at every other
LARGEST = 1024  # levels above it copy along what was found below
ROUNDS = (6, 4, 3, 2)  # searches and votes of a level, the coarsest first
FEWEST = 64  # source patches; a level with fewer is left out
LOW = 6.0 / 512  # standard deviation of what counts as low frequency, in longer sides
AROUND = 32  # pixels around the hole from which the usual distance of patches is learnt
SMOOTH = 3.0  # standard deviation in pixels of what trust is averaged over

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Settings:
    """radius of a patch in pixels; components that tell patches apart; coarsest: the longer side of the first level.

    guide: weight of the answer beside the colours, at the first level and at the last; blur: the standard deviation
    to which the answer is blurred, in pixels of the first level; drawn: how far low frequencies follow the answer at
    the end; trust: a patch this many times as far from its source as patches usually are counts 1/e against the answer;
    0: the answer never counts.
    """

    radius: int = 3
    components: int = 32
    coarsest: int = 64
    guide: tuple[float, float] = (1.0, 0.1)
    blur: float = 1.2
    drawn: float = 0.5
    trust: float = 2.0


DETAIL = Settings()


@torch.inference_mode()
def copy_texture(
    image: Tensor,
    hole: Tensor,
    answer: Tensor,
    settings: Settings = DETAIL,
    on_progress: Progress | None = None,
) -> Tensor:
    """image [1,3,H,W] in [0,1], hole [1,1,H,W] (1 = fill), answer [1,3,H,W] (counts in the hole) -> filled [1,3,H,W].

    The same input gives the same result. on_progress(fraction) may raise to stop. Where the picture has too little to
    copy from, the answer is returned as it is.
    """
    guess = image * (1 - hole) + answer * hole
    random = torch.Generator().manual_seed(0)
    sizes = doubling(hole.shape[-2], hole.shape[-1], settings.coarsest)
    field: Field | None = None
    searched: tuple[Level, Field] | None = None
    result = guess
    for number, size in enumerate(sizes):
        level = Level(image, hole, guess, size, settings, number, len(sizes))
        if level.usable(field):
            rounds = ROUNDS[min(number, len(ROUNDS) - 1)]
            result, field = level.fill(field, rounds, random, _part(on_progress, number, len(sizes)))
            searched = (level, field) if level.searches else searched
    if result.shape != guess.shape:
        return guess
    pulled = result + settings.drawn * blur(guess - result, LOW * max(hole.shape[-2:]))
    if settings.trust and searched is not None:
        trust = searched[0].trust(searched[1], random)
        pulled = torch.lerp(guess, pulled, F.interpolate(trust, hole.shape[-2:], mode="bilinear"))
    return torch.where(hole > 0, pulled, image).clamp(0, 1)


def _part(on_progress: Progress | None, number: int, count: int) -> Progress:
    """Progress within one level as progress of all: each level takes four times as long as the one before."""
    begin, end = 4.0 ** (number - count) if number else 0.0, 4.0 ** (number + 1 - count)

    def report(part: float) -> None:
        if on_progress is not None:
            on_progress(begin + (end - begin) * part)

    return report


class Level:
    """The picture at one size, the `number`th of `count`."""

    def __init__(
        self,
        image: Tensor,
        hole: Tensor,
        guess: Tensor,
        size: tuple[int, int],
        settings: Settings,
        number: int,
        count: int,
    ) -> None:
        known, self.hole = reduce_known(image, 1 - hole, size)
        self.guess = F.adaptive_avg_pool2d(guess, size)
        self.image = torch.where(self.hole > 0, self.guess, known)
        first, last = settings.guide
        weight = first + (last - first) * number / max(1, count - 1)
        self.guide = weight * blur(self.guess, settings.blur * 2**number)
        self.side, self.settings = max(size), settings
        self.searches = self.side <= LARGEST
        self.allowed = patches.known(self.hole, settings.radius)

    def usable(self, coarser: Field | None) -> bool:
        """Whether there is something to copy, and a start from below or a size at which everything can be compared."""
        return int(self.allowed.sum()) >= FEWEST and (coarser is not None or self.side <= LARGEST_FIRST)

    def fill(
        self, coarser: Field | None, rounds: int, random: torch.Generator, report: Progress
    ) -> tuple[Tensor, Field]:
        """The filled picture, and what was copied where."""
        step = 1 if self.side <= DENSE else 2
        grid = torch.zeros_like(self.allowed)
        grid[::step, ::step] = True
        targets = (patches.touched(self.hole, self.settings.radius) & grid).nonzero()
        if coarser is not None and not self.searches:
            field = Field(targets, step, self.allowed, None)
            field.start_from(coarser, random)
            return self._vote(field), field
        features, settings = self._features(self.image), self.settings
        filters = patches.components(features, self.allowed.nonzero(), settings.radius, settings.components)
        field = Field(targets, step, self.allowed, patches.describe(features, filters))
        result = self.image
        if coarser is not None:
            field.start_from(coarser, random)
            result = self._vote(field)
        for done in range(rounds):
            report(done / rounds)
            wanted = field.at_targets(patches.describe(self._features(result), filters))
            if coarser is None:
                field.look_everywhere(wanted)
            else:
                field.ask_around(wanted, random)
            result = self._vote(field)
        report(1.0)
        return result, field

    def trust(self, field: Field, random: torch.Generator) -> Tensor:
        """1 where what was copied is as similar as patches around the hole are to each other, towards 0 elsewhere."""
        rows, columns = field.targets.unbind(1)
        distance, there = torch.zeros_like(self.hole), torch.zeros_like(self.hole)
        distance[0, 0, rows, columns] = field.distances
        there[0, 0, rows, columns] = 1
        mean = blur(distance, SMOOTH) / blur(there, SMOOTH).clamp_min(1e-4)
        usual = field.usual_distance(patches.touched(self.hole, AROUND), random).clamp_min(1e-3)
        return torch.exp(-mean / (self.settings.trust * usual))

    def _features(self, picture: Tensor) -> Tensor:
        return torch.cat((picture, self.guide), 1)

    def _vote(self, field: Field) -> Tensor:
        return patches.vote(
            self.image, self.hole, field.targets, field.sources, field.distances, self.settings.radius
        )


def blur(x: Tensor, sigma: float) -> Tensor:
    """x [N,C,H,W] under a Gaussian of that standard deviation in pixels; the last pixels repeat beyond the edge."""
    radius = math.ceil(3 * sigma)
    reach = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-reach.square() / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, -1)
    padded = F.pad(x, (radius,) * 4, mode="replicate")
    across = F.conv2d(padded, kernel[:, :, None], groups=x.shape[1])
    return F.conv2d(across, kernel[:, :, :, None], groups=x.shape[1])
