"""Messages are checked when they are made, by whoever makes them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from rigatino_wire.errors import ProtocolError
from rigatino_wire.messages import (
    KINDS,
    MAX_MESSAGE,
    MAX_PIXELS,
    Array,
    Fill,
    Filled,
    Limits,
    Message,
    Progress,
    nbytes,
    required,
)
from wire.golden import MESSAGES, NETWORK

GOLDEN = {message.op: message for message in MESSAGES}

WRONG: list[tuple[str, str, Any]] = [
    ("describe", "id", ""),
    ("describe", "id", "a" * 65),
    ("describe", "id", "a b"),
    ("describe", "id", "a\n"),
    ("describe", "id", "ä"),
    ("describe", "id", 1),
    ("describe", "id", None),
    ("fill", "network", "x" * 101),
    ("fill", "network", "\ud800"),
    ("fill", "network", b"small"),
    ("fill", "grow", -1),
    ("fill", "grow", True),
    ("fill", "grow", 2.0),
    ("fill", "grow", "2"),
    ("fill", "grow", 1 << 70),
    ("fill", "feather", float("nan")),
    ("fill", "feather", float("inf")),
    ("fill", "feather", -0.5),
    ("fill", "feather", False),
    ("fill", "feather", 10**400),
    ("fill", "seed", -2),
    ("fill", "seed", 1 << 53),
    ("fill", "precision", "fp16"),
    ("fill", "precision", ["auto"]),
    ("fill", "candidates", 0),
    ("fill", "candidates", 17),
    ("fill", "deadline_ms", 0),
    ("fill", "offset", (1,)),
    ("fill", "offset", (1, 2, 3)),
    ("fill", "offset", (1, 2.5)),
    ("fill", "offset", "12"),
    ("fill", "image", None),
    ("fill", "image", b"1234"),
    ("fill", "image", Array("u8", (1, 2, 3), bytes(6))),
    ("fill", "image", Array("u8", (2, 4), bytes(8))),
    ("fill", "image", Array("u8", (2, 1, 4), bytes(8))),
    ("fill", "hole", Array("u8", (1, 2, 4), bytes(8))),
    ("fill", "hole", Array("u8", (2, 2, 1), bytes(4))),
    ("cancel", "job", ""),
    ("description", "networks", [{"name": "small"}]),
    ("description", "networks", NETWORK),
    ("description", "networks", [NETWORK] * 65),
    ("description", "limits", None),
    ("progress", "stage", "sleeping"),
    ("progress", "fraction", 1.01),
    ("progress", "position", -1),
    ("filled", "fill", Array("u8", (1, 2, 4), bytes(8))),
    ("filled", "notes", "one"),
    ("filled", "notes", ["x"] * 21),
    ("filled", "notes", [1]),
    ("filled", "seconds", {"": 1.0}),
    ("filled", "seconds", {"a": "1"}),
    ("filled", "seconds", {1: 1.0}),
    ("filled", "seconds", [1.0]),
    ("filled", "seconds", {"a": float("nan")}),
    ("filled", "scale", -1.0),
    ("failed", "failure", "deadline"),
    ("status_report", "pid", True),
    ("status_report", "resident", [b"small"]),
]


@pytest.mark.parametrize(("op", "name", "value"), WRONG)
def test_wrong_values_are_refused(op: str, name: str, value: Any) -> None:
    with pytest.raises(ProtocolError) as caught:
        dataclasses.replace(GOLDEN[op], **{name: value})  # type: ignore[type-var]
    assert caught.value.code == "bad_field"
    assert caught.value.params["field"] in (name, "hole")  # image and hole are held against each other


@pytest.mark.parametrize("value", [-1, 0, True, 1.5, 4097, "8"])
def test_wrong_values_inside_a_network_are_refused(value: Any) -> None:
    with pytest.raises(ProtocolError, match="multiple"):
        dataclasses.replace(NETWORK, multiple=value)


def test_lists_become_tuples_and_whole_numbers_floats() -> None:
    fill = dataclasses.replace(GOLDEN["fill"], offset=[1, 2], feather=3)  # type: ignore[type-var]
    assert isinstance(fill, Fill)
    assert fill.offset == (1, 2)
    assert isinstance(fill.feather, float)


def test_defaults_of_a_fill() -> None:
    fill = Fill(id="a", image=Array("u8", (1, 1, 4), bytes(4)), hole=Array("u8", (1, 1, 1), b"\xff"))
    rest = (
        fill.network,
        fill.grow,
        fill.feather,
        fill.seed,
        fill.precision,
        fill.candidates,
        fill.deadline_ms,
    )
    assert rest == ("", 4, 4.0, -1, "auto", 1, 600_000)
    assert fill.offset == (0, 0)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.op)
def test_from_header_refuses_unknown_and_missing_fields(message: Message) -> None:
    kind = KINDS[message.op]
    header = {**message.to_header(), **{name: getattr(message, name) for name in kind.arrays()}}
    assert kind.from_header(header) == message or message.op == "failed"
    with pytest.raises(ProtocolError) as caught:
        kind.from_header({**header, "extra": 1})
    assert (caught.value.code, caught.value.params["field"]) == ("unknown_field", "extra")
    for name in required(kind):
        with pytest.raises(ProtocolError) as caught:
            kind.from_header({key: value for key, value in header.items() if key != name})
        assert (caught.value.code, caught.value.params["field"]) == ("missing_field", name)


@pytest.mark.parametrize(
    "value", [None, {}, {"factor": 1.0, "margin": 1}, {"factor": "1", "margin": 1, "minimum": 1}]
)
def test_a_context_rule_from_outside_is_checked(value: Any) -> None:
    header = {**NETWORK.to_header(), "rule": value}
    with pytest.raises(ProtocolError, match="rule"):
        type(NETWORK).from_header(header)


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        ("u16", [1, 1, 4]),
        (None, [1, 1, 4]),
        (["u8"], [1, 1, 4]),
        ("u8", []),
        ("u8", [1] * 5),
        ("u8", None),
        ("u8", "114"),
        ("u8", [0, 1, 4]),
        ("u8", [-1, -1, 4]),
        ("u8", [True, 1, 4]),
        ("u8", [1.0, 1, 4]),
        ("u8", [1 << 31, 1 << 33, 4]),
        ("u8", [1 << 64, 1, 4]),
    ],
)
def test_shapes_that_cannot_be_are_refused(dtype: Any, shape: Any) -> None:
    with pytest.raises(ProtocolError) as caught:
        nbytes(dtype, shape)
    assert caught.value.code == "bad_field"


@pytest.mark.parametrize("shape", [[50_000, 50_000, 4], [MAX_PIXELS, MAX_PIXELS, MAX_PIXELS, MAX_PIXELS]])
def test_arrays_above_the_limit_are_refused_by_arithmetic(shape: list[int]) -> None:
    with pytest.raises(ProtocolError) as caught:
        nbytes("u8", shape)
    assert caught.value.code == "too_large"
    assert caught.value.params["limit"] == MAX_MESSAGE


@pytest.mark.parametrize("data", [b"", bytes(23), bytes(25), memoryview(bytes(48))[::2]])
def test_data_of_another_size_or_with_gaps_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        Array("u8", (2, 3, 4), data)
    assert caught.value.params["field"] == "data"


def test_an_array_is_a_view_not_a_copy() -> None:
    data = bytearray(24)
    array = Array("f32", [1, 6], memoryview(data).cast("f"))  # type: ignore[arg-type]
    data[0] = 7
    assert array.view[0] == 7
    assert (array.nbytes, array.shape) == (24, (1, 6))


def test_an_image_has_a_limit_of_pixels() -> None:
    data = memoryview(bytearray(MAX_PIXELS + 4))
    with pytest.raises(ProtocolError) as caught:
        Fill(
            id="a",
            image=Array("u8", (1, 1, 4), bytes(4)),
            hole=Array("u8", (2, MAX_PIXELS // 2 + 2, 1), data),
        )
    assert caught.value.code == "too_large"


def test_messages_do_not_change() -> None:
    progress = Progress(id="a", stage="filling")
    with pytest.raises(dataclasses.FrozenInstanceError):
        progress.fraction = 1.0  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Limits().max_frame = 1  # type: ignore[misc]


def test_kinds_are_found_by_op() -> None:
    assert all(kind.op == op for op, kind in KINDS.items())
    assert Fill.arrays() == ["image", "hole"]
    assert Filled.arrays() == ["fill"]
    assert Progress.arrays() == []
