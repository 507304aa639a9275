"""DFNet's losses by hand, and that they teach every part of the network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from model_support import picture
from torch import Tensor

from rigatino_models.dfnet.losses import Judge, Weights, grams, losses, variation
from rigatino_models.dfnet.net import DFNet, DFNetConfig
from rigatino_models.layers.fused import Fused
from rigatino_models.losses.vgg import CONVOLUTIONS

CHANNELS = (64, 128, 256)  # of the judge's pools


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """One that hands on what is red."""
    state: dict[str, Tensor] = {}
    for index, (inputs, outputs) in CONVOLUTIONS.items():
        weight = torch.zeros(outputs, inputs, 3, 3)
        weight[0, 0, 1, 1] = 1
        state |= {f"features.{index}.weight": weight, f"features.{index}.bias": torch.zeros(outputs)}
    torch.save(state, tmp_path / "vgg16.pth")
    return Judge(tmp_path / "vgg16.pth")


def plain(red: float, *sides: int) -> list[Fused]:
    """Answers of one colour at some sizes."""
    found = []
    for side in sides:
        colour = torch.zeros(1, 3, side, side)
        colour[:, 0] = red
        found.append(Fused(colour, torch.ones_like(colour), colour))
    return found


def test_terms_of_plain_colours(judge: Judge) -> None:
    truth = plain(0.6, 32)[0].picture
    answers = plain(0.9, 32, 16) + plain(0.0, 8, 4)
    found = losses(answers, truth, torch.ones(1, 1, 32, 32), judge)
    assert found["l1"].item() == pytest.approx(6 * (0.3 + 0.3 + 0.6 + 0.6) / 4 / 3, rel=1e-5)
    features = (0.3 + 0.3 + 0.6) / 3 * sum(1 / c for c in CHANNELS)
    assert found["perceptual"].item() == pytest.approx(0.1 * features, rel=1e-4)
    grams = ((0.81 - 0.36) * 2 + 0.36) / 3 * sum(1 / c**3 for c in CHANNELS)
    assert found["style"].item() == pytest.approx(240 * grams, rel=1e-4)
    assert found["tv"].item() == 0
    assert set(losses(answers, truth, torch.ones(1, 1, 32, 32), None)) == {"l1", "tv"}


def test_grams_are_float32_whatever_the_precision() -> None:
    features = [picture(8, 8)[0]]
    with torch.autocast("cpu", torch.bfloat16):
        (found,) = grams(features)
    assert torch.equal(found, grams(features)[0])


def test_texture_teaches_the_larger_pictures_alone(judge: Judge) -> None:
    truth, hole = picture(32, 32)
    sizes = [torch.full((1, 3, side, side), 0.5, requires_grad=True) for side in (32, 16, 8)]
    answers = [Fused(one, torch.ones_like(one), one) for one in sizes]
    terms = losses(answers, truth, hole, judge, Weights(textures=2))
    for name in ("perceptual", "style"):
        gradients = torch.autograd.grad(terms[name], sizes, retain_graph=True, allow_unused=True)
        assert [gradient is not None for gradient in gradients] == [True, True, False]
        assert all(bool(g.isfinite().all()) and bool(g[:, 0].any()) for g in gradients if g is not None)


def test_variation_is_that_of_the_hole() -> None:
    ramp = torch.arange(5.0).expand(1, 3, 5, 5)  # up is the same, left is one less
    hole = torch.zeros(1, 1, 5, 5)
    assert variation(ramp, hole).item() == 0
    hole[..., 1:, 1:3] = 1
    assert variation(ramp, hole).item() == pytest.approx(0.5)
    hole = torch.ones(1, 1, 10, 10)
    assert variation(ramp, hole).item() == pytest.approx(1)


def test_all_parts_learn_and_the_loss_falls() -> None:
    torch.manual_seed(0)
    net = DFNet(DFNetConfig((4, 4, 6, 6, 6, 6, 6, 6), blend=4))
    image, hole = picture(256, 256, number=2)
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    totals = []
    for _ in range(6):
        terms = losses(net.pictures(image, hole), image, hole, None, Weights(tv=0.01))
        total = torch.stack(list(terms.values())).sum()
        optimiser.zero_grad()
        total.backward()
        totals.append(total.item())
        optimiser.step()
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
    assert totals[-1] < 0.8 * totals[0]
