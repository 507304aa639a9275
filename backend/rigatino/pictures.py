"""Picture files: read, written whole or not at all. Grey or RGB, with or without alpha.

Pillow has those of 8 bits a channel; what is deeper is read and written in `deep`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from rigatino.atomic import why
from rigatino_wire.errors import Failure

LARGEST = Image.MAX_IMAGE_PIXELS = 2**28  # pixels; Pillow reads up to twice as many, with a warning
MODES = {"1": "L", "L": "L", "LA": "LA", "RGB": "RGB", "RGBA": "RGBA", "P": "RGBA", "PA": "RGBA"}
DARK = 8
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
OPTIONS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},
    "TIFF": {"compression": "tiff_lzw"},
}
LONGEST = {"JPEG": 65500, "WEBP": 16383}  # pixels of a side that the format can have


# What can hold a picture: by what it has per channel, the suffixes.
EIGHT, SIXTEEN, FLOAT, LINEAR = (
    "8 bits",
    "16 bits",
    "32 bits floating point",
    "floating point in linear light",
)
HOLDS = {
    EIGHT: tuple(FORMATS),
    SIXTEEN: (".png", ".tif", ".tiff"),
    FLOAT: (".tif", ".tiff"),
    LINEAR: (".exr",),
}
BEYOND_PILLOW = (b"\x76\x2f\x31\x01", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # OpenEXR; TIFF


class Deep(Exception):
    """The file is none of 8 bits a channel."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture, upright: RGBA [H,W,4] of uint8, uint16 or float32, and the mode it had (L, LA, RGB, RGBA).

    extras: ICC, EXIF and resolution of a file of 8 bits; header: all that a deeper one says. associated: colours are
    multiplied by alpha. linear: they are in linear light, else on sRGB's curve or the profile's.
    """

    rgba: NDArray[Any]
    mode: str
    extras: dict[str, Any] = field(default_factory=dict)
    header: Any = None
    associated: bool = False
    linear: bool = False

    @property
    def top(self) -> float:
        """The number that stands for 1."""
        return float(np.iinfo(self.rgba.dtype).max) if self.rgba.dtype.kind == "u" else 1.0

    @property
    def depth(self) -> str:
        """What it has per channel, in words."""
        if self.rgba.dtype.kind == "f":
            return LINEAR if self.linear else FLOAT
        return EIGHT if self.rgba.dtype == np.uint8 else SIXTEEN


def read(path: Path) -> Picture:
    """Read a picture; Failure file_missing, file_unreadable, package_missing, deep_picture, many_pages, colour_mode."""
    try:
        image = _open(path)
    except Deep:
        from rigatino import deep

        return deep.read(path)
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
    try:
        mask = _brightness(_open(path, mask=True))
    except Deep:
        from rigatino import deep

        picture = deep.read(path)
        pixels = np.clip(picture.rgba / picture.top, 0, 1) * 255 + 0.5
        mask = _brightness(Image.fromarray(pixels.astype(np.uint8)))
    return np.where(mask < DARK, np.uint8(0), mask)


def _brightness(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I"):
        deep_mask: NDArray[np.uint32] = np.asarray(image, np.uint32)
        high: NDArray[np.uint8] = np.minimum(deep_mask >> 8, 255).astype(np.uint8)
        return high
    coloured = image.convert("RGBA")
    light: NDArray[np.uint8] = np.asarray(coloured.convert("L"))
    alpha: NDArray[np.uint8] = np.asarray(coloured.getchannel("A"))
    black = not (light[alpha > 0] > 0).any()
    if black and (alpha < 255).any():
        return alpha.copy()
    return (light.astype(np.uint16) * alpha // 255).astype(np.uint8)


def check_output(path: Path, picture: Picture, force: bool) -> None:
    """Refuse what could not be written.

    Failure unknown_picture_format, no_depth, no_alpha, bad_setting (its size), file_exists, file_unwritable,
    folder_missing.
    """
    suffix, known = path.suffix.lower(), HOLDS[picture.depth]
    if not any(suffix in suffixes for suffixes in HOLDS.values()):
        raise Failure("unknown_picture_format", file=str(path), known=" ".join(known))
    if suffix not in known:
        raise Failure("no_depth", depth=picture.depth, file=str(path), known=" ".join(known))
    kind = FORMATS.get(suffix, "")
    if kind == "JPEG" and picture.mode.endswith("A"):
        raise Failure("no_alpha", file=str(path))
    height, width = picture.rgba.shape[:2]
    if kind in LONGEST and max(height, width) > LONGEST[kind]:
        expected = f"sides of {LONGEST[kind]} pixels or fewer in {kind}"
        raise Failure("bad_setting", name="size", value=f"{width}x{height}", expected=expected)
    if not path.parent.is_dir():
        raise Failure("folder_missing", folder=str(path.parent))
    if path.is_dir():
        raise Failure("file_unwritable", file=str(path), why="it is a folder")
    if not os.access(path.parent, os.W_OK):
        raise Failure("file_unwritable", file=str(path), why="its folder cannot be written to")
    if path.exists() and not force:
        raise Failure("file_exists", file=str(path))


def write(path: Path, picture: Picture, force: bool = False) -> None:
    """Write the picture atomically, in the format of the file's suffix; Failure as check_output, file_unwritable."""
    check_output(path, picture, force)
    _put(path, lambda part: _save(part, picture), force)


