"""The dialog's picture of what will happen: the region that the network sees, with the hole tinted."""

from __future__ import annotations

from functools import cached_property, reduce
from math import ceil
from typing import Any, NamedTuple

from gi.repository import GdkPixbuf, Gegl, Gimp, GLib, Gtk

from rigatino_gimp import holes, pixels, request, shade, texts
from rigatino_gimp.layers import Place
from rigatino_gimp.request import Settings
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Description
from rigatino_wire.region import Box, ContextRule, context

SIDE = 300  # pixels of the picture's longer side
LARGEST_SCALE = 4.0  # a region of few pixels is enlarged no further
USUAL = ContextRule(2.0, 128, 512)  # how much is shown until the daemon has said how much its networks see
THUMBNAIL = (
    1024  # pixels: the largest picture of all layers together that GIMP makes without composing them in full
)
TINT = (255, 32, 48)
OPAQUE = 255
STRENGTH = 0.6  # of the tint, where the fill is opaque
CHECKS = (8, 0x999999, 0x666666)  # what shows through where the layer is transparent
_TINTED = bytes(round(STRENGTH * opacity) for opacity in range(256))


class Preview:
    """Shows region and hole, and what the network gets of them, as the settings are now.

    `apart`: whether holes that lie far from each other have regions of their own; all of these are shown then.
    """

    def __init__(self, config: Gimp.ProcedureConfig, place: Place, apart: bool) -> None:
        self._config, self._place, self._apart = config, place, apart
        self._description: Description | None = None
        self._waiting = False
        self._picture = Gtk.Image(tooltip_text=texts.PREVIEW_HELP)
        self._picture.set_size_request(SIDE, -1)
        frame = Gtk.Frame(shadow_type=Gtk.ShadowType.IN)
        frame.add(self._picture)
        self._words = caption()
        self._hole = texts.hole(place.kind, place.old.get_name() if place.old is not None else "")
        self.box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.box.pack_start(frame, False, False, 0)
        self.box.pack_start(self._words, False, False, 0)
        config.connect("notify", self._changed)
        self._changed()

    def describe(self, description: Description) -> None:
        """From now on the region is the one that this daemon's networks ask for."""
        self._description = description
        self._changed()

    def _changed(self, *_: Any) -> None:
        """Draws once, however many settings change at a time."""
        if not self._waiting:
            self._waiting = True
            GLib.idle_add(self._draw)

    def _draw(self) -> None:
        self._waiting = False
        settings = _settings(self._config)
        try:
            regions = self._regions(settings)
        except Failure as failure:
            self._words.set_text(texts.say(failure))
            self._picture.clear()
        else:
            region = reduce(Box.join, regions)
            seen = texts.SEEN.format(width=region.width, height=region.height) if len(regions) == 1 else ""
            self._words.set_text(f"{self._hole}\n{seen}".strip())
            self._picture.set_from_pixbuf(picture(self._place, region, settings))

    def _regions(self, settings: Settings) -> list[Box]:
        place, description = self._place, self._description
        frame = place.frame(settings.source)
        if description is None:
            reach = settings.grow + ceil(settings.feather)
            return [context(place.selection.grow(reach), frame, USUAL, settings.context or None)]
        stochastic = request.network(description, settings.network).stochastic
        together = not self._apart or (stochastic and self._config.get_property("candidates") > 1)
        parts = [place.selection] if together else self._parts
        return request.regions(parts, frame, settings, description)

    @cached_property
    def _parts(self) -> list[Box]:
        return holes.apart(self._place.hole, self._place.selection, pixels.depth(self._place.image))


def caption() -> Gtk.Label:
    """A label for words that are long, and less important than others."""
    label = Gtk.Label(wrap=True, xalign=0, max_width_chars=36)
    label.get_style_context().add_class("dim-label")
    return label


def picture(place: Place, region: Box, settings: Settings) -> GdkPixbuf.Pixbuf:
    """The region, at most SIDE pixels wide and high, with the hole's opacity as a tint."""
    view = View(region, min(SIDE / max(region.width, region.height), LARGEST_SCALE))
    seen = _visible(place, region) if settings.source == "visible" else _layers(place, view)
    shown = seen.composite_color_simple(*view.size, GdkPixbuf.InterpType.BILINEAR, OPAQUE, *CHECKS)
    hole = view.read(place.hole, "Y u8")
    width, grow, feather = view.size[0], settings.grow * view.scale, settings.feather * view.scale
    opacity = shade.seam(hole, width, grow, feather).translate(_TINTED)
    tint = bytearray(bytes((*TINT, 0)) * len(opacity))
    tint[3::4] = opacity
    _put(view.pixbuf(tint), shown)
    return shown


