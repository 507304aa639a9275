"""What may stand in the hole of a region: a network's answers at the region's size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rigatino.compose import Bools, Floats
from rigatino.pool import Loaded
from rigatino_models.exemplar.synthesis import copy_texture
from rigatino_models.inpainter import enlarged
from rigatino_models.layers.resize import reduce_known
from rigatino_models.sampling import Sampler
from rigatino_models.spec import Step

Lineage = tuple[int, ...]


class Answer(NamedTuple):
    """RGB [1,3,H,W] in [0,1] for the whole region, the seeds that made it, and a critic's score if there is one."""

    picture: Tensor
    lineage: Lineage
    score: float | None = None


class Answers:
    """A region as a network sees it: rgb [H,W,3] in [0,1], known [H,W], `scale` network pixels per pixel."""

    def __init__(self, loaded: Loaded, rgb: Floats, known: Bools, scale: float) -> None:
        self.network, self.stochastic = loaded.inpainter, loaded.spec.stochastic
        self.image = torch.from_numpy(rgb).permute(2, 0, 1)[None].to(loaded.device)
        self.known = torch.from_numpy(known.astype(np.float32))[None, None].to(loaded.device)
        height, width = known.shape
        self.size = (max(1, round(height * scale)), max(1, round(width * scale)))

    def ask(self, lineages: Sequence[Lineage], variety: float, step: Step) -> Iterator[Answer]:
        """An answer for each lineage, one after another; a network without chance has one for all.

        step(done, total) counts over all of them.
        """
        small, hole = reduce_known(self.image, self.known, self.size)
        if not self.stochastic:
            yield Answer(self._enlarged(self.network.raw(small, hole, step)), lineages[0])
            return
        sampler = Sampler(self.network, small, hole, len(lineages), step)
        for lineage in lineages:
            raw, score = sampler.answer(lineage, variety)
            yield Answer(self._enlarged(raw), lineage, score)

    def with_texture(self, answer: Answer, progress: Callable[[float], None]) -> Answer:
        """The answer with texture of the region copied along it."""
        picture = copy_texture(self.image, 1 - self.known, answer.picture, on_progress=progress)
        return answer._replace(picture=picture)

    def _enlarged(self, raw: Tensor) -> Tensor:
        height, width = self.known.shape[-2:]
        return raw.clamp(0, 1) if self.size == (height, width) else enlarged(raw, (height, width))


def pixels(answer: Answer) -> Floats:
    """An answer as [H,W,3] in [0,1]."""
    found: Floats = answer.picture[0].permute(1, 2, 0).cpu().numpy()
    return found


def ranked(answers: Sequence[Answer]) -> list[int]:
    """The answers' numbers, the best score first; as they came where there are no scores."""
    if any(answer.score is None for answer in answers):
        return list(range(len(answers)))
    return sorted(range(len(answers)), key=lambda k: -(answers[k].score or 0.0))