def copy(source: Path, path: Path, picture: Picture, force: bool = False) -> None:
    """As `write`, of a picture that was read from a file: byte for byte where what is written would look the same."""
    if _stands(source, path):
        check_output(path, picture, force)
        _put(path, lambda part: shutil.copyfile(source, part), force)
    else:
        write(path, picture, force)


def _stands(source: Path, path: Path) -> bool:
    """Whether a file has the format of the other's suffix, and is upright as it is."""
    try:
        with Image.open(source) as image:
            kind = "JPEG" if image.format == "MPO" else image.format
            upright = image.getexif().get(ExifTags.Base.Orientation, 1) == 1
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False  # what Pillow does not read is written anew, without loss
    return upright and kind == FORMATS.get(path.suffix.lower())


def _put(path: Path, save: Callable[[Path], object], force: bool) -> None:
    """Have a file saved beside the path, and give it its name; Failure file_exists, file_unwritable."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        part = Path(name)
        try:
            save(part)
            _place(part, path, force)
        finally:
            part.unlink(missing_ok=True)
    except FileExistsError:
        raise Failure("file_exists", file=str(path)) from None
    except (OSError, ValueError) as error:
        raise Failure("file_unwritable", file=str(path), why=why(error)) from None


def _save(path: Path, picture: Picture) -> None:
    """Write the file as it comes; raises OSError, ValueError."""
    if picture.depth != EIGHT:
        from rigatino import deep

        deep.write(path, picture)
        return
    kind = FORMATS[path.suffix.lower()]
    image = Image.fromarray(picture.rgba).convert(picture.mode)
    extras = {k: v for k, v in picture.extras.items() if not (k == "dpi" and kind == "WEBP")}
    if "exif" in extras:
        extras["exif"] = _sized(extras["exif"], *image.size)
    with path.open("wb") as file:
        image.save(file, kind, **OPTIONS[kind], **extras)


def _sized(data: bytes, width: int, height: int) -> bytes:
    """EXIF with the picture's own size wherever it tells one: the picture may have been turned, or made larger."""
    exif = Image.Exif()
    exif.load(data)
    base, more = ExifTags.Base, exif.get_ifd(ExifTags.IFD.Exif)
    places = (exif, base.ImageWidth, base.ImageLength), (more, base.ExifImageWidth, base.ExifImageHeight)
    for tags, wide, high in places:
        tags.update({tag: side for tag, side in ((wide, width), (high, height)) if tag in tags})
    return exif.tobytes()


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


def _open(path: Path, mask: bool = False) -> Image.Image:
    """Open, check and decode; upright. Raises Deep for what Pillow has no more than 8 bits a channel of."""
    if path.is_dir():
        raise Failure("file_unreadable", file=str(path), why="it is a folder")
    if not path.is_file():
        raise Failure("file_missing", file=str(path))
    try:
        with path.open("rb") as file:
            beyond = file.read(4) in BEYOND_PILLOW
            file.seek(0)
            with Image.open(file) as image:
                _refuse(path, image, mask)
                image.load()
                return ImageOps.exif_transpose(image)
    except UnidentifiedImageError:
        if beyond:
            raise Deep from None
        raise Failure("file_unreadable", file=str(path), why="it is no picture that Pillow knows") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Failure("file_unreadable", file=str(path), why=str(error)) from None


def _refuse(path: Path, image: Image.Image, mask: bool) -> None:
    # In MPO, the JPEG of many phones, the pages after the first are previews and gain maps.
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        raise Failure("many_pages", file=str(path))
    # Pillow reads 16-bit RGB as 8-bit without a word; what it is about to decode says the truth.
    raw = [str(tile[3]) for tile in getattr(image, "tile", [])]
    whole_numbers = mask and image.mode.startswith("I")
    if not whole_numbers and image.mode.startswith(("I", "F")):
        raise Deep
    if not mask and any(";16" in mode for mode in raw):
        raise Deep
    if image.mode not in MODES and not whole_numbers:
        raise Failure("colour_mode", file=str(path), mode=image.mode)
