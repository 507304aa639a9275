"""A catalogue of messages that no client should send: each has its code, and the next good one succeeds."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from daemon.house import Caller, House, caller, request, signed
from rigatino_wire import PROTOCOL
from rigatino_wire.frames import MAGIC
from rigatino_wire.messages import Array, Failed, Fill, Filled, Status, StatusReport

Frames = list[bytes]
Header = dict[str, Any]

SIDE = 8
IMAGE = b"\x80\x80\x80\xff" * 64
HOLE = b"\0" * 32 + b"\xff" * 32


def header(**changes: Any) -> Header:
    """A good header of a fill, changed; None takes a field away."""
    good: Header = {
        "op": "fill",
        "id": "bad",
        "image": {"dtype": "u8", "shape": [SIDE, SIDE, 4]},
        "hole": {"dtype": "u8", "shape": [SIDE, SIDE, 1]},
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def array(*shape: Any, dtype: Any = "u8") -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape)}


@pytest.fixture(scope="module")
def one(open_house: House) -> Iterator[Caller]:
    with caller(open_house) as made:
        yield made


def assert_well(one: Caller) -> None:
    """The next good request of the same connection succeeds."""
    one.say(Status("well"))
    assert isinstance(one.hear(), StatusReport)


def assert_refused(one: Caller, expected: str, name: str = "bad") -> None:
    reply = one.hear()
    assert isinstance(reply, Failed), reply
    assert (reply.failure.code, reply.id) == (expected, name)
    assert_well(one)


def test_the_catalogues_good_message_is_good(one: Caller) -> None:
    one.send(signed(header(grow=0), [IMAGE, HOLE], one.key))
    assert isinstance(one.hear_of("bad", Filled, Failed), Filled)


def flipped(frames: Frames, place: int) -> Frames:
    """One bit of one frame turned over after signing."""
    return [bytes([frame[0] ^ 1]) + frame[1:] if i == place else frame for i, frame in enumerate(frames)]


SILENT: dict[str, Callable[[bytes], Frames]] = {
    "nothing": lambda key: [b""],
    "junk": lambda key: [b"\x93\x01\xff junk"],
    "http": lambda key: [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    "another program's magic": lambda key: signed(header(), [IMAGE, HOLE], key, b"spaghett"),
    "magic too short": lambda key: signed(header(), [IMAGE, HOLE], key, MAGIC[:-1]),
    "magic too long": lambda key: signed(header(), [IMAGE, HOLE], key, MAGIC + b"\0"),
    "another key": lambda key: signed(header(), [IMAGE, HOLE], bytes(32)),
    "an empty key": lambda key: signed(header(), [IMAGE, HOLE], b""),
    "no signature": lambda key: [MAGIC, b"", *signed(header(), [IMAGE, HOLE], key)[2:]],
    "a short signature": lambda key: [MAGIC, bytes(31), *signed(header(), [IMAGE, HOLE], key)[2:]],
    "a signature of zeros": lambda key: [MAGIC, bytes(32), *signed(header(), [IMAGE, HOLE], key)[2:]],
    "a changed signature": lambda key: flipped(signed(header(), [IMAGE, HOLE], key), 1),
    "a changed header": lambda key: flipped(signed(header(), [IMAGE, HOLE], key), 2),
    "a changed picture": lambda key: flipped(signed(header(), [IMAGE, HOLE], key), 3),
    "a changed hole": lambda key: flipped(signed(header(), [IMAGE, HOLE], key), 4),
    "frames in another order": lambda key: [*signed(header(), [IMAGE, HOLE], key)[:3], HOLE, IMAGE],
    "a frame more": lambda key: [*signed(header(), [IMAGE, HOLE], key), b"x"],
    "a frame less": lambda key: signed(header(), [IMAGE, HOLE], key)[:-1],
    "a frame split": lambda key: [*signed(header(), [IMAGE, HOLE], key)[:4], HOLE[:32], HOLE[32:]],
}  # fmt: skip


@pytest.mark.parametrize("name", SILENT)
def test_strangers_get_no_answer(one: Caller, open_house: House, name: str) -> None:
    refusals = open_house.log().count("was refused")
    one.send(SILENT[name](one.key))
    assert_well(one)  # messages are answered in their order: nothing else was
    assert open_house.log().count("was refused") == refusals + 1, "the log knows"


NEXT = (PROTOCOL + 1).to_bytes(2, "big")
ENVELOPES: dict[str, tuple[str, Callable[[bytes], Frames]]] = {
    "version 0": ("wrong_version", lambda key: signed(header(), [], key, MAGIC[:6] + b"\0\0")),
    "the next version": ("wrong_version", lambda key: signed(header(), [], key, MAGIC[:6] + NEXT)),
    "version 65535": ("wrong_version", lambda key: [MAGIC[:6] + b"\xff\xff"]),
    "magic alone": ("truncated", lambda key: [MAGIC]),
    "no header": ("truncated", lambda key: [MAGIC, bytes(32)]),
    "an oversized header": ("too_large", lambda key: signed(b" " * 65537, [], key)),
    "an empty header": ("bad_header", lambda key: signed(b"", [], key)),
    "a header of spaces": ("bad_header", lambda key: signed(b" " * 65536, [], key)),
    "a list": ("bad_header", lambda key: signed([1, 2], [], key)),
    "null": ("bad_header", lambda key: signed(b"null", [], key)),
    "a string": ("bad_header", lambda key: signed(b'"fill"', [], key)),
    "cut JSON": ("bad_header", lambda key: signed(b'{"op": "status", "id"', [], key)),
    "two objects": ("bad_header", lambda key: signed(b'{"op": "status"}{}', [], key)),
    "NaN": ("bad_header", lambda key: signed(b'{"op": "status", "id": NaN}', [], key)),
    "infinity": ("bad_header", lambda key: signed(b'{"op": "status", "id": -Infinity}', [], key)),
    "a name twice": ("bad_header", lambda key: signed(b'{"op": "status", "id": "a", "id": "b"}', [], key)),
    "no UTF-8": ("bad_header", lambda key: signed(b'{"op": "\xff\xfe"}', [], key)),
    "UTF-16": ("bad_header", lambda key: signed('{"op": "status"}'.encode("utf-16"), [], key)),
    "a byte order mark": ("bad_header", lambda key: signed(b'\xef\xbb\xbf{"op": "status"}', [], key)),
    "comments": ("bad_header", lambda key: signed(b'{"op": "status" /* ! */}', [], key)),
    "an endless number": ("bad_header", lambda key: signed(b'{"op": %s}' % (b"9" * 60000), [], key)),
    "deep lists": ("bad_header", lambda key: signed(b"[" * 32000 + b"]" * 32000, [], key)),
    "deep objects": ("bad_header", lambda key: signed(b'{"a":' * 9000 + b"1" + b"}" * 9000, [], key)),
    "deep and open": ("bad_header", lambda key: signed(b'{"op":' + b"[" * 65000, [], key)),
    "a hundred thousand frames": ("bad_frames", lambda key: signed(header(), [b"x"] * 100_000, key)),
    "a hundred thousand empty frames": ("bad_frames", lambda key: signed(header(), [b""] * 100_000, key)),
}  # fmt: skip


@pytest.mark.parametrize("name", ENVELOPES)
def test_broken_envelopes(one: Caller, name: str) -> None:
    expected, frames = ENVELOPES[name]
    one.send(frames(one.key))
    assert_refused(one, expected, "")


HEADERS: dict[str, tuple[str, Header]] = {
    "no op": ("unknown_op", header(op=None)),
    "op is a number": ("unknown_op", header(op=7)),
    "op is a list": ("unknown_op", header(op=["fill"])),
    "an unknown op": ("unknown_op", header(op="erase")),
    "a long op": ("unknown_op", header(op="x" * 60000)),
    "a reply as a request": ("unknown_op", {"op": "done", "id": "bad"}),
    "a progress as a request": ("unknown_op", {"op": "progress", "id": "bad", "stage": "queued"}),
    "an unknown field": ("unknown_field", header(colour="red")),
    "a field of Python's": ("unknown_field", header(__class__="x")),
    "no image": ("bad_field", header(image=None)),
    "no hole": ("bad_field", header(hole=None)),
    "cancel without a job": ("missing_field", {"op": "cancel", "id": "bad"}),
    "cancel of a number": ("bad_field", {"op": "cancel", "id": "bad", "job": 1}),
    "cancel of nothing": ("unknown_job", {"op": "cancel", "id": "bad", "job": "never-heard-of"}),
    "status with a picture": ("unknown_field", {"op": "status", "id": "bad", "image": array(1, 1, 4)}),
    "network is a number": ("bad_field", header(network=1)),
    "a long network": ("bad_field", header(network="n" * 101)),
    "an unknown network": ("unknown_network", header(network="michelangelo")),
    "a path as a network": ("unknown_network", header(network="../../../etc/passwd")),
    "another path as a network": ("unknown_network", header(network="/etc/passwd")),
    "a zero in a network": ("unknown_network", header(network="small\0")),
    "a lone surrogate": ("bad_field", header(network="\ud800")),
    "grow below": ("bad_field", header(grow=-1)),
    "grow above": ("bad_field", header(grow=1001)),
    "grow not whole": ("bad_field", header(grow=1.5)),
    "grow true": ("bad_field", header(grow=True)),
    "grow a word": ("bad_field", header(grow="4")),
    "grow huge": ("bad_field", header(grow=1 << 70)),
    "feather below": ("bad_field", header(feather=-0.1)),
    "feather above": ("bad_field", header(feather=1e300)),
    "feather a list": ("bad_field", header(feather=[1])),
    "seed below": ("bad_field", header(seed=-2)),
    "seed above": ("bad_field", header(seed=1 << 53)),
    "seed not whole": ("bad_field", header(seed=1.0)),
    "an unknown precision": ("bad_field", header(precision="fp8")),
    "an empty precision": ("bad_field", header(precision="")),
    "no candidates": ("bad_field", header(candidates=0)),
    "many candidates": ("bad_field", header(candidates=17)),
    "deadline 0": ("bad_field", header(deadline_ms=0)),
    "deadline below": ("bad_field", header(deadline_ms=-1)),
    "deadline above": ("bad_field", header(deadline_ms=86_400_001)),
    "deadline not whole": ("bad_field", header(deadline_ms=0.5)),
    "offset of one": ("bad_field", header(offset=[1])),
    "offset of three": ("bad_field", header(offset=[1, 2, 3])),
    "offset of words": ("bad_field", header(offset="12")),
    "offset not whole": ("bad_field", header(offset=[0.5, 0])),
    "offset huge": ("bad_field", header(offset=[1 << 60, 0])),
    "image is a list": ("bad_field", header(image=[SIDE, SIDE, 4])),
    "image is a word": ("bad_field", header(image="u8")),
    "image without a shape": ("bad_field", header(image={"dtype": "u8"})),
    "image without a dtype": ("bad_field", header(image={"shape": [SIDE, SIDE, 4]})),
    "image with more": ("bad_field", header(image={**array(SIDE, SIDE, 4), "strides": [1, 1, 1]})),
    "u16": ("bad_field", header(image=array(SIDE, SIDE, 4, dtype="u16"))),
    "f64": ("bad_field", header(image=array(SIDE, SIDE, 4, dtype="f64"))),
    "objects": ("bad_field", header(image=array(SIDE, SIDE, 4, dtype="O"))),
    "dtype is a list": ("bad_field", header(image=array(SIDE, SIDE, 4, dtype=["u8"]))),
    "no axes": ("bad_field", header(image=array())),
    "five axes": ("bad_field", header(image=array(1, 1, SIDE, SIDE, 4))),
    "a shape that is a number": ("bad_field", header(image={"dtype": "u8", "shape": 256})),
    "no height": ("bad_field", header(image=array(0, SIDE, 4))),
    "no width": ("bad_field", header(image=array(SIDE, 0, 4))),
    "a negative height": ("bad_field", header(image=array(-SIDE, SIDE, 4))),
    "two negative sides": ("bad_field", header(image=array(-SIDE, -SIDE, 4))),
    "half a row": ("bad_field", header(image=array(SIDE + 0.5, SIDE, 4))),
    "sides as words": ("bad_field", header(image=array("8", "8", "4"))),
    "sides that are true": ("bad_field", header(image=array(True, True, 4))),
    "sides of 2**31": ("bad_field", header(image=array(1 << 31, 1 << 31, 4))),
    "sides that overflow 64 bits": ("bad_field", header(image=array(1 << 62, 4, 4))),
    "the largest sides": ("too_large", header(image=array(100_000_000, 100_000_000, 4))),
    "a gigabyte and more": ("too_large", header(image=array(20_000, 20_000, 4))),
    "a gigabyte and more of floats": ("too_large", header(image=array(10_000, 10_000, 4, dtype="f32"))),
    "an image too long by a row": ("bad_frames", header(image=array(SIDE + 1, SIDE, 4))),
    "an image too short by a row": ("bad_frames", header(image=array(SIDE - 1, SIDE, 4))),
    "floats announced, bytes sent": ("bad_frames", header(image=array(SIDE, SIDE, 4, dtype="f32"))),
    "a hole too wide": ("bad_frames", header(hole=array(SIDE, SIDE + 1, 1))),
    "three channels": ("bad_field", header(image=array(64, 1, 4), hole=array(SIDE, SIDE, 1))),
    "a flat image": ("bad_field", header(image=array(16, 16), hole=array(SIDE, SIDE, 1))),
    "one channel": ("bad_field", header(image=array(16, 16, 1))),
    "a hole of other sides": ("bad_field", header(hole=array(16, 4, 1))),
    "a hole of four channels": ("bad_field", header(hole=array(4, 4, 4))),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_wrong_fields(one: Caller, name: str) -> None:
    expected, head = HEADERS[name]
    buffers = [IMAGE, HOLE] if head.get("op") == "fill" else []
    one.send(signed(head, buffers, one.key))
    assert_refused(one, expected)


IDS: dict[str, tuple[str, Any, str]] = {
    "none": ("missing_field", None, ""),
    "empty": ("bad_field", "", ""),
    "a number": ("bad_field", 5, ""),
    "a list": ("bad_field", ["bad"], ""),
    "too long": ("bad_field", "x" * 65, ""),
    "a path": ("bad_field", "../bad", "../bad"),
    "spaces": ("bad_field", "so bad", "so bad"),
    "letters of others": ("bad_field", "schlecht-ß", ""),
    "a line more": ("bad_field", "bad\n", "bad\n"),
}


@pytest.mark.parametrize("name", IDS)
def test_wrong_ids(one: Caller, name: str) -> None:
    expected, wrong, told = IDS[name]
    one.send(signed(header(id=wrong), [IMAGE, HOLE], one.key))
    assert_refused(one, expected, told)


BUFFERS: dict[str, Sequence[bytes]] = {
    "none": [],
    "the picture alone": [IMAGE],
    "the hole alone": [HOLE],
    "one more": [IMAGE, HOLE, HOLE],
    "the other way round": [HOLE, IMAGE],
    "all in one": [IMAGE + HOLE],
    "cut small": [IMAGE[:128], IMAGE[128:], HOLE],
    "a byte less": [IMAGE[:-1], HOLE],
    "a byte more": [IMAGE, HOLE + b"\0"],
    "empty ones": [b"", b""],
    "an empty one between": [IMAGE, b"", HOLE],
    "as many as a message may have": [b"x"] * 1025,
}


@pytest.mark.parametrize("name", BUFFERS)
def test_wrong_buffers(one: Caller, name: str) -> None:
    one.send(signed(header(), BUFFERS[name], one.key))
    assert_refused(one, "bad_frames")


def floats(value: float) -> bytes:
    """A picture of floats with one wrong value."""
    return struct.pack("<255f", *[0.5] * 255) + struct.pack("<f", value)


def pictures(image: bytes, hole: bytes, side: int = SIDE, dtype: str = "u8") -> Fill:
    return Fill(
        id="bad",
        image=Array(dtype, (side, side, 4), image),
        hole=Array("u8", (side, side, 1), hole),
    )


PIXELS: dict[str, tuple[str, Fill]] = {
    "not a number": ("bad_pixels", pictures(floats(float("nan")), HOLE, dtype="f32")),
    "infinity": ("bad_pixels", pictures(floats(float("inf")), HOLE, dtype="f32")),
    "minus infinity": ("bad_pixels", pictures(floats(float("-inf")), HOLE, dtype="f32")),
    "an empty hole": ("hole_empty", pictures(IMAGE, bytes(64))),
    "a hole over everything": ("hole_everything", pictures(IMAGE, b"\xff" * 64)),
    "a picture that is transparent": ("hole_everything", pictures(bytes(256), HOLE)),
    "one pixel, all hole": ("hole_everything", pictures(b"\x80" * 4, b"\xff", 1)),
    "one pixel, no hole": ("hole_empty", pictures(b"\x80" * 4, b"\0", 1)),
}


@pytest.mark.parametrize("name", PIXELS)
def test_wrong_pixels(one: Caller, name: str) -> None:
    expected, wrong = PIXELS[name]
    one.say(wrong)
    assert one.refused("bad") == expected
    one.say(request(id="good"))
    assert isinstance(one.hear_of("good", Failed, Filled), Filled)


@pytest.mark.parametrize(("width", "height"), [(2, 2), (7, 3), (3, 7), (1, 40), (255, 2)])
def test_odd_sizes_are_filled(one: Caller, width: int, height: int) -> None:
    one.say(request(width, height, id="odd", grow=0, feather=0.0))
    reply = one.hear_of("odd", Failed, Filled)
    assert isinstance(reply, Filled), reply


def test_a_frame_beyond_the_limit_ends_its_connection_alone(open_house: House, one: Caller) -> None:
    with caller(open_house) as wild:
        wild.send(signed(header(), [bytes((1 << 20) + 1)], wild.key))
        assert wild.hear(1.0) is None
    assert_well(one)


def test_floods_do_not_stop_others(open_house: House, one: Caller) -> None:
    with caller(open_house) as wild:
        for _ in range(500):
            wild.send([b"junk"] * 10)
        assert_well(one)
        open_house.client().describe()


def test_a_replayed_message_is_only_that(one: Caller) -> None:
    """The key is per daemon: who can record a message can also read the key."""
    frames = signed({"op": "cancel", "id": "twice", "job": "nothing"}, [], one.key)
    for _ in range(2):
        one.send(frames)
        assert_refused(one, "unknown_job", "twice")
