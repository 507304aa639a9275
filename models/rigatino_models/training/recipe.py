"""Recipes: found by name, read from TOML, compared with the one that a run began with."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rigatino_models.checkpoint.trouble import Misfit
from rigatino_models.convert.weights import converter
from rigatino_models.data import masks
from rigatino_models.errors import ModelError
from rigatino_models.training import tables
from rigatino_models.training.methods import METHODS
from rigatino_models.training.settings import MOST, Recipe, wrong

# When a run is resumed: how long it goes on, what it writes, and how the work is divided.
MAY_CHANGE = ("log", "optimiser.samples", "optimiser.accumulate", "data.workers")


def shipped() -> dict[str, Path]:
    """Name -> file of the recipes that come with the systems."""
    return {path.stem: path for path in sorted(Path(__file__).parents[1].glob("*/*.toml"))}


def find(name: str) -> Path:
    """The file of a recipe: a path, or the name of one that ships with a system. Raises ModelError bad_setting."""
    known, path = shipped(), Path(name)
    if name not in known and not path.exists():
        raise wrong("recipe", name, f"the path of a TOML file, or one of these names: {', '.join(known)}")
    return known.get(name, path)


def read(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply changes of the form "section.key=value" (the value as TOML has it).

    Raises ModelError file_unreadable and bad_setting.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ModelError("file_unreadable", file=str(path), why=why) from None
    for change in changes:
        tables.change(table, change)
    system = table.get("system", "nothing")
    if not isinstance(system, str) or system not in METHODS:
        raise wrong("system", system, ", ".join(METHODS))
    kind = METHODS[system].settings
    recipe: Recipe = tables.build(kind, kind.completed(table), "")
    _check(recipe)
    return recipe


def as_table(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values, to be kept beside the run and in the weights."""
    return dataclasses.asdict(recipe)


def without_places(table: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's table in which files stand by their names alone: where they lay says nothing to others."""
    return {
        key: without_places(value)
        if isinstance(value, dict)
        else Path(value).name
        if isinstance(value, str)
        else value
        for key, value in table.items()
    }


def kept(recipe: Recipe) -> str:
    """What a resumed run must have alike, as JSON."""
    free = tuple(f"{name}." for name in MAY_CHANGE)
    settings = _leaves(without_places(as_table(recipe)), "")
    return json.dumps({name: value for name, value in settings if not f"{name}.".startswith(free)})


def check_same(recipe: Recipe, before: str) -> None:
    """Raise ModelError bad_setting for the first setting that differs from a run that `kept` tells of."""
    mine, theirs = json.loads(kept(recipe)), json.loads(before)
    for name in dict.fromkeys((*mine, *theirs)):
        if mine.get(name) != theirs.get(name):
            expected = f"{theirs.get(name, 'nothing')}, with which the run began"
            raise wrong(name, mine.get(name, "nothing"), expected)


def _leaves(table: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every setting."""
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{where}{key}.")
        else:
            yield f"{where}{key}", value


def _check(recipe: Recipe) -> None:
    """Raise ModelError bad_setting for values that no run can have."""
    _check_bounds(recipe)
    try:
        converter(recipe.system).expected(dataclasses.asdict(recipe.network))
    except Misfit as misfit:
        value = getattr(recipe.network, misfit.key, recipe.network)
        raise wrong(f"network.{misfit.key}", value, f"another value, for {misfit.why}") from None
    for name, value, right, expected in recipe.rules():
        if not right:
            raise wrong(name, value, expected)
    masks.mixture(recipe.data.masks)


def _check_bounds(recipe: Recipe) -> None:
    """Raise ModelError bad_setting for the first number outside its bounds; not of the network's."""
    for name, value in _leaves(as_table(recipe), ""):
        least, most = recipe.BOUNDS.get(name, (0, MOST))
        held = value if isinstance(value, tuple) else (value,)
        numbers = [number for number in held if isinstance(number, int | float)]
        if not name.startswith("network.") and not all(least <= number <= most for number in numbers):
            expected = (
                f"{least} or more"
                if min(numbers) < least and most == MOST
                else f"a number from {least} to {most:.7g}"
            )
            raise wrong(name, value, expected)
