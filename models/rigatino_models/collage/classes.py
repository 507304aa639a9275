"""Names of classes. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

# ImageNet's labels 151 to 293 (Chihuahua to cheetah), numbered from 0: what the published collage was trained on.
DOGS_AND_CATS = 143
LIST = Path(__file__).with_name("dogs_and_cats.txt")


def names(number: int, given: Sequence[str] = ()) -> tuple[str, ...]:
    """A name for each of `number` classes: those given, the published ones, or else numbers."""
    if len(given) == number:
        return tuple(given)
    return dogs_and_cats() if number == DOGS_AND_CATS else tuple(map(str, range(number)))


@cache
def dogs_and_cats() -> tuple[str, ...]:
    """WordNet's words for the published classes, the most usual first."""
    return tuple(LIST.read_text("utf-8").splitlines())
