"""`rigatino train`: a network from a recipe and folders of photographs."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rigatino.failures import translated
from rigatino_wire.errors import Failure

if TYPE_CHECKING:
    from rigatino_models.data.photos import Photos
    from rigatino_models.training.settings import Recipe

log = logging.getLogger(__name__)
GIB = 2**30
TOO_MANY = (
    "The photographs take %.1f GiB of memory in each of %d processes, and %.1f GiB are free. "
    "With --set 'data.loader=\"files\"' each is read when it is drawn."
)


@click.command()
@click.argument("recipe")
@click.option(
    "--data", multiple=True, type=click.Path(path_type=Path), help="A folder of photographs; may be repeated."
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="The run's folder: log, curves, checkpoints, sheets.",
)
@click.option("--resume", is_flag=True, help="Go on from the folder's checkpoint.")
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a setting, as optimiser.batch=8."
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print the settings and what they need, or what is wrong with them or the photographs, and stop.",
)
def command(
    recipe: str, data: tuple[Path, ...], out: Path, resume: bool, changes: tuple[str, ...], dry_run: bool
) -> None:
    """Train the network of RECIPE: a TOML file, or the name of one that ships with Rigatino: lama-small, lama-fourier,
    lama-regular, big-lama, comodgan-ffhq, comodgan-places, comodgan-edges, pic-random, pic-centre, dfnet, gfc,
    collage, collage-encoder. With torchrun, as many processes as it starts train as one.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with translated():
        from rigatino_models.training import recipe as recipes

        settings = recipes.read(recipes.find(recipe), changes)
        if not data and not dry_run:
            raise click.UsageError(
                "--data is missing: a folder of photographs. Without one there is --dry-run."
            )
        if dry_run:
            _describe(settings, data, out, resume)
        else:
            _train(settings, data, out, resume)


def _describe(settings: Recipe, data: tuple[Path, ...], out: Path, resume: bool) -> None:
    from rigatino_models.training.estimate import estimate
    from rigatino_models.training.recipe import as_table
    from rigatino_models.training.rehearsal import rehearse

    photos = _photos(settings, data) if data else None
    rehearse(settings, photos, out, resume, _processes())
    found = {"recipe": as_table(settings), "needs": estimate(settings, _processes())}
    if photos:
        training, held = photos.split(settings.data.held)
        found["photos"] = {"training": len(training.names), "held": len(held.names)}
        found["needs"]["gib_photos"] = round(photos.bytes / GIB, 2)
    click.echo(json.dumps(found, indent=2))


def _train(settings: Recipe, data: tuple[Path, ...], out: Path, resume: bool) -> None:
    from rigatino_models.training.loop import Trainer
    from rigatino_models.training.parallel import group

    photos = _photos(settings, data)
    if settings.data.loader != "files":
        photos = photos.decoded()
    with group() as among:
        Trainer(settings, photos, out, resume, among).run()
        among.leave()


def _photos(settings: Recipe, data: tuple[Path, ...]) -> Photos:
    """The photographs, as yet in their files."""
    from rigatino_models.data.photos import look

    pairs = settings.beside == "condition"
    photos = look(data, settings.data.scales[1], settings.data.side, pairs)
    if not photos.names:
        raise Failure("no_photos", folders=", ".join(map(str, data)))
    if settings.data.loader != "files":
        _warn_of_memory(photos)
    return photos


def _warn_of_memory(photos: Photos) -> None:
    from rigatino import budget

    free, processes = budget.free(budget.CPU), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if processes * photos.bytes > free:
        log.warning(TOO_MANY, photos.bytes / GIB, processes, free / GIB)


def _processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))