class View(NamedTuple):
    """A region of the picture, and how large it is shown."""

    region: Box
    scale: float

    @property
    def size(self) -> tuple[int, int]:
        return max(1, round(self.region.width * self.scale)), max(1, round(self.region.height * self.scale))

    def read(self, buffer: Gegl.Buffer, format: str, at: tuple[int, int] = (0, 0)) -> bytes:
        """The region of a buffer that lies there in the picture; GEGL counts in pixels of the scaled one."""
        x, y = self.region.x - at[0], self.region.y - at[1]
        area = Gegl.Rectangle.new(round(x * self.scale), round(y * self.scale), *self.size)
        return bytes(buffer.get(area, self.scale, format, Gegl.AbyssPolicy.NONE))

    def pixbuf(self, pixels: bytes | bytearray) -> GdkPixbuf.Pixbuf:
        """RGB or RGBA of the view's size."""
        return pixbuf(bytes(pixels), *self.size, len(pixels) // (self.size[0] * self.size[1]))


def _layers(place: Place, view: View) -> GdkPixbuf.Pixbuf:
    """The layer and its earlier fills."""
    # Alpha that a layer lacks takes babl 0.3 s to add, anew in every process.
    plain = not place.layer.has_alpha() and place.box.contains(view.region)
    colours = "R'G'B' u8" if plain else "R'G'B'A u8"
    seen = view.pixbuf(view.read(place.layer.get_buffer(), colours, place.box[:2]))
    for fill in filter(Gimp.Layer.is_valid, place.fills):
        _put(_fill(fill, view), seen, fill.get_opacity() / 100)
    return seen


def _fill(layer: Gimp.Layer, view: View) -> GdkPixbuf.Pixbuf:
    _, *at = layer.get_offsets()
    rgba = bytearray(view.read(layer.get_buffer(), "R'G'B'A u8", at))
    mask = layer.get_mask()
    if mask is not None and layer.get_apply_mask():
        shown = view.read(mask.get_buffer(), "Y u8", at)
        rgba[3::4] = bytes(alpha * part // OPAQUE for alpha, part in zip(rgba[3::4], shown))
    return view.pixbuf(rgba)


def _put(upper: GdkPixbuf.Pixbuf, lower: GdkPixbuf.Pixbuf, opacity: float = 1.0) -> None:
    """Puts a picture onto another of the same size."""
    area = (0, 0, lower.get_width(), lower.get_height(), 0.0, 0.0, 1.0, 1.0)
    upper.composite(lower, *area, GdkPixbuf.InterpType.NEAREST, round(OPAQUE * opacity))


def _visible(place: Place, region: Box) -> GdkPixbuf.Pixbuf:
    """The region in GIMP's own thumbnail of the picture: composing all of a large one takes seconds."""
    data, width, height, channels = place.image.get_thumbnail_data(THUMBNAIL, THUMBNAIL)
    whole = pixbuf(data.get_data(), width, height, channels)
    scale = width / place.canvas.width
    box = Box(*(int(side * scale) for side in region)).intersect(Box(0, 0, width, height))
    return whole.new_subpixbuf(box.x, box.y, max(1, box.width), max(1, box.height))


def pixbuf(data: bytes, width: int, height: int, channels: int) -> GdkPixbuf.Pixbuf:
    """A picture of 1 to 4 channels (grey, grey with alpha, RGB, RGBA)."""
    if channels < 3:
        planes = [data[c::channels] for c in (0, 0, 0, channels - 1)]
        channels += 2
        coloured = bytearray(width * height * channels)
        for c in range(channels):
            coloured[c::channels] = planes[c]
        data = bytes(coloured)
    shape = (GdkPixbuf.Colorspace.RGB, channels == 4, 8, width, height, width * channels)
    return GdkPixbuf.Pixbuf.new_from_bytes(GLib.Bytes.new(data), *shape)


def _settings(config: Gimp.ProcedureConfig) -> Settings:
    """Of the settings, those that the preview shows."""
    names = ("network", "source", "grow", "feather", "context")
    return Settings(**{name: config.get_property(name) for name in names})
