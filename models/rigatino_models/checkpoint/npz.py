"""Arrays of NumPy's .npz archives, chainer's snapshots among them: names, shapes and types first, numbers on demand.

An array of Python objects is a pickle: it is listed, and never read.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor

from rigatino_models.checkpoint.trouble import Unreadable, shown

ENDING = ".npy"
TYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "float16": torch.float16,
    "int64": torch.int64,
    "int32": torch.int32,
    "int16": torch.int16,
    "int8": torch.int8,
    "uint8": torch.uint8,
    "bool": torch.bool,
}


@dataclass(frozen=True)
class Stored:
    """An array in an archive; `dtype` is None where torch has no such numbers."""

    archive: zipfile.ZipFile
    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype | None

    def load(self) -> Tensor:
        """The numbers, as they are stored."""
        with self.archive.open(self.name) as file:
            array = npy.read_array(cast(BinaryIO, file), allow_pickle=False)
        native = array.astype(array.dtype.newbyteorder("="), copy=False)
        return torch.from_numpy(np.ascontiguousarray(native).reshape(self.shape))


def is_npz(names: Sequence[str]) -> bool:
    """Whether an archive with these entries is one of arrays."""
    return bool(names) and all(name.endswith(ENDING) for name in names)


def arrays(archive: zipfile.ZipFile) -> Iterator[tuple[str, Stored]]:
    """(name, array) of a checked archive. Raises Unreadable for headers that do not fit what is stored."""
    for entry in archive.infolist():
        with archive.open(entry) as file:
            shape, dtype = _header(cast(BinaryIO, file))
            start = file.tell()
        size = math.prod(shape) * dtype.itemsize
        if not dtype.hasobject and size != entry.file_size - start:
            raise Unreadable(f"its array “{shown(entry.filename)}” claims another size than it has")
        yield (
            entry.filename.removesuffix(ENDING),
            Stored(archive, entry.filename, shape, TYPES.get(dtype.name)),
        )


def _header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Shape and type; NumPy reads no more than 10,000 characters, as a literal."""
    version = npy.read_magic(file)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        raise Unreadable("its arrays are of a version that is not supported")
    shape, _, dtype = read(file)
    if any(side < 0 for side in shape):
        raise Unreadable("its arrays are malformed")
    return shape, dtype


__all__ = ["Stored", "arrays", "is_npz"]
