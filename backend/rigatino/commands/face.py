"""`rigatino face`: the hidden part of a face, completed."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import click

from rigatino.commands.fill import write_filled
from rigatino.commands.options import of_a_face
from rigatino_wire.messages import Fill
from rigatino_wire.region import ContextRule


def _places(value: str) -> tuple[float, ...]:
    """Four numbers with commas between them; a usage error for anything else."""
    try:
        places = tuple(float(part) for part in value.split(","))
    except ValueError:
        places = ()
    if len(places) != 4 or not all(map(isfinite, places)):
        raise click.BadParameter(f"“{value}” is not X,Y,X,Y, the places of two eyes in pixels.")
    return places


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.argument("mask", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Where to write the result."
)
@click.option(
    "--eyes",
    type=_places,
    metavar="X,Y,X,Y",
    help="Both eyes' places in pixels; they are looked for if not given.",
)
@click.option("--daemon", is_flag=True, help="Ask the daemon; it is started when there is none.")
@of_a_face
@click.option("--force", is_flag=True, help="Overwrite the output.")
def command(
    image: Path,
    mask: Path,
    output: Path,
    eyes: tuple[float, ...] | None,
    daemon: bool,
    force: bool,
    **settings: Any,
) -> None:
    """Complete the part of a face in IMAGE that MASK marks.

    It takes the weights of a network for faces (“rigatino weights import Model_G.caffemodel”), and OpenCV to find
    the eyes (Rigatino's extra “faces”) where --eyes does not name their places. The mask is as for “rigatino fill”.
    """
    from rigatino import pictures, retouch

    picture, options = pictures.read(image), retouch.Options(**settings)

    def make(rule: ContextRule) -> Sequence[Fill]:
        return [retouch.face(picture, pictures.read_mask(mask), options, rule, eyes or ())]

    write_filled(picture, make, output, options, daemon, force, task="face")
