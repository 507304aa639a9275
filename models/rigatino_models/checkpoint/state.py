"""An open file of weights: names, shapes and types first, the tensors when they are asked for."""

from __future__ import annotations

import math
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import torch
from safetensors import safe_open
from torch import Tensor

from rigatino_models.checkpoint import caffe, npz
from rigatino_models.checkpoint.archive import open_archive
from rigatino_models.checkpoint.tensors import TensorRef
from rigatino_models.checkpoint.tflib import ORIGIN as TENSORFLOW
from rigatino_models.checkpoint.tflib import is_torch_stream, read_network
from rigatino_models.checkpoint.torch_files import TorchFile, is_torch_archive, read_archive, read_stream
from rigatino_models.checkpoint.trouble import UnknownFormat, Unreadable, named, shown

BEST = "models/best.ckpt"
PARTS = ("latest_net_E.pth", "latest_net_G.pth")  # a folder of several checkpoints: these must be there
MORE_PARTS = ("latest_net_D.pth",)  # these may
ARRAYS = ".npz"  # a folder of these is read whole
MOST_FILES = 100
CONFIG = "config.yaml"
LONGEST_CONFIG = 2**20
SPARE = 64 * 2**20  # bytes that tensors may take beyond four times the file: views may share their storage
TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


@dataclass(frozen=True)
class Entry:
    """One value of a state dict; `dtype` is None where it is no tensor of a supported type.

    source: what the file calls it, where that is not its key.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype | None
    load: Callable[[], Tensor]
    source: str = ""

    @property
    def nbytes(self) -> int:
        """Bytes that the tensor takes once read."""
        return math.prod(self.shape) * (self.dtype.itemsize if self.dtype else 0)


@dataclass(frozen=True)
class LoadedState:
    """All tensors of a file as they are stored, its metadata, and what kind of file it is."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    origin: str


@dataclass
class StateFile:
    """What a file of weights holds; to be closed (a context manager).

    metadata: of safetensors; config_yaml, hyper_parameters: what came with an original checkpoint, as text
    and as inert objects.
    """

    path: Path
    origin: str
    entries: dict[str, Entry]
    size: int
    metadata: dict[str, str] = field(default_factory=dict)
    config_yaml: str = ""
    hyper_parameters: Any = None
    resources: ExitStack = field(default_factory=ExitStack, repr=False)

    def read(self, keys: Iterable[str]) -> dict[str, Tensor]:
        """The tensors of these keys, in the types in which they are stored. Raises ModelError."""
        with named(self.path):
            chosen = {key: self.entries[key] for key in keys}
            if sum(entry.nbytes for entry in chosen.values()) > 4 * self.size + SPARE:
                raise Unreadable("its tensors would take far more room than the file has")
            return {key: entry.load() for key, entry in chosen.items()}

    def __enter__(self) -> StateFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.resources.close()


def load_state(path: Path) -> LoadedState:
    """Read a whole file.

    Raises ModelError file_missing, unknown_format, weights_unreadable, weights_unsafe, weights_key.
    """
    with open_state(path) as file:
        keys = [key for key, entry in file.entries.items() if entry.dtype is not None]
        return LoadedState(file.read(keys), file.metadata, file.origin)


def open_state(path: Path) -> StateFile:
    """Open a file or an original's folder, and list what it holds. Raises ModelError as `load_state` does."""
    with named(path), ExitStack() as resources:
        state = _folder(path, resources) if path.is_dir() else _file(path, resources)
        state.resources = resources.pop_all()
        return state


def files(path: Path) -> list[Path]:
    """The files that weights are read from: the file itself, or those of an original's folder. Raises Unreadable."""
    if not path.is_dir():
        return [path]
    if (path / BEST).is_file():
        return [path / BEST]
    present = sorted(part.name for part in path.iterdir() if part.is_file())
    return [path / part for part in _arrays(present) or _parts(present)]


