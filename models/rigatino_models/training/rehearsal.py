"""What a run would refuse before its first step, refused without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from rigatino_models.data.photos import Photos
from rigatino_models.training import photographs, scalars
from rigatino_models.training.loop import parted, samples
from rigatino_models.training.methods import method
from rigatino_models.training.recipe import as_table, check_same
from rigatino_models.training.run_folder import RunFolder
from rigatino_models.training.settings import Recipe, divided

FILES = ("start", "teacher", "_weights")  # ends of the names of settings that name a file


def rehearse(recipe: Recipe, photos: Photos | None, out: Path, resume: bool, processes: int) -> None:
    """Raise ModelError as the run would. The files that the recipe names are read; nothing is written.

    photos: None where none are named yet.
    """
    divided(recipe, processes)
    folder = RunFolder(out)
    folder.check(resume)
    state = folder.load_state() if resume else None
    if state:
        check_same(recipe, state["recipe"])
    if recipe.log.tensorboard:
        scalars.needed()
    if photos:
        samples(recipe, parted(recipe, photos)[0])
        if state and "photos" in state:
            seen = photos if recipe.data.loader == "files" else photos.decoded()
            photographs.check_same(photographs.fingerprints(seen), state["photos"])
    if photos or any(_files(as_table(recipe))):
        made = method(recipe)(recipe, torch.device("cpu"), fresh=state is None)
        if photos:
            made.check(photos)


def _files(table: dict[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _files(value)
        elif key.endswith(FILES) and isinstance(value, str):
            yield value
