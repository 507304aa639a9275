"""Several requests that make one fill, each about a region of its own: asked one after another, told of as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Callable, TypeVar

from rigatino_wire.messages import Answer, Filled, Work

W = TypeVar("W", bound=Work)
Whole = Callable[[float], float]  # the fraction of one request that is done -> that of all


def ask(requests: Sequence[W], fill: Callable[[W, Whole], Filled]) -> list[Filled]:
    """The answers to requests, in their order; all have the seed of the first. Raises what `fill` raises."""
    sizes = [request.hole.nbytes for request in requests]
    answers: list[Filled] = []
    for number, request in enumerate(requests):
        if answers:
            request = replace(request, seed=answers[0].seed)
        answers.append(fill(request, _share(sum(sizes[:number]), sizes[number], sum(sizes))))
    return answers


def _share(before: int, mine: int, whole: int) -> Whole:
    return lambda fraction: (before + mine * fraction) / whole


def as_one(answers: Sequence[Filled]) -> Filled:
    """What ran, for all answers together; offset and pixels are the first's.

    There is no score then: a critic's opinions of several places cannot be compared with those of one.
    """
    first, *others = answers
    if not others:
        return first
    return replace(
        first,
        scale=min(answer.scale for answer in answers),
        answers=[Answer(answer.lineage) for answer in first.answers],
        notes=list(dict.fromkeys(note for answer in answers for note in answer.notes)),
        seconds=_summed([answer.seconds for answer in answers]),
    )


def _summed(laps: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for lap in laps for name in lap)
    return {name: sum(lap.get(name, 0.0) for lap in laps) for name in names}