def _arrays(names: Iterable[str]) -> list[str]:
    """The files of a folder of NumPy's archives, without macOS's hidden ones. Raises Unreadable for too many."""
    found = [name for name in names if name.endswith(ARRAYS) and not name.split("/")[-1].startswith(".")]
    if len(found) > MOST_FILES:
        raise Unreadable(f"the folder holds more than {MOST_FILES} files of arrays")
    return found


def _parts(names: Iterable[str]) -> list[str]:
    """The checkpoints that a folder of several is read from. Raises Unreadable where one is missing."""
    present = set(names)
    missing = [part for part in PARTS if part not in present]
    if len(missing) == len(PARTS):
        raise Unreadable(f"the folder holds no {BEST}, and no {' and '.join(PARTS)}")
    if missing:
        raise Unreadable(f"the folder holds no {missing[0]}")
    return [part for part in PARTS + MORE_PARTS if part in present]


def _folder(path: Path, resources: ExitStack) -> StateFile:
    found = files(path)
    if found != [path / BEST]:
        return _joined(path, {part.name: resources.enter_context(open_state(part)) for part in found})
    state = _torch_state(path, resources.enter_context(found[0].open("rb")), resources)
    config = path / CONFIG
    if config.is_file():
        with config.open("rb") as text:
            state.config_yaml = text.read(LONGEST_CONFIG).decode("utf-8", "replace")
    return state


def _joined(path: Path, states: Mapping[str, StateFile]) -> StateFile:
    """Several checkpoints as one: each key after the name of its file, `latest_net_E.pth/block0...`."""
    entries = {
        f"{part}/{key}": entry for part, state in states.items() for key, entry in state.entries.items()
    }
    return StateFile(path, "folder of checkpoints", entries, sum(state.size for state in states.values()))


def _file(path: Path, resources: ExitStack) -> StateFile:
    if path.exists() and not path.is_file():
        raise UnknownFormat
    file = resources.enter_context(path.open("rb"))
    head = file.read(9)
    if head.startswith(b"PK\x03\x04"):
        return _zip(path, file, resources)
    if head[8:] == b"{":
        return _safetensors(path, resources)
    if head.startswith(b"\x80") and not is_torch_stream(file):
        return _tensorflow_state(path, file)
    if head.startswith(b"\x80"):
        return _torch_state(path, file, resources)
    if caffe.is_network(file):
        return _caffe_state(path, file)
    raise UnknownFormat


def _caffe_state(path: Path, file: BinaryIO) -> StateFile:
    """A network of Caffe's: blobs by "layer/number"."""
    blobs = caffe.read_network(file)
    entries = {name: Entry(blob.shape, blob.dtype, blob.load) for name, blob in blobs.items()}
    return StateFile(path, caffe.ORIGIN, entries, file.seek(0, 2))


def _tensorflow_state(path: Path, file: BinaryIO) -> StateFile:
    """A pickle of a TensorFlow network; its source and settings are kept as `hyper_parameters`."""
    network = read_network(file)
    entries = {name: Entry(part.shape, part.dtype, part.load) for name, part in network.variables.items()}
    kept = {"source": network.source, "settings": network.settings}
    return StateFile(path, TENSORFLOW, entries, file.seek(0, 2), hyper_parameters=kept)


def _zip(path: Path, file: BinaryIO, resources: ExitStack) -> StateFile:
    """A torch archive, or an original's folder in a zip."""
    archive = resources.enter_context(open_archive(file))
    names = archive.namelist()
    if npz.is_npz(names):
        return _npz_state(path, archive, file)
    if is_torch_archive(names):
        return _torch_state(path, file, resources)
    if packed := _arrays(names):
        return _joined(path, {name: _zipped_arrays(path, archive, name, resources) for name in packed})
    found = [name for name in names if f"/{name}".endswith((f"/{BEST}", f"/{PARTS[0]}"))]
    if len(found) > 1:
        raise Unreadable(f"it holds several {found[0].rsplit('/', 1)[-1]}")
    if not found:
        raise UnknownFormat
    if not found[0].endswith(BEST):
        return _zipped_parts(path, archive, found[0].removesuffix(PARTS[0]), resources)
    state = _torch_state(path, _unpacked(archive, found[0], resources), resources)
    config = found[0].removesuffix(BEST) + CONFIG
    if config in names:
        with archive.open(config) as text:
            state.config_yaml = text.read(LONGEST_CONFIG).decode("utf-8", "replace")
    return state


