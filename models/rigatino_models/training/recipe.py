"""A training run's settings, read from TOML into typed dataclasses."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rigatino_models.errors import ModelError
from rigatino_models.lama.net import LamaConfig


@dataclass(frozen=True)
class Data:
    """side: pixels of a sample; scales: short side to which photos are reduced first; weights, held: name patterns."""

    side: int = 128
    scales: tuple[int, int] = (160, 512)
    weights: dict[str, float] = field(default_factory=dict)
    held: tuple[str, ...] = ()


@dataclass(frozen=True)
class Optimiser:
    """AdamW with a linear warm-up and a cosine from `rate` to `last_rate` over all samples."""

    samples: int = 400_000
    batch: int = 16
    rate: float = 2e-3
    last_rate: float = 2e-5
    warmup: int = 200
    weight_decay: float = 1e-4
    clip: float = 1.0
    ema: float = 0.999


@dataclass(frozen=True)
class Losses:
    """Weights of the terms in losses/; `perceptual_weights` is the file of the SqueezeNet features."""

    border: float = 1.0
    rim: float = 0.5
    reduced: float = 3.0
    perceptual: float = 1.5
    perceptual_weights: str = ""


@dataclass(frozen=True)
class Log:
    """How often, in steps, to write a log line, a sheet with validation, a checkpoint."""

    line: int = 20
    sheet: int = 1000
    checkpoint: int = 500


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run besides the photos. `start`: a file of weights to begin with, where they fit."""

    name: str
    network: LamaConfig
    seed: int = 0
    start: str = ""
    data: Data = Data()
    optimiser: Optimiser = Optimiser()
    losses: Losses = Losses()
    log: Log = Log()

    @property
    def steps(self) -> int:
        """Number of optimiser steps."""
        return self.optimiser.samples // self.optimiser.batch


def find(name: str) -> Path:
    """The file of a recipe: a path, or the name of one that ships with a system."""
    shipped = {path.stem: path for path in Path(__file__).parents[1].glob("*/*.toml")}
    return shipped.get(name, Path(name))


def read(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply changes of the form "section.key=value" (the value as TOML has it)."""
    try:
        table = tomllib.loads(path.read_text())
        for change in changes:
            _apply(table, change)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ModelError("file_unreadable", file=str(path), why=str(error)) from None
    recipe: Recipe = _build(Recipe, table, "")
    return recipe


def as_table(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values, to be kept beside the run and in the weights."""
    return dataclasses.asdict(recipe)


def _apply(table: dict[str, Any], change: str) -> None:
    key, _, value = change.partition("=")
    *sections, name = key.strip().split(".")
    for section in sections:
        table = table.setdefault(section, {})
    try:
        table[name] = tomllib.loads(f"v = {value}")["v"]
    except tomllib.TOMLDecodeError:
        table[name] = value


def _build(kind: type[Any], table: Mapping[str, Any], where: str) -> Any:
    """A dataclass from a table; unknown keys and wrong types are named."""
    fields = {f.name: f for f in dataclasses.fields(kind)}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in fields:
            raise ModelError(
                "bad_setting", name=f"{where}{key}", value=str(value), expected=", ".join(fields)
            )
        values[key] = _convert(fields[key], value, f"{where}{key}")
    missing = [n for n, f in fields.items() if n not in values and _required(f)]
    if missing:
        raise ModelError("bad_setting", name=f"{where}{missing[0]}", value="nothing", expected="a value")
    return kind(**values)


_SECTIONS = {"network": LamaConfig, "data": Data, "optimiser": Optimiser, "losses": Losses, "log": Log}


def _convert(wanted: dataclasses.Field[Any], value: Any, where: str) -> Any:
    if isinstance(value, dict) and wanted.name in _SECTIONS:
        return _build(_SECTIONS[wanted.name], value, f"{where}.")
    if isinstance(value, list):
        return tuple(value)
    kind = str(wanted.type)
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    plain = {"int": int, "float": float, "str": str, "bool": bool}.get(kind)
    if plain is not None and type(value) is not plain:
        raise ModelError("bad_setting", name=where, value=str(value), expected=kind)
    return value


def _required(wanted: dataclasses.Field[Any]) -> bool:
    return wanted.default is dataclasses.MISSING and wanted.default_factory is dataclasses.MISSING
