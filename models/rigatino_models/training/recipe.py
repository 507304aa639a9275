"""Recipes: found by name, read from TOML, compared with the one that a run began with."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

from rigatino_models.checkpoint.trouble import Misfit
from rigatino_models.convert.weights import converter
from rigatino_models.data import masks
from rigatino_models.errors import ModelError
from rigatino_models.training import tables
from rigatino_models.training.methods import METHODS
from rigatino_models.training.settings import Recipe, wrong

# When a run is resumed: how long it goes on, what it writes, and how the work is divided.
MAY_CHANGE = ("log", "optimiser.samples", "optimiser.accumulate", "data.workers")


def shipped() -> dict[str, Path]:
    """Name -> file of the recipes that come with the systems."""
    return {path.stem: path for path in sorted(Path(__file__).parents[1].glob("*/*.toml"))}


def find(name: str) -> Path:
    """The file of a recipe: a path, or the name of one that ships with a system."""
    return shipped().get(name, Path(name))


def read(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply changes of the form "section.key=value" (the value as TOML has it).

    Raises ModelError file_unreadable and bad_setting.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError("file_unreadable", file=str(path), why=str(error)) from None
    for change in changes:
        tables.change(table, change)
    system = table.get("system", "nothing")
    if system not in METHODS:
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
    try:
        converter(recipe.system).expected(dataclasses.asdict(recipe.network))
    except Misfit as misfit:
        raise wrong(f"network.{misfit.key}", "what the recipe says", misfit.why) from None
    for name, least in recipe.LEAST.items():
        if not attrgetter(name)(recipe) >= least:
            raise wrong(name, attrgetter(name)(recipe), f"{least} or more")
    for name, value, right, expected in recipe.rules():
        if not right:
            raise wrong(name, value, expected)
    masks.mixture(recipe.data.masks)
