"""Neural Collage against a second implementation that reads chainer's layout; what is said of wrong files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import collage_reference as reference
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from collage_reference import FULL, SIDES, Shape
from lama_files import zipped
from model_support import Run

from rigatino_models import convert
from rigatino_models.collage.net import PUBLISHED, Collage
from rigatino_models.convert.weights import converter

TOLERANCE = 2e-4  # of the rms, or of pictures whose range is 1
Arrays = dict[str, np.ndarray]
Go = Callable[..., Arrays]


@pytest.fixture
def go(run: Run, tmp_path: Path) -> Go:
    """`rigatino net run` on arrays."""

    def call(source: Path | str, given: dict[str, torch.Tensor], *options: str) -> Arrays:
        np.savez(tmp_path / "in.npz", **{name: value.numpy() for name, value in given.items()})
        words = ("net", "run", source, "--input", tmp_path / "in.npz", "--output", tmp_path / "out.npz")
        result = run(*words, "--force", *options)
        assert result.exit_code == 0, result.output
        with np.load(tmp_path / "out.npz") as found:
            return dict(found)

    return call


def near(found: np.ndarray, wanted: torch.Tensor) -> None:
    rms = float(wanted.square().mean().sqrt())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted.numpy(), rtol=0, atol=TOLERANCE * rms)


def chance(seed: int = 7) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def class_maps(shape: Shape) -> list[torch.Tensor]:
    """Convex weights [1,H,W,classes] for each normalisation."""
    sides = [4 << level for level in range(len(shape.generator))]
    pairs = [side for a, b in pairwise(sides) for side in (a, b)]
    return [torch.rand(1, s, s, shape.classes, generator=chance(s)).mul(4).softmax(-1) for s in pairs]


def blends(shape: Shape) -> list[torch.Tensor]:
    """Weights [1,H,W,3] of source, reference and own features, which there are none of at first."""
    found = []
    for level in range(len(shape.generator)):
        weights = torch.rand(1, 4 << level, 4 << level, 3, generator=chance(level))
        weights[..., 2] *= float(level > 0)
        found.append(weights / weights.sum(-1, keepdim=True))
    return found


def first(maps: list[torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    """Maps as `net run` takes them."""
    return {f"{name}_{i}": x[0].permute(2, 0, 1).contiguous() for i, x in enumerate(maps)}


@pytest.mark.parametrize("side", SIDES)
def test_the_generator_equals_the_original(side: int, tmp_path: Path, go: Go) -> None:
    shape = SIDES[side]
    state = reference.make_generator(shape)
    file = reference.write(tmp_path / "ResNetGenerator_450000.npz", state)
    z = torch.randn(2, shape.latent, generator=chance())
    label = torch.tensor([3, 1])
    maps, mixes = class_maps(shape), blends(shape)
    plain = reference.generate(state, [z], [label] * len(maps))
    painted = reference.generate(state, [z], maps)
    ref = torch.randn(2, shape.latent, generator=chance(8))
    collage = reference.generate(state, [z, ref], maps, mixes)
    same_class = reference.generate(state, [z, ref], [label] * len(maps), mixes)
    assert plain.shape == (2, 3, side, side)
    assert plain.std() > 0.1, "the comparison would show nothing"
    for form in ((), ("--set", "fast=true")):
        given = {"z": z, "label": label}
        near(go(file, given, *form)["raw"], (plain + 1) / 2)
        near(go(file, given | first(maps, "class_map"), *form)["raw"], (painted + 1) / 2)
        given |= {"z_ref": ref} | first(mixes, "blend")
        near(go(file, given, *form)["raw"], (same_class + 1) / 2)
        near(go(file, given | first(maps, "class_map"), *form)["raw"], (collage + 1) / 2)


@pytest.mark.parametrize("side", SIDES)
def test_discriminator_and_encoder_equal_the_original(side: int, tmp_path: Path, go: Go) -> None:
    shape = SIDES[side]
    judge, encoder = reference.make_discriminator(shape), reference.make_encoder(shape)
    image = torch.rand(2, 3, side, side, generator=chance())
    label = torch.tensor([4, 0])
    seen = reference.features(judge, 2 * image - 1)
    assert seen.std() > 0.05
    small = torch.rand(2, 3, 4 << len(shape.encoder) >> 1, 4 << len(shape.encoder) >> 1, generator=chance(2))
    z = reference.encode(encoder, 2 * small - 1, label)
    for form in ((), ("--set", "fast=true")):
        found = go(reference.write(tmp_path / "D.npz", judge), {"image": image, "label": label}, *form)
        assert found.keys() == {"features", "score"}
        near(found["features"], seen.flatten(1))
        near(found["score"], reference.score(judge, seen, label))
        file = reference.write(tmp_path / "E.npz", encoder, compressed=False)
        found = go(file, {"image": small, "label": label}, *form)
        assert found.keys() == {"z"}
        near(found["z"], z)


def test_published_sizes() -> None:
    with torch.device("meta"):
        net = Collage(PUBLISHED)
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in net.named_children()}
    unused = 2 * 8192  # a normalisation that the original's encoder has, and does not run
    assert counts == {
        "generator": 22_556_547,
        "discriminator": 24_525_457,
        "encoder": 10_487_488 - unused,
    }
    assert (PUBLISHED.side, PUBLISHED.encoder_side, PUBLISHED.blend_sides[-1]) == (256, 128, 256)
    assert PUBLISHED.map_sides == [4, 8, 8, 16, 16, 32, 32, 64, 64, 128, 128, 256]
    small = replace(FULL, channels=1, classes=2)
    lengths = [len(make(small)) for make in (reference.make_generator, reference.make_discriminator)]
    assert lengths == [105, 65]
    assert len(reference.make_encoder(small)) == 90


def test_a_uniform_map_is_exactly_the_class(tmp_path: Path, go: Go) -> None:
    shape = Shape()
    file = reference.write(tmp_path / "G.npz", reference.make_generator(shape))
    z, label = torch.randn(1, shape.latent, generator=chance()), torch.tensor([2])
    maps = [F.one_hot(torch.full(x.shape[:3], 2), shape.classes).float() for x in class_maps(shape)]
    for form in ((), ("--set", "fast=true")):
        plain = go(file, {"z": z, "label": label}, *form)["raw"]
        assert np.array_equal(
            plain, go(file, {"z": z, "label": label} | first(maps, "class_map"), *form)["raw"]
        )


def test_only_its_own_features_change_nothing(tmp_path: Path, go: Go) -> None:
    shape = Shape()
    file = reference.write(tmp_path / "G.npz", reference.make_generator(shape))
    z, label = torch.randn(1, shape.latent, generator=chance()), torch.tensor([2])
    own = [torch.zeros_like(x) for x in blends(shape)]
    own[0][..., 0] = 1
    for weights in own[1:]:
        weights[..., 2] = 1
    blended = go(file, {"z": z, "label": label, "z_ref": -z} | first(own, "blend"))["raw"]
    assert np.array_equal(blended, go(file, {"z": z, "label": label})["raw"])


def agrees(go: Go, source: Path | str, shape: Shape, seed: int = 0) -> None:
    """All three networks of `reference.folder` are in the source."""
    label, image = torch.tensor([1]), torch.rand(1, 3, shape.side, shape.side, generator=chance())
    z = torch.randn(1, shape.latent, generator=chance())
    judge = reference.make_discriminator(shape, seed + 1)
    seen = reference.features(judge, 2 * image - 1)
    small = torch.rand(1, 3, 16, 16, generator=chance())
    made = reference.generate(reference.make_generator(shape, seed), [z], [label] * 6)
    near(go(source, {"z": z, "label": label})["raw"], (made + 1) / 2)
    found = go(source, {"image": image, "label": label}, "--set", "part=discriminator")
    near(found["score"], reference.score(judge, seen, label))
    found = go(source, {"image": small, "label": label}, "--set", "part=encoder")
    near(found["z"], reference.encode(reference.make_encoder(shape, seed + 2), 2 * small - 1, label))


def test_a_folder_a_zip_and_our_own_file_are_one_network(tmp_path: Path, go: Go, run: Run) -> None:
    shape = Shape()
    folder = reference.folder(tmp_path / "dogs", shape)
    agrees(go, folder, shape)
    agrees(go, zipped(tmp_path / "dogs.zip", folder, "models/"), shape)
    assert run("weights", "import", folder, "--as", "mine").exit_code == 0
    agrees(go, "mine", shape)


def test_a_trainers_snapshot(tmp_path: Path, go: Go) -> None:
    """It holds both networks, their optimisers and much else."""
    shape = Shape()
    generator, judge = reference.make_generator(shape), reference.make_discriminator(shape, 1)
    state = {f"updater/model:opt_gen/{key}": value for key, value in generator.items()}
    state |= {f"updater/model:opt_dis/{key}": value for key, value in judge.items()}
    state |= {f"updater/optimizer:opt_gen/{key}/m": value for key, value in generator.items()}
    state |= {"updater/iteration": torch.tensor(9), "_snapshot_elapsed_time": torch.tensor(1.0)}
    (tmp_path / "x").mkdir()
    reference.write(tmp_path / "x" / "snapshot_iter_9.npz", state)
    reference.write(tmp_path / "x" / "encoder.npz", reference.make_encoder(shape, 2))
    agrees(go, tmp_path / "x", shape)


def test_what_inspect_and_import_say(tmp_path: Path, run: Run) -> None:
    shape = Shape(classes=143)
    folder = reference.folder(tmp_path / "dogs", shape)
    facts = json.loads(run("weights", "inspect", folder, "--json").stdout)
    assert facts["system"] == "collage"
    assert facts["config"] == {
        "classes": 143,
        "latent": 6,
        "generator": [16, 16, 8, 4],
        "discriminator": [4, 8, 8],
        "wide": True,
        "flat": True,
        "encoder": [4, 8, 8],
        "auxiliary": [],
        "names": [],
    }
    assert facts["title"] == "Neural Collage 32"
    imported = json.loads(run("weights", "import", folder, "--json").stdout)
    assert imported["weights_licence"] == "MIT"
    assert imported["tasks"] == ["paint", "transplant"]
    assert imported["source"]["sha256"] == facts["sha256"]


@pytest.mark.parametrize("number", [64, 128])
def test_widths_tell_the_architecture(number: int, tmp_path: Path) -> None:
    shape = SIDES[number]
    read = convert.read(reference.write(tmp_path / "D.npz", reference.make_discriminator(shape)))
    assert (read.config["wide"], read.config["flat"]) == (False, shape.flat)


def test_the_auxiliary_network(tmp_path: Path) -> None:
    shape = Shape()
    state = reference.make_generator(shape, auxiliary=True)
    net = convert.load(reference.write(tmp_path / "Aux.npz", state))
    assert isinstance(net, Collage)
    assert net.auxiliary is not None
    z = torch.randn(3, shape.latent, generator=chance())

    def leaky(x: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
        return x.clamp_min(0) + slope * x.clamp_max(0)

    hidden = F.relu(F.linear(z, state["lA1/W"], state["lA1/b"]))
    code = leaky(F.linear(hidden, state["lA2/W"], state["lA2/b"]), state["preluMiddleW/W"])
    hidden = F.relu(F.linear(code, state["lB1/W"], state["lB1/b"]))
    back = leaky(F.linear(hidden, state["lB2/W"], state["lB2/b"]), state["preluW/W"])
    with torch.no_grad():
        near(net.auxiliary.widened(z).numpy(), code)
        near(net.auxiliary.narrowed(code).numpy(), back)


def test_save_load_and_gradients(tmp_path: Path) -> None:
    shape = Shape()
    read = convert.read(reference.folder(tmp_path / "x", shape))
    convert.save(read, tmp_path / "x.safetensors")
    again = convert.read(tmp_path / "x.safetensors", convert.digest(tmp_path / "x.safetensors"))
    assert (again.system, again.config) == ("collage", read.config)
    net = converter("collage").build(again.config, again.tensors).train()
    assert isinstance(net, Collage)
    z, labels = torch.randn(4, shape.latent, generator=chance()), torch.tensor([0, 1, 2, 3])
    assert net.discriminator is not None
    assert net.encoder is not None
    made = net(z, labels) * 2 - 1
    small = F.adaptive_avg_pool2d(made, net.config.encoder_side)
    (net.discriminator(made, labels).sum() + net.encoder(small, labels).sum()).backward()
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key


@pytest.mark.parametrize("form", [(), ("--set", "fast=true")], ids=["plain", "fast"])
def test_half_precision_is_near(form: tuple[str, ...], tmp_path: Path, go: Go) -> None:
    shape = Shape()
    folder = reference.folder(tmp_path / "x", shape)
    z, label = torch.randn(1, shape.latent, generator=chance()), torch.tensor([2])
    given = {"z": z, "label": label, "z_ref": -z} | first(class_maps(shape), "class_map")
    image = {"image": torch.rand(1, 3, 16, 16, generator=chance()), "label": label}
    for arrays, name in ((given | first(blends(shape), "blend"), "raw"), (image, "z")):
        exact = go(folder, arrays)[name]
        half = go(folder, arrays, *form, "--precision", "bf16")[name]
        assert half.dtype == np.float32
        assert 0 < np.abs(half - exact).mean() < 0.05 * np.abs(exact).mean()
