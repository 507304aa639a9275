"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import isnan
from pathlib import Path
from typing import Any, TypeVar

import click

from rigatino_wire.messages import MAX_CANDIDATES
from rigatino_wire.region import MAX_FACTOR

Command = TypeVar("Command", bound=Callable[..., None])


class Number(click.FloatRange):
    """A number within a range; “nan” is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; a usage error for what is none."""
        number = float(super().convert(value, param, ctx))
        if isnan(number):
            self.fail(f"{value} is no number.", param, ctx)
        return number


option = partial(click.option, show_default=True)

PRECISION = option(
    "--precision",
    default="auto",
    type=click.Choice(["auto", "fp32", "bf16"]),
    help="What the network computes in; auto = what the device is good at.",
)


def _seam(auto: str) -> Callable[[Command], Command]:
    """How what is new meets the picture; auto: what that stands for."""
    return option(
        "--seam",
        default="auto",
        type=click.Choice(["auto", "feather", "poisson"]),
        help=f"Fade over --feather, or draw colours to the rim's all through (poisson); auto = {auto}.",
    )


def _fill(network: str, detail: str, seam: str) -> tuple[Callable[[Command], Command], ...]:
    """The fields of rigatino.retouch.Options. network, seam: what the default stands for; detail: what it does."""
    return (
        click.option("--network", default="", help=f"Name of a network; {network} by default."),
        option(
            "--seed",
            default=-1,
            type=click.IntRange(-1, 2**53 - 1),
            help="For networks with many answers; -1 = a new one.",
        ),
        option("--grow", default=4, type=click.IntRange(0, 1000), help="Pixels by which the hole grows."),
        option("--feather", default=4.0, type=Number(0, 1000), help="Pixels of soft seam beyond that."),
        PRECISION,
        option("--detail/--no-detail", default=True, help=detail),
        option(
            "--candidates",
            default=1,
            type=click.IntRange(1, MAX_CANDIDATES),
            help="Answers of a network with chance; the others go to OUT-2, OUT-3, ...",
        ),
        option(
            "--variety", default=1.0, type=Number(0, 4), help="What chance adds; 0 = the likeliest answer."
        ),
        _seam(seam),
        option(
            "--quality",
            default="balanced",
            type=click.Choice(["fast", "balanced", "best"]),
            help="What is spent on holes larger than the network's size.",
        ),
    )


FILL = _fill(
    "the bundled one",
    "Copy texture and grain of the surroundings into the fill.",
    "the network's own, else feather",
)
FACE = _fill("the first one for faces", "Give the fill the grain of its surroundings.", "poisson")


# What rigatino.editing.asked.options takes, and where the answer comes from and goes.
EDIT = (
    click.option(
        "-o", "--output", required=True, type=click.Path(path_type=Path), help="Where to write the result."
    ),
    click.option("--base", default="guess", help="The class of what the picture shows [default: guess it]."),
    click.option("--network", default="", help="Name of a network; the first one that can by default."),
    click.option(
        "--steps",
        default=200,
        type=click.IntRange(0, 10000),
        show_default=True,
        help="For how long the network looks for the picture, with the steps of earlier edits that --keep knows.",
    ),
    click.option(
        "--keep",
        type=click.Path(path_type=Path, dir_okay=False),
        help="A file for what the network found, from which later edits of the same place go on.",
    ),
    _seam("feather"),
    option("--feather", default=4.0, type=Number(0, 1000), help="Pixels of soft seam."),
    option(
        "--context",
        default=0.0,
        type=Number(0, MAX_FACTOR),
        help="How much around the mask the network sees, times its size; 0 = as it likes.",
    ),
    option("--seed", default=-1, type=click.IntRange(-1, 2**53 - 1), help="-1 = a new one."),
    PRECISION,
    click.option("--daemon", is_flag=True, help="Ask the daemon; it is started when there is none."),
    click.option("--force", is_flag=True, help="Overwrite the output."),
)


def of_an_edit(command: Command) -> Command:
    """A decorator: the command takes what any edit can be told."""
    return _with(EDIT, command)


def of_a_fill(command: Command) -> Command:
    """A decorator: the command takes what a fill can be told, as keywords with the names of retouch.Options."""
    return _with(FILL, command)


def of_a_face(command: Command) -> Command:
    """A decorator: as of_a_fill, for the part of a face."""
    return _with(FACE, command)


def _with(options: Sequence[Callable[[Command], Command]], command: Command) -> Command:
    for each in reversed(options):
        command = each(command)
    return command
