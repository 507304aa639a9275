"""The loop: every filler on every hole of every photograph."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from rigatino.evaluation import holes, photos, sheet
from rigatino.evaluation.fillers import Filler
from rigatino.evaluation.measures import Judge, Values
from rigatino_models.metrics.inception import Inception

Key = tuple[str, str]  # kind of hole, filler


@dataclass(frozen=True)
class Plan:
    """What is measured: fillers (the first is the one that the others are compared with) on holes in photographs."""

    photos: Sequence[Path]
    kinds: Sequence[str]
    fillers: Sequence[Filler]
    seed: int
    side: int
    rows: int  # of the contact sheet, per kind of hole


@dataclass
class Outcome:
    """What was measured: of each photograph by name, in order, and for each kind and filler one set of values."""

    names: list[str] = field(default_factory=list)
    values: dict[Key, list[Values]] = field(default_factory=dict)
    seconds: dict[Key, list[float]] = field(default_factory=dict)
    real: list[NDArray[np.float32]] = field(default_factory=list)
    fake: dict[Key, list[NDArray[np.float32]]] = field(default_factory=dict)
    strips: dict[str, list[sheet.Strip]] = field(default_factory=dict)
    end: BaseException | None = None  # what ended it early

    @property
    def interrupted(self) -> bool:
        """Whether photographs are missing."""
        return self.end is not None


def measure(plan: Plan, judge: Judge, inception: Inception | None = None) -> Outcome:
    """Fill and measure. Ctrl-C ends it early, as does whatever goes wrong; photographs that were done then are kept.

    Hole i is cut into the i-th photograph that can be read; the outcome is empty where none can. Raises what goes wrong
    before the first is done.
    """
    outcome = Outcome()
    every = max(1, len(plan.photos) // max(1, plan.rows))
    fills = len(plan.photos) * len(plan.kinds) * len(plan.fillers)
    with tqdm(total=fills, unit="fill", desc="measuring", leave=False, disable=None) as bar:
        try:
            for path in plan.photos:
                index = len(outcome.names)  # of those that can be read, so that names and seed tell the holes
                shown = plan.rows > index // every and index % every == 0
                one = _Photo(plan, judge, inception, bar).run(index, path, shown)
                if one is not None:
                    _add(outcome, one)
        except (Exception, KeyboardInterrupt) as error:
            if not outcome.names:
                raise
            outcome.end = error
    return outcome


class _Photo:
    """One photograph with all its holes; an outcome of its own, so that none is ever half done."""

    def __init__(self, plan: Plan, judge: Judge, inception: Inception | None, bar: tqdm[NoReturn]) -> None:
        self.plan, self.judge, self.inception, self.bar = plan, judge, inception, bar

    def run(self, index: int, path: Path, shown: bool) -> Outcome | None:
        """Measure photograph `index`; None if it cannot be read."""
        original = photos.read(path, self.plan.side)
        if original is None:
            self.bar.update(len(self.plan.kinds) * len(self.plan.fillers))
            return None
        outcome = Outcome([path.name])
        if self.inception:
            outcome.real.append(self.inception.features(original))
        for kind in self.plan.kinds:
            hole = holes.draw(kind, self.plan.side, self.plan.seed, index)
            results = self._fill(outcome, kind, original, hole)
            if shown:
                outcome.strips[kind] = [sheet.Strip.of(path.name, original, hole, results)]
        return outcome

    def _fill(
        self, outcome: Outcome, kind: str, original: NDArray[np.uint8], hole: NDArray[np.uint8]
    ) -> list[NDArray[np.uint8]]:
        taken = self.judge.of(original, hole)
        results = []
        for filler in self.plan.fillers:
            start = time.perf_counter()
            result = filler.fill(original, hole)
            key = (kind, filler.name)
            outcome.seconds[key] = [time.perf_counter() - start]
            outcome.values[key] = [taken(result)]
            if self.inception:
                outcome.fake[key] = [self.inception.features(result)]
            results.append(result)
            self.bar.update()
        return results


def _add(whole: Outcome, one: Outcome) -> None:
    whole.names += one.names
    whole.real += one.real
    for key in one.values:
        whole.values.setdefault(key, []).extend(one.values[key])
        whole.seconds.setdefault(key, []).extend(one.seconds[key])
        whole.fake.setdefault(key, []).extend(one.fake.get(key, []))
    for kind, strips in one.strips.items():
        whole.strips.setdefault(kind, []).extend(strips)
