"""Reads pickles without running anything of them.

`Machine` builds plain data (numbers, strings, tuples, lists, dicts). A class or function that the pickle
names is never imported: it becomes a `Global`, and what the pickle makes of it an `Inert` that holds its
arguments and does nothing. Only the function `call` that the reader gives decides which globals mean more
(tensors, sizes).
"""

from __future__ import annotations

import pickletools
import sys
from _compat_pickle import IMPORT_MAPPING
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from rigatino_models.checkpoint.trouble import Unreadable, Unsafe, shown

MOST_STEPS = 3_000_000  # a checkpoint of a thousand tensors has thirty thousand

LITERALS = (
    "INT", "LONG", "FLOAT", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
)  # fmt: skip
BUILTINS = frozenset({
    "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "range",
    "set", "slice", "str", "tuple", "type",
})  # fmt: skip
# Of the standard library only types that hold data have a place in weights; None stands for all of a module.
DATA_TYPES: dict[str, frozenset[str] | None] = {
    "builtins": BUILTINS,
    "collections": frozenset({"OrderedDict", "defaultdict", "deque", "Counter", "UserDict"}),
    "copyreg": frozenset({"_reconstructor", "__newobj__"}),
    "_codecs": frozenset({"encode"}),
    "argparse": frozenset({"Namespace"}),
    "types": frozenset({"SimpleNamespace", "NoneType"}),
    "typing": None,
    "pathlib": None,
    "datetime": None,
    "decimal": None,
    "enum": None,
    "uuid": None,
}


@dataclass(frozen=True)
class Global:
    """A class or function by name."""

    module: str
    name: str


@dataclass(eq=False, repr=False)
class Inert:
    """What a pickle made of a global: the arguments it was called with, then what was put into it."""

    kind: Any
    args: tuple[Any, ...]
    state: Any = None
    items: list[Any] = field(default_factory=list)
    pairs: list[tuple[Any, Any]] = field(default_factory=list)


Call = Callable[[Global, tuple[Any, ...]], Any]
Constant = Callable[[str, Any, int], Any]


