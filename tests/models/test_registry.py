"""A registered network is a tested network: every system, in a tiny configuration, and every bundled file."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
import torch
from model_support import picture
from safetensors import safe_open
from torch import nn

from rigatino import weights as library
from rigatino_models import convert, registry
from rigatino_models.comodgan.net import CoModGANConfig
from rigatino_models.convert.weights import converter
from rigatino_models.errors import ModelError
from rigatino_models.inpainter import Inpainter, composite
from rigatino_models.lama.net import TINY
from rigatino_models.spec import NetworkSpec


def comodgan_tiny(**changes: Any) -> dict[str, Any]:
    """A CoModGAN of 128 pixels, as JSON has it."""
    config = CoModGANConfig(widths=(12, 12, 8, 6, 6, 4), mapping=(32, 32, 32), global_width=24)
    return json.loads(json.dumps(asdict(config) | changes))  # type: ignore[no-any-return]


# system -> tiny configurations, under a million parameters each
TINIES: dict[str, dict[str, dict[str, Any]]] = {
    "lama": {
        "small": asdict(TINY),
        "fourier": {"widths": [8, 16, 32, 64], "blocks": 1, "global_width": 48},
        "regular": {"widths": [8, 16, 32], "blocks": 1, "global_width": 0},
        "deep": {"widths": [4, 8, 16, 24, 24], "blocks": 1, "global_width": 12},
    },
    "exemplar": {"plain": {"radius": 2, "components": 16, "coarsest": 16, "rim": True}},
    "comodgan": {
        "plain": comodgan_tiny(),
        "bare": comodgan_tiny(skip4=False, average=False, constants=False, clamp=256.0),
    },
    "pic": {
        "narrow": {"widths": [4, 8, 8, 8, 8], "latent": 6, "inference": 1, "scales": 4, "posterior": False},
        "last scale": {
            "widths": [3, 4, 4, 4, 5],
            "latent": 2,
            "inference": 0,
            "scales": 1,
            "posterior": False,
        },
    },
    "dfnet": {"one scale": {"widths": [3, 4, 4, 5, 5, 6, 6, 6], "scales": 1, "blend": 3}},
    "gfc": {
        "narrow": {"widths": [4, 6, 8, 8], "inner": [6, 6, 6, 6], "code": 32},
        "uneven": {"widths": [12, 8, 8, 4], "inner": [4, 8, 8, 12], "code": 16},
    },
    "collage": {
        "whole": {
            "classes": 5,
            "latent": 6,
            "generator": [8, 8, 4],
            "discriminator": [4, 8, 8],
            "wide": True,
            "flat": True,
            "encoder": [4, 8],
            "auxiliary": [],
            "names": [],
        },
    },
}
CASES = [(system, name) for system, tinies in TINIES.items() for name in tinies]
FILLING = [case for case in CASES if case[0] != "collage"]  # tests/models/test_collage.py has the other's
SIZES = [(16, 16), (33, 47), (1, 1), (8, 100)]


def network(system: str, name: str) -> tuple[nn.Module, NetworkSpec]:
    """A seeded network and its spec."""
    config = TINIES[system][name]
    torch.manual_seed(1)
    module = converter(system)
    state = {key: torch.randn(shape) * 0.1 for key, shape in module.expected(config).items()}
    state = {k: v.abs() + 0.5 if k.endswith("running_var") else v for k, v in state.items()}
    return module.build(config, state).eval(), registry.describe(system, name, config, "none", "test")


def test_every_system_has_a_tiny_configuration() -> None:
    assert set(TINIES) == set(registry.SYSTEMS)
    for system, name in CASES:
        assert sum(p.numel() for p in network(system, name)[0].parameters()) < 1_000_000


def described() -> list[NetworkSpec]:
    return registry.specs() + [network(system, name)[1] for system, name in CASES]


@pytest.mark.parametrize("spec", described(), ids=lambda spec: spec.name)
def test_no_field_of_a_spec_is_empty(spec: NetworkSpec) -> None:
    for field in fields(spec):
        value = getattr(spec, field.name)
        if field.name in ("classes", "missing"):
            continue
        assert value is not None, field.name
        assert value not in ("", ()), field.name
    assert spec.minimum % spec.multiple == 0
    assert spec.comfortable >= spec.context_minimum >= spec.minimum
    assert spec.hole_polarity_inside in (0, 1)
    assert set(spec.dtypes) <= {"fp32", "bf16"}
    assert spec.system in registry.SYSTEMS
    library._info(spec)  # fits into a message


@pytest.mark.parametrize(("system", "name"), FILLING)
@pytest.mark.parametrize("number", [1, 2])
def test_forward_at_odd_sizes(system: str, name: str, number: int) -> None:
    net, spec = network(system, name)
    inpainter = Inpainter(net, spec.multiple, spec.minimum, spec.square)
    for height, width in SIZES:
        image, hole = picture(height, width, number)
        raw = inpainter.raw(image, hole)
        assert raw.shape == image.shape
        assert raw.dtype == torch.float32
        assert raw.isfinite().all()
        assert torch.equal(raw, inpainter.raw(image, hole)), "not deterministic"


@pytest.mark.parametrize(("system", "name"), FILLING)
def test_pictures_of_a_batch_do_not_touch_each_other(system: str, name: str) -> None:
    net, spec = network(system, name)
    if spec.stochastic:
        pytest.skip("answers one picture at a time")
    inpainter = Inpainter(net, spec.multiple, spec.minimum, spec.square)
    image, hole = picture(48, 40, 2)
    alone = [inpainter.raw(image[k : k + 1], hole[k : k + 1]) for k in range(2)]
    assert torch.allclose(inpainter.raw(image, hole), torch.cat(alone), atol=1e-5)


@pytest.mark.parametrize(("system", "name"), FILLING)
@pytest.mark.parametrize("full", [False, True])
def test_empty_and_full_holes(system: str, name: str, full: bool) -> None:
    net, spec = network(system, name)
    image, hole = picture(40, 24)
    hole = torch.full_like(hole, float(full))
    raw = Inpainter(net, spec.multiple, spec.minimum).raw(image, hole)
    assert raw.isfinite().all()
    expected = raw.clamp(0, 1) if full else image
    assert torch.equal(composite(image, hole, raw), expected)


@pytest.mark.parametrize(("system", "name"), FILLING)
def test_the_hole_is_what_is_one(system: str, name: str) -> None:
    """What lies under the hole must not matter; what lies outside must."""
    net, spec = network(system, name)
    image, hole = picture(64, 64)
    inpainter = Inpainter(net, spec.multiple, spec.minimum)
    raw = inpainter.raw(image, hole)
    assert torch.equal(raw, inpainter.raw(image * (1 - hole) + 0.3 * hole, hole))
    assert not torch.equal(raw, inpainter.raw(image * hole, hole))


@pytest.mark.parametrize(("system", "name"), FILLING)
def test_gradients_are_finite(system: str, name: str) -> None:
    net, spec = network(system, name)
    if not list(net.parameters()):
        pytest.skip("nothing to learn")
    side = max(32, spec.minimum)
    image, hole = picture(side, side, number=2)
    net.train()
    net(image, hole).square().mean().backward()
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key


@pytest.mark.parametrize(("system", "name"), FILLING)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_save_and_load(system: str, name: str, dtype: torch.dtype, tmp_path: Path) -> None:
    net, spec = network(system, name)
    if dtype is torch.float16:
        net = net.half().float()
    config = json.loads(json.dumps(asdict(net.config)))  # type: ignore[arg-type, call-overload]
    state = {k: v.to(dtype) for k, v in net.state_dict().items() if v.is_floating_point()}
    path = tmp_path / "x.safetensors"
    convert.save(convert.Weights(system, config, state, "test", {"licence": "CC0-1.0"}), path)
    assert [file.name for file in tmp_path.iterdir()] == ["x.safetensors"]
    found = convert.read(path, convert.digest(path))
    assert (found.system, found.config, found.metadata) == (system, config, {"licence": "CC0-1.0"})
    assert all(tensor.dtype == dtype for tensor in found.tensors.values())
    assert found.tensors.keys() == {key for key in state if not key.endswith("num_batches_tracked")}
    image, hole = picture(spec.minimum * (1 if spec.square else 2), spec.minimum)
    with torch.no_grad():
        # Where tensors lie in memory decides the last bit of some products.
        torch.testing.assert_close(found.network()(image, hole), net(image, hole), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", [spec.name for spec in registry.specs()])
def test_bundled_networks(name: str) -> None:
    """The file is there, has the hash on record, and the record tells the truth about it."""
    network = registry.find(name)
    found = convert.read(network.path, network.sha256)
    spec = network.spec
    described = registry.describe(found.system, name, found.config, spec.weights_licence, spec.format_origin)
    assert found.system == spec.system
    assert (described.multiple, described.minimum, described.square) == (
        spec.multiple,
        spec.minimum,
        spec.square,
    )
    assert network.path.stat().st_size <= 16_000_000
    image, hole = picture(50, 70)
    raw = Inpainter(found.network(), spec.multiple, spec.minimum).raw(image, hole)
    assert raw.isfinite().all()
    assert raw[hole.expand_as(raw) > 0].std() > 0.01


def test_names() -> None:
    assert registry.find("").spec.name == registry.DEFAULT
    assert registry.specs()[0].name == registry.DEFAULT
    for wrong in ("LAMA-SMALL", "nothing", "../lama-small"):
        with pytest.raises(ModelError) as caught:
            registry.find(wrong)
        assert caught.value.code == "unknown_network"


def test_another_hash_is_refused(tmp_path: Path) -> None:
    network = registry.find("")
    with pytest.raises(ModelError) as caught:
        convert.read(network.path, "0" * 64)
    assert caught.value.code == "weights_hash"
    assert caught.value.params["found"] == network.sha256


def test_the_bundled_file_says_what_it_is_and_nothing_of_where_it_was_made() -> None:
    network = registry.find("")
    with safe_open(network.path, "pt") as file:
        metadata = file.metadata()
    assert metadata["system"] == "lama"
    assert metadata["licence"] == network.spec.weights_licence
    training = json.loads(metadata["training"])
    assert training["samples"] > 0
    assert "/" not in metadata["training"]
    assert "\\" not in metadata["training"]
