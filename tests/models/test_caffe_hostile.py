"""Caffe models that are damaged, wrong or hostile: one sentence, no memory taken for what is not there."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import caffe_files as files
import gfc_reference as reference
import numpy as np
import pytest
from caffe_files import blob, layer, layer_v1, part, tag, varint, whole
from gfc_reference import State
from model_support import Run, refused

from rigatino_models import convert
from rigatino_models.errors import ModelError

ONES = np.ones(3, np.float32)
NAME = "reconstruction_new"


@pytest.fixture(scope="module")
def state() -> State:
    return reference.make()


def model(path: Path, *content: bytes) -> Path:
    """A file whose first layer is as it should be, with this behind it."""
    good = layer(NAME, [blob(np.ones((3, 3, 3, 3), np.float32)), blob(ONES)])
    path.write_bytes(part(1, "x") + good + b"".join(content))
    return path


def described(sides: list[int], data: bytes = ONES.tobytes()) -> bytes:
    """A blob of any claimed shape."""
    return part(7, part(1, b"".join(map(varint, sides)))) + part(5, data)


ENDLESS = b"\xff" * 4096


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xa2\x06", "cut short"),  # a tag alone
        (b"\xa2", "cut short"),  # half a tag
        (b"\xa2\x06\xff\xff", "cut short"),  # half a length
        (b"\xa2\x06" + ENDLESS, "too many bits"),
        (b"\xa2\x06" + b"\x80" * 9 + b"\x7f", "too many bits"),  # more than 64
        (ENDLESS, "too many bits"),
        (part(100, b"")[:-1] + varint(2**40), "beyond its end"),
        (part(100, b"")[:-1] + varint(2**63), "beyond its end"),
        (part(100, tag(1, 2) + varint(100) + b"short"), "beyond its end"),
        (part(100, part(7, part(7, tag(1, 2) + varint(9) + b"\x01"))), "beyond its end"),
        (part(100, part(7, part(7, part(1, b"\x80\x80")))), "cut short"),
        (part(100, part(1, "n" * 5000) + part(7, described([3]))), "too long"),
        (tag(9, 1) + b"1234", "cut short"),
        (tag(9, 3), "does not use"),  # a group
        (tag(9, 7), "does not use"),
        (b"\x00\x00", "number"),  # field 0
        (varint(2**40 << 3), "number"),
        (whole(9, 1) * 60_000, "too many fields"),
        (part(100, whole(10, 1) * 60_000), "too many fields"),
    ],
)
def test_damage_is_told(content: bytes, words: str, tmp_path: Path, run: Run) -> None:
    refused(run, model(tmp_path / "x.caffemodel", content), words)


@pytest.mark.parametrize("write", [layer, layer_v1])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (described([4]), "shape is [4]"),
        (described([2**30, 2**30]), "12 bytes"),
        (described([2**62]), "malformed"),
        (described([2**64 - 1]), "malformed"),  # minus one
        (described([1] * 9), "too many dimensions"),
        (described([1] * 100_000), "too many dimensions"),
        (described([0]), "shape is [0]"),
        (described([3], b"12345"), "5 bytes"),
        (part(5, ONES.tobytes()), "shape is []"),
        (part(7, part(1, varint(3))), "0 bytes"),
        (described([3]) + part(5, ONES.tobytes()), "one piece"),
        (part(7, part(1, varint(1))) + tag(5, 5) + struct.pack("<f", 1), "one piece"),
        (b"".join(whole(n, 2**31 - 1) for n in (1, 2, 3, 4)) + part(5, ONES.tobytes()), "12 bytes"),
        (whole(1, 3) + part(5, ONES.tobytes()), "shape is [3, 0, 0, 0]"),
    ],
)
def test_shapes_that_do_not_agree_with_what_is_there(
    content: bytes, words: str, write: Callable[..., bytes], tmp_path: Path, run: Run
) -> None:
    tracemalloc.start()
    refused(run, model(tmp_path / "x.caffemodel", write("conv0_1", [content])), "conv0_1/0", words)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_a_layer_that_stands_twice(tmp_path: Path, run: Run) -> None:
    refused(run, model(tmp_path / "x.caffemodel", layer(NAME, [blob(ONES)])), f"{NAME}/0", "twice")


@pytest.mark.parametrize("old", [False, True])
def test_files_cut_short_anywhere(old: bool, state: State, tmp_path: Path, run: Run) -> None:
    data = files.model(state, old)
    path = tmp_path / "x.caffemodel"
    for end in [*range(1, 400, 7), *range(400, len(data) - 1, len(data) // 60), len(data) - 1]:
        path.write_bytes(data[:end])
        with pytest.raises(ModelError):
            convert.read(path)


def test_damaged_bytes_never_crash(state: State, tmp_path: Path) -> None:
    """Lengths, tags and shapes changed at random: an answer or a ModelError, nothing else."""
    data, random = files.model(state), np.random.default_rng(0)
    path = tmp_path / "x.caffemodel"
    for place in random.integers(0, 300, 50):
        broken = bytearray(data)
        broken[place] = random.integers(0, 256)
        path.write_bytes(broken)
        with suppress(ModelError):
            convert.read(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("conv3_3"), ("conv3_3.weight", "missing")),
        (lambda s: s.update({"conv3_3": s["conv3_3"][:1]}), ("conv3_3.bias", "missing")),
        (lambda s: s.pop("fc3"), ("fc3.bias", "missing")),
        (lambda s: s.update({"conv9": s["fc3"]}), ("conv9/0", "not known")),
        (lambda s: s.update({"fc3": (*s["fc3"], ONES)}), ("fc3/2", "not known")),
        (lambda s: s.update({"defc3": (s["defc3"][0][:, :-1], s["defc3"][1])}), ("defc3/0", "shape")),
        (lambda s: s.update({"defc3": (s["defc3"][0][:-1], s["defc3"][1])}), ("defc3/0", "shape")),
        (lambda s: s.update({"fc3": (s["fc3"][0][:, 1:], s["fc3"][1])}), ("fc3/0", "shape")),
        (lambda s: s.update({"conv2_1": (s["conv2_1"][0][0], s["conv2_1"][1])}), ("conv2_1/0", "shape")),
        (lambda s: s.update({"conv0_1": (s["conv0_1"][0], s["conv0_1"][0])}), ("conv0_1.bias", "bias")),
        (lambda s: s.update({"conv1_2": (s["conv1_2"][0] * np.inf, ONES)}), ("conv1_2", "shape")),
        (lambda s: s.update({"conv1_2": tuple(x * np.nan for x in s["conv1_2"])}), ("conv1_2", "finite")),
    ],
)
def test_networks_that_are_no_gfc(
    change: Callable[[dict[str, Any]], object],
    words: tuple[str, ...],
    state: State,
    tmp_path: Path,
    run: Run,
) -> None:
    changed: dict[str, Any] = dict(state)
    change(changed)
    with np.errstate(invalid="ignore"):
        refused(run, files.write(tmp_path / "x.caffemodel", changed), *words)


def test_other_files(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "x.caffemodel"
    path.write_bytes(part(1, "net") + part(100, part(1, "data")))
    refused(run, path, "of no kind that Rigatino knows")
    path.write_bytes(files.model({"conv7": (ONES,)}))
    refused(run, path, "no network that is known")
    for head in (
        b"\nhello world, this is text\n" * 9,
        b"%PDF-1.4 and more",
        b"\x89PNG\r\n\x1a\n",
        b"\x12",
        b"\n",
    ):
        path.write_bytes(head)
        result = run("weights", "inspect", path)
        assert result.exit_code == 1
        assert str(path) in result.stderr
