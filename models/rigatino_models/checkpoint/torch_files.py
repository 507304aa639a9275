"""The ways in which torch writes tensors: zip archives, TorchScript archives, the format before torch 1.6."""

from __future__ import annotations

import io
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from torch import Tensor

from rigatino_models.checkpoint.archive import open_archive
from rigatino_models.checkpoint.pickles import Global, Inert, Machine
from rigatino_models.checkpoint.tensors import Storage, TensorRef, call, storage
from rigatino_models.checkpoint.trouble import Misfit, Unreadable

MOST_PICKLED = 64 * 2**20  # bytes of a pickle; tensors lie outside it
MAGIC = 0x1950A86A20F9469CFC6C  # first pickle of the format before torch 1.6
OLD_PROTOCOL = 1001
LARGEST_STORAGE = 2 * 2**30  # bytes
MOST_MODULES = 20_000
LONGEST_KEY = 1_000  # characters; a module deeper than that is passed over


class TorchFile(NamedTuple):
    """The unpickled value (tensors as TensorRef), and where the storages lie: the bytes of one by its key."""

    value: Any
    storages: Storages
    origin: str


class Storages(ABC):
    """Where the bytes of storages lie; the last that was read is kept, for tensors may share one."""

    def __init__(self) -> None:
        self._last: tuple[str, bytearray] = ("", bytearray())

    @abstractmethod
    def size(self, key: str) -> int | None:
        """Bytes of a storage, None where there is none."""

    @abstractmethod
    def _bytes(self, key: str) -> bytearray:
        """A storage's bytes."""

    def check(self, name: str, ref: TensorRef) -> None:
        """Raise Misfit where the file does not hold the storage as long as the tensor's description says."""
        part: Storage = ref.storage
        assert part.dtype is not None
        size = self.size(part.key)
        if size is None or (part.start + part.size) * part.dtype.itemsize > size:
            raise Misfit(name, "its data are missing or cut short")
        if size > LARGEST_STORAGE:
            raise Misfit(name, "its storage is larger than weights need")

    def tensor(self, ref: TensorRef) -> Tensor:
        """A tensor that `check` has seen, in memory of its own."""
        key = ref.storage.key
        if self._last[0] != key or not self._last[1]:
            self._last = (key, self._bytes(key))
        data = self._last[1]
        if ref.nbytes == len(data):
            self._last = ("", bytearray())
        return ref.read(data)


class ZipStorages(Storages):
    """Storages as entries ROOT/data/KEY."""

    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__()
        self.archive, self.root = archive, root
        self.sizes = {entry.filename: entry.file_size for entry in archive.infolist()}

    def size(self, key: str) -> int | None:
        """Bytes of a storage, None where there is none."""
        return self.sizes.get(f"{self.root}data/{key}")

    def _bytes(self, key: str) -> bytearray:
        return bytearray(self.archive.read(f"{self.root}data/{key}"))


class StreamStorages(Storages):
    """Storages one after another at the end of a file: key -> (first byte, bytes)."""

    def __init__(self, file: BinaryIO, places: dict[str, tuple[int, int]]) -> None:
        super().__init__()
        self.file, self.places = file, places

    def size(self, key: str) -> int | None:
        """Bytes of a storage, None where there is none."""
        return self.places[key][1] if key in self.places else None

    def _bytes(self, key: str) -> bytearray:
        start, size = self.places[key]
        self.file.seek(start)
        return bytearray(self.file.read(size))


def is_torch_archive(names: list[str]) -> bool:
    """Whether these are the entries of a zip that torch wrote."""
    return any(map(_is_pickle, names))


def read_archive(archive: zipfile.ZipFile) -> TorchFile:
    """A zip of torch.save or torch.jit.save."""
    names = archive.namelist()
    [pickled, *more] = filter(_is_pickle, names)
    if more:
        raise Unreadable("it holds several checkpoints")
    root = pickled.removesuffix("data.pkl")
    if f"{root}byteorder" in names and archive.read(f"{root}byteorder").strip() != b"little":
        raise Unreadable("its numbers are big-endian")
    if archive.getinfo(pickled).file_size > MOST_PICKLED:
        raise Unreadable("its pickle is too long")
    value = Machine(storage, call).load(io.BytesIO(archive.read(pickled)))
    script = f"{root}constants.pkl" in names
    return TorchFile(
        modules(value) if script else value,
        ZipStorages(archive, root),
        "TorchScript archive" if script else "torch checkpoint",
    )


def read_stream(file: BinaryIO) -> TorchFile:
    """The format before torch 1.6: five pickles, then the storages."""
    file.seek(0)
    pickles = io.BytesIO(file.read(MOST_PICKLED))
    seen: dict[str, Storage] = {}
    machine = Machine(lambda identity: _noted(storage(identity), seen), call)
    if machine.load(pickles) != MAGIC or machine.load(pickles) != OLD_PROTOCOL:
        raise Unreadable("it is a pickle, but not one of torch's checkpoints")
    system = machine.load(pickles)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise Unreadable("its numbers are big-endian")
    value, keys = machine.load(pickles), machine.load(pickles)
    places = dict(_places(file, pickles.tell(), keys, seen))
    return TorchFile(value, StreamStorages(file, places), "torch checkpoint (before torch 1.6)")


def modules(value: Any) -> dict[str, TensorRef]:
    """The tensors of a TorchScript module tree, by their names with dots."""
    found: dict[str, TensorRef] = {}
    pending = [("", value)]
    for _ in range(MOST_MODULES):
        if not pending:
            return found
        prefix, module = pending.pop()
        for name, part in _attributes(module):
            if isinstance(part, TensorRef):
                found[prefix + name] = part
            elif _is_module(part) and len(prefix) + len(name) < LONGEST_KEY:
                pending.append((f"{prefix}{name}.", part))
    raise Unreadable("it has too many modules")


def _is_pickle(name: str) -> bool:
    return name.split("/")[-1] == "data.pkl" and name.count("/") <= 1


def _attributes(module: Any) -> list[tuple[str, Any]]:
    if not _is_module(module) or not isinstance(module.state, dict):
        raise Unreadable("its modules are malformed")
    return [(str(name), part) for name, part in module.state.items()]


def _is_module(value: Any) -> bool:
    is_script = isinstance(value, Inert) and isinstance(value.kind, Global)
    return is_script and value.kind.module.split(".")[0] == "__torch__"


def _noted(value: Any, seen: dict[str, Storage]) -> Any:
    if isinstance(value, Storage):
        seen[value.key] = value
    return value


def _places(
    file: BinaryIO, start: int, keys: Any, seen: dict[str, Storage]
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Each storage: its number of elements in 8 bytes, then the elements."""
    end = file.seek(0, io.SEEK_END)
    for key in keys if isinstance(keys, list) else ():
        part = seen.get(key) if isinstance(key, str) else None
        if part is None or part.dtype is None:
            raise Unreadable("a storage in it is of a type that is not supported")
        file.seek(start)
        size = int.from_bytes(file.read(8), "little") * part.dtype.itemsize
        start += 8
        if start + size > end:
            raise Unreadable("it is cut short")
        yield key, (start, size)
        start += size


__all__ = ["Storages", "TorchFile", "is_torch_archive", "open_archive", "read_archive", "read_stream"]
