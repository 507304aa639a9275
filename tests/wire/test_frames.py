"""Frames: there and back, and every way in which they can be wrong."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigatino_wire import PROTOCOL
from rigatino_wire.errors import ProtocolError
from rigatino_wire.frames import MAGIC, MAX_FRAMES, mac, pack, unpack
from rigatino_wire.messages import (
    KINDS,
    MAX_FRAME,
    MAX_HEADER,
    MAX_MESSAGE,
    MAX_NETWORKS,
    MAX_PIXELS,
    Array,
    Description,
    Fill,
    Filled,
    Limits,
    Message,
)
from wire.golden import KEY, MESSAGES, NETWORK

Frames = list[bytes]
GOLDEN = {message.op: message for message in MESSAGES}


def packed(op: str = "fill") -> Frames:
    return [bytes(frame) for frame in pack(GOLDEN[op], KEY)]


def signed(header: bytes | dict[str, Any], *buffers: bytes) -> Frames:
    """Frames with a right MAC around any header, as only a holder of the key can make them."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return [MAGIC, mac([MAGIC, text, *buffers], KEY), text, *buffers]


def changed(**fields: Any) -> Frames:
    """The golden fill with other header fields, its MAC right; None removes a field."""
    _, _, header, *buffers = packed()
    fields = {**json.loads(header), **fields}
    return signed({name: value for name, value in fields.items() if value is not None}, *buffers)


def refusal(frames: Frames, key: bytes = KEY) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        unpack(frames, key)
    assert str(caught.value).endswith((".", ".”"))
    return caught.value


def accepted(frames: Frames) -> Message | None:
    """The message, or None where it was refused in the one way allowed."""
    try:
        return unpack(frames, KEY)
    except ProtocolError:
        return None


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.op)
def test_there_and_back(message: Message) -> None:
    read = unpack(pack(message, KEY), KEY)
    assert type(read) is type(message)
    assert read == message or read.to_header() == message.to_header()  # failures have no equality


