"""`rigatino train`: a network from a recipe and folders of photographs."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rigatino.failures import translated
from rigatino_wire.errors import Failure

if TYPE_CHECKING:
    from rigatino_models.training.recipe import Recipe


@click.command()
@click.argument("recipe")
@click.option(
    "--data", multiple=True, type=click.Path(path_type=Path), help="A folder of photographs; may be repeated."
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="The run's folder: log, checkpoints, sheets.",
)
@click.option("--resume", is_flag=True, help="Go on from the folder's checkpoint.")
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a setting, as optimiser.batch=8."
)
@click.option("--dry-run", is_flag=True, help="Print the settings and stop.")
def command(
    recipe: str, data: tuple[Path, ...], out: Path, resume: bool, changes: tuple[str, ...], dry_run: bool
) -> None:
    """Train the network of RECIPE: a TOML file, or the name of one that ships with Rigatino (lama-small)."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with translated():
        from rigatino_models.training import recipe as recipes

        settings = recipes.read(recipes.find(recipe), changes)
        if dry_run:
            click.echo(json.dumps(recipes.as_table(settings), indent=2))
            return
        _train(settings, data, out, resume)


def _train(settings: Recipe, data: tuple[Path, ...], out: Path, resume: bool) -> None:
    from rigatino_models.data.photos import load
    from rigatino_models.training.loop import Trainer

    photos = load(data)
    if not photos.pixels:
        raise Failure("no_photos", folders=", ".join(map(str, data)) or "none given")
    Trainer(settings, photos, out, resume).run()
