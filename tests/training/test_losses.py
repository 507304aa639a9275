"""Losses on cases computed by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from rigatino_models.losses import pixel
from rigatino_models.losses.squeezenet import PerceptualLoss, SqueezeNet


def pictures(size: int = 32) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A black target, a result that is .5 in the hole, the hole: the middle 16 x 16."""
    hole = torch.zeros(1, 1, size, size)
    hole[..., 8:24, 8:24] = 1
    target = torch.zeros(1, 3, size, size)
    return target + 0.5 * hole, target, hole


def test_masked_l1_is_the_mean_over_the_pixels_looked_at() -> None:
    result, target, hole = pictures()
    assert pixel.masked_l1(result, target, hole).item() == pytest.approx(0.5)
    assert pixel.masked_l1(result, target, 1 - hole).item() == 0
    half = hole.clone()
    half[..., :8, :] = 1  # 8 x 32 known pixels more
    assert pixel.masked_l1(result, target, half).item() == pytest.approx(0.5 * 256 / 512)


def test_empty_mask_costs_nothing() -> None:
    result, target, hole = pictures()
    assert pixel.masked_l1(result, target, torch.zeros_like(hole)).item() == 0


def test_border_looks_only_near_the_hole_s_edge() -> None:
    result, target, hole = pictures()
    inner = torch.zeros_like(hole)
    inner[..., 11:21, 11:21] = 1
    assert pixel.border_l1(target + inner, target, hole, width=3).item() == 0
    assert pixel.border_l1(target + hole - inner, target, hole, width=3).item() == pytest.approx(1)
    assert pixel.border_l1(result, target, hole, width=3).item() == pytest.approx(0.5)


def test_rim_looks_only_outside_the_hole() -> None:
    result, target, hole = pictures()
    assert pixel.rim_l1(result, target, hole).item() == 0
    assert pixel.rim_l1(target + 1 - hole, target, hole).item() == pytest.approx(1)


def test_reduced_l1_does_not_see_texture() -> None:
    _, target, hole = pictures()
    checker = ((torch.arange(32)[:, None] + torch.arange(32)[None]) % 2 - 0.5) * 0.2
    assert pixel.reduced_l1(target + checker * hole, target, hole).item() == pytest.approx(0, abs=1e-7)
    assert pixel.reduced_l1(target + 0.5 * hole, target, hole).item() == pytest.approx(0.5)


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """Random SqueezeNet weights in torchvision's layout."""
    torch.manual_seed(0)
    state = {"features.0.weight": torch.randn(96, 3, 7, 7) / 12, "features.0.bias": torch.zeros(96)}
    shapes = {3: (96, 16, 64), 4: (128, 16, 64), 5: (128, 32, 128), 7: (256, 32, 128)}
    shapes |= {8: (256, 48, 192), 9: (384, 48, 192), 10: (384, 64, 256), 12: (512, 64, 256)}
    for index, (inputs, narrow, wide) in shapes.items():
        for name, outs, ins, kernel in (
            ("squeeze", narrow, inputs, 1), ("expand1x1", wide, narrow, 1), ("expand3x3", wide, narrow, 3),
        ):  # fmt: skip
            weight = torch.randn(outs, ins, kernel, kernel) * (2 / (ins * kernel**2)) ** 0.5
            state |= {
                f"features.{index}.{name}.weight": weight,
                f"features.{index}.{name}.bias": torch.zeros(outs),
            }
    save_file(state, tmp_path / "squeezenet.safetensors")
    return tmp_path / "squeezenet.safetensors"


def test_features_have_unit_length_and_the_sizes_of_ceil_mode(features: Path) -> None:
    found = SqueezeNet(features)(torch.rand(1, 3, 96, 96))
    assert [tuple(f.shape[1:]) for f in found] == [
        (96, 45, 45), (128, 22, 22), (256, 22, 22), (256, 11, 11),
        (384, 11, 11), (384, 11, 11), (512, 11, 11), (512, 5, 5),
    ]  # fmt: skip
    assert torch.allclose(found[3].square().sum(1), torch.ones(1, 11, 11), atol=1e-4)


def test_perceptual_loss_is_zero_for_equals_and_pulls_towards_the_target(features: Path) -> None:
    loss = PerceptualLoss(features)
    target = torch.rand(1, 3, 64, 64)
    assert loss(target, target).item() == pytest.approx(0, abs=1e-6)
    guess = torch.full_like(target, 0.5).requires_grad_()
    before = loss(guess, target)
    before.backward()
    assert guess.grad is not None
    step = guess.detach() - 0.05 * guess.grad / guess.grad.abs().max()
    assert loss(step, target) < before
