"""`rigatino fill`: a picture, a mask, a filled picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rigatino import weights
from rigatino.asking import Make, by_daemon, in_process
from rigatino.commands.options import of_a_fill
from rigatino.progress import Bar
from rigatino_wire.messages import Fill, Filled
from rigatino_wire.region import ContextRule
from rigatino_wire.several import as_one

if TYPE_CHECKING:
    from rigatino.pictures import Picture
    from rigatino.retouch import Options


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.argument("mask", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Where to write the result."
)
@click.option("--daemon", is_flag=True, help="Ask the daemon; it is started when there is none.")
@of_a_fill
@click.option("--force", is_flag=True, help="Overwrite the output.")
def command(
    image: Path,
    mask: Path,
    output: Path,
    daemon: bool,
    force: bool,
    **settings: Any,
) -> None:
    """Fill the hole that MASK marks in IMAGE.

    The mask is as large as the picture; white (or opaque, where it is painted in black alone) is filled. Pixels
    farther from the hole than grow + feather stay as they are, bit for bit (JPEG, which is lossy, aside). Where a
    network has an alpha of its own, as DFNet, and --seam is auto, feather counts as 24 or more there.
    """
    from rigatino import pictures, retouch

    picture, options = pictures.read(image), retouch.Options(**settings)

    def make(rule: ContextRule) -> Sequence[Fill]:
        return retouch.requests(picture, pictures.read_mask(mask), options, rule)

    write_filled(picture, make, output, options, daemon, force)


def write_filled(
    picture: Picture,
    make: Make,
    output: Path,
    options: Options,
    daemon: bool,
    force: bool,
    task: str = "fill",
) -> None:
    """Have the requests about a picture answered, and write what comes of it, with a line about each file."""
    from rigatino import pictures, retouch

    for path in retouch.outputs(output, options.candidates):
        pictures.check_output(path, picture, force)
    answer = by_daemon if daemon else in_process
    with Bar() as bar:
        answers = answer(make, options.network, bar.show, task=task)
    filled = as_one(answers)
    for k, path in enumerate(retouch.outputs(output, filled.fill.shape[0])):
        pictures.write(path, retouch.lay(picture, *answers, candidate=k), force)
        click.echo(summary(filled, path, k, len(answers)), err=True)
    for note in filled.notes:
        click.echo(note, err=True)


def summary(filled: Filled, output: Path, candidate: int = 0, places: int = 1) -> str:
    """One line about what ran, in so many places far from each other, and what makes this candidate again."""
    answer = filled.answers[candidate]
    score = "" if answer.score is None else f", score {answer.score:.3f}"
    seed = f", seed {answer.lineage[-1]}" if weights.by_chance(filled.network) else ""
    size = f"{filled.fill.shape[2]}x{filled.fill.shape[1]} pixels" if places == 1 else f"{places} places"
    seconds = filled.seconds.get("total", 0.0)
    return (
        f"{output}: {size} filled by {filled.network} in {seconds:.1f} s "
        f"({filled.device}, {filled.precision}, scale {filled.scale:.2f}{seed}{score})"
    )
