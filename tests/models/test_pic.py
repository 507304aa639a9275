"""PIC against a second implementation that reads the original's layout; many answers; what is said of wrong files."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pic_reference as reference
import pytest
import torch
from lama_files import zipped
from model_support import Run, picture, refused
from pic_reference import PUBLISHED, Shape, State
from safetensors.torch import load_file, save_file

from rigatino_models import convert
from rigatino_models.pic.net import PUBLISHED as OURS
from rigatino_models.pic.net import Encoder, Pic, PicConfig

SIDE = 256
TOLERANCE = 1e-4  # of the rms
Arrays = dict[str, np.ndarray]
States = dict[str, State]


@pytest.fixture
def go(run: Run, tmp_path: Path) -> Callable[..., Arrays]:
    """`rigatino net run` on a picture, its hole and perhaps eps."""

    def call(source: Path | str, image: torch.Tensor, hole: torch.Tensor, eps: Any, *options: str) -> Arrays:
        given = {"image": image.numpy(), "hole": hole.numpy()}
        np.savez(tmp_path / "in.npz", **given, **({} if eps is None else {"eps": eps.numpy()}))
        words = ("net", "run", source, "--input", tmp_path / "in.npz", "--output", tmp_path / "out.npz")
        result = run(*words, "--force", *options)
        assert result.exit_code == 0, result.output
        with np.load(tmp_path / "out.npz") as found:
            return dict(found)

    return call


def agree(found: Arrays, expected: dict[str, torch.Tensor], tolerance: float = TOLERANCE) -> None:
    assert found.keys() == expected.keys()
    for name, wanted in expected.items():
        rms = float(wanted.square().mean().sqrt())
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], wanted.numpy(), rtol=0, atol=tolerance * rms, err_msg=name)


def noise(shape: Shape, count: int) -> torch.Tensor:
    return torch.randn(count, shape.latent, 8, 8, generator=torch.Generator().manual_seed(9))


@pytest.mark.parametrize(
    "shape",
    [PUBLISHED, Shape(), Shape(8, 1, 3, 0), Shape(5, 4, 4, 1, 1), Shape(4, 2, 6, 1, 5)],
    ids=["published", "narrow", "same width", "one scale", "five scales"],
)
def test_equals_the_original(shape: Shape, tmp_path: Path, go: Callable[..., Arrays]) -> None:
    states = reference.make(shape, seed=4)
    folder = reference.write(tmp_path / "celeba_random", states)
    image, hole = picture(SIDE, SIDE)
    eps = noise(shape, 3)
    with torch.no_grad():
        expected = reference.forward(states, image, hole, eps)
    assert expected["raw"].std() > 0.05, "the comparison would show nothing"
    assert expected["raw"].std(0).mean() > 1e-3, "the answers are all the same"
    agree(go(folder, image, hole, eps), {k: v.clamp(0, 1) if k == "out" else v for k, v in expected.items()})


def test_forms_and_layouts_agree(tmp_path: Path, go: Callable[..., Arrays], run: Run) -> None:
    states = reference.make(seed=2)
    image, hole = picture(SIDE, SIDE, number=2)
    eps = noise(Shape(), 2)
    with torch.no_grad():
        expected = reference.forward(states, image, hole, eps)
    folder = reference.write(tmp_path / "one", states)
    agree(go(folder, image, hole, eps, "--set", "fast=true"), expected)
    agree(go(reference.write(tmp_path / "parallel", states, "module."), image, hole, eps), expected)
    agree(go(zipped(tmp_path / "one.zip", folder, "celeba/"), image, hole, eps), expected)
    assert run("weights", "import", folder, "--as", "mine").exit_code == 0
    agree(go("mine", image, hole, eps), expected)
    for form in ((), ("--set", "fast=true")):
        half = go(folder, image, hole, eps, *form, "--precision", "bf16")
        assert 0 < np.abs(half["raw"] - expected["raw"].numpy()).mean() < 0.05
    without = {part: state for part, state in states.items() if part != "D"}
    found = go(reference.write(tmp_path / "no critic", without), image, hole, eps)
    agree(found, {name: value for name, value in expected.items() if name != "score"})


def test_the_most_likely_answer(tmp_path: Path, go: Callable[..., Arrays]) -> None:
    states = reference.make()
    folder = reference.write(tmp_path / "x", states)
    image, hole = picture(SIDE, SIDE, number=2)
    with torch.no_grad():
        expected = reference.forward(states, image, hole, None)
    agree(go(folder, image, hole, None), expected)
    agree(go(folder, image, hole, noise(Shape(), 2), "--set", "most_likely=true"), expected)


def test_the_encoder_runs_once_for_many_answers(
    tmp_path: Path, go: Callable[..., Arrays], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    features = Encoder.features
    monkeypatch.setattr(Encoder, "features", lambda *words: looked.append(1) or features(*words))
    image, hole = picture(SIDE, SIDE)
    found = go(reference.write(tmp_path / "x", reference.make()), image, hole, noise(Shape(), 7))
    assert len(found["out"]) == len(found["score"]) == 7
    assert looked == [1]
    known = np.broadcast_to(hole.numpy() == 0, found["out"].shape)
    assert np.array_equal(found["out"][known], np.broadcast_to(image.numpy(), known.shape)[known])


def test_progress_reaches_its_end() -> None:
    net = Pic(PicConfig((4, 8, 8, 8, 8), latent=2, inference=3))
    steps: list[tuple[int, int]] = []
    with torch.no_grad():
        net(*picture(64, 64), lambda done, total: steps.append((done, total)))
    assert steps == [(i, 13) for i in range(1, 14)]


def test_published_sizes() -> None:
    with torch.device("meta"):
        net = Pic(OURS)
    count = {name: sum(p.numel() for p in part.parameters()) for name, part in net.named_children()}
    # The original's critic has 475,521 parameters more, in a part of its attention that it never runs.
    assert count == {"encoder": 3_604_224, "generator": 2_374_016, "critic": 1_575_075 - 475_521}
    states = reference.make(PUBLISHED)
    assert {part: len(state) for part, state in states.items()} == {"E": 312, "G": 224, "D": 176}


def test_what_inspect_and_import_say(tmp_path: Path, run: Run) -> None:
    folder = reference.write(tmp_path / "place2_random", reference.make(PUBLISHED))
    facts = json.loads(run("weights", "inspect", folder, "--json").stdout)
    assert facts["system"] == "pic"
    assert facts["config"] == {
        "widths": [32, 64, 128, 128, 128],
        "latent": 128,
        "inference": 6,
        "scales": 4,
        "posterior": True,
        "critic": [32, 64, 128, 128, 128],
    }
    imported = json.loads(run("weights", "import", folder, "--json").stdout)
    assert imported["name"] == "place2_random"
    assert "CC BY-NC 4.0" in imported["weights_licence"]
    assert imported["source"]["sha256"] == facts["sha256"]
    torch.save(reference.make(PUBLISHED, seed=1)["D"], folder / "latest_net_D.pth")
    assert json.loads(run("weights", "inspect", folder, "--json").stdout)["sha256"] != facts["sha256"]


# --- what does not fit


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image": np.zeros((1, 3, 256, 255), np.float32)}, ("image", "256")),
        ({"image": np.zeros((1, 3, 512, 512), np.float32)}, ("image", "256")),
        ({"hole": np.ones((1, 1, 128, 128), np.float32)}, ("hole", "256")),
        ({"eps": np.zeros((2, 5, 8, 8), np.float32)}, ("eps", "[K,6,8,8]")),
        ({"eps": np.zeros((2, 6, 4, 4), np.float32)}, ("eps", "[K,6,8,8]")),
        ({"eps": np.full((1, 6, 8, 8), np.nan, np.float32)}, ("eps", "finite")),
        ({"eps": np.zeros((2, 6, 8, 8))}, ("eps", "float64")),
    ],
)
def test_arrays_that_do_not_fit(change: Arrays, words: tuple[str, ...], tmp_path: Path, run: Run) -> None:
    good = {"image": np.zeros((1, 3, 256, 256), np.float32), "hole": np.ones((1, 1, 256, 256), np.float32)}
    np.savez(tmp_path / "in.npz", **(good | change))
    folder = reference.write(tmp_path / "x", reference.make())
    result = run("net", "run", folder, "--input", tmp_path / "in.npz", "--output", tmp_path / "out.npz")
    assert result.exit_code == 1
    assert all(word in result.stderr for word in words), result.stderr
    assert not (tmp_path / "out.npz").exists()


def changed(part: str, key: str, change: Callable[[torch.Tensor], torch.Tensor] | None) -> States:
    """Seeded weights with one value changed, or left out."""
    states = reference.make()
    value = states[part].pop(key)
    if change is not None:
        states[part][key] = change(value)
    return states


BAR, COPY = "encoder1.conv2.module.weight_bar", "encoder1.model.3.module.weight_bar"


@pytest.mark.parametrize(
    ("part", "key", "change", "words"),
    [
        ("E", COPY, lambda x: x + 1e-3, (COPY, f"latest_net_E.pth/{BAR}", "copy")),
        ("E", COPY, lambda x: x[:1], (COPY, BAR, "copy")),
        ("G", "decoder2.model.2.module.bias", lambda x: x * 2, ("decoder2.conv1.module.bias", "copy")),
        ("E", "encoder1.conv2.module.weight_u", lambda x: x[:2], ("weight_u",)),
        ("D", "conv.module.weight_u", None, ("latest_net_D.pth/conv.module.weight_u", "missing")),
        ("D", "conv.module.weight_bar", None, ("latest_net_D.pth/conv.module.weight_bar", "missing")),
        ("D", "conv.module.weight_bar", lambda x: x * 0, ("conv.module.weight_bar", "norm")),
        ("D", "conv.module.weight_bar", lambda x: x * torch.inf, ("conv.module.weight_bar", "finite")),
        ("D", "conv.module.weight_bar", lambda x: x.long(), ("conv.module.weight_bar", "floating")),
        ("G", "attn1.gamma", None, ("generator.attn1.gamma", "missing")),
        ("G", "attn1.gamma", lambda x: x * torch.nan, ("latest_net_G.pth/attn1.gamma", "finite")),
        ("G", "attn1.query_conv.weight", lambda x: x[..., 0], ("latest_net_G.pth/attn1.query_conv.weight",)),
        ("G", "decoder0.model.0.weight", None, ("generator.decoder0.norm1.weight", "missing")),
    ],
)
def test_values_that_do_not_fit_are_named(
    part: str, key: str, change: Any, words: tuple[str, ...], tmp_path: Path, run: Run
) -> None:
    refused(run, reference.write(tmp_path / "x", changed(part, key, change)), *words)


def test_keys_of_no_one(tmp_path: Path, run: Run) -> None:
    states = reference.make()
    states["G"]["generator0.conv1.bias"] = torch.zeros(8)
    refused(run, reference.write(tmp_path / "x", states), "latest_net_G.pth/generator0", "not known")


def test_networks_whose_levels_do_not_fit(tmp_path: Path, run: Run) -> None:
    refused(run, reference.write(tmp_path / "x", reference.make(Shape(4, 8))), "widths", "1/8")


@pytest.mark.parametrize("missing", ["E", "G"])
def test_folders_that_miss_a_part(missing: str, tmp_path: Path, run: Run) -> None:
    states = reference.make()
    del states[missing]
    refused(run, reference.write(tmp_path / "x", states), f"latest_net_{missing}.pth")


def test_other_folders_and_single_parts(tmp_path: Path, run: Run) -> None:
    (tmp_path / "empty").mkdir()
    refused(run, tmp_path / "empty", "models/best.ckpt", "latest_net_E.pth")
    folder = reference.write(tmp_path / "x", reference.make(), "module.")
    for part in "EG":
        refused(run, folder / f"latest_net_{part}.pth", "folder", "latest_net_E.pth and latest_net_G.pth")


def test_zips_that_miss_a_part_or_hold_two(tmp_path: Path, run: Run) -> None:
    states = reference.make()
    both = reference.write(tmp_path / "more" / "a", states).parent
    reference.write(both / "b", states)
    refused(run, zipped(tmp_path / "two.zip", both), "two.zip", "several latest_net_E.pth")
    (both / "a" / "latest_net_G.pth").unlink()
    refused(run, zipped(tmp_path / "half.zip", both / "a"), "half.zip", "no latest_net_G.pth")


def test_code_in_a_part_is_refused_and_never_run(tmp_path: Path, run: Run) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "was here"),)

    folder = reference.write(tmp_path / "x", reference.make())
    (folder / "latest_net_D.pth").write_bytes(pickle.dumps(Evil()))
    refused(run, folder, "latest_net_D.pth", "refused")
    assert not (tmp_path / "was here").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"widths": [4, 8, 8, 8]},
        {"widths": [4, 8, 2, 2, 8]},
        {"widths": [4, 8, 8, 8, 10**9]},
        {"widths": 3},
        {"latent": 0},
        {"latent": True},
        {"inference": 10**6},
        {"scales": 6},
        {"posterior": 1},
        {"critic": [4]},
        {"more": 1},
    ],
)
def test_metadata_that_no_network_has(change: dict[str, Any], tmp_path: Path, run: Run) -> None:
    folder = reference.write(tmp_path / "x", reference.make())
    found = convert.read(folder)
    ours = tmp_path / "ours.safetensors"
    convert.save(found, ours)
    metadata = {"format": "rigatino-1", "system": "pic", "config": json.dumps(found.config | change)}
    save_file(load_file(ours), ours, metadata)
    refused(run, ours, "ours.safetensors", "do not fit")
