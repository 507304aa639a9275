"""What may stand in the hole of a region: a network's answers at the region's size."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rigatino.compose import Bools, Floats
from rigatino.planning import Part
from rigatino.pool import Loaded
from rigatino_models.inpainter import enlarged
from rigatino_models.layers.fused import luminance
from rigatino_models.layers.resize import reduce_known
from rigatino_models.sampling import Sampler
from rigatino_models.spec import Step

Lineage = tuple[int, ...]
# (a part's picture [1,3,h,w], what is unknown in it [1,1,h,w], its answer [1,3,h,w]) -> a better answer
Finish = Callable[[Tensor, Tensor, Tensor], Tensor]


class Answer(NamedTuple):
    """RGB [1,3,H,W] in [0,1] for the whole region, the seeds that made it, and a critic's score if there is one.

    opacity [1,1,H,W]: how much of it the network itself wants to be seen, where the seam lets it.
    """

    picture: Tensor
    lineage: Lineage
    score: float | None = None
    opacity: Tensor | None = None


class Answers:
    """A region, rgb [H,W,3] in [0,1] and known [H,W], as a network sees it: in parts, batch after batch."""

    def __init__(
        self,
        loaded: Loaded,
        rgb: Floats,
        known: Bools,
        parts: Sequence[Part],
        batches: Sequence[Sequence[int]],
        fused: bool = False,
        see: Callable[[Loaded, Tensor, Tensor, Part], View] | None = None,
    ) -> None:
        """batches: numbers of parts that may be shown at once, to a network that gives one answer.

        fused: whether the network is to say how its answer passes into the picture (spec.alpha).
        see: what makes views of the region's image, what is unknown in it, and a part, where that is not `View`.
        """
        self.image = torch.from_numpy(rgb).permute(2, 0, 1)[None].to(loaded.device)
        unknown = torch.from_numpy(~known)[None, None].to(loaded.device)
        self.views = [(see or View)(loaded, self.image, unknown, part) for part in parts]
        self.network, self.batches = loaded.inpainter, batches
        self.stochastic, self.fused = loaded.spec.stochastic, fused

    def ask(self, lineages: Sequence[Lineage], variety: float, steps: Sequence[Step]) -> Iterator[Answer]:
        """An answer for each lineage, one after another; a network without chance has one for all.

        steps: a step(done, total) for each part, which counts over all answers. The score is the parts' mean.
        """
        if self.fused:
            yield self._layer(lineages[0], steps)
            return
        if not self.stochastic:
            yield Answer(self._joined(self._raw(steps)), lineages[0])
            return
        samplers = [v.sampler(len(lineages), step) for v, step in zip(self.views, steps, strict=True)]
        for lineage in lineages:
            raws, scores = zip(*(sampler.answer(lineage, variety) for sampler in samplers), strict=True)
            picture = self._joined([v.enlarged(raw) for v, raw in zip(self.views, raws, strict=True)])
            known = [score for score in scores if score is not None]
            yield Answer(picture, lineage, sum(known) / len(known) if known else None)

    def _raw(self, steps: Sequence[Step]) -> list[Tensor]:
        """The parts' only answers, at their sizes. What would get another answer in a batch than alone is alone."""
        found: dict[int, Tensor] = {}
        for numbers in self.batches:
            seen = {number: self.views[number].reduced() for number in numbers}
            for batch in _alike({number: self.network.manner(gap) for number, (_, gap) in seen.items()}):
                image, hole = (
                    torch.cat(pictures) for pictures in zip(*(seen[k] for k in batch), strict=True)
                )
                raws = self.network.raw(image, hole, _each([steps[k] for k in batch]))
                found |= {k: self.views[k].enlarged(raw[None]) for k, raw in zip(batch, raws, strict=True)}
        return [found[k] for k in range(len(self.views))]

    def _layer(self, lineage: Lineage, steps: Sequence[Step]) -> Answer:
        found = [view.layer(step) for view, step in zip(self.views, steps, strict=True)]
        opaque = torch.ones_like(self.image[:, :1])
        colours, opacities = zip(*found, strict=True)
        return Answer(self._joined(colours), lineage, opacity=self._joined(opacities, opaque))

    def finished(self, answer: Answer, finish: Sequence[Finish]) -> Answer:
        """The answer after something was done to each part of it."""
        found = [
            do(view.image, view.unknown, view.of(answer.picture))
            for do, view in zip(finish, self.views, strict=True)
        ]
        return answer._replace(picture=self._joined(found))

    def _joined(self, pictures: Sequence[Tensor], around: Tensor | None = None) -> Tensor:
        """The region, or what else is to be around, with each part's hole from that part's picture."""
        whole = self.image.clone() if around is None else around
        for view, picture in zip(self.views, pictures, strict=True):
            there = view.of(whole)
            there.copy_(torch.where(view.hole, picture, there))
        return whole


class View:
    """One part of a region [1,3,H,W], as a network sees it; unknown [1,1,H,W]."""

    def __init__(self, loaded: Loaded, image: Tensor, unknown: Tensor, part: Part) -> None:
        self.network, self.part = loaded.inpainter, part
        self.image, self.unknown = self.of(image), self.of(unknown).float()
        self.hole = torch.from_numpy(part.hole)[None, None].to(loaded.device)

    def of(self, region: Tensor) -> Tensor:
        """The part of a region's tensor; not a copy."""
        return region[..., *self.part.at]

    def layer(self, step: Step) -> tuple[Tensor, Tensor]:
        """Colour and opacity of a network that gives both, at the part's size; what is unknown is opaque."""
        small, gap = self.reduced()
        colour, opacity = self.network.fused(small, gap, step).layer(gap)
        return self.enlarged(colour), self.enlarged(luminance(opacity)).maximum(self.unknown)

    def sampler(self, count: int, step: Step) -> Sampler:
        """What gives `count` answers, at the network's size."""
        return Sampler(self.network, *self.reduced(), count, step)

    def enlarged(self, raw: Tensor) -> Tensor:
        """An answer at the part's size, in [0,1]."""
        size = (self.image.shape[-2], self.image.shape[-1])
        return raw.clamp(0, 1) if self.part.size == size else enlarged(raw, size)

    def reduced(self) -> tuple[Tensor, Tensor]:
        """The picture [1,3,h,w] and what is unknown in it [1,1,h,w], at the network's size."""
        return reduce_known(self.image, 1 - self.unknown, self.part.size)


def _alike(manners: Mapping[int, Hashable]) -> list[list[int]]:
    """The numbers that have the same manner, together."""
    return [[k for k in manners if manners[k] == manner] for manner in dict.fromkeys(manners.values())]


def _each(steps: Sequence[Step]) -> Step:
    """What tells all of them."""

    def step(done: int, total: int) -> None:
        for one in steps:
            one(done, total)

    return step


def pixels(answer: Answer) -> Floats:
    """An answer as [H,W,3] in [0,1]."""
    found: Floats = answer.picture[0].permute(1, 2, 0).cpu().numpy()
    return found


def ranked(answers: Sequence[Answer]) -> list[int]:
    """The answers' numbers, the best score first; as they came where there are no scores."""
    if any(answer.score is None for answer in answers):
        return list(range(len(answers)))
    return sorted(range(len(answers)), key=lambda k: -(answers[k].score or 0.0))
