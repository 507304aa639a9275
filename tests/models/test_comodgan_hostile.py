"""CoModGAN's files and arrays that are damaged, wrong or hostile: one sentence, nothing run, nothing loaded."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import comodgan_files as files
import comodgan_reference as reference
import numpy as np
import pytest
import torch
from comodgan_reference import Shape, State
from model_support import Run, refused
from safetensors.torch import save_file

from rigatino_models import convert

SHAPE = Shape(resolution=8, base=64, cap=12, code=8, mapping=(16, 16, 16))
KEY = "synthesis/G_8x8/Conv1/weight"


@pytest.fixture(scope="module")
def state() -> State:
    return reference.make(SHAPE)


class Evil:
    """Unpickled by Python, it would call the function with these arguments."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call: tuple[Any, ...] = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def network(path: Path, variables: list[Any], source: Any = "", protocol: int = 4) -> Path:
    """A pickle whose synthesis has these variables."""
    with files.tflib() as make:
        parts = {"mapping": make("m", [], {}, "", {}), "synthesis": make("s", variables, {}, source, {})}
        path.write_bytes(pickle.dumps(make("G", [], parts, source, {}), protocol))
    return path


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("function", [os.system, eval, exec, __import__, getattr, os.remove])
@pytest.mark.parametrize("place", ["variable", "source", "tuple"])
def test_code_in_pickles_is_refused_and_never_run(
    place: str, function: Any, protocol: int, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    evil, path = Evil(function, "touch here"), tmp_path / "x.pkl"
    if place == "tuple":
        path.write_bytes(pickle.dumps((evil, evil, evil), protocol))
    else:
        variables = [(KEY, evil if place == "variable" else np.float32(0))]
        network(path, variables, evil if place == "source" else "", protocol)
    refused(run, path, "refused", function.__name__)
    assert [file.name for file in tmp_path.iterdir()] == ["x.pkl"]


def test_the_source_in_a_pickle_is_not_run(
    tmp_path: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = files.tensorflow(tmp_path / "x.pkl", state, "open('here', 'w')\nraise SystemExit\n")
    assert convert.read(path).system == "comodgan"
    assert [file.name for file in tmp_path.iterdir()] == ["x.pkl"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop(KEY), (KEY, "missing")),
        (
            lambda s: s.update({"synthesis/G_8x8/Skip/weight": torch.ones(1)}),
            ("G_8x8/Skip/weight", "not known"),
        ),
        (lambda s: s.update({KEY: s[KEY][..., :-1].clone()}), (KEY, "shape")),
        (lambda s: s.update({KEY: s[KEY].flatten()}), (KEY, "shape")),
        (lambda s: s.update({KEY: s[KEY].int()}), (KEY, "floating-point")),
        (lambda s: s.update({KEY: s[KEY] * torch.inf}), (KEY, "not finite")),
        (lambda s: s.update({"synthesis/E_64x64/Conv0/bias": torch.ones(3)}), ("missing",)),
        (lambda s: s.update({"synthesis/E_12x12/Conv0/bias": torch.ones(3)}), ("12", "resolution")),
        (lambda s: s.update({"synthesis/E_8x8/FromRGB/weight": torch.ones(1, 1, 5, 8)}), ("5 channels",)),
        (lambda s: s.update({"synthesis/E_4x4/Dense0/weight": torch.ones(8)}), ("Dense0/weight", "shape")),
        (lambda s: s.pop("mapping/Dense0/weight"), ("mapping/Dense0/weight", "missing")),
    ],
)
def test_weights_that_do_not_fit(
    change: Any, words: tuple[str, ...], tmp_path: Path, state: State, run: Run
) -> None:
    changed = dict(state)
    change(changed)
    refused(run, files.tensorflow(tmp_path / "x.pkl", changed), *words)


