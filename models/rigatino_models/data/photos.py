"""Photographs, held in memory or left in their files."""

from __future__ import annotations

import fnmatch
import logging
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, overload

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps
from tqdm import tqdm

from rigatino_models.errors import ModelError

log = logging.getLogger(__name__)
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}
# What Pillow raises for files that are cut short, garbled or too large.
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError)
EIGHT_BIT = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"}
LYING = (5, 6, 7, 8)  # Exif's orientations in which height and width are exchanged
Pixels = NDArray[np.uint8]
# What stands beside the pictures of a batch: holes [N,1,S,S], conditions [N,3,S,S] in [0,1], or classes [N] int64.
Beside = Literal["hole", "condition", "class"]


class Unreadable(Exception):
    """A photograph whose header could be read, but not the rest; the log has named it."""


def check_depth(picture: Image.Image) -> None:
    """Raise ValueError for a picture of more than 8 bits per channel."""
    if picture.mode not in EIGHT_BIT:
        raise ValueError(f"it has more than 8 bits per channel ({picture.mode})")


@dataclass(frozen=True)
class Reading:
    """How files are read: reduced to a short side, those below `least` refused; pairs: picture and condition in one.

    Raises one of UNREADABLE.
    """

    short_side: int
    least: int
    pairs: bool

    @property
    def channels(self) -> int:
        """Of the pixels."""
        return 6 if self.pairs else 3

    def shape(self, path: Path) -> tuple[int, int]:
        """Height and width that `pixels` will have; only the file's header is read."""
        with Image.open(path) as picture:
            return self._shape(picture)

    def pixels(self, path: Path) -> Pixels:
        """The file [H,W,3], upright and reduced; of a pair [H,W,6]."""
        with Image.open(path) as picture:
            height, width = self._shape(picture)
            rgb = ImageOps.exif_transpose(picture).convert("RGB")
        middle = rgb.width // 2
        halves = (
            [rgb.crop((middle, 0, 2 * middle, rgb.height)), rgb.crop((0, 0, middle, rgb.height))]
            if self.pairs
            else [rgb]
        )
        small = [np.array(half.resize((width, height), Image.Resampling.LANCZOS)) for half in halves]
        return np.concatenate(small, axis=2)  # torch wants it writable

    def _shape(self, picture: Image.Image) -> tuple[int, int]:
        check_depth(picture)
        width, height = picture.size
        # PNG's own getexif decodes all pixels first, in search of a chunk behind them. TIFF's size is upright already.
        orientation = Image.Image.getexif(picture).get(ExifTags.Base.Orientation, 1)
        if orientation in LYING and picture.format != "TIFF":
            width, height = height, width
        if self.pairs:
            width //= 2
        short = min(width, height)
        if short < self.least:
            raise ValueError(f"its short side has {short} pixels, a sample {self.least}")
        scale = min(1.0, self.short_side / short)
        return round(height * scale), round(width * scale)


class Files(Sequence[Pixels]):
    """Photographs that stay in their files: each is read when it is asked for.

    Raises Unreadable for a file that is not what its header said; the log names it once, whichever process finds out.
    """

    def __init__(self, paths: Sequence[str], shapes: Sequence[tuple[int, int]], reading: Reading) -> None:
        self.paths, self.shapes, self.reading = paths, shapes, reading
        self.named = torch.zeros(len(paths), dtype=torch.bool)
        self.named.share_memory_()  # type: ignore[no-untyped-call]

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> Pixels: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Pixels]: ...

    def __getitem__(self, index: int | slice) -> Pixels | Sequence[Pixels]:
        if isinstance(index, slice):
            return self.only(range(len(self))[index])
        try:
            pixels = self.reading.pixels(Path(self.paths[index]))
            if pixels.shape[:2] != self.shapes[index]:
                raise ValueError("its size is another one than before")
        except UNREADABLE as error:
            if not self.named[index]:
                self.named[index] = True
                log.warning("Left out %s: %s", self.paths[index], error)
            raise Unreadable(self.paths[index]) from error
        return pixels

    def only(self, indices: Sequence[int]) -> Files:
        """Some of them."""
        return Files([self.paths[i] for i in indices], [self.shapes[i] for i in indices], self.reading)