class Machine:
    """Runs the opcodes of one pickle after another.

    persistent(id) gives the value of a persistent id; call(global, arguments) the value of a call; constant(opcode,
    value, place) what is kept of an opcode's argument, which stands at that place of the file.
    """

    def __init__(
        self, persistent: Callable[[Any], Any], call: Call, constant: Constant | None = None
    ) -> None:
        self.persistent, self.call, self.constant = persistent, call, constant
        self.steps = 0
        self._clear()

    def _clear(self) -> None:
        self.stack: list[Any] = []
        self.outer: list[list[Any]] = []  # the stacks below each open mark
        self.memo: dict[int, Any] = {}

    def load(self, file: BinaryIO) -> Any:
        """The value of the pickle at the file's position. Raises Unreadable, Unsafe, or ValueError."""
        self._clear()
        for opcode, argument, place in pickletools.genops(file):
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise Unreadable("its pickle is too long")
            if opcode.name == "STOP":
                return self._pop()
            if self.constant is not None:
                argument = self.constant(opcode.name, argument, place or 0)
            self._do(opcode.name, argument)
        raise Unreadable("its pickle has no end")

    def _do(self, name: str, argument: Any) -> None:
        if name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name](argument))
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        elif name not in ("PROTO", "FRAME"):
            raise Unreadable(f"its pickle uses {name}, which weights never do")

    def _pop(self) -> Any:
        if not self.stack:
            raise Unreadable("its pickle is malformed")
        return self.stack.pop()

    def _top(self) -> Any:
        if not self.stack:
            raise Unreadable("its pickle is malformed")
        return self.stack[-1]

    def _marked(self) -> list[Any]:
        """All above the last mark; the mark goes too."""
        if not self.outer:
            raise Unreadable("its pickle is malformed")
        above, self.stack = self.stack, self.outer.pop()
        return above

    def mark(self, _: Any) -> None:
        self.outer.append(self.stack)
        self.stack = []

    def pop(self, _: Any) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self._marked()

    def pop_mark(self, _: Any) -> None:
        self._marked()

    def duplicate(self, _: Any) -> None:
        self.stack.append(self._top())

    def remember(self, index: Any) -> None:
        self.memo[len(self.memo) if index is None else int(index)] = self._top()

    def recall(self, index: Any) -> None:
        if int(index) not in self.memo:
            raise Unreadable("its pickle is malformed")
        self.stack.append(self.memo[int(index)])

    def pack_tuple(self, count: int | None) -> None:
        parts = self._marked() if count is None else [self._pop() for _ in range(count)][::-1]
        self.stack.append(tuple(parts))

    def pack_list(self, _: Any) -> None:
        items = self._marked()
        self.stack.append(items)

    def pack_dict(self, _: Any) -> None:
        pairs = _pairs(self._marked())
        self.stack.append({})
        self._put(pairs)

    def append(self, _: Any) -> None:
        item = self._pop()
        self._extend([item])

    def extend(self, _: Any) -> None:
        self._extend(self._marked())

    def set_item(self, _: Any) -> None:
        value, key = self._pop(), self._pop()
        self._put([(key, value)])

    def set_items(self, _: Any) -> None:
        self._put(_pairs(self._marked()))

    def _extend(self, items: list[Any]) -> None:
        target = self._top()
        if not isinstance(target, list | Inert):
            raise Unreadable("its pickle is malformed")
        (target if isinstance(target, list) else target.items).extend(items)

    def _put(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        target = self._top()
        if isinstance(target, Inert):
            target.pairs.extend(pairs)
        elif isinstance(target, dict):
            target.update((_key(key), value) for key, value in pairs)
        else:
            raise Unreadable("its pickle is malformed")

    def name(self, argument: Any) -> None:
        self.stack.append(_allowed(*argument.split(" ", 1)))

    def stacked_name(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise Unreadable("its pickle is malformed")
        self.stack.append(_allowed(module, name))

    def reduce(self, _: Any) -> None:
        arguments, function = self._pop(), self._pop()
        self.stack.append(self._made(function, arguments))

    def new(self, _: Any) -> None:
        self.reduce(None)

    def new_with_keywords(self, _: Any) -> None:
        self._pop()
        self.reduce(None)

    def instance(self, argument: Any) -> None:
        arguments = tuple(self._marked())
        self.stack.append(self._made(_allowed(*argument.split(" ", 1)), arguments))

    def object(self, _: Any) -> None:
        kind, *arguments = self._marked() or [None]
        self.stack.append(self._made(kind, tuple(arguments)))

    def _made(self, function: Any, arguments: Any) -> Any:
        if not isinstance(arguments, tuple) or not isinstance(function, Global | Inert):
            raise Unreadable("its pickle is malformed")
        return self.call(function, arguments) if isinstance(function, Global) else Inert(function, arguments)

    def build(self, _: Any) -> None:
        state, target = self._pop(), self._top()
        if isinstance(target, Inert):
            target.state = state
        elif not isinstance(target, dict):  # a dict's attributes (state_dict's _metadata) mean nothing here
            raise Unreadable("its pickle is malformed")

    def persistent_text(self, argument: Any) -> None:
        self.stack.append(self.persistent(argument))

    def persistent_value(self, _: Any) -> None:
        self.stack.append(self.persistent(self._pop()))


def _allowed(module: str, name: str) -> Global:
    """The global, if weights may name it: all of third parties (it stays inert), Python's data types."""
    module = IMPORT_MAPPING.get(module, module)  # Python 2's names
    root = module.split(".")[0]
    if root in sys.stdlib_module_names or not root:
        names = DATA_TYPES.get(root, frozenset())
        if names is not None and (module != root or name not in names):
            raise Unsafe(f"it asks for {shown(f'{module}.{name}')}, which no weights need")
    return Global(module, name)


def _pairs(flat: list[Any]) -> list[tuple[Any, Any]]:
    if len(flat) % 2:
        raise Unreadable("its pickle is malformed")
    return list(zip(flat[::2], flat[1::2], strict=True))


def _key(key: Any) -> Any:
    """A dict's key, if hashing it is sure to be cheap."""
    parts = key if isinstance(key, tuple) else (key,)
    if not all(isinstance(part, str | bytes | int | float | Global | Inert | None) for part in parts):
        raise Unreadable("its pickle has a dict with a strange key")
    return key


_CONSTANTS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(LITERALS, lambda argument: argument),
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_DICT": lambda _: {},
    "EMPTY_SET": lambda _: [],  # a set's order and uniqueness mean nothing here, and a list hashes nothing
}
_ACTIONS: dict[str, Callable[[Machine, Any], None]] = {
    "MARK": Machine.mark,
    "POP": Machine.pop,
    "POP_MARK": Machine.pop_mark,
    "DUP": Machine.duplicate,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), Machine.remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), Machine.recall),
    "TUPLE": Machine.pack_tuple,
    "TUPLE1": lambda machine, _: machine.pack_tuple(1),
    "TUPLE2": lambda machine, _: machine.pack_tuple(2),
    "TUPLE3": lambda machine, _: machine.pack_tuple(3),
    "LIST": Machine.pack_list,
    "FROZENSET": Machine.pack_list,
    "DICT": Machine.pack_dict,
    "APPEND": Machine.append,
    "APPENDS": Machine.extend,
    "ADDITEMS": Machine.extend,
    "SETITEM": Machine.set_item,
    "SETITEMS": Machine.set_items,
    "GLOBAL": Machine.name,
    "STACK_GLOBAL": Machine.stacked_name,
    "REDUCE": Machine.reduce,
    "NEWOBJ": Machine.new,
    "NEWOBJ_EX": Machine.new_with_keywords,
    "INST": Machine.instance,
    "OBJ": Machine.object,
    "BUILD": Machine.build,
    "PERSID": Machine.persistent_text,
    "BINPERSID": Machine.persistent_value,
}
