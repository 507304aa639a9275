"""Tensors as torch's pickles describe them: a storage elsewhere in the file, and a view into it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rigatino_models.checkpoint.pickles import Global, Inert
from rigatino_models.checkpoint.trouble import Misfit, Unreadable

STORAGES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
TENSORS = ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2")
PARAMETERS = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state")
MOST_DIMENSIONS = 16


@dataclass(frozen=True, eq=False)
class Storage:
    """`size` elements of a storage, from element `start` on; the dtype is None for one that is not read."""

    key: str
    dtype: torch.dtype | None
    size: int
    start: int = 0


@dataclass(frozen=True, eq=False)
class TensorRef:
    """A tensor not yet read. What the file says about it is unchecked until `check`."""

    storage: Any
    offset: Any
    shape: Any
    stride: Any

    def check(self, key: str) -> TensorRef:
        """The same, sure to lie within its storage. Raises Misfit."""
        storage = self.storage
        if not isinstance(storage, Storage) or storage.dtype is None:
            raise Misfit(key, "its tensor has a type that is not supported")
        if not (_sizes(self.shape) and _sizes(self.stride) and _sizes((self.offset,))):
            raise Misfit(key, "its shape is malformed")
        if len(self.shape) != len(self.stride) or len(self.shape) > MOST_DIMENSIONS:
            raise Misfit(key, "its shape is malformed")
        reach = sum((size - 1) * step for size, step in zip(self.shape, self.stride, strict=True))
        if 0 not in self.shape and self.offset + reach >= storage.size:
            raise Misfit(key, "its shape reaches beyond the data that the file holds")
        return self

    @property
    def nbytes(self) -> int:
        """Bytes that the tensor takes once read."""
        dtype: torch.dtype = self.storage.dtype
        return int(math.prod(self.shape) * dtype.itemsize)

    def read(self, data: bytearray) -> Tensor:
        """The tensor, given the bytes of the whole storage; one that is all of it stays where it is."""
        if 0 in self.shape:
            return torch.empty(tuple(self.shape), dtype=self.storage.dtype)
        end = self.storage.start + self.storage.size
        flat = torch.frombuffer(data, dtype=self.storage.dtype, count=end)
        view = flat.as_strided(tuple(self.shape), tuple(self.stride), self.storage.start + self.offset)
        whole = view.is_contiguous() and self.nbytes == len(data)
        return view if whole else view.clone(memory_format=torch.contiguous_format)


def call(function: Global, arguments: tuple[Any, ...]) -> Any:
    """What a pickle's call means: tensors, parameters, ordered dicts and sizes; all else stays inert."""
    name = f"{function.module}.{function.name}"
    if name in TENSORS and len(arguments) >= 4:
        return TensorRef(*arguments[:4])
    if name in PARAMETERS and arguments:
        return arguments[0]
    if name == "torch._tensor._rebuild_from_type_v2" and len(arguments) >= 3:
        inner, inner_arguments = arguments[0], arguments[2]
        if isinstance(inner, Global) and inner != function and isinstance(inner_arguments, tuple):
            return call(inner, inner_arguments)
    if name == "torch.Size" and len(arguments) == 1 and isinstance(arguments[0], list | tuple):
        return tuple(arguments[0])
    if name == "collections.OrderedDict":
        return _ordered(arguments)
    return Inert(function, arguments)


def storage(identity: Any) -> Any:
    """The storage of a persistent id: ("storage", type, key, place, size), once with a view after that."""
    if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
        return Inert("persistent", (identity,))
    _, kind, key, _, size = identity[:5]
    if not isinstance(kind, Global) or not isinstance(key, str) or not _sizes((size,)):
        raise Unreadable("a storage in it is malformed")
    dtype = STORAGES.get(kind.name) if kind.module in ("torch", "torch.storage", "torch.cuda") else None
    view = identity[5] if len(identity) > 5 else None
    if view is None:
        return Storage(key, dtype, size)
    return _part(Storage(key, dtype, size), view)


def _part(whole: Storage, view: Any) -> Storage:
    if not isinstance(view, tuple) or len(view) != 3 or not _sizes(view[1:]):
        raise Unreadable("a storage in it is malformed")
    _, start, size = view
    if start + size > whole.size:
        raise Unreadable("a storage in it is malformed")
    return Storage(whole.key, whole.dtype, size, start)


def _ordered(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    pairs = arguments[0] if arguments else []
    if not isinstance(pairs, list) or not all(map(_is_pair, pairs)):
        raise Unreadable("an ordered dict in it is malformed")
    return dict(pairs)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], str | int)


def _sizes(values: Any) -> bool:
    return isinstance(values, list | tuple) and all(type(value) is int and value >= 0 for value in values)
