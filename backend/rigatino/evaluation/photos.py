"""The photographs that fillers are measured on: middle squares of one size."""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

from rigatino.atomic import why
from rigatino_models.data.photos import SUFFIXES, UNREADABLE, check_depth
from rigatino_wire.errors import Failure

log = logging.getLogger(__name__)


def choose(folder: Path, patterns: Sequence[str], side: int, count: int | None) -> list[Path]:
    """The first `count` pictures (None: all) of a folder whose names match a pattern, by name, that `read` can read.

    Each is read to its end here: that costs little next to filling it, and names what is damaged before hours of
    measuring. Raises Failure folder_missing, file_unreadable, few_photos.
    """
    chosen: list[Path] = []
    for path in tqdm(
        _matching(folder, patterns), desc="reading photos", unit="photo", leave=False, disable=None
    ):
        if len(chosen) == count:
            break
        if read(path, side) is not None:
            chosen.append(path)
    wanted = 1 if count is None else count
    if len(chosen) < wanted:
        raise Failure("few_photos", found=len(chosen), side=side, folder=str(folder), wanted=wanted)
    return chosen


def read(path: Path, side: int) -> NDArray[np.uint8] | None:
    """The picture's middle square, upright, brought to [side,side,3].

    None, with a word in the log, where it is damaged, smaller than `side` or of more than 8 bits per channel.
    """
    try:
        return np.asarray(_square(path, side).resize((side, side), Image.Resampling.LANCZOS))
    except UNREADABLE as error:
        log.warning("Left out %s: %s", path.name, error)
        return None


def _matching(folder: Path, patterns: Sequence[str]) -> list[Path]:
    if not folder.is_dir():
        raise Failure("folder_missing", folder=str(folder))
    try:
        named = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise Failure("file_unreadable", file=str(folder), why=why(error)) from error
    return [path for path in named if any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns)]


def _square(path: Path, side: int) -> Image.Image:
    """The middle square of a picture that can be used; raises one of UNREADABLE."""
    with Image.open(path) as image:
        check_depth(image)
        if min(image.size) < side:
            raise ValueError(f"it has {image.width}x{image.height} pixels")
        upright = ImageOps.exif_transpose(image).convert("RGB")
    short = min(upright.size)
    left, top = (upright.width - short) // 2, (upright.height - short) // 2
    return upright.crop((left, top, left + short, top + short))