@dataclass(frozen=True)
class Photos:
    """Decoded photographs [H,W,3] uint8, with the name of each; of a pair [H,W,6], picture and condition.

    names: paths below the folders that were given, with slashes; folders: names of those that hold photographs, in
    order; classes: which of them each lies in.
    """

    names: Sequence[str]
    pixels: Sequence[Pixels]
    classes: Sequence[int] = ()
    folders: Sequence[str] = ()

    def split(self, held: Sequence[str]) -> tuple[Photos, Photos]:
        """(those whose name matches none of the patterns, those that match one)."""
        match = [any(_matches(name, pattern) for pattern in held) for name in self.names]
        return self._where(match, False), self._where(match, True)

    def weights(self, patterns: Mapping[str, float]) -> NDArray[np.float64]:
        """Probability of each photo: 1, times the factor of the first pattern its name matches, normalised.

        Raises ModelError bad_setting where no photo is left a chance.
        """
        raw = [next((w for p, w in patterns.items() if _matches(n, p)), 1.0) for n in self.names]
        if not any(raw):
            expected = "weights that leave at least one photograph a chance"
            raise ModelError("bad_setting", name="data.weights", value=str(dict(patterns)), expected=expected)
        return np.asarray(raw, np.float64) / sum(raw)

    def shape(self, index: int) -> tuple[int, int]:
        """Height and width of a photograph."""
        if isinstance(self.pixels, Files):
            return self.pixels.shapes[index]
        height, width = self.pixels[index].shape[:2]
        return height, width

    @property
    def bytes(self) -> int:
        """That all take in memory, decoded."""
        if isinstance(self.pixels, Files):
            return self.pixels.reading.channels * sum(height * width for height, width in self.pixels.shapes)
        return sum(pixels.nbytes for pixels in self.pixels)

    def decoded(self) -> Photos:
        """The photographs held in memory, less those that prove unreadable."""
        if not isinstance(self.pixels, Files):
            return self
        found = dict(_readable(self.pixels))
        return replace(self._only(list(found)), pixels=list(found.values()))

    def _where(self, match: Sequence[bool], value: bool) -> Photos:
        return self._only([i for i, m in enumerate(match) if m is value])

    def _only(self, keep: Sequence[int]) -> Photos:
        classes = [self.classes[i] for i in keep] if self.classes else ()
        mine = self.pixels
        pixels = mine.only(keep) if isinstance(mine, Files) else [mine[i] for i in keep]
        return Photos([self.names[i] for i in keep], pixels, classes, self.folders)


def load(folders: Iterable[Path], short_side: int = 512, least: int = 1, pairs: bool = False) -> Photos:
    """Read every picture below the folders into memory; see `look`."""
    return look(folders, short_side, least, pairs).decoded()


def look(folders: Iterable[Path], short_side: int = 512, least: int = 1, pairs: bool = False) -> Photos:
    """Every picture below the folders, in the order of their names, left in its file, of which only the header is read.

    short_side: to which larger ones are reduced when they are read. pairs: the left half of each file is the condition,
    the right half the picture. A picture whose header cannot be read, or whose short side is below `least`, is named in
    the log and left out. Raises ModelError folder_missing.
    """
    reading = Reading(short_side, least, pairs)
    places = _places(folders)
    order = {path.parent: (below.parent.parts, path.parent) for path, below in places}
    parents = sorted(order, key=order.__getitem__)
    number = {parent: i for i, parent in enumerate(parents)}
    paths, names, shapes, classes = [], [], [], []
    for path, below in tqdm(places, desc="looking at photos", unit="photo", disable=None):
        try:
            shapes.append(reading.shape(path))
        except UNREADABLE as error:
            log.warning("Left out %s: %s", path, error)
            continue
        paths.append(str(path))
        names.append(below.as_posix())
        classes.append(number[path.parent])
    return Photos(names, Files(paths, shapes, reading), classes, [parent.name for parent in parents])


def _places(folders: Iterable[Path]) -> list[tuple[Path, Path]]:
    """(file, its path below the folder given) of every picture, each once, in an order that moved folders keep."""
    below: dict[Path, Path] = {}
    given = list(folders)
    for folder in given:
        if not folder.is_dir():
            raise ModelError("folder_missing", folder=str(folder))
    for folder in sorted({folder.resolve() for folder in given}):
        for path in folder.rglob("*"):
            if path.suffix.lower() in SUFFIXES:
                below.setdefault(path, path.relative_to(folder))
    return sorted(below.items(), key=lambda place: (place[1].parts, place[0]))


def _readable(files: Files) -> Iterator[tuple[int, Pixels]]:
    for index in tqdm(range(len(files)), desc="reading photos", unit="photo", disable=None):
        try:
            yield index, files[index]
        except Unreadable:
            continue


def _matches(name: str, pattern: str) -> bool:
    """Whether a path below its folder matches, whole or by its last part."""
    return fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(name.rpartition("/")[2], pattern)
