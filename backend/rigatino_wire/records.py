"""What messages are made of: arrays, and records whose fields carry rules.

Every record is checked when it is made, by whoever makes it: a wrong value raises ProtocolError bad_field.
`to_header` gives the JSON object, arrays as descriptors; `from_header` takes it back, strictly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from math import prod
from typing import Any, ClassVar, TypeVar, Union, get_type_hints

from rigatino_wire import fields as f
from rigatino_wire.errors import ProtocolError

Buffer = Union[bytes, bytearray, memoryview]
R = TypeVar("R", bound="Record")

MAX_FRAME = 1 << 20  # bytes of one frame
MAX_HEADER = 1 << 16  # bytes of the JSON header
MAX_MESSAGE = 1 << 30  # bytes of all arrays of one message
MAX_PIXELS = 100_000_000  # pixels of one image
LARGEST = (1 << 53) - 1  # integers beyond are not the same in every JSON reader

ITEM_SIZES = {"u8": 1, "f32": 4}


@dataclass(frozen=True)
class Array:
    """Pixels: C order, `u8` or `f32` (IEEE 754, little endian), `data` of exactly that many bytes.

    Raises ProtocolError bad_field where shape, kind and data do not agree, too_large above the limits.
    """

    dtype: str
    shape: tuple[int, ...]
    data: Buffer = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        if len(self.view) != nbytes(self.dtype, self.shape):
            raise wrong("array", "data", f"{self.dtype} data of shape {list(self.shape)}")

    @property
    def view(self) -> memoryview:
        """The data as flat bytes, not copied."""
        whole = memoryview(self.data)
        if not whole.c_contiguous:
            raise wrong("array", "data", "data in one piece")
        return whole.cast("B") if whole.nbytes else memoryview(b"")

    @property
    def nbytes(self) -> int:
        return len(self.view)


def nbytes(dtype: Any, shape: Any) -> int:
    """The size of an array by arithmetic alone, in bytes; raises ProtocolError for what cannot be one."""
    if not isinstance(dtype, str) or dtype not in ITEM_SIZES:
        raise wrong("array", "dtype", " or ".join(ITEM_SIZES))
    if not isinstance(shape, (list, tuple)) or not 1 <= len(shape) <= 4:
        raise wrong("array", "shape", "a list of 1 to 4 integers")
    if not all(type(side) is int and 1 <= side <= MAX_PIXELS for side in shape):
        raise wrong("array", "shape", f"integers from 1 to {MAX_PIXELS}")
    size = prod(shape) * ITEM_SIZES[dtype]
    if size > MAX_MESSAGE:
        raise ProtocolError("too_large", what="array", size=size, limit=MAX_MESSAGE)
    return size


def array(*axes: str | int) -> f.Rule:
    """An array of these axes, letters for free ones; in JSON its descriptor alone."""

    def check(value: Any) -> Array:
        f.demand(isinstance(value, Array) and len(value.shape) == len(axes))
        f.demand(all(isinstance(axis, str) or axis == side for axis, side in zip(axes, value.shape)))
        if value.shape[-3] * value.shape[-2] > MAX_PIXELS:
            limit = MAX_PIXELS * ITEM_SIZES[value.dtype] * value.shape[-1]
            raise ProtocolError("too_large", what="image", size=value.nbytes, limit=limit)
        return Array(value.dtype, value.shape, value.data)

    def dump(value: Array) -> dict[str, Any]:
        return {"dtype": value.dtype, "shape": list(value.shape)}

    return f.Rule(f"array [{', '.join(map(str, axes))}]", check, dump=dump)


class Record:
    """A frozen dataclass whose fields carry an `f.Rule` each."""

    op: ClassVar[str]

    def __post_init__(self) -> None:
        for name, rule in rules(type(self)).items():
            try:
                object.__setattr__(self, name, rule.check(getattr(self, name)))
            except ValueError:
                raise wrong(self.op, name, rule.text) from None

    def to_header(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {name: rule.dump(getattr(self, name)) for name, rule in rules(type(self)).items()}

    @classmethod
    def from_header(cls: type[R], header: Mapping[str, Any]) -> R:
        """The record that `to_header` wrote; ProtocolError for unknown, missing or wrong fields."""
        known = rules(cls)
        for name in header:
            if name not in known:
                raise ProtocolError("unknown_field", op=cls.op, field=str(name)[:100])
        for name in required(cls):
            if name not in header:
                raise ProtocolError("missing_field", op=cls.op, field=name)
        return cls(**{name: _loaded(cls.op, name, known[name], value) for name, value in header.items()})


_RULES: dict[str, Mapping[str, f.Rule]] = {}


def rules(kind: type[Any]) -> Mapping[str, f.Rule]:
    """The rules of a record's fields, in their order."""
    if kind.op not in _RULES:
        hints = get_type_hints(kind, include_extras=True)
        _RULES[kind.op] = {one.name: hints[one.name].__metadata__[0] for one in fields(kind)}
    return _RULES[kind.op]


def required(kind: type[Any]) -> list[str]:
    """The fields of a record that have no default."""
    return [one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING]


def _loaded(op: str, name: str, rule: f.Rule, value: Any) -> Any:
    try:
        return rule.load(value)
    except (ValueError, TypeError):
        raise wrong(op, name, rule.text) from None


def wrong(op: str, name: str, expected: str) -> ProtocolError:
    return ProtocolError("bad_field", op=op, field=name, expected=expected)


def nested(kind: type[Record]) -> f.Rule:
    """A record inside another."""

    def check(value: Any) -> Record:
        if not isinstance(value, kind):
            raise ValueError
        return value

    def load(value: Any) -> Record:
        f.demand(isinstance(value, dict))
        return kind.from_header(value)

    return f.Rule(kind.op, check, load, lambda value: value.to_header())


class Message(Record):
    """One message of the protocol; `id` is the request's, in its replies too."""

    id: str

    @classmethod
    def arrays(cls) -> list[str]:
        """The fields that travel as buffers, in their order."""
        return [name for name, rule in rules(cls).items() if rule.text.startswith("array ")]
