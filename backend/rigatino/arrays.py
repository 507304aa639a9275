"""Arrays in .npz files, for `rigatino net run`: read without pickles, checked, written atomically."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rigatino import atomic
from rigatino_wire.errors import Failure

Array = NDArray[Any]
Floats = NDArray[np.float32]
ROUNDING = 1e-4  # what computing in float32 may have left outside a range


class Arrays:
    """The arrays of a file; `floats` gives one that is sure to be as a network wants it."""

    def __init__(self, file: Path, values: Mapping[str, Array]) -> None:
        self.file, self.values = file, values

    @classmethod
    def read(cls, file: Path) -> Arrays:
        """Raises Failure file_missing, file_unreadable."""
        try:
            with file.open("rb") as raw:  # numpy would leave a damaged file open
                found = np.load(raw, allow_pickle=False)
                if not isinstance(found, np.lib.npyio.NpzFile):
                    raise ValueError("a single array, not an .npz file")
                return cls(file, {name: found[name] for name in found.files})
        except FileNotFoundError as error:
            raise Failure("file_missing", file=str(file)) from error
        except (OSError, ValueError, MemoryError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise Failure("file_unreadable", file=str(file), why=_why(error)) from error

    def floats(self, name: str, *shape: int | str, within: tuple[float, float] | None = None) -> Floats:
        """A finite float32 array; a letter in the shape is any size but 0. Raises Failure arrays_wrong."""
        if name not in self.values:
            raise self.wrong(name, "is missing")
        value = self.values[name]
        if value.dtype != np.float32:
            raise self.wrong(name, f"has the type {value.dtype}, not float32")
        expected = ",".join(map(str, shape))
        if value.ndim != len(shape) or any(not _fits(*pair) for pair in zip(value.shape, shape, strict=True)):
            raise self.wrong(name, f"has the shape {list(value.shape)}, not [{expected}]")
        if not np.isfinite(value).all():
            raise self.wrong(name, "holds values that are not finite")
        if within is not None and (value.min() < within[0] - ROUNDING or value.max() > within[1] + ROUNDING):
            raise self.wrong(name, f"holds values outside {within[0]:g} to {within[1]:g}")
        return np.ascontiguousarray(value)

    def wrong(self, name: str, why: str) -> Failure:
        """The failure for an array of this file."""
        return Failure("arrays_wrong", file=str(self.file), name=name, why=why)


def write(file: Path, values: Mapping[str, Array]) -> None:
    """Write an .npz file, in place of one that may be there. Raises Failure file_unwritable."""
    with atomic.replacing(file) as part, part.open("wb") as out:
        np.savez(out, **dict(values))  # type: ignore[arg-type]


def _fits(found: int, wanted: int | str) -> bool:
    return found > 0 if isinstance(wanted, str) else found == wanted


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it is not an .npz file of plain arrays"
