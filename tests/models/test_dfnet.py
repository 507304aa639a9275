"""DFNet against a second implementation that reads the original's layout, and what is said of wrong files."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import dfnet_reference as reference
import numpy as np
import pytest
import torch
from dfnet_reference import PUBLISHED, Shape, State
from model_support import NetRun, Run, picture, refused
from safetensors.torch import load_file, save_file

from rigatino_models import convert
from rigatino_models.dfnet.net import DFNet, DFNetConfig
from rigatino_models.inpainter import Inpainter

TOLERANCE = 1e-4  # of the rms


def agree(found: Any, expected: torch.Tensor, tolerance: float = TOLERANCE) -> None:
    rms = float(expected.square().mean().sqrt())
    torch.testing.assert_close(torch.as_tensor(found), expected, rtol=0, atol=tolerance * rms)


def saved(path: Path, state: State, old: bool = False) -> Path:
    torch.save(state, path, _use_new_zipfile_serialization=not old)
    return path


@pytest.mark.parametrize(
    "shape",
    [PUBLISHED, Shape(), Shape(3, 5, 2, 1), Shape(2, 40, 32, 8)],
    ids=["published", "narrow", "one scale", "eight scales"],
)
def test_equals_the_original(shape: Shape, tmp_path: Path, net_run: NetRun) -> None:
    state = reference.make(shape, seed=4)
    path = saved(tmp_path / "model_places2.pth", state)
    image, hole = picture(256, 256)
    with torch.no_grad():
        expected = reference.forward(state, image, hole)
    assert expected["raw"].std() > 0.05, "the comparison would show nothing"
    assert 0.05 < expected["alpha"].mean() < 0.95, "one side of the fusion would not show"
    for form in ((), ("--set", "fast=true")):
        found = net_run(path, image, hole, *form)
        assert found.keys() == expected.keys()
        for name, wanted in expected.items():
            assert found[name].dtype == np.float32
            agree(found[name], wanted)


def test_all_six_scales(tmp_path: Path) -> None:
    state = reference.make(seed=1)
    path = saved(tmp_path / "x.pth", state)
    image, hole = picture(512, 256, number=2)
    hole[0, :, 100:110, 100:110] = 0.5  # holes may be soft
    with torch.no_grad():
        expected = reference.answers(state, image.flip(1), 1 - hole)
        for net in (convert.load(path), convert.read(path).fast(torch.float32)):
            found = cast(DFNet, net).pictures(image, hole)
            assert len(found) == len(expected) == 6
            for ours, theirs in zip(found, expected, strict=True):
                for one, other in zip(ours, theirs, strict=True):
                    agree(one, other.flip(1))


def test_formats_agree(tmp_path: Path, net_run: NetRun, run: Run) -> None:
    state = reference.make(seed=2)
    image, hole = picture(256, 512, number=2)
    with torch.no_grad():
        expected = reference.forward(state, image, hole)
    old = saved(tmp_path / "old.pth", state, old=True)
    assert old.read_bytes()[:1] == b"\x80"
    parallel = saved(tmp_path / "parallel.pth", {f"module.{key}": value for key, value in state.items()})
    assert run("weights", "import", old, "--as", "mine").exit_code == 0
    for source in (old, parallel, "mine"):
        agree(net_run(source, image, hole)["raw"], expected["raw"])
        agree(net_run(source, image, hole)["alpha"], expected["alpha"])
    for form in ((), ("--set", "fast=true")):
        half = net_run(old, image, hole, *form, "--precision", "bf16")
        assert 0 < np.abs(half["raw"] - expected["raw"].numpy()).mean() < 0.02


@pytest.mark.parametrize("size", [(200, 300), (1, 1), (257, 30)])
def test_any_size_is_padded_and_cropped_back(size: tuple[int, int], tmp_path: Path, net_run: NetRun) -> None:
    state = reference.make(seed=3)
    image, hole = picture(*size)
    more = [(0, 0), (0, 0), *((0, -side % 256) for side in size)]
    wide = [torch.from_numpy(np.pad(x.numpy(), more, mode="symmetric")) for x in (image, hole)]
    with torch.no_grad():
        expected = reference.forward(state, wide[0], wide[1])
    found = net_run(saved(tmp_path / "x.pth", state), image, hole)
    for name in ("raw", "alpha"):
        agree(found[name], expected[name][..., : size[0], : size[1]])
    known = np.broadcast_to(hole.numpy() == 0, image.shape)
    assert np.array_equal(found["out"][known], image.numpy()[known])


def test_a_layer_with_its_alpha_shows_the_result(tmp_path: Path) -> None:
    """Over the picture, whatever is to go in the hole."""
    net = convert.load(saved(tmp_path / "x.pth", reference.make()))
    image, hole = picture(100, 120)
    found = Inpainter(net, 256, 256).fused(image, hole)
    colour, opacity = found.layer(hole)
    assert bool((opacity[hole.expand_as(opacity) > 0] == 1).all())
    torch.testing.assert_close(opacity * colour + (1 - opacity) * image, found.picture)
    assert torch.equal(found.picture, Inpainter(net, 256, 256).raw(image, hole))


def test_progress_reaches_its_end_and_may_stop_the_work() -> None:
    net = DFNet(DFNetConfig((2,) * 8, blend=2))
    steps: list[tuple[int, int]] = []
    with torch.no_grad():
        net.eval()(*picture(256, 256), lambda done, total: steps.append((done, total)))
    assert steps == [(i, 16) for i in range(1, 17)]

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net(*picture(256, 256), stop)


def test_published_size() -> None:
    with torch.device("meta"):
        net = DFNet(DFNetConfig())
    assert sum(parameter.numel() for parameter in net.parameters()) == 32_880_504
    assert len(reference.make(PUBLISHED)) == len(net.state_dict()) == 215


def test_what_inspect_and_import_say(tmp_path: Path, run: Run) -> None:
    path = saved(tmp_path / "model_celeba.pth", reference.make())
    facts = json.loads(run("weights", "inspect", path, "--json").stdout)
    assert facts["system"] == "dfnet"
    assert facts["config"] == {"widths": [4, 8, 12, 12, 12, 12, 12, 12], "scales": 6, "blend": 5}
    imported = json.loads(run("weights", "import", path, "--json").stdout)
    assert imported["name"] == "model_celeba"
    assert "CC BY-NC 4.0" in imported["weights_licence"]


# --- what does not fit


EN, DE, MIX = "en_3.encode.0.conv.1.weight", "de_0.decode.1.running_var", "fuse_2.blend.blend.3.conv.bias"
Change = Callable[[torch.Tensor], torch.Tensor]


@pytest.mark.parametrize(
    ("key", "change", "words"),
    [
        (EN, None, (EN, "missing")),
        (DE, None, (DE, "missing")),
        (MIX, None, (MIX, "missing")),
        ("en_7.encode.0.conv.1.bias", None, ("en_7.encode.0.conv.1.bias", "missing")),
        ("fuse_0.map2img.0.conv.bias", None, ("fuse_0.map2img.0.conv.bias", "missing")),
        (EN, lambda x: x[:, 1:], (EN, "shape")),
        (EN, lambda x: x[..., 0], (EN, "shape")),
        (EN, lambda x: x.long(), (EN, "floating")),
        (DE, lambda x: x * torch.nan, (DE, "finite")),
        ("en_0.encode.0.conv.1.bias", lambda x: x[None], ("en_0.encode.0.conv.1.bias", "shape")),
        ("fuse_6.map2img.0.conv.bias", lambda x: torch.zeros(3), ("fuse_6.map2img.0.conv.weight", "missing")),
        ("en_8.encode.0.conv.1.bias", lambda x: torch.zeros(3), ("en_8.encode.0.conv.1.bias", "not known")),
        ("de_1.decode.0.conv.scale", lambda x: torch.zeros(3), ("de_1.decode.0.conv.scale", "not known")),
        ("optimiser", lambda x: torch.zeros(3), ("optimiser", "not known")),
    ],
)
def test_values_that_do_not_fit_are_named(
    key: str, change: Change | None, words: tuple[str, ...], tmp_path: Path, run: Run
) -> None:
    state = reference.make()
    value = state.pop(key, torch.zeros(0))
    if change is not None:
        state[key] = change(value).clone()
    refused(run, saved(tmp_path / "x.pth", state), *words)


@pytest.mark.parametrize("old", [False, True])
def test_code_is_refused_and_never_run(old: bool, tmp_path: Path, run: Run) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "was here"),)

    state: dict[str, Any] = {**reference.make(), "epoch": Evil()}
    refused(run, saved(tmp_path / "x.pth", state, old), "refused")
    (tmp_path / "y.pth").write_bytes(pickle.dumps(Evil()))
    refused(run, tmp_path / "y.pth", "refused")
    assert not (tmp_path / "was here").exists()


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_files_that_are_cut_short(share: float, old: bool, tmp_path: Path, run: Run) -> None:
    path = saved(tmp_path / "x.pth", reference.make(), old)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refused(run, path)


@pytest.mark.parametrize(
    "change",
    [
        {"widths": [4] * 7},
        {"widths": [4] * 7 + [10**9]},
        {"widths": [4] * 7 + [0]},
        {"widths": [4] * 7 + [True]},
        {"widths": 8},
        {"scales": 0},
        {"scales": 9},
        {"scales": 5},
        {"blend": "5"},
        {"more": 1},
    ],
)
def test_metadata_that_no_network_has(change: dict[str, Any], tmp_path: Path, run: Run) -> None:
    found = convert.read(saved(tmp_path / "x.pth", reference.make()))
    ours = tmp_path / "ours.safetensors"
    convert.save(found, ours)
    metadata = {"format": "rigatino-1", "system": "dfnet", "config": json.dumps(found.config | change)}
    save_file(load_file(ours), ours, metadata)
    refused(run, ours, "do not fit")