@pytest.mark.parametrize("pixels", [1, MAX_FRAME // 4 - 1, MAX_FRAME // 4, MAX_FRAME // 4 + 1, MAX_FRAME])
def test_arrays_are_cut_into_frames(pixels: int) -> None:
    image, hole = os.urandom(4 * pixels), os.urandom(pixels)
    fill = Fill(id="a", image=Array("u8", (pixels, 1, 4), image), hole=Array("u8", (pixels, 1, 1), hole))
    frames = pack(fill, KEY)
    sizes = [len(frame) for frame in frames[3:]]
    assert sum(sizes) == 5 * pixels
    assert all(0 < size <= MAX_FRAME for size in sizes)
    assert sizes.count(MAX_FRAME) == 4 * pixels // MAX_FRAME + pixels // MAX_FRAME
    read = unpack(frames, KEY)
    assert isinstance(read, Fill)
    assert (read.image.data, read.hole.data) == (image, hole)
    assert isinstance(read.image.data, bytearray)  # one that its owner may write to


def test_packing_copies_no_pixels() -> None:
    data = bytearray(4 * MAX_FRAME)
    fill = Fill(
        id="a",
        image=Array("u8", (MAX_FRAME, 1, 4), data),
        hole=Array("u8", (MAX_FRAME, 1, 1), bytes(MAX_FRAME)),
    )
    tracemalloc.start()
    frames = pack(fill, KEY)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000
    data[0] = 9
    assert memoryview(frames[3])[0] == 9


def test_unpacking_copies_pixels_once() -> None:
    frames = [bytes(frame) for frame in pack(_filled(4 * MAX_FRAME), KEY)]
    tracemalloc.start()
    unpack(frames, KEY)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 4 * MAX_FRAME <= peak < 4 * MAX_FRAME + 200_000


def _filled(pixels: int) -> Filled:
    fields = {name: getattr(GOLDEN["filled"], name) for name in ("offset", "seed", "network", "weights")}
    array = Array("u8", (1, pixels // 4, 1, 4), bytes(pixels))
    return Filled(id="a", scale=1.0, precision="fp32", device="cpu", fill=array, **fields)


def test_the_largest_description_fits_its_header() -> None:
    long: dict[str, Any] = {
        "title": "t" * 100,
        "good_for": "g" * 200,
        "licence": "l" * 100,
        "paper": "p" * 200,
    }
    network = type(NETWORK)(**{**_values(NETWORK), **long, "name": "n" * 100, "weights_licence": "w" * 100})
    text = dict.fromkeys(("version", "device", "precision", "default_network"), "x" * 100)
    whole = Description(id="a" * 64, networks=[network] * MAX_NETWORKS, limits=Limits(), **text)
    assert unpack(pack(whole, KEY), KEY) == whole


def _values(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.to_header()}


def test_a_header_that_grew_too_large_is_not_sent() -> None:
    notes = {"notes": ["ä" * 1000] * 20}  # six bytes each
    fields = {**_values(GOLDEN["filled"]), **notes}
    with pytest.raises(ProtocolError) as caught:
        pack(Filled(**fields), KEY)
    assert caught.value.code == "too_large"
    assert caught.value.params["what"] == "header"


@pytest.mark.parametrize(
    "magic", [b"", b"rigat", b"rigati\x00", MAGIC + b"\x00", b"RIGATI\x00\x01", bytes(8), b"\xff" * 8]
)
def test_wrong_magic(magic: bytes) -> None:
    assert refusal([magic, *packed()[1:]]).code == "bad_magic"


@pytest.mark.parametrize("version", [0, PROTOCOL + 1, 0xFFFF])
def test_another_version_is_told_from_junk(version: int) -> None:
    error = refusal([b"rigati" + version.to_bytes(2, "big"), b"whatever that version sends"])
    assert error.code == "wrong_version"
    assert error.params == {"found": version, "expected": PROTOCOL}


@pytest.mark.parametrize("key", [b"", KEY[:-1], KEY + b"\0\1", bytes(32)])
def test_another_key(key: bytes) -> None:
    assert refusal(packed(), key).code == "bad_mac"


@pytest.mark.parametrize("code", [b"", bytes(31), bytes(32), bytes(33)])
def test_wrong_mac(code: bytes) -> None:
    assert refusal([MAGIC, code, *packed()[2:]]).code == "bad_mac"


@pytest.mark.parametrize("op", KINDS)
def test_one_flipped_bit_anywhere(op: str) -> None:
    for place, frame in enumerate(packed(op)):
        for byte in {0, len(frame) // 2, len(frame) - 1}:
            frames = packed(op)
            flipped = bytearray(frame)
            flipped[byte] ^= 0x10
            frames[place] = bytes(flipped)
            assert refusal(frames).code in (("bad_magic", "wrong_version") if place == 0 else ("bad_mac",))


@pytest.mark.parametrize(
    "shuffle",
    [
        lambda frames: [*frames[:3], frames[4], frames[3]],
        lambda frames: [*frames[:3], frames[3] + frames[4]],
        lambda frames: [*frames[:3], frames[3] + frames[4][:1], frames[4][1:]],
        lambda frames: [*frames, b""],
        lambda frames: [*frames, frames[-1]],
        lambda frames: frames[:-1],
        lambda frames: [*frames[:2], frames[2] + frames[3], *frames[4:]],
    ],
    ids=["swapped", "joined", "moved", "empty more", "doubled", "one less", "joined header"],
)
def test_the_mac_holds_the_frames_apart(shuffle: Callable[[Frames], Frames]) -> None:
    assert refusal(shuffle(packed())).code == "bad_mac"


@pytest.mark.parametrize(("count", "what"), [(1, "signature"), (2, "header")])
def test_truncated(count: int, what: str) -> None:
    error = refusal(packed()[:count])
    assert (error.code, error.params["what"]) == ("truncated", what)


def test_nothing_at_all() -> None:
    assert refusal([]).code == "bad_magic"


def test_header_too_large() -> None:
    error = refusal(signed(b" " * (MAX_HEADER + 1)))
    assert (error.code, error.params["size"]) == ("too_large", MAX_HEADER + 1)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"null",
        b"[]",
        b'"op"',
        b"1",
        b"{'op':'stop'}",
        b'{"op":"stop","id":"a","id":"b"}',
        b'{"op":"stop","id":"a"} {}',
        b'{"op":"progress","id":"a","stage":"filling","fraction":NaN}',
        b'{"op":"progress","id":"a","stage":"filling","fraction":-Infinity}',
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b"[" * 30_000 + b"]" * 30_000,
    ],
)
def test_headers_that_are_no_plain_json(header: bytes) -> None:
    assert refusal(signed(header)).code == "bad_header"


@pytest.mark.parametrize("op", ["", "FILL", "fly", None, 1, ["fill"], {"fill": 1}, "x" * 10_000])
def test_unknown_op(op: Any) -> None:
    error = refusal(signed({"op": op, "id": "a"}))
    assert error.code == "unknown_op"
    assert error.id == "a"


def test_the_id_is_told_where_it_can_be_read() -> None:
    assert refusal(signed({"id": "mine"})).id == "mine"
    assert refusal(signed({"op": "stop"})).id == ""
    assert refusal(signed({"op": "stop", "id": "x" * 65})).id == ""
    assert refusal(signed({"op": "stop", "id": 7})).id == ""
    assert refusal(changed(extra=1)).id == "a2"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"extra": 1}, "unknown_field"),
        ({"id": None}, "missing_field"),
        ({"image": None}, "bad_field"),
        ({"grow": True}, "bad_field"),
        ({"grow": 1.0}, "bad_field"),
        ({"grow": -1}, "bad_field"),
        ({"feather": "1"}, "bad_field"),
        ({"feather": [1]}, "bad_field"),
        ({"offset": {"x": 1, "y": 2}}, "bad_field"),
        ({"offset": [1, 2, 3]}, "bad_field"),
        ({"image": {"dtype": "u8", "shape": [1, 2, 4], "data": "x"}}, "bad_field"),
        ({"image": {"dtype": "u8"}}, "bad_field"),
        ({"image": {"dtype": "u16", "shape": [1, 2, 4]}}, "bad_field"),
        ({"image": {"dtype": "u8", "shape": [2, 1, 4]}}, "bad_field"),
        ({"image": {"dtype": "u8", "shape": [8]}}, "bad_field"),
        ({"image": {"dtype": "u8", "shape": [1, 2, 1 << 62]}}, "bad_field"),
        ({"image": {"dtype": "u8", "shape": [1, -2, -4]}}, "bad_field"),
        ({"image": {"dtype": "u8", "shape": [1.0, 2, 4]}}, "bad_field"),
        ({"image": {"dtype": "u8", "shape": [True, 2, 4]}}, "bad_field"),
        ({"image": {"dtype": "f32", "shape": [1, 2, 4]}}, "bad_frames"),
        ({"image": {"dtype": "u8", "shape": [1, 3, 4]}}, "bad_frames"),
        ({"image": {"dtype": "u8", "shape": [1, 1, 4]}}, "bad_frames"),
        ({"image": {"dtype": "u8", "shape": [10_000, 10_000, 4]}}, "bad_frames"),
        ({"image": {"dtype": "u8", "shape": [100_000, 100_000, 4]}}, "too_large"),
        ({"image": {"dtype": "f32", "shape": [8192, 8192, 4]}}, "too_large"),
    ],
)
def test_header_that_lies(fields: dict[str, Any], code: str) -> None:
    assert refusal(changed(**fields)).code == code