def test_the_ports_weights_are_named_as_in_their_files(tmp_path: Path, state: State, run: Run) -> None:
    laid = files.sequential(state, SHAPE, "module.")
    key = "module.G_synthesis.G_8x8.Conv1.conv.weight"
    for changed, words in (
        (laid | {key: laid[key][:, :-1].clone()}, (key, "shape")),
        (laid | {"module.optimiser": laid[key]}, ("module.optimiser", "not known")),
        ({k: v for k, v in laid.items() if k != key}, (key.removeprefix("module."), "missing")),
    ):
        torch.save(changed, tmp_path / "x.pth")
        refused(run, tmp_path / "x.pth", *words)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"architecture": "resnet"}, "resnet"),
        ({"nonlinearity": "relu"}, "relu"),
        ({"resample_kernel": [1, 2, 1]}, "resample_kernel"),
        ({"cond_mod": False}, "cond_mod"),
    ],
)
def test_settings_of_another_network(
    settings: dict[str, Any], word: str, tmp_path: Path, state: State, run: Run
) -> None:
    refused(run, files.tensorflow(tmp_path / "x.pkl", state, settings=settings), word, "not supported")


def array(shape: tuple[int, ...], content: bytes, kind: str = "f4", order: str = "<") -> Evil:
    """An array as NumPy pickles it, whatever its bytes are."""
    rebuilt = np.zeros(0, np.float32).__reduce__()
    evil = Evil(rebuilt[0], *rebuilt[1])
    state = (1, shape, np.dtype(order + kind), False, content)
    evil.call = (*evil.call, state)
    return evil


@pytest.mark.parametrize(
    ("shape", "content"),
    [((1 << 40,), b"1234"), ((5,), b"1234"), ((2**31, 2**31, 2**31), b""), ((1,), b"12345678"), ((-1,), b"")],
)
def test_arrays_that_claim_more_than_they_hold(
    shape: tuple[int, ...], content: bytes, tmp_path: Path, run: Run
) -> None:
    path = network(tmp_path / "x.pkl", [(KEY, array(shape, content))])
    tracemalloc.start()
    try:
        refused(run, path, KEY)
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()


def test_big_endian(tmp_path: Path, run: Run) -> None:
    refused(run, network(tmp_path / "x.pkl", [(KEY, array((1,), b"1234", order=">"))]), "big-endian")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_pickles(share: float, tmp_path: Path, state: State, run: Run) -> None:
    content = files.tensorflow(tmp_path / "whole.pkl", state).read_bytes()
    (tmp_path / "x.pkl").write_bytes(content[: int(share * len(content))])
    refused(run, tmp_path / "x.pkl")


@pytest.mark.parametrize("length", [2**31 - 1, 2**40, 2**63 - 1])
def test_bytes_longer_than_the_file(length: int, tmp_path: Path, run: Run) -> None:
    opcode = b"\x8e" + struct.pack("<Q", length) if length >= 2**31 else b"B" + struct.pack("<I", length)
    (tmp_path / "x.pkl").write_bytes(b"\x80\x04" + opcode + b"abc.")
    refused(run, tmp_path / "x.pkl")


def test_pickles_that_are_no_networks(tmp_path: Path, run: Run) -> None:
    for number, value in enumerate(([], {"synthesis": 1}, (1, 2, 3), {"variables": [], "components": {}})):
        path = tmp_path / f"{number}.pkl"
        path.write_bytes(pickle.dumps(value))
        refused(run, path)
    for number, variables in enumerate((3, [3], [(3, 3)], [("a", 1, 2)])):
        refused(run, network(tmp_path / f"v{number}.pkl", variables))  # type: ignore[arg-type]


def test_a_discriminator_alone(tmp_path: Path, run: Run) -> None:
    with files.tflib() as make:
        (tmp_path / "x.pkl").write_bytes(pickle.dumps(make("D", [], {}, "", {})))
    refused(run, tmp_path / "x.pkl", "network")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"widths": [10**9, 10**9]}, "CoModGAN"),
        ({"widths": [8] * 40}, "CoModGAN"),
        ({"widths": "888"}, "CoModGAN"),
        ({"mapping": [16]}, "CoModGAN"),
        ({"mapping": [16] * 1000}, "CoModGAN"),
        ({"global_width": 0}, "CoModGAN"),
        ({"global_width": True}, "CoModGAN"),
        ({"skip4": 1}, "true or false"),
        ({"critic": 1}, "true or false"),
        ({"critic": True, "image_to_image": True}, "critic"),
        ({"critic": True}, "missing"),
        ({"clamp": -1}, "clamp"),
        ({"clamp": "256"}, "clamp"),
        ({"depth": 1}, "config"),
        ({"global_width": 9}, "shape"),
        ({"constants": False}, "not known"),
    ],
)
def test_metadata_that_do_not_fit(
    change: dict[str, Any], word: str, tmp_path: Path, state: State, run: Run
) -> None:
    whole = convert.read(files.tensorflow(tmp_path / "x.pkl", state))
    metadata = {"system": "comodgan", "config": json.dumps(whole.config | change)}
    save_file(whole.tensors, tmp_path / "x.safetensors", metadata)
    refused(run, tmp_path / "x.safetensors", word)


