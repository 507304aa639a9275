"""The machine that reads pickles gives plain data as Python does, and leaves everything else inert."""

from __future__ import annotations

import enum
import io
import pickle
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigatino_models.checkpoint.pickles import Global, Inert, Machine
from rigatino_models.checkpoint.tensors import call
from rigatino_models.checkpoint.trouble import Unreadable, Unsafe

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
KEYS = st.text() | st.integers() | st.booleans() | st.tuples(st.text(), st.integers())
DATA = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner)
        | st.tuples(inner, inner, inner, inner)
        | st.dictionaries(KEYS, inner)
    ),
    max_leaves=20,
)


@dataclass
class Settings:
    """A class of a third party, as the machine sees it."""

    depth: int


class Colour(enum.Enum):
    RED = 1


def load(pickled: bytes) -> Any:
    return Machine(lambda identity: Inert("persistent", (identity,)), call).load(io.BytesIO(pickled))


@given(DATA, st.integers(0, 5))
def test_plain_data(value: Any, protocol: int) -> None:
    assert load(pickle.dumps(value, protocol)) == value


@given(st.binary(), st.integers(3, 5))
def test_bytes(value: bytes, protocol: int) -> None:
    """In older protocols bytes are made by a call, which stays inert."""
    assert load(pickle.dumps([value, bytearray(value)], protocol))[0] == value


@pytest.mark.parametrize("protocol", range(2, 6))
def test_objects_stay_inert(protocol: int) -> None:
    value = {"a": Settings(3), "b": [Colour.RED, PurePosixPath("x/y"), {1, 2}, defaultdict(list, x=[1])]}
    found = load(pickle.dumps(value, protocol))
    assert isinstance(found["a"], Inert)
    assert found["a"].state == {"depth": 3}
    colour, path, numbers, counts = found["b"]
    assert isinstance(colour, Inert)
    assert colour.kind == Global(__name__, "Colour")
    assert isinstance(path, Inert)
    assert sorted(numbers if isinstance(numbers, list) else numbers.args[0]) == [1, 2]
    assert counts.pairs == [("x", [1])]


@pytest.mark.parametrize("protocol", range(2, 6))
def test_ordered_dicts_and_shared_objects(protocol: int) -> None:
    shared = ["same"]
    value = OrderedDict(b=shared, a=shared)
    value.attribute = 1  # type: ignore[attr-defined]
    found = load(pickle.dumps(value, protocol))
    assert list(found) == ["b", "a"]
    assert found["a"] is found["b"]


def test_a_list_that_holds_itself() -> None:
    value: list[Any] = []
    value.append(value)
    found = load(pickle.dumps(value))
    assert found[0] is found


@pytest.mark.parametrize(
    "name", ["os system", "builtins eval", "sys exit", "nt system", "importlib import_module"]
)
def test_names_of_the_standard_library_are_refused(name: str) -> None:
    module, function = name.split()
    with pytest.raises(Unsafe, match=f"{module}.{function}"):
        load(f"c{module}\n{function}\n.".encode())


def test_steps_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rigatino_models.checkpoint.pickles.MOST_STEPS", 1000)
    with pytest.raises(Unreadable, match="too long"):
        load(b"\x80\x02" + b"N0" * 1000 + b"N.")
