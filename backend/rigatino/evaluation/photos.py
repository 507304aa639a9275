"""The photographs that fillers are measured on: middle squares of one size."""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rigatino_models.data.photos import SUFFIXES
from rigatino_wire.errors import Failure

log = logging.getLogger(__name__)
UNREADABLE = (OSError, ValueError, Image.DecompressionBombError)


def choose(folder: Path, patterns: Sequence[str], side: int, count: int | None) -> list[Path]:
    """The first `count` pictures (None: all) of a folder whose names match a pattern, by name, large enough.

    Pictures that are smaller than `side`, or cannot be read, are named in the log and left out. Raises Failure
    folder_missing, few_photos.
    """
    if not folder.is_dir():
        raise Failure("folder_missing", folder=str(folder))
    named = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    matching = (path for path in named if any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns))
    chosen: list[Path] = []
    for path in matching:
        if len(chosen) == count:
            break
        if _large_enough(path, side):
            chosen.append(path)
    wanted = 1 if count is None else count
    if len(chosen) < wanted:
        raise Failure("few_photos", found=len(chosen), side=side, folder=str(folder), wanted=wanted)
    return chosen


def read(path: Path, side: int) -> NDArray[np.uint8] | None:
    """The picture's middle square, brought to [side,side,3]; None, with a word in the log, if it is damaged."""
    try:
        with Image.open(path) as image:
            short = min(image.size)
            left, top = (image.width - short) // 2, (image.height - short) // 2
            square = image.convert("RGB").crop((left, top, left + short, top + short))
        return np.asarray(square.resize((side, side), Image.Resampling.LANCZOS))
    except UNREADABLE as error:
        log.warning("Left out %s: %s", path.name, error)
        return None


def _large_enough(path: Path, side: int) -> bool:
    try:
        with Image.open(path) as image:
            if min(image.size) >= side:
                return True
            log.warning("Left out %s: it has %dx%d pixels", path.name, *image.size)
    except UNREADABLE as error:
        log.warning("Left out %s: %s", path.name, error)
    return False
