"""Pixels out of GIMP's buffers and into them: in sRGB, by named formats, whatever the image's precision."""

from __future__ import annotations

from typing import NamedTuple

from gi.repository import Gegl, Gimp

from rigatino_gimp import planes
from rigatino_gimp.planes import native
from rigatino_wire.region import Box


class Depth(NamedTuple):
    """How an image's pixels travel: the wire's dtype and the formats of colour and of selections and masks.

    Selections and masks are linear: read as "Y'" a feathered edge would come out bent.
    """

    dtype: str
    colour: str
    mask: str


EIGHT_BITS = Depth("u8", "R'G'B'A u8", "Y u8")
FLOATS = Depth("f32", "R'G'B'A float", "Y float")
WITHOUT_ALPHA = "R'G'B' u8"
DEPTHS = {depth.dtype: depth for depth in (EIGHT_BITS, FLOATS)}


def depth(image: Gimp.Image) -> Depth:
    """Bytes where they hold all of the image: 8 bits and sRGB. 8 bits of a wider gamut would be clipped."""
    precision = Gimp.Precision
    eight = (precision.U8_NON_LINEAR, precision.U8_PERCEPTUAL, precision.U8_LINEAR)
    profile = image.get_color_profile()
    srgb = profile is None or profile.is_equal(Gimp.ColorProfile.new_rgb_srgb())
    return EIGHT_BITS if srgb and image.get_precision() in eight else FLOATS


def read(buffer: Gegl.Buffer, box: Box, format: str, dtype: str) -> bytes:
    """The pixels of a box (in the buffer's own coordinates), row by row, little endian; zeros outside."""
    area = Gegl.Rectangle.new(*box)
    if format == EIGHT_BITS.colour and _lacks_alpha(buffer, box):
        # babl takes 0.3 s, anew in every process, to find the quickest way from these bytes to those with alpha
        return planes.with_alpha(buffer.get(area, 1.0, WITHOUT_ALPHA, Gegl.AbyssPolicy.NONE))
    return native(buffer.get(area, 1.0, format, Gegl.AbyssPolicy.NONE), dtype)


def _lacks_alpha(buffer: Gegl.Buffer, box: Box) -> bool:
    """Whether the buffer is RGB in bytes, without alpha, wherever the box is."""
    extent = buffer.get_extent()
    whole = Box(extent.x, extent.y, extent.width, extent.height)
    return bool(buffer.get_property("px-size") == len("RGB") and whole.contains(box))


def new_buffer(box: Box, format: str) -> Gegl.Buffer:
    """An empty buffer of this process's own."""
    Gegl.init(None)  # GIMP's library leaves that out; without it GEGL has neither buffers nor operations
    return Gegl.Buffer.new(format, *box)


def write(drawable: Gimp.Drawable, box: Box, data: bytes, format: str, dtype: str) -> None:
    """Sets a box of a drawable's pixels. GEGL writes nothing, without a word, where the length is wrong."""
    buffer = drawable.get_buffer()
    buffer.set(Gegl.Rectangle.new(*box), format, native(data, dtype))
    buffer.flush()
    drawable.update(*box)
