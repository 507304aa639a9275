"""Many answers of one network to one picture, each named by the seeds that made it.

A lineage is a list of seeds. The first draws the noise of an answer; each further one is a step from there towards the
noise that it draws itself, so that answers which share all but their last seeds resemble each other.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, Protocol

import torch
from torch import Tensor

from rigatino_models.inpainter import Inpainter, composite
from rigatino_models.spec import Step

STEP = 0.3  # of the way from one noise to the next, along the sphere
KEPT = 4  # pictures whose features are kept

Tick = Callable[[], None]


class Stochastic(Protocol):
    """A network with chance in it. Pictures are RGB [N,3,H,W] in [0,1], holes [N,1,H,W] (1 = fill).

    noise_shape: of one answer's noise; pace: how often `tick` is called by a `see`, and by a `draw`.
    """

    @property
    def noise_shape(self) -> tuple[int, ...]: ...

    @property
    def pace(self) -> tuple[int, int]: ...

    def see(self, image: Tensor, hole: Tensor, tick: Tick) -> Any:
        """What there is to say of a picture, for any number of answers."""

    def answer(self, seen: Any, noise: Tensor, variety: float, tick: Tick) -> Tensor:
        """Raw RGB [1,3,H,W] for noise [1,*noise_shape]; variety is the factor on what chance adds."""

    def score(self, filled: Tensor, hole: Tensor) -> Tensor | None:
        """A critic's verdict [N] on composites: more is better. None without one."""


class Sampler:
    """One picture's answers. What the network sees in it is remembered by its contents, for later samplers too."""

    def __init__(
        self,
        inpainter: Inpainter,
        image: Tensor,
        hole: Tensor,
        count: int,
        on_step: Step | None = None,
    ) -> None:
        """`count`: how many answers will be asked for, for on_step(done, total). What it raises ends the work."""
        self._net: Stochastic = inpainter.net  # type: ignore[assignment]
        self._size = (image.shape[-2], image.shape[-1])
        self._image, self._hole = inpainter.padded(image, hole)
        look, answer = self._net.pace
        key, memory = _contents(self._image, self._hole), inpainter.seen
        self._tick = _ticking(on_step, (0 if key in memory else look) + count * answer)
        self._seen = self._look(memory, key)

    @torch.inference_mode()
    def _look(self, memory: OrderedDict[bytes, Any], key: bytes) -> Any:
        if key not in memory:
            memory[key] = self._net.see(self._image, self._hole, self._tick)
            while len(memory) > KEPT:
                memory.popitem(last=False)
        memory.move_to_end(key)
        return memory[key]

    @torch.inference_mode()
    def answer(self, lineage: Sequence[int], variety: float = 1.0) -> tuple[Tensor, float | None]:
        """Raw RGB [1,3,H,W] float32, and the critic's score of it where there is a critic."""
        drawn = noise(lineage, self._net.noise_shape).to(self._image.device)
        raw = self._net.answer(self._seen, drawn[None], variety, self._tick)
        score = self._net.score(composite(self._image, self._hole, raw), self._hole)
        height, width = self._size
        return raw[..., :height, :width].float(), None if score is None else float(score[0])


def noise(lineage: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Standard normal noise of this shape, float32 on the CPU, the same for the same lineage everywhere."""
    first, *steps = lineage
    drawn = _normal(first, shape)
    for seed in steps:
        drawn = towards(drawn, _normal(seed, shape), STEP)
    return drawn


def towards(start: Tensor, end: Tensor, part: float) -> Tensor:
    """Spherical interpolation (Shoemake 1985): noise stays as likely as it was on the way."""
    cosine = torch.dot(start.flatten(), end.flatten()) / (start.norm() * end.norm()).clamp_min(1e-12)
    angle = torch.arccos(cosine.clamp(-1, 1))
    if float(angle.sin()) < 1e-6:
        return torch.lerp(start, end, part)
    return (torch.sin((1 - part) * angle) * start + torch.sin(part * angle) * end) / torch.sin(angle)


def _normal(seed: int, shape: Sequence[int]) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(prod(shape), generator=generator).view(*shape)


def _contents(*tensors: Tensor) -> bytes:
    """A hash of tensors' shapes and values."""
    found = hashlib.blake2b(digest_size=16)
    for tensor in tensors:
        found.update(repr(tuple(tensor.shape)).encode())
        found.update(tensor.cpu().contiguous().numpy().tobytes())
    return found.digest()


def _ticking(on_step: Step | None, total: int) -> Tick:
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if on_step is not None:
            on_step(min(done, total), total)

    return tick
