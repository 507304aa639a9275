"""What decides a run of any system; each system's method adds its own (rigatino_models.training.methods)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from rigatino_models.data.crops import Augment
from rigatino_models.data.photos import Beside
from rigatino_models.errors import ModelError

Rule = tuple[str, object, bool, str]  # a setting, its value, whether that is right, what would be
Bounds = dict[str, tuple[float, float]]  # a setting -> the least and the most that its numbers may be
MOST = float(2**53)  # beyond it whole numbers are no longer exact as floats
WIDEST, LARGEST, MANY = 8192, 16_384, 1_000_000  # channels, pixels along a side, pictures at once
SHARES = "shares of 0 or more, one of them above 0"


@dataclass(frozen=True)
class Data:
    """side: pixels of a sample; scales: short side to which photos are reduced first.

    weights, held: patterns of photos' names, or of their paths below the folder given, with their weight, or to be kept
    for validation.
    masks: names of data.masks.MASKS with the weight of each.
    loader: "workers" draws samples in so many processes; "files" too, but reads each photo when it is drawn; "device"
    keeps photos and a bank of holes where it trains.
    """

    side: int = 128
    scales: tuple[int, int] = (160, 512)
    weights: dict[str, float] = field(default_factory=dict)
    held: tuple[str, ...] = ()
    masks: dict[str, float] = field(default_factory=lambda: {"mixed": 1.0})
    augment: Augment = field(default_factory=Augment)
    loader: Literal["workers", "files", "device"] = "workers"
    workers: int = 1
    bank: int = 20_000


@dataclass(frozen=True)
class Optimiser:
    """AdamW with a linear warm-up and a cosine from `rate` to `last_rate` over all samples; `clip` bounds the norm.

    batch: samples of a step, over all processes; accumulate: parts into which a process divides its share.
    fall_every: samples after which the rate is a tenth, in place of the cosine (0: the cosine).
    clip: 0 for none. ema: decay of the average (0: none); half_life: in place of it, the samples after which half is
    forgotten; precise_norm: batches that the average's BatchNorm statistics are measured on.
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
    half_life: float = 0.0
    fall_every: int = 0
    precise_norm: int = 0
    precision: Literal["bf16", "fp32"] = "bf16"

    @property
    def decay(self) -> float:
        """Of the average, for each step."""
        return float(0.5 ** (self.batch / self.half_life)) if self.half_life else self.ema


@dataclass(frozen=True)
class Log:
    """How often, in steps, to write a log line, a sheet with validation and curves, a checkpoint.

    tensorboard: write its event files too (needs the extra `train`).
    """

    line: int = 20
    sheet: int = 1000
    checkpoint: int = 500
    tensorboard: bool = False


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a run besides the photos.

    start: a file of weights to begin with, where they fit.
    BOUNDS: of settings that are numbers or hold some; all others lie between 0 and MOST. The network knows its own.
    """

    BOUNDS: ClassVar[Bounds] = {
        "data.side": (1, LARGEST),
        "data.workers": (0, 1024),
        "data.bank": (1, 2**31),
        "data.augment.saturation": (0, 1),
        "data.augment.contrast": (0, 1),
        "data.augment.brightness": (0, 1),
        "data.augment.hue": (0, 180),
        "data.augment.rotation": (0, 180),
        "data.augment.shear": (0, 1),
        "data.augment.perspective": (0, 0.5),
        "data.augment.lens": (0, 1),
        "optimiser.batch": (1, MANY),
        "optimiser.accumulate": (1, MANY),
        "optimiser.rate": (0, 1),
        "optimiser.last_rate": (0, 1),
        "optimiser.ema": (0, 1),
        "log.line": (1, MOST),
        "log.sheet": (1, MOST),
        "log.checkpoint": (1, MOST),
    }

    name: str
    system: str
    network: Any
    seed: int = 0
    start: str = ""
    data: Data = Data()
    optimiser: Optimiser = Optimiser()
    log: Log = Log()

    @property
    def steps(self) -> int:
        """Number of optimiser steps."""
        return self.optimiser.samples // self.optimiser.batch

    @property
    def beside(self) -> Beside:
        """What stands beside the pictures of a batch."""
        return "hole"

    @classmethod
    def completed(cls, table: dict[str, Any]) -> dict[str, Any]:
        """A file's table, with what follows from other settings where it is not given."""
        return table

    def rules(self) -> Iterator[Rule]:
        """What must hold of the settings taken together."""
        data, batch, parts = self.data, self.optimiser.batch, self.optimiser.accumulate
        yield "optimiser.samples", self.optimiser.samples, self.optimiser.samples >= batch, f"{batch} or more"
        yield "optimiser.batch", batch, batch % parts == 0, f"a multiple of optimiser.accumulate, {parts}"
        yield "data.scales", data.scales, sorted(data.scales) == list(data.scales), "the lesser one first"
        enough = data.scales[1] >= data.side
        yield "data.scales", data.scales, enough, f"up to data.side, {data.side}, or more"
        yield "data.masks", data.masks, shares(data.masks.values()), SHARES
        gamma = data.augment.gamma
        yield "data.augment.gamma", gamma, min(gamma) > 0, "bounds above 0"
        yield moments("optimiser.betas", self.optimiser.betas)

    def multiple_of(self, number: int) -> Rule:
        """The rule that the samples' side is a multiple of this."""
        return "data.side", self.data.side, self.data.side % number == 0, f"a multiple of {number}"


def divided(recipe: Recipe, processes: int) -> int:
    """Parts of a batch, over all processes. Raises ModelError bad_setting where they would not be equal."""
    parts = processes * recipe.optimiser.accumulate
    if recipe.optimiser.batch % parts:
        expected = f"a multiple of {parts}, the processes times optimiser.accumulate"
        raise wrong("optimiser.batch", recipe.optimiser.batch, expected)
    return parts


def shares(values: Iterable[float]) -> bool:
    """Whether none is below 0, and not all are 0."""
    found = list(values)
    return all(share >= 0 for share in found) and any(found)


def moments(name: str, betas: tuple[float, float]) -> Rule:
    """The rule that these are what Adam forgets by."""
    return name, betas, all(0 <= beta < 1 for beta in betas), "two numbers from 0 to below 1"


def wrong(name: str, value: Any, expected: str) -> ModelError:
    """The error for a setting that cannot be."""
    return ModelError("bad_setting", name=name, value=str(value), expected=expected)
