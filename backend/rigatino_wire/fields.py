"""What a message's field may hold, checked in one place for those who write messages and those who read them.

A `Rule` is the metadata of an `Annotated` field. Its `text` is the words of docs/protocol.md for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Callable, NamedTuple

from rigatino_wire.errors import Failure
from rigatino_wire.region import ContextRule

Check = Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


class Rule(NamedTuple):
    """`check` normalises a Python value or raises ValueError; `load` and `dump` lead from and to JSON."""

    text: str
    check: Check
    load: Check = _same
    dump: Check = _same


def demand(holds: bool) -> None:
    """Raises ValueError where a value breaks its rule; the rule's text says what it should have been."""
    if not holds:
        raise ValueError


def text(longest: int, shortest: int = 0) -> Rule:
    """A string of so many characters, without lone surrogates."""

    def check(value: Any) -> str:
        demand(isinstance(value, str) and shortest <= len(value) <= longest)
        value.encode()
        return str(value)

    return Rule(f"string, {shortest} to {longest} characters", check)


def word(*words: str) -> Rule:
    """One of a few strings."""

    def check(value: Any) -> str:
        demand(isinstance(value, str) and value in words)
        return str(value)

    return Rule("one of " + ", ".join(f'"{one}"' for one in words), check)


def integer(low: int, high: int) -> Rule:
    """A whole number; True and 1.0 are none."""

    def check(value: Any) -> int:
        demand(isinstance(value, int) and not isinstance(value, bool) and low <= value <= high)
        return int(value)

    return Rule(f"integer, {low} to {high}", check)


def number(low: float, high: float) -> Rule:
    """A finite number, whole or not; True is none."""

    def check(value: Any) -> float:
        demand(isinstance(value, (int, float)) and not isinstance(value, bool))
        demand(isfinite(value) if isinstance(value, float) else True)
        demand(low <= value <= high)
        return float(value)

    return Rule(f"number, {low:g} to {high:g}", check)


def boolean() -> Rule:
    """True or false."""

    def check(value: Any) -> bool:
        demand(isinstance(value, bool))
        return bool(value)

    return Rule("true or false", check)


def optional(item: Rule) -> Rule:
    """What the rule says, or None (JSON null)."""

    def check(value: Any) -> Any:
        return None if value is None else item.check(value)

    return Rule(f"{item.text}, or null", check)


def pair(item: Rule) -> Rule:
    """Two values, as a tuple."""
    return exactly(2, item)


def exactly(number: int, item: Rule) -> Rule:
    """So many values, as a tuple."""

    def check(value: Any) -> tuple[Any, ...]:
        demand(isinstance(value, (list, tuple)) and len(value) == number)
        return tuple(item.check(part) for part in value)

    return Rule(f"list of {number}: {item.text}", check, dump=list)


def several(item: Rule, longest: int) -> Rule:
    """Up to so many values, as a tuple."""

    def check(value: Any) -> tuple[Any, ...]:
        demand(isinstance(value, Sequence) and not isinstance(value, str) and len(value) <= longest)
        return tuple(item.check(part) for part in value)

    def load(value: Any) -> list[Any]:
        demand(isinstance(value, list) and len(value) <= longest)
        return [item.load(part) for part in value]

    return Rule(
        f"list of at most {longest}: {item.text}",
        check,
        load,
        lambda values: [item.dump(value) for value in values],
    )


def table(item: Rule, longest: int) -> Rule:
    """Names with values, as a dict."""
    name = text(100, 1)

    def check(value: Any) -> dict[str, Any]:
        demand(isinstance(value, Mapping) and len(value) <= longest)
        return {name.check(key): item.check(part) for key, part in value.items()}

    return Rule(f"object of at most {longest} names: {item.text}", check, dump=dict)


def identifier() -> Rule:
    """The name that a client gives to a request."""
    pattern = re.compile(r"[A-Za-z0-9_-]{1,64}")

    def check(value: Any) -> str:
        demand(isinstance(value, str) and pattern.fullmatch(value) is not None)
        return str(value)

    return Rule("id", check)


def context_rule() -> Rule:
    """A `ContextRule`."""
    rules = (number(0, 64), integer(0, 1 << 20), integer(0, 1 << 20))

    def check(value: Any) -> ContextRule:
        demand(isinstance(value, ContextRule))
        return ContextRule(*(rule.check(part) for rule, part in zip(rules, value)))

    def load(value: Any) -> ContextRule:
        demand(isinstance(value, dict) and set(value) == set(ContextRule._fields))
        return ContextRule(**value)

    return Rule("context rule", check, load, lambda value: value._asdict())


def failure() -> Rule:
    """A `Failure`."""

    def check(value: Any) -> Failure:
        if not isinstance(value, Failure):
            raise ValueError
        return value

    return Rule("failure", check, Failure.from_json, lambda value: value.to_json())
