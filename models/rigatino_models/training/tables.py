"""Tables as TOML has them -> typed dataclasses."""

from __future__ import annotations

import dataclasses
import math
import tomllib
import typing
from collections.abc import Mapping
from typing import Any, Literal

from rigatino_models.training.settings import wrong

BEYOND = 2**1023  # whole numbers that are no floats
KINDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def change(table: dict[str, Any], words: str) -> None:
    """Apply "section.key=value", the value as TOML has it or else a text. Raises ModelError bad_setting."""
    key, _, value = words.partition("=")
    *sections, name = key.strip().split(".")
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise wrong(key, value, "a section before its last dot")
    try:
        table[name] = tomllib.loads(f"v = {value}")["v"]
    except ValueError:  # no TOML, or a number of thousands of digits
        table[name] = value


def build(kind: type[Any], table: Mapping[str, Any], where: str) -> Any:
    """A dataclass from a table. Raises ModelError bad_setting that names an unknown key or a wrong type."""
    fields = {f.name: f for f in dataclasses.fields(kind)}
    kinds = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in fields:
            raise wrong(f"{where}{key}", value, f"one of these names in its place: {', '.join(fields)}")
        values[key] = _convert(kinds[key], value, f"{where}{key}")
    missing = [n for n, f in fields.items() if n not in values and _required(f)]
    if missing:
        raise wrong(f"{where}{missing[0]}", "nothing", "a value")
    return kind(**values)


def _convert(kind: Any, value: Any, where: str) -> Any:
    """The value as its annotation has it: numbers, texts, flags, choices, tuples, tables, sections."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            raise wrong(where, value, "a section")
        return build(kind, value, f"{where}.")
    if origin is Literal:
        if value not in arguments:
            raise wrong(where, value, " or ".join(map(str, arguments)))
        return value
    if origin is tuple:
        return _tuple(arguments, value, where)
    if origin is dict:
        if not isinstance(value, dict):
            raise wrong(where, value, "a section")
        return {key: _convert(arguments[1], entry, f"{where}.{key}") for key, entry in value.items()}
    if kind is float and type(value) is int and abs(value) < BEYOND:
        value = float(value)
    if type(value) is not kind:
        raise wrong(where, value, KINDS[kind])
    if kind is float and not math.isfinite(value):
        raise wrong(where, value, "a finite number")
    return value


def _tuple(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    count = None if arguments[-1] is ... else len(arguments)
    if not isinstance(value, list) or count not in (None, len(value)):
        raise wrong(where, value, f"a list of {count}" if count else "a list")
    kinds = arguments if count else arguments[:1] * len(value)
    return tuple(_convert(kind, entry, where) for kind, entry in zip(kinds, value, strict=True))


def _required(wanted: dataclasses.Field[Any]) -> bool:
    return wanted.default is dataclasses.MISSING and wanted.default_factory is dataclasses.MISSING
