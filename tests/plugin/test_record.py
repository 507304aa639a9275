"""What a fill layer remembers of itself."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from typing import Any

import pytest

from rigatino_gimp import record, request
from rigatino_gimp.edits import PaintSettings, TransplantSettings
from rigatino_gimp.record import Hole, Record, Source
from rigatino_gimp.request import Settings
from rigatino_wire.messages import MAX_CANDIDATES, Answer, Array, Filled
from rigatino_wire.region import Box

FILLED = Filled(
    id="a", offset=(5, 6), seed=42, network="small", weights="ab" * 32, scale=0.5, precision="bf16",
    device="cpu", fill=Array("u8", (1, 2, 2, 4), bytes(16)), notes=["Äpfel"], seconds={"network": 0.25},
)  # fmt: skip
SETTINGS = Settings(network="small", feather=2.5)
REMEMBERED = Record(
    SETTINGS,
    Source(17, "Hintergrund ü", (-3, 4), (300, 200)),
    Box(1, 2, 30, 40),
    Hole(Box(5, 6, 20, 10), "u8", bytes(range(200))),
    Box(3, 4, 24, 14),
    record.ran(FILLED),
    Answer((17, 4), 0.25),
)


def test_it_comes_back_as_it_was() -> None:
    again = record.decode(record.encode(REMEMBERED))
    assert again == REMEMBERED._replace(ran=json.loads(json.dumps(REMEMBERED.ran)))
    assert again.hole.data == REMEMBERED.hole.data
    assert isinstance(again.region, Box)


@pytest.mark.parametrize(
    ("task", "settings"),
    [("paint", PaintSettings(classes="lion")), ("transplant", TransplantSettings(fine=0.5))],
)
def test_so_do_records_of_edits(task: str, settings: PaintSettings | TransplantSettings) -> None:
    again = record.decode(record.encode(REMEMBERED._replace(settings=settings, task=task)))
    assert (again.settings, again.task) == (settings, task)


def test_gimp_can_hold_it() -> None:
    data = record.encode(REMEMBERED, candidate=3)
    assert max(data) < 0x80
    fields = json.loads(data)
    assert fields["version"] == 2
    assert fields["candidate"] == 3


def test_it_says_what_ran() -> None:
    ran = json.loads(record.encode(REMEMBERED))["ran"]
    assert (ran["network"], ran["weights"], ran["seed"], ran["precision"]) == ("small", "ab" * 32, 42, "bf16")
    assert ran["notes"] == ["Äpfel"]


def test_a_record_of_the_first_version_has_the_defaults_of_what_came_later() -> None:
    fields = json.loads(record.encode(REMEMBERED))
    fields["version"] = 1
    fields["settings"]["candidates"] = 16
    del fields["answer"], fields["task"], fields["ran"]["latent"]
    for name in ("variety", "seam", "quality"):
        del fields["settings"][name]
    again = record.decode(json.dumps(fields).encode())
    assert again.settings == SETTINGS._replace(candidates=MAX_CANDIDATES)
    assert again.answer == Answer()
    assert (again.hole, again.source, again.box) == (REMEMBERED.hole, REMEMBERED.source, REMEMBERED.box)
    request.check(again.settings)
    assert again.task == "fill"


NO_RECORDS = [
    b"",
    b"[]",
    b"{}",
    b'{"version": 3}',
    b'{"version": 1, "hole": {}}',
    b'{"version": 2, "hole": {}}',
    b"\xff",
    b"[" * 100_000,
]
OF_OTHERS: list[dict[str, Any]] = [
    {"settings": {"grow": "4"}},
    {"settings": {"speed": 1}},
    {"settings": {"grow": 10**20}},
    {"settings": {"feather": float("nan")}},
    {"settings": {"network": "\ud800"}},
    {"source": {"tattoo": 1 << 40}},
    {"source": {"name": "\ud800"}},
    {"hole": {"box": [1 << 40, 6, 20, 10]}},
    {"source": {"tattoo": "17"}},
    {"source": {"offset": [1, 2, 3]}},
    {"source": {"size": [300, 200.5]}},
    {"hole": {"dtype": "f64"}},
    {"hole": {"dtype": "f32"}},
    {"hole": {"box": [5, 6, 20, 11]}},
    {"hole": {"box": [5, 6, 0, 10]}},
    {"hole": {"box": ["5", 6, 20, 10]}},
    {"hole": {"zlib": "eJwDAAAAAAE="}},
    {"region": [1, 2, 30]},
    {"box": None},
    {"ran": None},
    {"answer": None},
    {"task": "sing"},
    {"task": "paint"},
    {"task": ["fill"]},
    {"answer": {"lineage": [-1]}},
    {"answer": {"score": "high"}},
    {"answer": {"rank": 1}},
]


@pytest.mark.parametrize("data", NO_RECORDS)
def test_anything_else_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        record.decode(data)


def changed(changes: dict[str, Any]) -> bytes:
    """The record as somebody else might have written it."""
    fields = json.loads(record.encode(REMEMBERED))
    for name, value in changes.items():
        fields[name] = {**fields[name], **value} if isinstance(value, dict) else value
    return json.dumps(fields).encode()


@pytest.mark.parametrize("changes", OF_OTHERS, ids=str)
def test_a_record_that_contradicts_itself_is_a_value_error(changes: dict[str, Any]) -> None:
    assert record.decode(changed({})).hole == REMEMBERED.hole
    with pytest.raises(ValueError, match=r"."):
        record.decode(changed(changes))


def test_a_hole_is_unpacked_no_further_than_its_box() -> None:
    """A picture from a stranger cannot fill the memory."""
    more = b64encode(zlib.compress(REMEMBERED.hole.data + bytes(1_000_000))).decode()
    assert record.decode(changed({"hole": {"zlib": more}})).hole == REMEMBERED.hole
