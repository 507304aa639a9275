"""Pickles of StyleGAN2's TensorFlow networks, read without TensorFlow and without any code of theirs.

Such a file holds one network or a tuple (generator, discriminator, averaged generator). A network's state has its
variables as NumPy arrays, its components (mapping, synthesis), its settings, and its own source, which is only ever
text. Arrays stay in the file until they are asked for.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

import torch
from torch import Tensor

from rigatino_models.checkpoint.pickles import Global, Inert, Machine
from rigatino_models.checkpoint.tensors import call
from rigatino_models.checkpoint.trouble import Misfit, Unreadable

ORIGIN = "TensorFlow pickle"
LARGEST_FILE = 4 * 2**30
INSIDE = 1024  # bytes of an array up to which they are kept in memory
LONGEST_SOURCE = 2**20  # characters
MOST_DIMENSIONS = 8
DISCRIMINATOR = "discriminator/"
TYPES = {
    "f2": torch.float16,
    "f4": torch.float32,
    "f8": torch.float64,
    "i4": torch.int32,
    "i8": torch.int64,
}
# Opcodes of bytes -> what stands before the bytes: the opcode and their number.
HEADERS = {"SHORT_BINBYTES": 2, "BINBYTES": 5, "BINBYTES8": 9, "BYTEARRAY8": 9}


@dataclass(frozen=True)
class Span:
    """Bytes of the file."""

    start: int
    size: int


@dataclass(frozen=True)
class Variable:
    """An array not yet read; the dtype is None for a value that is none, or of a type that is not supported."""

    shape: tuple[int, ...]
    dtype: torch.dtype | None
    load: Callable[[], Tensor]


@dataclass(frozen=True)
class Network:
    """Variables by "component/name" (a network's own ones by their name, a discriminator's after DISCRIMINATOR), the
    text of its source, and its settings."""

    variables: dict[str, Variable]
    source: str
    settings: dict[Any, Any]


def is_torch_stream(file: BinaryIO) -> bool:
    """Whether the first thing pickled is a number: torch's files before 1.6 begin so, with a magic one."""
    file.seek(0)
    for opcode, _, _ in pickletools.genops(file):
        if opcode.name not in ("PROTO", "FRAME"):
            return opcode.name in ("LONG1", "LONG4", "LONG", "INT")
    return False


def read_network(file: BinaryIO) -> Network:
    """The pickle's last network with a synthesis: the averaged generator; its discriminator too, where there is one.

    Raises Unreadable, Unsafe, Misfit.
    """
    if file.seek(0, 2) > LARGEST_FILE:
        raise Unreadable("it is larger than weights need")
    file.seek(0)
    machine = Machine(lambda identity: Inert("persistent", (identity,)), call, _outside)
    value = machine.load(file)
    found = [_state(part) for part in (value if isinstance(value, list | tuple) else (value,))]
    states = [state for state in found if state]
    generators = [state for state in states if "synthesis" in _table(state["components"])]
    if not generators:
        raise Unreadable("it is a pickle, but neither one of torch's checkpoints nor of a network")
    network = _network(generators[-1], file)
    for state in states:
        if "synthesis" not in _table(state["components"]):
            network.variables.update(_variables(DISCRIMINATOR, state, file))
    return network


def _outside(name: str, argument: Any, place: int) -> Any:
    """Long bytes become a span."""
    if name in HEADERS and len(argument) > INSIDE:
        return Span(place + HEADERS[name], len(argument))
    return argument


def _state(value: Any) -> dict[Any, Any] | None:
    """What an inert network of tflib holds."""
    state = value.state if isinstance(value, Inert) else None
    if isinstance(state, dict) and {"variables", "components"} <= state.keys():
        return state
    return None


def _table(value: Any) -> dict[Any, Any]:
    """A dict, or an inert one of a class derived from it."""
    if isinstance(value, dict):
        return value
    return {k: v for k, v in value.pairs if isinstance(k, str)} if isinstance(value, Inert) else {}


def _network(state: dict[Any, Any], file: BinaryIO) -> Network:
    variables = dict(_variables("", state, file))
    parts = _table(state["components"])
    for name, part in parts.items():
        inner = _state(part)
        if inner is not None and isinstance(name, str):
            variables.update(_variables(f"{name}/", inner, file))
    synthesis = _state(parts["synthesis"]) or state
    source = synthesis.get("build_module_src")
    text = source[:LONGEST_SOURCE] if isinstance(source, str) else ""
    return Network(variables, text, _table(synthesis.get("static_kwargs")))


