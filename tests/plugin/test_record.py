"""What a fill layer remembers of itself."""

from __future__ import annotations

import json

import pytest

from rigatino_gimp import record
from rigatino_gimp.record import Hole, Record, Source
from rigatino_gimp.request import Settings
from rigatino_wire.messages import Array, Filled
from rigatino_wire.region import Box

FILLED = Filled(
    id="a", offset=(5, 6), seed=42, network="small", weights="ab" * 32, scale=0.5, precision="bf16",
    device="cpu", fill=Array("u8", (1, 2, 2, 4), bytes(16)), notes=["Äpfel"], seconds={"network": 0.25},
)  # fmt: skip
REMEMBERED = Record(
    Settings(network="small", feather=2.5),
    Source(17, "Hintergrund ü", (-3, 4), (300, 200)),
    Box(1, 2, 30, 40),
    Hole(Box(5, 6, 20, 10), "u8", bytes(range(200))),
    Box(3, 4, 24, 14),
    record.ran(FILLED),
)


def test_it_comes_back_as_it_was() -> None:
    again = record.decode(record.encode(REMEMBERED))
    assert again == REMEMBERED._replace(ran=json.loads(json.dumps(REMEMBERED.ran)))
    assert again.hole.data == REMEMBERED.hole.data
    assert isinstance(again.region, Box)


def test_gimp_can_hold_it() -> None:
    data = record.encode(REMEMBERED, candidate=3)
    assert max(data) < 0x80
    fields = json.loads(data)
    assert fields["version"] == 1
    assert fields["candidate"] == 3


def test_it_says_what_ran() -> None:
    ran = json.loads(record.encode(REMEMBERED))["ran"]
    assert (ran["network"], ran["weights"], ran["seed"], ran["precision"]) == ("small", "ab" * 32, 42, "bf16")
    assert ran["notes"] == ["Äpfel"]


NO_RECORDS = [b"", b"[]", b"{}", b'{"version": 2}', b'{"version": 1, "hole": {}}', b"\xff"]


@pytest.mark.parametrize("data", NO_RECORDS)
def test_anything_else_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        record.decode(data)
