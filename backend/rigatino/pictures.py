"""Picture files: read, written whole or not at all. 8 bits a channel; grey or RGB, with or without alpha."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from rigatino.atomic import why
from rigatino_wire.errors import Failure

Image.MAX_IMAGE_PIXELS = 2**28
MODES = {"1": "L", "L": "L", "LA": "LA", "RGB": "RGB", "RGBA": "RGBA", "P": "RGBA", "PA": "RGBA"}
DARK = 8
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
OPTIONS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},
    "TIFF": {"compression": "tiff_lzw"},
}


@dataclass(frozen=True)
class Picture:
    """A decoded picture, upright: RGBA [H,W,4] uint8, the mode it had (L, LA, RGB, RGBA), ICC and EXIF as they were."""

    rgba: NDArray[np.uint8]
    mode: str
    extras: dict[str, Any]


def read(path: Path) -> Picture:
    """Read a picture; Failure file_missing, file_unreadable, deep_picture, many_pages, colour_mode."""
    image = _open(path)
    extras = {key: image.info[key] for key in ("icc_profile", "dpi") if image.info.get(key)}
    exif = image.getexif()
    if exif:
        extras["exif"] = exif.tobytes()
    mode = MODES[image.mode]
    if "transparency" in image.info:
        mode = {"L": "LA", "RGB": "RGBA"}.get(mode, mode)
    elif image.mode == "P":
        mode = "RGB"
    return Picture(np.asarray(image.convert("RGBA")), mode, extras)


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Read a mask as [H,W] uint8, 255 = fill: its brightness, or its alpha where it is painted in black alone.

    What is darker than DARK is black: JPEG's noise and a scanner's dark mark nothing.
    """
    mask = _brightness(_open(path, deep=True))
    return np.where(mask < DARK, np.uint8(0), mask)


def _brightness(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I"):
        deep_mask: NDArray[np.uint32] = np.asarray(image, np.uint32)
        high: NDArray[np.uint8] = np.minimum(deep_mask >> 8, 255).astype(np.uint8)
        return high
    pixels: NDArray[np.uint8] = np.asarray(image.convert("RGBA"))
    light = np.asarray(image.convert("RGBA").convert("L"))
    alpha = pixels[..., 3]
    black = not (light[alpha > 0] > 0).any()
    if black and (alpha < 255).any():
        return alpha.copy()
    return (light.astype(np.uint16) * alpha // 255).astype(np.uint8)


def check_output(path: Path, picture_mode: str, force: bool) -> None:
    """Refuse what could not be written: Failure unknown_picture_format, file_exists, folder_missing, no_alpha."""
    if path.suffix.lower() not in FORMATS:
        raise Failure("unknown_picture_format", file=str(path), known=" ".join(FORMATS))
    if FORMATS[path.suffix.lower()] == "JPEG" and picture_mode.endswith("A"):
        raise Failure("no_alpha", file=str(path))
    if not path.parent.is_dir():
        raise Failure("folder_missing", folder=str(path.parent))
    if path.is_dir():
        raise Failure("file_unwritable", file=str(path), why="it is a folder")
    if path.exists() and not force:
        raise Failure("file_exists", file=str(path))


def write(path: Path, picture: Picture, force: bool = False) -> None:
    """Write the picture atomically, in the format of the file's suffix; Failure as check_output, file_unwritable."""
    check_output(path, picture.mode, force)
    kind = FORMATS[path.suffix.lower()]
    image = Image.fromarray(picture.rgba).convert(picture.mode)
    extras = {k: v for k, v in picture.extras.items() if not (k == "dpi" and kind == "WEBP")}
    try:
        handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                image.save(file, kind, **OPTIONS[kind], **extras)
            _place(Path(part), path, force)
        finally:
            Path(part).unlink(missing_ok=True)
    except FileExistsError:
        raise Failure("file_exists", file=str(path)) from None
    except (OSError, ValueError) as error:
        raise Failure("file_unwritable", file=str(path), why=why(error)) from None


def _place(part: Path, path: Path, force: bool) -> None:
    """Give the finished file its name; without force another's file that came meanwhile stays."""
    mask = os.umask(0)
    os.umask(mask)
    part.chmod(0o666 & ~mask)
    if not force:
        os.close(
            os.open(path, os.O_CREAT | os.O_EXCL)
        )  # reserves the name, on file systems without links too
    part.replace(path)


def _open(path: Path, deep: bool = False) -> Image.Image:
    """Open, check and decode; upright."""
    if not path.is_file():
        raise Failure("file_missing", file=str(path))
    try:
        with path.open("rb") as file, Image.open(file) as image:
            _refuse(path, image, deep)
            image.load()
            return ImageOps.exif_transpose(image)
    except UnidentifiedImageError:
        raise Failure("file_unreadable", file=str(path), why="it is no picture that Pillow knows") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Failure("file_unreadable", file=str(path), why=str(error)) from None


def _refuse(path: Path, image: Image.Image, deep: bool) -> None:
    # In MPO, the JPEG of many phones, the pages after the first are previews and gain maps.
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        raise Failure("many_pages", file=str(path))
    # Pillow reads 16-bit RGB as 8-bit without a word; what it is about to decode says the truth.
    raw = [str(tile[3]) for tile in getattr(image, "tile", [])]
    if not deep and (image.mode.startswith(("I", "F")) or any(";16" in mode for mode in raw)):
        raise Failure("deep_picture", file=str(path), mode=image.mode)
    if image.mode not in MODES and not (deep and image.mode.startswith("I")):
        raise Failure("colour_mode", file=str(path), mode=image.mode)