def _variables(prefix: str, state: dict[Any, Any], file: BinaryIO) -> Iterator[tuple[str, Variable]]:
    if not isinstance(state["variables"], list | tuple):
        raise Unreadable("its variables are malformed")
    for pair in state["variables"]:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str):
            raise Unreadable("its variables are malformed")
        yield prefix + pair[0], _variable(prefix + pair[0], pair[1], file)


def _variable(name: str, value: Any, file: BinaryIO) -> Variable:
    """The array that a pickle of NumPy's describes: of either protocol's make, or a single number."""
    if isinstance(value, float | int):
        return Variable((), torch.float32, partial(torch.tensor, float(value)))
    shape, kind, fortran, data = _described(value)
    dtype = TYPES.get(_code(kind))
    if dtype is None:
        return Variable((), None, _nothing)
    if not _is_shape(shape):
        raise Misfit(name, "its shape is malformed")
    held = _held(data)
    if held is None or _length(held) != math.prod(shape) * dtype.itemsize:
        raise Misfit(name, "its data are missing or cut short")
    return Variable(tuple(shape), dtype, partial(_read, held, file, tuple(shape), dtype, fortran))


def _described(value: Any) -> tuple[Any, Any, bool, Any]:
    """(shape, dtype, whether the first axis is the fastest, bytes), unchecked."""
    if not isinstance(value, Inert) or not isinstance(value.kind, Global):
        return None, None, False, None
    name, args = value.kind.name, value.args
    if value.kind.module.split(".")[0] != "numpy":
        return None, None, False, None
    if name == "_reconstruct" and isinstance(value.state, tuple) and len(value.state) == 5:
        _, shape, kind, fortran, data = value.state
        return shape, kind, fortran is True, data
    if name == "_frombuffer" and len(args) == 4:
        data, kind, shape, order = args
        return shape, kind, order == "F", data
    if name == "scalar" and len(args) == 2:
        return (), args[0], False, args[1]
    return None, None, False, None


def _code(kind: Any) -> str:
    """NumPy's code of an inert dtype, "" for what is none. Raises Unreadable for the other byte order."""
    if not isinstance(kind, Inert) or kind.kind != Global("numpy", "dtype") or not kind.args:
        return ""
    code = kind.args[0] if isinstance(kind.args[0], str) else ""
    order = kind.state[1] if isinstance(kind.state, tuple) and len(kind.state) > 1 else code[:1]
    if order == ">":
        raise Unreadable("its numbers are big-endian")
    return code.lstrip("<|=")


def _held(data: Any) -> Span | bytes | None:
    """The bytes, however the protocol wrote them: protocols before 3 as text, a character a byte."""
    if isinstance(data, Inert) and data.kind == Global("_codecs", "encode") and data.args:
        data = data.args[0]
    if isinstance(data, Inert) and data.kind in (
        Global("builtins", "bytearray"),
        Global("builtins", "bytes"),
    ):
        return _held(data.args[0]) if data.args and not isinstance(data.args[0], Inert) else b""
    if isinstance(data, str):
        return data.encode("latin-1")
    return bytes(data) if isinstance(data, bytes | bytearray) else data if isinstance(data, Span) else None


def _length(held: Span | bytes) -> int:
    return held.size if isinstance(held, Span) else len(held)


def _read(
    held: Span | bytes, file: BinaryIO, shape: tuple[int, ...], dtype: torch.dtype, fortran: bool
) -> Tensor:
    if 0 in shape:
        return torch.empty(shape, dtype=dtype)
    if isinstance(held, Span):
        file.seek(held.start)
        data = bytearray(file.read(held.size))
    else:
        data = bytearray(held)
    flat = torch.frombuffer(data, dtype=dtype)
    return flat.reshape(shape[::-1]).permute(*range(len(shape))[::-1]) if fortran else flat.reshape(shape)


def _is_shape(shape: Any) -> bool:
    return (
        isinstance(shape, tuple)
        and len(shape) <= MOST_DIMENSIONS
        and all(type(side) is int and side >= 0 for side in shape)
    )


def _nothing() -> Tensor:
    raise Unreadable("it holds a value that is no tensor")
