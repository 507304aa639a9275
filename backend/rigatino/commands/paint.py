"""`rigatino paint`: a picture, a mask, classes; a picture that shows these there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from rigatino.asking import by_daemon, in_process
from rigatino.commands.options import Number, of_an_edit
from rigatino.progress import Bar
from rigatino_wire.errors import Failure
from rigatino_wire.messages import MAX_PALETTE
from rigatino_wire.region import Box

NEAR = 2.5  # of 255: how far off a colour may be in each channel
COLOUR = re.compile(r"#?([0-9a-fA-F]{6})=(.+)")


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.argument("mask", type=click.Path(path_type=Path))
@click.option(
    "--class",
    "classes",
    multiple=True,
    required=True,
    metavar="[RRGGBB=]CLASS",
    help="What to paint, by name or number; with a colour, where MASK has it. May be given several times.",
)
@click.option("--strength", default=1.0, type=Number(0, 1), show_default=True, help="How much of it.")
@of_an_edit
def command(
    image: Path,
    mask: Path,
    output: Path,
    classes: tuple[str, ...],
    strength: float,
    daemon: bool,
    force: bool,
    **settings: Any,
) -> None:
    """Paint other classes into what IMAGE shows, where MASK is white.

    With several classes MASK is a picture in their colours: --class ff0000=tabby --class 0000ff=lion. Their names are
    listed by "rigatino classes". Nothing outside of the mask and its seam changes.
    """
    from rigatino import pictures, retouch
    from rigatino.editing import asked

    if len(classes) > MAX_PALETTE:
        raise click.UsageError(f"--class can be given {MAX_PALETTE} times; paint the others after these.")
    picture = pictures.read(image)
    pictures.check_output(output, picture, force)
    options = asked.options(**settings)
    painted, numbers = _painted(mask, classes)
    palette = [_number(name.rpartition("=")[2], options.network) for name in classes]
    answer = by_daemon if daemon else in_process
    with Bar() as bar:
        [filled] = answer(
            lambda rule: [asked.paint(picture, painted, numbers, palette, strength, options, rule)],
            options.network,
            bar.show,
            task="paint",
        )
    pictures.write(output, retouch.lay(picture, filled), force)
    asked.finish(filled, output, options)


def _painted(mask: Path, classes: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Where MASK is painted [H,W] (255), and with which class [H,W]; nothing is where it is transparent.

    Raises Failure bad_setting.
    """
    from rigatino import exchange, pictures, retouch

    colours = [COLOUR.fullmatch(name) for name in classes]
    if len(classes) == 1 and colours[0] is None:
        where = pictures.read_mask(mask)
        return where, np.zeros_like(where)
    coloured = pictures.read(mask)
    height, width = coloured.rgba.shape[:2]
    rgba = 255 * exchange.floats(retouch.sent(coloured, Box(0, 0, width, height)))
    numbers = np.full(rgba.shape[:2], 255, np.uint8)
    for k, colour in enumerate(colours):
        if colour is None:
            expected = "a colour and a class (ff0000=tabby) where there are several"
            raise Failure("bad_setting", name="class", value=classes[k], expected=expected)
        wanted = np.frombuffer(bytes.fromhex(colour[1]), np.uint8).astype(np.float32)
        numbers[(np.abs(rgba[..., :3] - wanted) < NEAR).all(-1) & (rgba[..., 3] >= 128)] = k
    return np.where(numbers < 255, 255, 0).astype(np.uint8), numbers


def _number(name: str, network: str) -> int:
    from rigatino.editing import asked

    return asked.class_number(name, network, "class")
