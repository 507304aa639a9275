"""`rigatino net run`: what it takes, what it gives, and what it says when it cannot."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import lama_files as files
import lama_reference as reference
import numpy as np
import pytest
import torch
from lama_reference import Shape, State
from model_support import NetRun, Run, picture

from rigatino import weights

Tiny = tuple[Shape, State]


@pytest.fixture
def file(tmp_path: Path, tiny: Tiny) -> Path:
    """The tiny network as a plain state dict."""
    torch.save(tiny[1], tmp_path / "tiny.pth")
    return tmp_path / "tiny.pth"


@pytest.mark.parametrize("size", [(128, 192), (136, 200), (45, 61), (3, 3), (1, 70), (17, 16)])
def test_any_size_is_padded_as_the_original_does(
    size: tuple[int, int], tiny: Tiny, file: Path, net_run: NetRun
) -> None:
    """Below and to the right, symmetrically (the edge pixels twice), to a multiple of 8; 16 at least."""
    height, width = size
    image, hole = picture(height, width, number=2)
    found = net_run(file, image, hole)
    more = [(0, 0), (0, 0), *((0, max(16, -(-side // 8) * 8) - side) for side in size)]
    wide = [torch.from_numpy(np.pad(x.numpy(), more, mode="symmetric")) for x in (image, hole)]
    expected = reference.forward(tiny[1], tiny[0], *wide)[..., :height, :width]
    torch.testing.assert_close(torch.from_numpy(found["raw"]), expected, rtol=0, atol=2e-5)
    assert set(found) == {"raw", "out"}
    assert found["raw"].dtype == found["out"].dtype == np.float32


def test_known_pixels_come_back_exactly(file: Path, net_run: NetRun) -> None:
    image, hole = picture(40, 56)
    out = torch.from_numpy(net_run(file, image, hole)["out"])
    known = (hole == 0).expand_as(image)
    assert torch.equal(out[known], image[known])


def test_squares_for_the_local_unit(tmp_path: Path, net_run: NetRun) -> None:
    shape = Shape(ngf=16, blocks=1, ratio=0.5, lfu=True)
    state = reference.make(shape)
    torch.save(state, tmp_path / "x.pth")
    image, hole = picture(40, 70)
    found = net_run(tmp_path / "x.pth", image, hole)["raw"]
    wide = [
        torch.from_numpy(np.pad(x.numpy(), [(0, 0), (0, 0), (0, 40), (0, 10)], mode="symmetric"))
        for x in (image, hole)
    ]
    expected = reference.forward(state, shape, *wide)[..., :40, :70]
    torch.testing.assert_close(torch.from_numpy(found), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    "shape", [Shape(blocks=1), Shape(blocks=1, ratio=0), Shape(ngf=16, ratio=0.5, lfu=True)]
)
def test_the_fast_form_agrees(shape: Shape, tmp_path: Path, net_run: NetRun) -> None:
    state = reference.make(shape)
    torch.save(state, tmp_path / "x.pth")
    image, hole = picture(64, 64, number=2)
    expected = reference.forward(state, shape, image, hole)
    quick = net_run(tmp_path / "x.pth", image, hole, "--set", "fast=true")["raw"]
    torch.testing.assert_close(torch.from_numpy(quick), expected, rtol=0, atol=5e-5)
    for form in ((), ("--set", "fast=true")):
        half = net_run(tmp_path / "x.pth", image, hole, *form, "--precision", "bf16")["raw"]
        assert 0 < np.abs(half - expected.numpy()).mean() < 0.02


def test_the_bundled_network_by_name(net_run: NetRun) -> None:
    image, hole = picture(50, 70)
    out = net_run(weights.default_network(), image, hole)["out"]
    assert np.isfinite(out).all()
    assert out.shape == (1, 3, 50, 70)


GOOD: dict[str, Any] = {
    "image": np.full((2, 3, 16, 16), 0.5, np.float32),
    "hole": np.ones((2, 1, 16, 16), np.float32),
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image": None}, ("image", "missing")),
        ({"hole": None}, ("hole", "missing")),
        ({"image": GOOD["image"].astype(np.float64)}, ("image", "float64")),
        ({"image": (GOOD["image"] * 255).astype(np.uint8)}, ("image", "uint8")),
        ({"hole": GOOD["hole"].astype(bool)}, ("hole", "bool")),
        ({"image": GOOD["image"][0]}, ("image", "[3, 16, 16]")),
        ({"image": GOOD["image"][:, :2]}, ("image", "[2, 2, 16, 16]")),
        ({"image": GOOD["image"][:0], "hole": GOOD["hole"][:0]}, ("image", "[0, 3, 16, 16]")),
        ({"image": GOOD["image"][..., :0]}, ("image", "[2, 3, 16, 0]")),
        ({"hole": GOOD["hole"][:1]}, ("hole", "[2,1,16,16]")),
        ({"hole": GOOD["hole"][..., :8]}, ("hole", "[2, 1, 16, 8]")),
        ({"hole": GOOD["hole"][:, 0]}, ("hole", "[2, 16, 16]")),
        ({"image": GOOD["image"] * np.float32(np.nan)}, ("image", "not finite")),
        ({"hole": GOOD["hole"] * np.float32(np.inf)}, ("hole", "not finite")),
        ({"image": GOOD["image"] * np.float32(510)}, ("image", "outside 0 to 1")),
        ({"hole": GOOD["hole"] * np.float32(255)}, ("hole", "outside 0 to 1")),
        ({"image": np.array([{}, None])}, ("in.npz", "plain arrays")),
    ],
)
def test_arrays_that_do_not_fit(
    change: dict[str, Any], words: tuple[str, ...], file: Path, tmp_path: Path, run: Run
) -> None:
    source, target = tmp_path / "in.npz", tmp_path / "out.npz"
    arrays = {name: value for name, value in (GOOD | change).items() if value is not None}
    np.savez(source, **arrays)
    result = run("net", "run", file, "--input", source, "--output", target)
    assert result.exit_code == 1
    assert result.stdout == ""
    for word in words:
        assert word in result.stderr
    assert not target.exists()


def single(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", single(np.zeros(3)), None])
def test_inputs_that_are_no_npz(content: bytes | None, file: Path, tmp_path: Path, run: Run) -> None:
    source = tmp_path / "in.npz"
    if content is not None:
        source.write_bytes(content)
    result = run("net", "run", file, "--input", source, "--output", tmp_path / "out.npz")
    assert result.exit_code == 1
    assert "in.npz" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == []


def test_a_place_that_cannot_be_written(file: Path, tmp_path: Path, run: Run) -> None:
    np.savez(tmp_path / "in.npz", **GOOD)
    target = tmp_path / "absent" / "out.npz"
    result = run("net", "run", file, "--input", tmp_path / "in.npz", "--output", target)
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


def test_a_failure_leaves_the_output_as_it_was(file: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "out.npz").write_text("before")
    np.savez(tmp_path / "in.npz", image=GOOD["image"])
    words = ("--input", tmp_path / "in.npz", "--output", tmp_path / "out.npz", "--force")
    assert run("net", "run", file, *words).exit_code == 1
    assert (tmp_path / "out.npz").read_text() == "before"


def test_an_existing_output_stays_unless_forced(file: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "out.npz").write_text("before")
    np.savez(tmp_path / "in.npz", **GOOD)
    words = ("net", "run", file, "--input", tmp_path / "in.npz", "--output", tmp_path / "out.npz")
    refused = run(*words)
    assert refused.exit_code == 1
    assert "--force" in refused.stderr
    assert (tmp_path / "out.npz").read_text() == "before"
    assert run(*words, "--force").exit_code == 0
    with np.load(tmp_path / "out.npz") as found:
        assert found["out"].shape == GOOD["image"].shape


@pytest.mark.parametrize(
    ("options", "status", "word"),
    [
        (("--set", "fast"), 2, "KEY=VALUE"),
        (("--set", "=true"), 2, "KEY=VALUE"),
        (("--set", "fast=true", "--set", "fast=false"), 2, "once"),
        (("--precision", "fp8"), 2, "fp8"),
        (("--set", "fast=maybe"), 1, "true or false"),
        (("--set", "psi=1"), 1, "psi"),
    ],
)
def test_settings(
    options: tuple[str, ...], status: int, word: str, file: Path, tmp_path: Path, run: Run
) -> None:
    np.savez(tmp_path / "in.npz", **GOOD)
    result = run(
        "net", "run", file, "--input", tmp_path / "in.npz", "--output", tmp_path / "out.npz", *options
    )
    assert result.exit_code == status
    assert word in result.stderr
    assert not (tmp_path / "out.npz").exists()


def test_weights_that_are_not_there(tmp_path: Path, run: Run) -> None:
    np.savez(tmp_path / "in.npz", **GOOD)
    for name in ("absent.ckpt", "absent", "../absent"):
        result = run("net", "run", name, "--input", tmp_path / "in.npz", "--output", tmp_path / "out.npz")
        assert result.exit_code == 1
        assert name in result.stderr


def test_usage(run: Run, file: Path) -> None:
    assert run("net", "run", file).exit_code == 2
    assert run("net", "walk").exit_code == 2
    assert "image" in run("net", "run", "--help").stdout


def test_torchscript_is_never_loaded_by_torch(
    tiny: Tiny, tmp_path: Path, net_run: NetRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.torchscript(tmp_path / "big-lama.pt", tiny[1])

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("torch read the file itself")

    monkeypatch.setattr(torch.jit, "load", forbidden)
    monkeypatch.setattr(torch, "load", forbidden)
    net_run(path, *picture(16, 16))
