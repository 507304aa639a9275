"""A training run's settings, read from TOML into typed dataclasses."""

from __future__ import annotations

import dataclasses
import math
import tomllib
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

from rigatino_models.checkpoint.trouble import Misfit
from rigatino_models.convert import lama
from rigatino_models.data import masks
from rigatino_models.data.crops import Augment
from rigatino_models.errors import ModelError
from rigatino_models.lama.net import LamaConfig

Rule = tuple[str, object, bool, str]  # a setting, its value, whether that is right, what would be
SHARES = "shares of 0 or more, one of them above 0"
LEAST = {
    "seed": 0,
    "data.side": 1,
    "data.workers": 0,
    "data.bank": 1,
    "optimiser.batch": 1,
    "optimiser.accumulate": 1,
    "optimiser.precise_norm": 0,
    "adversary.r1_every": 1,
    "adversary.width": 1,
    "adversary.layers": 1,
    "log.line": 1,
    "log.sheet": 1,
    "log.checkpoint": 1,
}


@dataclass(frozen=True)
class Data:
    """side: pixels of a sample; scales: short side to which photos are reduced first.

    weights, held: patterns of photos' names, with their weight, or to be kept for validation.
    masks: names of data.masks.MASKS with the weight of each.
    loader: "workers" draws samples in so many processes, "device" keeps photos and a bank of holes where it trains.
    """

    side: int = 128
    scales: tuple[int, int] = (160, 512)
    weights: dict[str, float] = field(default_factory=dict)
    held: tuple[str, ...] = ()
    masks: dict[str, float] = field(default_factory=lambda: {"mixed": 1.0})
    augment: Augment = field(default_factory=Augment)
    loader: Literal["workers", "device"] = "workers"
    workers: int = 1
    bank: int = 20_000


@dataclass(frozen=True)
class Optimiser:
    """AdamW with a linear warm-up and a cosine from `rate` to `last_rate` over all samples; `clip` bounds the norm.

    batch: samples of a step, over all processes; accumulate: parts into which a process divides its share.
    ema: decay of the average (0: none); precise_norm: batches that its BatchNorm statistics are measured on.
    """

    samples: int = 400_000
    batch: int = 16
    accumulate: int = 1
    rate: float = 2e-3
    last_rate: float = 2e-5
    warmup: int = 200
    weight_decay: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 1.0
    ema: float = 0.999
    precise_norm: int = 0
    precision: Literal["bf16", "fp32"] = "bf16"


@dataclass(frozen=True)
class Losses:
    """Weights of the terms in losses/, 0 = none; `*_weights` are the files of the networks that judge.

    border, rim, reduced, perceptual (SqueezeNet), vgg: small-model terms, on the composite but for the rim.
    known, missing, high_receptive_field: LaMa's, on the raw answer.
    """

    border: float = 0.0
    rim: float = 0.0
    reduced: float = 0.0
    perceptual: float = 0.0
    perceptual_weights: str = ""
    vgg: float = 0.0
    vgg_weights: str = ""
    known: float = 0.0
    missing: float = 0.0
    high_receptive_field: float = 0.0
    high_receptive_field_weights: str = ""


@dataclass(frozen=True)
class Adversary:
    """The discriminator and its game; there is none where both `weight` and `feature_matching` are 0.

    start: samples before it begins; shown: what it sees of the generator, the composite or the raw answer.
    r1: factor of the penalty, which is taken every `r1_every` steps (times as much then).
    """

    weight: float = 0.0
    feature_matching: float = 0.0
    r1: float = 0.001
    r1_every: int = 1
    start: int = 0
    shown: Literal["composite", "raw"] = "composite"
    width: int = 64
    layers: int = 4
    rate: float = 1e-4

    @property
    def plays(self) -> bool:
        """Whether there is a discriminator at all."""
        return bool(self.weight or self.feature_matching)


@dataclass(frozen=True)
class Log:
    """How often, in steps, to write a log line, a sheet with validation and curves, a checkpoint.

    tensorboard: write its event files too (needs the extra `train`).
    """

    line: int = 20
    sheet: int = 1000
    checkpoint: int = 500
    tensorboard: bool = False


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run besides the photos.

    start: a file of weights to begin with, where they fit. looks: the shares of steps whose pictures the network sees
    at once, after the averaged network's own answer at half their size, after one that began at a quarter, and so on.
    """

    name: str
    network: LamaConfig
    seed: int = 0
    start: str = ""
    looks: tuple[float, ...] = (1.0,)
    data: Data = Data()
    optimiser: Optimiser = Optimiser()
    losses: Losses = Losses()
    adversary: Adversary = Adversary()
    log: Log = Log()

    @property
    def steps(self) -> int:
        """Number of optimiser steps."""
        return self.optimiser.samples // self.optimiser.batch


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
        _apply(table, change)
    recipe: Recipe = _build(Recipe, table, "")
    _check(recipe)
    return recipe


def as_table(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values, to be kept beside the run and in the weights."""
    return dataclasses.asdict(recipe)


