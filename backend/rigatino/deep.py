"""Picture files of 16 bits or floating point a channel: PNG, TIFF and OpenEXR, with all that they say of themselves.

OpenImageIO reads and writes them; it comes with the extra “deep”. ICC profile, EXIF and the rest stay in its header.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rigatino.extras import needed
from rigatino.pictures import LARGEST, Picture
from rigatino_wire.errors import Failure

MODES = {("Y",): "L", ("Y", "A"): "LA", ("R", "G", "B"): "RGB", ("R", "G", "B", "A"): "RGBA"}
TYPES = {"uint16": np.uint16, "half": np.float32, "float": np.float32}
GREY_OR_RGB = (0, 1, 2)  # TIFF's photometric interpretations
# What OpenEXR loses a little with; known pixels must stay as they are.
LOSSY = {"b44", "b44a", "dwaa", "dwab", "pxr24"}
# How to turn a picture upright, by EXIF's orientation.
TURNS: dict[int, Any] = {
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: x.swapaxes(0, 1)[:, ::-1],
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: x.swapaxes(0, 1)[::-1],
}


def read(path: Path) -> Picture:
    """Read a picture; Failure package_missing, file_unreadable, deep_picture, many_pages, colour_mode."""
    oiio = _library()
    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    file = oiio.ImageInput.open(str(path), config)
    if file is None:
        raise _unreadable(path, oiio.geterror())
    try:
        header = file.spec()
        several = file.seek_subimage(1, 0)
        _check(path, header, several)
        file.seek_subimage(0, 0)
        pixels = file.read_image(oiio.FLOAT if header.format != oiio.UINT16 else oiio.UINT16)
        if pixels is None:
            raise _unreadable(path, file.geterror())
    finally:
        file.close()
    turn = TURNS.get(header.get_int_attribute("Orientation", 1), lambda x: x)
    return Picture(
        _rgba(turn(pixels)),
        MODES[tuple(header.channelnames)],
        header=header,
        associated=header.alpha_channel >= 0 and not header.get_int_attribute("oiio:UnassociatedAlpha"),
        linear=file.format_name() == "openexr",
    )


def write(path: Path, picture: Picture) -> None:
    """Write a picture that was read here, in the format of the file's suffix; raises OSError."""
    oiio = _library()
    pixels = _channels(picture)
    header = oiio.ImageSpec(picture.header)
    if (header.height, header.width) != pixels.shape[:2]:  # it was turned
        header.x = header.y = 0
    header.height, header.width = pixels.shape[:2]
    header.full_x, header.full_y, header.full_height, header.full_width = _window(picture.header, header)
    header.tile_width = header.tile_height = 0
    for name, side in (("Exif:PixelXDimension", header.width), ("Exif:PixelYDimension", header.height)):
        if header.getattribute(name) is not None:
            header.attribute(name, side)
    header.attribute("Orientation", 1)
    header.attribute("oiio:UnassociatedAlpha", int(not picture.associated))
    header.attribute("png:compressionLevel", 4)
    if header.get_string_attribute("compression").split(":")[0] in LOSSY:
        header.attribute("compression", "zip")
    file = oiio.ImageOutput.create(str(path))
    if file is None or not file.open(str(path), header):
        raise OSError(_line(file.geterror() if file else oiio.geterror()))
    written = file.write_image(np.ascontiguousarray(pixels))
    if not file.close() or not written:
        raise OSError(_line(file.geterror()))


def _library() -> Any:
    with needed("deep"):
        import OpenImageIO
    return OpenImageIO


def _check(path: Path, header: Any, several: bool) -> None:
    """Refuse what cannot be filled, before it is read."""
    kind, names = str(header.format), tuple(header.channelnames)
    if several:
        raise Failure("many_pages", file=str(path))
    if header.width * header.height > LARGEST or header.depth > 1:
        raise _unreadable(path, "it has too many pixels")
    photometric = header.get_int_attribute("tiff:PhotometricInterpretation", GREY_OR_RGB[0])
    if names not in MODES or header.deep or photometric not in GREY_OR_RGB:
        raise Failure("colour_mode", file=str(path), mode=",".join(names)[:40])
    if kind not in TYPES:
        raise Failure("deep_picture", file=str(path), mode=kind)


def _window(before: Any, now: Any) -> tuple[int, int, int, int]:
    """x, y, height and width of the full picture: what it was, or the picture itself where it was turned."""
    if (before.height, before.width) == (now.height, now.width):
        return before.full_x, before.full_y, before.full_height, before.full_width
    return 0, 0, now.height, now.width


def _rgba(pixels: NDArray[Any]) -> NDArray[Any]:
    """Channels of any mode [H,W,C] as RGBA."""
    height, width, count = pixels.shape
    top = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    rgba = np.full((height, width, 4), top, pixels.dtype)
    rgba[..., :3] = pixels[..., : 3 if count > 2 else 1]
    if count in (2, 4):
        rgba[..., 3] = pixels[..., -1]
    return rgba


def _channels(picture: Picture) -> NDArray[Any]:
    """RGBA as the channels of the picture's mode; grey is luma, of what is grey already as it stands."""
    if picture.mode.startswith("RGB"):
        return picture.rgba[..., : len(picture.mode)]
    rgb = picture.rgba[..., :3]
    luma = rgb.astype(np.float64) @ (0.299, 0.587, 0.114)
    plain = (rgb == rgb[..., :1]).all(-1)
    grey = np.where(plain, rgb[..., 0], np.rint(luma) if rgb.dtype.kind == "u" else luma).astype(rgb.dtype)
    return np.stack([grey, picture.rgba[..., 3]][: len(picture.mode)], -1)


def _unreadable(path: Path, why: str) -> Failure:
    return Failure("file_unreadable", file=str(path), why=_line(why))


def _line(said: str) -> str:
    return " ".join(said.split()) or "OpenImageIO does not say why"