def test_numbers_that_python_reads_as_infinite() -> None:
    header = packed()[2].replace(b'"feather":1.5', b'"feather":1e999')
    assert refusal(signed(header, *packed()[3:])).code == "bad_field"


def test_an_integer_of_sixty_thousand_digits() -> None:
    header = packed()[2].replace(b'"seed":7', b'"seed":' + b"9" * 60_000)
    assert refusal(signed(header, *packed()[3:])).code in ("bad_header", "bad_field")


def test_extra_frames_where_none_belong() -> None:
    assert refusal(signed({"op": "stop", "id": "a"}, b"more")).code == "bad_frames"
    assert refusal(signed({"op": "stop", "id": "a"}, b"")).code == "bad_frames"


def test_frames_cut_otherwise_are_refused() -> None:
    frames = [bytes(frame) for frame in pack(_filled(2 * MAX_FRAME), KEY)]
    head, middle, tail = frames[:3], frames[3], frames[4]
    assert refusal(signed(head[2], middle + tail)).code == "bad_frames"
    assert refusal(signed(head[2], middle[:-1], middle[-1:] + tail)).code == "bad_frames"


def test_an_announced_giant_takes_no_memory() -> None:
    giant = {"dtype": "u8", "shape": [MAX_PIXELS // 10_000, 10_000, 4]}
    frames = changed(image=giant, hole={**giant, "shape": [*giant["shape"][:2], 1]})
    tracemalloc.start()
    refusal(frames)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000


def test_the_largest_message_fits_the_number_of_frames() -> None:
    largest = [MAX_MESSAGE - 1, 1]
    assert 3 + sum(-(-size // MAX_FRAME) for size in largest) <= MAX_FRAMES


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["u8", "f32", "fill"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(deadline=None, max_examples=300)
@given(frames=st.lists(st.binary(max_size=80), max_size=6))
def test_fuzz_junk(frames: Frames) -> None:
    with pytest.raises(ProtocolError):
        unpack(frames, KEY)


@settings(deadline=None, max_examples=300)
@given(header=values, buffers=st.lists(st.binary(max_size=40), max_size=3))
def test_fuzz_headers_of_someone_who_has_the_key(header: Any, buffers: Frames) -> None:
    with pytest.raises(ProtocolError):
        unpack(signed(json.dumps(header).encode(), *buffers), KEY)


@settings(deadline=None, max_examples=600)
@given(data=st.data(), op=st.sampled_from(sorted(KINDS)))
def test_fuzz_fields_of_someone_who_has_the_key(data: st.DataObject, op: str) -> None:
    _, _, text, *buffers = packed(op)
    header = json.loads(text)
    holder = header
    name = data.draw(st.sampled_from(sorted(holder)))
    while isinstance(holder[name], dict) and holder[name] and data.draw(st.booleans()):
        holder = holder[name]
        name = data.draw(st.sampled_from(sorted(holder)))
    holder[name] = data.draw(values)
    message = accepted(signed(header, *buffers))
    if message is not None:  # it was a lawful change: what was read can be written again
        assert unpack(pack(message, KEY), KEY).to_header() == message.to_header()


@settings(deadline=None, max_examples=300)
@given(data=st.data(), op=st.sampled_from(sorted(KINDS)))
def test_fuzz_bytes_of_someone_who_has_the_key(data: st.DataObject, op: str) -> None:
    _, _, text, *buffers = packed(op)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    mutated = text[:start] + data.draw(st.binary(max_size=20)) + text[end:]
    message = accepted(signed(mutated, *buffers))
    if message is not None:
        pack(message, KEY)