def _apply(table: dict[str, Any], change: str) -> None:
    key, _, value = change.partition("=")
    *sections, name = key.strip().split(".")
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise ModelError("bad_setting", name=key, value=value, expected="a section before its last dot")
    try:
        table[name] = tomllib.loads(f"v = {value}")["v"]
    except tomllib.TOMLDecodeError:
        table[name] = value


def _build(kind: type[Any], table: Mapping[str, Any], where: str) -> Any:
    """A dataclass from a table; unknown keys and wrong types are named."""
    fields = {f.name: f for f in dataclasses.fields(kind)}
    kinds = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in fields:
            raise _wrong(f"{where}{key}", value, ", ".join(fields))
        values[key] = _convert(kinds[key], value, f"{where}{key}")
    missing = [n for n, f in fields.items() if n not in values and _required(f)]
    if missing:
        raise _wrong(f"{where}{missing[0]}", "nothing", "a value")
    return kind(**values)


def _convert(kind: Any, value: Any, where: str) -> Any:
    """The value as its annotation has it: numbers, texts, flags, choices, tuples, tables, sections."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            raise _wrong(where, value, "a section")
        return _build(kind, value, f"{where}.")
    if origin is Literal:
        if value not in arguments:
            raise _wrong(where, value, " or ".join(map(str, arguments)))
        return value
    if origin is tuple:
        return _tuple(arguments, value, where)
    if origin is dict:
        if not isinstance(value, dict):
            raise _wrong(where, value, "a section")
        return {key: _convert(arguments[1], entry, f"{where}.{key}") for key, entry in value.items()}
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise _wrong(where, value, kind.__name__)
    return value


def _tuple(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    count = None if arguments[-1] is ... else len(arguments)
    if not isinstance(value, list) or count not in (None, len(value)):
        raise _wrong(where, value, f"a list of {count}" if count else "a list")
    kinds = arguments if count else arguments[:1] * len(value)
    return tuple(_convert(kind, entry, where) for kind, entry in zip(kinds, value, strict=True))


def _check(recipe: Recipe) -> None:
    """Raise ModelError bad_setting for values that no run can have."""
    try:
        lama.expected(dataclasses.asdict(recipe.network))
    except Misfit as misfit:
        raise _wrong(f"network.{misfit.key}", "what the recipe says", misfit.why) from None
    for name, least in LEAST.items():
        if not attrgetter(name)(recipe) >= least:
            raise _wrong(name, attrgetter(name)(recipe), f"{least} or more")
    for name, value, right, expected in (*_data_rules(recipe), *_looks_rules(recipe)):
        if not right:
            raise _wrong(name, value, expected)
    masks.mixture(recipe.data.masks)


def _data_rules(recipe: Recipe) -> tuple[Rule, ...]:
    data, batch, multiple = recipe.data, recipe.optimiser.batch, 2**recipe.network.downs
    return (
        (
            "optimiser.samples",
            recipe.optimiser.samples,
            recipe.optimiser.samples >= batch,
            f"{batch} or more",
        ),
        ("data.side", data.side, data.side % multiple == 0, f"a multiple of {multiple}"),
        ("data.scales", data.scales, sorted(data.scales) == list(data.scales), "the lesser one first"),
        ("data.scales", data.scales, data.scales[1] >= data.side, f"up to data.side, {data.side}, or more"),
        ("data.masks", data.masks, _shares(data.masks.values()), SHARES),
        (
            "data.weights",
            data.weights,
            all(weight >= 0 for weight in data.weights.values()),
            "0 or more each",
        ),
    )


def _looks_rules(recipe: Recipe) -> tuple[Rule, ...]:
    looks, side, multiple = recipe.looks, recipe.data.side, 2**recipe.network.downs
    first = multiple << max(0, len(looks) - 1)
    several = len(looks) > 1
    fit = f"so few that data.side, {side}, halved, stays a multiple of {multiple} from {2 * multiple} on"
    return (
        ("looks", looks, _shares(looks), SHARES),
        ("looks", looks, not several or recipe.network.prefill, "one alone where network.prefill is false"),
        ("looks", looks, not several or (side % first == 0 and side >= 2 * first), fit),
    )


def _shares(values: Iterable[float]) -> bool:
    """Whether these are finite, none is below 0, and not all are 0."""
    shares = list(values)
    return all(0 <= share < math.inf for share in shares) and any(shares)


def _wrong(name: str, value: Any, expected: str) -> ModelError:
    return ModelError("bad_setting", name=name, value=str(value), expected=expected)


def _required(wanted: dataclasses.Field[Any]) -> bool:
    return wanted.default is dataclasses.MISSING and wanted.default_factory is dataclasses.MISSING
