"""Progress of work that has portions. No torch here."""

from __future__ import annotations

from collections.abc import Sequence

from rigatino_models.spec import Step


def portion(on_step: Step | None, weights: Sequence[int], number: int) -> Step | None:
    """What the `number`th of several portions is to call: its steps as steps of all, one after another."""
    if on_step is None or len(weights) == 1:
        return on_step
    before, share, whole = sum(weights[:number]), weights[number], sum(weights)

    def report(done: int, total: int) -> None:
        on_step(before * total + share * done, whole * total)

    return report