def test_files_from_before_critics_were_kept_are_read(tmp_path: Path, state: State) -> None:
    whole = convert.read(files.tensorflow(tmp_path / "x.pkl", state))
    config = {name: value for name, value in whole.config.items() if name != "critic"}
    metadata = {"system": "comodgan", "config": json.dumps(config)}
    save_file(whole.tensors, tmp_path / "x.safetensors", metadata)
    assert convert.read(tmp_path / "x.safetensors").config == whole.config


GOOD: dict[str, np.ndarray[Any, Any]] = {
    "image": np.full((2, 3, 8, 8), 0.5, np.float32),
    "hole": np.ones((2, 1, 8, 8), np.float32),
    "z": np.ones((2, 16), np.float32),
}


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        ({"z": None}, (), ("z", "missing")),
        ({"z": GOOD["z"][:, :15]}, (), ("z", "[2, 15]")),
        ({"z": GOOD["z"][:1]}, (), ("z", "[1, 16]")),
        ({"z": GOOD["z"] * np.float32(np.nan)}, (), ("z", "not finite")),
        ({"image": np.zeros((2, 3, 16, 16), np.float32)}, (), ("image", "[2, 3, 16, 16]", "8,8")),
        ({"w_avg": np.zeros(16, np.float32)}, (), ("w_avg", "[1,16]")),
        ({}, ("noise=given",), ("noise00", "missing")),
        ({"noise00": np.zeros((2, 1, 8, 8), np.float32)}, ("noise=given",), ("noise00", "[2,1,4,4]")),
        ({}, ("noise=loud",), ("noise", "loud", "random")),
        ({}, ("psi=much",), ("psi", "much")),
        ({}, ("psi=inf",), ("psi", "inf")),
        ({}, ("global_dropout=1",), ("global_dropout", "less than 1")),
        ({}, ("global_dropout=-0.5",), ("global_dropout", "less than 1")),
        ({}, ("seed=-1",), ("seed", "whole number")),
        ({}, ("depth=1",), ("depth",)),
    ],
)
def test_arrays_and_settings_that_are_wrong(
    change: dict[str, Any],
    settings: tuple[str, ...],
    words: tuple[str, ...],
    tmp_path: Path,
    state: State,
    run: Run,
) -> None:
    weights = files.tensorflow(tmp_path / "x.pkl", state)
    held = {name: value for name, value in (GOOD | change).items() if value is not None}
    content = io.BytesIO()
    np.savez(content, **held)
    (tmp_path / "in.npz").write_bytes(content.getvalue())
    more = [word for setting in settings for word in ("--set", setting)]
    target = tmp_path / "out.npz"
    result = run("net", "run", weights, "--input", tmp_path / "in.npz", "--output", target, *more)
    assert result.exit_code == 1, result.output
    assert not target.exists()
    for word in words:
        assert word in result.stderr


def test_constant_noise_that_did_not_come_with_the_weights(tmp_path: Path, state: State, run: Run) -> None:
    torch.save(files.sequential(state, SHAPE), tmp_path / "x.pth")
    np.savez(tmp_path / "in.npz", **GOOD)  # type: ignore[arg-type]
    words = ("--input", tmp_path / "in.npz", "--output", tmp_path / "out.npz", "--set", "noise=const")
    result = run("net", "run", tmp_path / "x.pth", *words)
    assert result.exit_code == 1
    assert "none or random or given" in result.stderr
