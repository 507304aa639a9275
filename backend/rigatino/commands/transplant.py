"""`rigatino transplant`: a picture and a reference, each with a mask; a picture that shows the one in the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rigatino.asking import by_daemon, in_process
from rigatino.commands.options import Number, of_an_edit
from rigatino.progress import Bar


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.argument("mask", type=click.Path(path_type=Path))
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("reference_mask", type=click.Path(path_type=Path), required=False)
@click.option(
    "--sliders",
    nargs=4,
    default=(1.0, 1.0, 1.0, 1.0),
    type=Number(0, 1),
    show_default=True,
    help="How much of the reference counts, from coarse features to finer ones.",
)
@of_an_edit
def command(
    image: Path,
    mask: Path,
    reference: Path,
    reference_mask: Path | None,
    output: Path,
    sliders: tuple[float, ...],
    daemon: bool,
    force: bool,
    **settings: Any,
) -> None:
    """Bring the part of REFERENCE that REFERENCE_MASK marks into what IMAGE shows, where MASK is white.

    It takes the size of the mask. Without REFERENCE_MASK the reference lies over the picture as a whole. Nothing
    outside of the mask and its seam changes.
    """
    from rigatino import pictures, retouch
    from rigatino.editing import asked

    picture, other = pictures.read(image), pictures.read(reference)
    pictures.check_output(output, picture, force)
    options = asked.options(**settings)
    where = pictures.read_mask(mask)
    marked = None if reference_mask is None else pictures.read_mask(reference_mask)
    answer = by_daemon if daemon else in_process
    with Bar() as bar:
        [filled] = answer(
            lambda rule: [asked.transplant(picture, where, other, marked, sliders, options, rule)],
            options.network,
            bar.show,
            task="transplant",
        )
    pictures.write(output, retouch.lay(picture, filled), force)
    asked.finish(filled, output, options)
