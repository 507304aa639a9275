"""Our LaMa against the second implementation of the published facts: equal within 2e-5."""

from __future__ import annotations

from dataclasses import asdict

import lama_reference as reference
import pytest
import torch
from lama_reference import Shape
from model_support import picture

from rigatino_models.convert.lama import build, infer_config
from rigatino_models.lama.net import BIG_LAMA, LAMA_FOURIER, LAMA_REGULAR, Lama, LamaConfig

TOLERANCE = 2e-5
SHAPES = {
    "as published, narrow": Shape(),
    "no multiple of four": Shape(ngf=6, blocks=1, ratio=0.6),
    "ratio that rounds down": Shape(ngf=12, blocks=1, ratio=0.3),
    "mostly global": Shape(ngf=8, blocks=1, ratio=0.9),
    "one down": Shape(ngf=12, downs=1, blocks=3, ratio=0.5),
    "two downs": Shape(ngf=10, downs=2, blocks=1),
    "four downs, capped": Shape(ngf=4, downs=4, blocks=1, max_features=24),
    "no blocks": Shape(blocks=0),
    "local unit": Shape(ngf=16, blocks=2, ratio=0.5, lfu=True),
    "regular": Shape(ratio=0),
    "regular, capped": Shape(ngf=12, blocks=3, ratio=0, max_features=40),
    "regular, one down": Shape(ngf=8, downs=1, blocks=1, ratio=0),
    "regular, four downs": Shape(ngf=4, downs=4, blocks=1, ratio=0),
    "regular, no blocks": Shape(ngf=4, downs=3, blocks=0, ratio=0, max_features=8),
}


@pytest.mark.parametrize("name", SHAPES)
def test_equals_the_original(name: str) -> None:
    shape = SHAPES[name]
    state = reference.make(shape, seed=len(name))
    height, width = (64, 64) if shape.lfu else (144, 80)
    image, hole = picture(height, width, number=2)
    expected = reference.forward(state, shape, image, hole)
    with torch.no_grad():
        found = network(state)(image, hole)
    assert expected.std() > 0.05, "the comparison would show nothing"
    torch.testing.assert_close(found, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", SHAPES)
def test_hyper_parameters_are_told_from_the_shapes(name: str) -> None:
    shape = SHAPES[name]
    config = infer_config(ours(reference.make(shape)))
    glob = shape.split[1]
    assert config == LamaConfig(tuple(shape.widths), shape.blocks, glob, shape.lfu and shape.blocks > 0)


def test_published_sizes() -> None:
    published = {
        BIG_LAMA: 50_975_875,
        LAMA_FOURIER: 27_048_835,
        LAMA_REGULAR: 45_617_731,
        LamaConfig(blocks=15, global_width=0): 73_947_715,
    }
    with torch.device("meta"):
        sizes = {config: sum(p.numel() for p in Lama(config).parameters()) for config in published}
    assert sizes == published


def test_published_keys() -> None:
    with torch.device("meta"):
        counts = [len(Lama(config).state_dict()) for config in (BIG_LAMA, LAMA_FOURIER, LAMA_REGULAR)]
    assert counts == [989, 521, 177]


def test_half_precision_is_stored_but_computed_in_single() -> None:
    state = {k: v.half() if v.is_floating_point() else v for k, v in reference.make(Shape(blocks=1)).items()}
    assert {p.dtype for p in network(state).parameters()} == {torch.float32}


def network(state: reference.State) -> Lama:
    """Our network with the original's weights."""
    mine = ours(state)
    return build(asdict(infer_config(mine)), mine).eval()


def ours(state: reference.State) -> reference.State:
    return {key.removeprefix("generator."): value for key, value in state.items()}