def _zipped_arrays(path: Path, archive: zipfile.ZipFile, name: str, resources: ExitStack) -> StateFile:
    """An .npz within a zip."""
    file = _unpacked(archive, name, resources)
    inner = resources.enter_context(open_archive(file))
    if not npz.is_npz(inner.namelist()):
        raise Unreadable(f"its entry “{shown(name)}” holds no arrays")
    return _npz_state(path, inner, file)


def _npz_state(path: Path, archive: zipfile.ZipFile, file: BinaryIO) -> StateFile:
    """The arrays of a NumPy archive; chainer's names have slashes."""
    entries = {
        name: Entry(part.shape, part.dtype, part.load if part.dtype else _nothing)
        for name, part in npz.arrays(archive)
    }
    return StateFile(path, "NumPy archive", entries, file.seek(0, 2))


def _zipped_parts(path: Path, archive: zipfile.ZipFile, root: str, resources: ExitStack) -> StateFile:
    """The checkpoints in one folder of a zip."""
    names = _parts(name.removeprefix(root) for name in archive.namelist() if name.startswith(root))
    files = {name: _unpacked(archive, root + name, resources) for name in names}
    return _joined(path, {name: _torch_state(path, file, resources) for name, file in files.items()})


def _unpacked(archive: zipfile.ZipFile, name: str, resources: ExitStack) -> BinaryIO:
    """An entry as a file that can be read from anywhere."""
    inner = resources.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 (it is one)
    with archive.open(name) as packed:
        shutil.copyfileobj(packed, inner, 2**20)
    return inner


def _torch_state(path: Path, file: BinaryIO, resources: ExitStack) -> StateFile:
    file.seek(0)
    if file.read(4) == b"PK\x03\x04":
        content = read_archive(resources.enter_context(open_archive(file)))
    else:
        content = read_stream(file)
    value, origin = content.value, content.origin
    hyper_parameters = None
    if isinstance(value, dict) and isinstance(value.get("state_dict"), dict):
        hyper_parameters = value.get("hyper_parameters")
        origin = "Lightning checkpoint" if "pytorch-lightning_version" in value else origin
        value = value["state_dict"]
    entries = _entries(value, content)
    size = file.seek(0, 2)
    return StateFile(path, origin, entries, size, hyper_parameters=hyper_parameters)


def _entries(value: Any, content: TorchFile) -> dict[str, Entry]:
    if not isinstance(value, dict) or not any(isinstance(part, TensorRef) for part in value.values()):
        raise Unreadable("it holds no state dict (save module.state_dict(), not the module)")
    return {str(key): _entry(str(key), part, content) for key, part in value.items()}


def _entry(key: str, part: Any, content: TorchFile) -> Entry:
    if not isinstance(part, TensorRef):
        return Entry((), None, _nothing)
    part.check(key)
    content.storages.check(key, part)
    return Entry(tuple(part.shape), part.storage.dtype, partial(content.storages.tensor, part))


def _safetensors(path: Path, resources: ExitStack) -> StateFile:
    handle = resources.enter_context(safe_open(path, framework="pt"))
    metadata: Mapping[str, str] = handle.metadata() or {}
    entries: dict[str, Entry] = {}
    for key in handle.keys():  # noqa: SIM118 (not a dict)
        part = handle.get_slice(key)
        load = partial(handle.get_tensor, key)
        entries[key] = Entry(tuple(part.get_shape()), TYPES.get(part.get_dtype()), load)
    return StateFile(path, "safetensors", entries, path.stat().st_size, metadata=dict(metadata))


def _nothing() -> Tensor:
    raise Unreadable("it holds a value that is no tensor")


__all__ = ["Entry", "LoadedState", "StateFile", "files", "load_state", "open_state"]
