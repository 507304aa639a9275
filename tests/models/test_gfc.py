"""GFC against a second implementation that reads the original's layout; its critics and parsing network; its losses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import caffe_files as files
import gfc_reference as reference
import numpy as np
import pytest
import torch
from gfc_reference import PUBLISHED, Floats, Shape
from model_support import Run, picture, refused
from safetensors.torch import load_file, save_file
from torch import Tensor

from rigatino_models import convert, sampling
from rigatino_models.convert.gfc import parsing
from rigatino_models.errors import ModelError
from rigatino_models.gfc import losses
from rigatino_models.gfc.critics import Critic, global_critic, local_critic
from rigatino_models.gfc.losses import Verdicts
from rigatino_models.gfc.net import Gfc, GfcConfig
from rigatino_models.gfc.parsing import Parsing
from rigatino_models.inpainter import Inpainter

SIDE = 128
TOLERANCE = 1e-4  # of the rms
Arrays = dict[str, np.ndarray]


@pytest.fixture
def go(run: Run, tmp_path: Path) -> Callable[..., Arrays]:
    """`rigatino net run` on a picture, its hole and perhaps noise."""

    def call(source: Path | str, image: Tensor, hole: Tensor, noise: Floats | None, *options: str) -> Arrays:
        given = {"image": image.numpy(), "hole": hole.numpy()}
        np.savez(tmp_path / "in.npz", **given, **({} if noise is None else {"noise": noise}))
        words = ("net", "run", source, "--input", tmp_path / "in.npz", "--output", tmp_path / "out.npz")
        result = run(*words, "--force", *options)
        assert result.exit_code == 0, result.output
        with np.load(tmp_path / "out.npz") as found:
            return dict(found)

    return call


def noise(number: int = 1, seed: int = 3) -> Floats:
    return np.random.default_rng(seed).random((number, 3, SIDE, SIDE)).astype(np.float32)


def agree(found: Arrays, expected: Arrays, tolerance: float = TOLERANCE) -> None:
    assert found.keys() == expected.keys()
    for name, wanted in expected.items():
        rms = float(np.sqrt(np.square(wanted).mean()))
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], wanted, rtol=0, atol=tolerance * rms, err_msg=name)


@pytest.mark.parametrize(
    "shape",
    [Shape(), Shape(code=300), Shape((6, 3, 8, 2), (2, 9, 3, 4), 1), Shape((8, 8, 8, 8), (8, 8, 8, 8), 64)],
    ids=["narrow", "wide code", "odd widths", "even widths"],
)
def test_equals_the_original(shape: Shape, tmp_path: Path, go: Callable[..., Arrays]) -> None:
    state = reference.make(shape, seed=1)
    image, hole = picture(SIDE, SIDE, number=2)
    given = noise(2)
    expected = reference.forward(state, image.numpy(), hole.numpy(), given)
    assert expected["raw"].std() > 0.02, "the comparison would show nothing"
    for old in (False, True):
        agree(go(files.write(tmp_path / "Model_G.caffemodel", state, old), image, hole, given), expected)


def test_equals_the_original_at_its_published_widths(tmp_path: Path, go: Callable[..., Arrays]) -> None:
    """The dense layers are narrower: they alone would take half a gigabyte."""
    state = reference.make(Shape(PUBLISHED.down, PUBLISHED.inner, 16), seed=2)
    image, hole = picture(SIDE, SIDE)
    expected = reference.forward(state, image.numpy(), hole.numpy(), noise())
    agree(go(files.write(tmp_path / "x.caffemodel", state), image, hole, noise()), expected)


def test_forms_and_layouts_agree(tmp_path: Path, go: Callable[..., Arrays], run: Run) -> None:
    state = reference.make(seed=4)
    image, hole = picture(SIDE, SIDE)
    expected = reference.forward(state, image.numpy(), hole.numpy(), noise(3))
    path = files.write(tmp_path / "Model_G.caffemodel", state)
    agree(go(path, image, hole, noise(3), "--set", "fast=true"), expected)
    agree(go(files.write(tmp_path / "d.caffemodel", state, double=True), image, hole, noise(3)), expected)
    assert run("weights", "import", path, "--as", "face").exit_code == 0
    agree(go("face", image, hole, noise(3)), expected)
    for form in ((), ("--set", "fast=true")):
        half = go(path, image, hole, noise(3), *form, "--precision", "bf16")
        assert 0 < np.abs(half["raw"] - expected["raw"]).mean() < 0.05


def test_the_picture_is_transposed_inside(tmp_path: Path, go: Callable[..., Arrays]) -> None:
    """Kernels that look to one side only: left in Caffe is up in the picture."""
    state = {name: (w * 0, b * 0) for name, (w, b) in reference.make(Shape()).items()}
    for name, _, _ in reference.plan(Shape()):
        state[name][0][0, 0, 1, 1] = 1
    state["conv0_1"][0][0, 0] = [[0, 0, 0], [1, 0, 0], [0, 0, 0]]
    state["fc3"][0][0, 0] = state["defc3"][0][0, 0] = 1
    image, hole = torch.full((1, 3, SIDE, SIDE), 0.5), torch.zeros(1, 1, SIDE, SIDE)
    image[0, 0, 2, 5] = 1.0  # in the first cell that reaches the dense layers
    raw = go(files.write(tmp_path / "x.caffemodel", state), image, hole, noise())["raw"]
    bright = np.argwhere(raw[0, 0] > 0.9)
    assert bright.tolist() == [[3, 5]]


def test_known_pixels_come_back_exactly_and_many_answers_differ(
    tmp_path: Path, go: Callable[..., Arrays]
) -> None:
    image, hole = picture(SIDE, SIDE)
    path = files.write(tmp_path / "x.caffemodel", reference.make())
    out = go(path, image, hole, noise(3))["out"]
    known = np.broadcast_to(hole.numpy() == 0, out.shape)
    assert np.array_equal(out[known], np.broadcast_to(image.numpy(), out.shape)[known])
    assert np.abs(out[0] - out[1]).max() > 1e-3
    first, again, other = (
        go(path, image, hole, None, *seed)["raw"] for seed in ((), (), ("--set", "seed=1"))
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_what_chance_adds(tmp_path: Path) -> None:
    net = convert.load(files.write(tmp_path / "x.caffemodel", reference.make()))
    image, hole = picture(SIDE, SIDE)
    sampler = sampling.Sampler(Inpainter(net, SIDE, SIDE, square=True), image, hole, 4)
    one, again, near = (sampler.answer(lineage)[0] for lineage in ((5,), (5,), (5, 6)))
    assert torch.equal(one, again)
    assert not torch.equal(one, near)
    likely, score = sampler.answer((7,), 0.0)
    assert score is None
    with torch.no_grad():
        assert torch.equal(likely, net(image, hole, noise=torch.full_like(image, 0.5)))


def test_progress_reaches_its_end_and_other_sizes_are_refused() -> None:
    net = Gfc(GfcConfig((2, 2, 2, 2), (2, 2, 2, 2), 2)).eval()
    steps: list[tuple[int, int]] = []
    with torch.no_grad():
        net(*picture(SIDE, SIDE), lambda done, total: steps.append((done, total)))
    assert steps == [(i, 9) for i in range(1, 10)]
    with pytest.raises(ValueError, match="128x128"):
        net(*picture(64, 128))


def test_published_sizes() -> None:
    with torch.device("meta"):
        parts = [Gfc(GfcConfig()), Parsing(), local_critic(), global_critic()]
    counts = [sum(p.numel() for p in part.parameters()) for part in parts]
    assert counts == [137_071_331, 23_954_571, 7_130_689, 7_164_705]


def test_what_inspect_and_import_say(tmp_path: Path, run: Run) -> None:
    path = files.write(tmp_path / "Model_G.caffemodel", reference.make(), old=True)
    facts = json.loads(run("weights", "inspect", path, "--json").stdout)
    assert (facts["system"], facts["kind"]) == ("gfc", "Caffe model")
    assert facts["config"] == {"widths": [4, 5, 6, 7], "inner": [3, 4, 5, 6], "code": 11}
    imported = json.loads(run("weights", "import", path, "--json").stdout)
    assert imported["name"] == "model_g"
    assert "CelebA" in imported["weights_licence"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image": np.zeros((1, 3, 128, 127), np.float32)}, ("image", "128")),
        ({"image": np.zeros((1, 3, 256, 256), np.float32)}, ("image", "128")),
        ({"noise": np.zeros((1, 1, 128, 128), np.float32)}, ("noise", "[K,3,128,128]")),
        ({"noise": np.full((1, 3, 128, 128), 2, np.float32)}, ("noise", "0 to 1")),
        ({"noise": np.full((1, 3, 128, 128), np.nan, np.float32)}, ("noise", "finite")),
    ],
)
def test_arrays_that_do_not_fit(change: Arrays, words: tuple[str, ...], tmp_path: Path, run: Run) -> None:
    good = {"image": np.zeros((1, 3, 128, 128), np.float32), "hole": np.ones((1, 1, 128, 128), np.float32)}
    np.savez(tmp_path / "in.npz", **(good | change))
    path = files.write(tmp_path / "x.caffemodel", reference.make())
    result = run("net", "run", path, "--input", tmp_path / "in.npz", "--output", tmp_path / "out.npz")
    assert result.exit_code == 1
    assert all(word in result.stderr for word in words), result.stderr


@pytest.mark.parametrize(
    "change",
    [
        {"widths": [4, 8, 8]},
        {"widths": [4, 8, 8, 10**9]},
        {"inner": [4, 8, 8, True]},
        {"inner": 3},
        {"code": 0},
        {"code": 10**9},
        {"more": 1},
    ],
)
def test_metadata_that_no_network_has(change: dict[str, Any], tmp_path: Path, run: Run) -> None:
    found = convert.read(files.write(tmp_path / "x.caffemodel", reference.make()))
    ours = tmp_path / "ours.safetensors"
    convert.save(found, ours)
    metadata = {"format": "rigatino-1", "system": "gfc", "config": json.dumps(found.config | change)}
    save_file(load_file(ours), ours, metadata)
    refused(run, ours, "do not fit")


# --- what training needs


def small_parsing(path: Path) -> Path:
    """A file of the parsing network: only its shapes matter here."""
    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in Parsing().state_dict().items()}
    random = np.random.default_rng(0)
    blobs: dict[str, list[Floats]] = {}
    for key, shape in shapes.items():
        scale = (2 / np.prod(shape[1:])) ** 0.5 if len(shape) > 1 else 0.1
        blobs.setdefault(key.rsplit(".", 1)[0], []).append(random.normal(0, scale, shape).astype(np.float32))
    return files.write(path, blobs)


def test_the_parsing_network_reads_the_originals_file(tmp_path: Path, run: Run) -> None:
    path = small_parsing(tmp_path / "Model_parsing.caffemodel")
    net = parsing(path)
    image = picture(64, 64)[0]
    with torch.no_grad():
        logits = net(image)
    assert logits.shape == (1, 11, 64, 64)
    assert logits.std() > 1e-3
    assert torch.equal(logits, net(image)), "dropout is for training"
    refused(run, path, "parsing network", "Model_G.caffemodel")
    with pytest.raises(ModelError) as caught:
        parsing(files.write(tmp_path / "G.caffemodel", reference.make()))
    assert caught.value.params["key"] == "conv1_1.weight"


def test_a_discriminators_file_is_named(tmp_path: Path, run: Run) -> None:
    blobs = {"conv5": (np.ones((1, 2, 4, 4), np.float32), np.ones(1, np.float32))}
    refused(run, files.write(tmp_path / "D.caffemodel", blobs), "discriminator", "Model_G.caffemodel")


def test_critics_learn_to_tell_pictures_apart() -> None:
    torch.manual_seed(0)
    net = Critic((4, 8))
    optimiser = torch.optim.Adam(net.parameters(), 2e-3)
    real, fake = picture(16, 16, 4)[0], torch.rand(4, 3, 16, 16)
    first = losses.critic_loss(net(real), net(fake)).item()
    for _ in range(40):
        optimiser.zero_grad()
        losses.critic_loss(net(real), net(fake)).backward()
        optimiser.step()
    assert losses.critic_loss(net(real), net(fake)).item() < 0.5 * first
    with pytest.raises(ValueError, match="16x16"):
        net(picture(32, 32)[0])


def test_losses_are_those_of_the_paper() -> None:
    truth, hole = torch.full((2, 3, 4, 4), 0.25), torch.zeros(2, 1, 4, 4)
    hole[:, :, 1, 1] = 1
    logits = torch.zeros(2, 11, 4, 4)
    parts = torch.full((2, 4, 4), 3)
    everything = Verdicts(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 0.0]), logits, parts)
    found = losses.generator_loss(truth + 0.5, truth, hole, everything)
    half, eleven = np.log(2), np.log(11)
    assert {name: float(value) for name, value in found.items()} == pytest.approx(
        {"reconstruction": 48.0, "local": 300 * half, "overall": 300 * half, "parsing": 0.05 * eleven}
    )
    assert set(losses.generator_loss(truth, truth, hole, Verdicts())) == {"reconstruction"}
    verdicts = torch.tensor([1.0]), torch.tensor([-2.0, 0.5])
    expected = -np.log([1 / (1 + np.exp(-1)), 1 - 1 / (1 + np.exp(2)), 1 - 1 / (1 + np.exp(-0.5))]).sum() / 3
    assert float(losses.critic_loss(*verdicts)) == pytest.approx(expected)


def test_the_square_around_a_hole() -> None:
    pictures = torch.arange(2 * 3 * 16 * 16.0).view(2, 3, 16, 16)
    hole = torch.zeros(2, 1, 16, 16)
    hole[0, :, 5:9, 6:10] = 1
    hole[1, :, 14:, :2] = 1  # in the corner
    found = losses.square(pictures, hole, 8)
    assert torch.equal(found[0], pictures[0, :, 3:11, 4:12])
    assert torch.equal(found[1], pictures[1, :, 8:, :8])
    with pytest.raises(ValueError, match="no hole"):
        losses.square(pictures, hole * 0, 8)
