"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


# The fields of rigatino.retouch.Options.
FILL = (
    click.option("--network", default="", help="Name of a network; the bundled one by default."),
    click.option(
        "--seed",
        default=-1,
        type=click.IntRange(-1, 2**53 - 1),
        help="For networks with many answers; -1 = a new one.",
    ),
    click.option("--grow", default=4, type=click.IntRange(0, 1000), help="Pixels by which the hole grows."),
    click.option("--feather", default=4.0, type=Number(0, 1000), help="Pixels of soft seam beyond that."),
    click.option("--precision", default="auto", type=click.Choice(["auto", "fp32", "bf16"])),
    click.option(
        "--detail/--no-detail", default=True, help="Copy texture of the surroundings into the fill."
    ),
    click.option(
        "--candidates",
        default=1,
        type=click.IntRange(1, MAX_CANDIDATES),
        help="Answers of a network with chance; the others go to OUT-2, OUT-3, ...",
    ),
    click.option(
        "--variety", default=1.0, type=Number(0, 4), help="What chance adds; 0 = the likeliest answer."
    ),
    click.option("--seam", default="auto", type=click.Choice(["auto", "feather", "poisson"])),
    click.option(
        "--quality",
        default="balanced",
        type=click.Choice(["fast", "balanced", "best"]),
        help="What is spent on holes larger than the network's size.",
    ),
)


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
    click.option("--seam", default="auto", type=click.Choice(["auto", "feather", "poisson"])),
    click.option("--feather", default=4.0, type=Number(0, 1000), help="Pixels of soft seam."),
    click.option(
        "--context",
        default=0.0,
        type=Number(0, MAX_FACTOR),
        help="How much around the mask the network sees, times its size; 0 = as it likes.",
    ),
    click.option("--seed", default=-1, type=click.IntRange(-1, 2**53 - 1), help="-1 = a new one."),
    click.option("--precision", default="auto", type=click.Choice(["auto", "fp32", "bf16"])),
    click.option("--daemon", is_flag=True, help="Ask the daemon; it is started when there is none."),
    click.option("--force", is_flag=True, help="Overwrite the output."),
)


def of_an_edit(command: Command) -> Command:
    """A decorator: the command takes what any edit can be told."""
    return _with(EDIT, command)


def of_a_fill(command: Command) -> Command:
    """A decorator: the command takes what a fill can be told, as keywords with the names of retouch.Options."""
    return _with(FILL, command)


def _with(options: Sequence[Callable[[Command], Command]], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
