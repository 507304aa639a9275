"""Losses on cases computed by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from rigatino_models.errors import ModelError
from rigatino_models.lama.discriminator import Discriminator
from rigatino_models.losses import adversarial, pixel
from rigatino_models.losses.high_receptive_field import DilatedResNet50, HighReceptiveFieldLoss
from rigatino_models.losses.squeezenet import FIRES, PerceptualLoss, SqueezeNet, unit_distance
from rigatino_models.losses.vgg import CONVOLUTIONS, VggLoss

RED, GREEN = 0.485, 0.456  # ImageNet's means: pictures of these colours are 0 to the judges


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


def test_lama_s_l1_weighs_known_and_missing_pixels_and_divides_by_all() -> None:
    result, target, hole = pictures()
    result = result + 0.1 * (1 - hole)
    share = 256 / 1024
    found = pixel.weighted_l1(result, target, hole, known=10, missing=2)
    assert found.item() == pytest.approx(10 * 0.1 * (1 - share) + 2 * 0.5 * share)
    assert pixel.weighted_l1(result, target, hole, 10, 0).item() == pytest.approx(1 - share)


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


def through(outputs: int, inputs: int, kernel: int, channels: int = 1) -> torch.Tensor:
    """A convolution that hands the first channels on and makes nothing else."""
    weight = torch.zeros(outputs, inputs, kernel, kernel)
    for channel in range(channels):
        weight[channel, channel, kernel // 2, kernel // 2] = 1
    return weight


def plain(red: float, green: float = GREEN) -> torch.Tensor:
    """A picture of one colour."""
    return torch.tensor((red, green, 0.406)).view(1, 3, 1, 1).expand(1, 3, 64, 64)


def test_squeezenet_s_distance_of_colours_at_right_angles_is_two(tmp_path: Path) -> None:
    state = {"features.0.weight": through(96, 3, 7, 2), "features.0.bias": torch.zeros(96)}
    for index, (inputs, narrow, wide) in FIRES.items():
        for name, weight in (
            ("squeeze", through(narrow, inputs, 1, 2)),
            ("expand1x1", through(wide, narrow, 1, 2)),
            ("expand3x3", torch.zeros(wide, narrow, 3, 3)),
        ):
            state[f"features.{index}.{name}.weight"] = weight
            state[f"features.{index}.{name}.bias"] = torch.zeros(len(weight))
    save_file(state, tmp_path / "squeezenet.safetensors")
    loss = PerceptualLoss(tmp_path / "squeezenet.safetensors")
    assert loss(plain(1.0, GREEN), plain(RED, 1.0)).item() == pytest.approx(2, abs=1e-4)
    assert loss(plain(1.0, GREEN), plain(0.7, GREEN)).item() == pytest.approx(0, abs=1e-6)


def test_features_of_no_length_have_a_gradient_all_the_same() -> None:
    one = torch.tensor((0.0, 3.0, 1e-12)).view(1, 1, 1, 3).repeat(1, 2, 1, 1).requires_grad_()
    other = torch.tensor((0.0, 0.0, 1.0)).view(1, 1, 1, 3).repeat(1, 2, 1, 1)
    distance = unit_distance(one, other)
    assert distance[0, 0].tolist() == pytest.approx([0, 1, 1], abs=1e-3)
    distance.sum().backward()
    assert one.grad is not None
    assert torch.isfinite(one.grad).all()


def test_vgg_s_distance_is_the_sum_of_mean_squares_at_four_layers(tmp_path: Path) -> None:
    state = {f"features.{i}.weight": through(outs, ins, 3) for i, (ins, outs) in CONVOLUTIONS.items()}
    state |= {f"features.{i}.bias": torch.zeros(outs) for i, (_, outs) in CONVOLUTIONS.items()}
    torch.save(state | {"classifier.0.bias": torch.zeros(3)}, tmp_path / "vgg16.pth")
    found = VggLoss(tmp_path / "vgg16.pth")(plain(0.9), plain(0.6))
    assert found.item() == pytest.approx(
        (0.3 / 0.229) ** 2 * (1 / 64 + 1 / 128 + 1 / 256 + 1 / 512), rel=1e-4
    )


def dilated_resnet() -> dict[str, torch.Tensor]:
    """An encoder that hands the red channel on: its blocks add nothing to what their skips carry."""
    state = {}
    for key, value in DilatedResNet50(None).state_dict().items():
        if value.ndim == 4:
            carries = key.startswith("conv") or "downsample" in key
            state[key] = through(*value.shape[:3]) if carries else torch.zeros_like(value)
        else:
            ones = key.endswith("running_var") or (key.endswith("weight") and value.ndim == 1)
            state[key] = torch.ones_like(value) if ones else torch.zeros_like(value)
    return state


def test_high_receptive_field_distance_is_the_sum_of_mean_squares_at_four_stages(tmp_path: Path) -> None:
    torch.save(dilated_resnet(), tmp_path / "encoder.pth")
    found = HighReceptiveFieldLoss(tmp_path / "encoder.pth")(plain(0.9), plain(0.6))
    expected = (0.3 / 0.229) ** 2 * (1 / 256 + 1 / 512 + 1 / 1024 + 1 / 2048)
    assert found.item() == pytest.approx(expected, rel=1e-3)


def test_the_last_stages_are_dilated_instead_of_strided() -> None:
    net = DilatedResNet50(None).eval()
    assert [tuple(f.shape[1:]) for f in net(torch.rand(1, 3, 64, 64))] == [
        (256, 16, 16), (512, 8, 8), (1024, 8, 8), (2048, 8, 8),
    ]  # fmt: skip
    second = net.get_submodule("layer4.1.conv2")
    assert isinstance(second, torch.nn.Conv2d)
    assert second.dilation == (4, 4)


def test_a_judge_s_file_that_lacks_a_tensor_is_named(tmp_path: Path) -> None:
    state = dilated_resnet()
    del state["layer4.2.conv3.weight"]
    torch.save(state, tmp_path / "encoder.pth")
    with pytest.raises(ModelError) as caught:
        HighReceptiveFieldLoss(tmp_path / "encoder.pth")
    assert caught.value.code == "weights_key"
    assert caught.value.params["key"] == "layer4.2.conv3.weight"


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_the_generator_pays_for_every_patch_that_is_called_fake() -> None:
    logits = torch.tensor([[[[0.0, 2.0]]]])
    expected = (softplus(0) + softplus(-2)) / 2
    assert adversarial.generator_loss(logits).item() == pytest.approx(expected)


def test_only_what_was_made_up_is_to_be_called_fake() -> None:
    hole = torch.zeros(1, 1, 4, 4)
    hole[..., :2] = 1  # the left half, so the left patches
    fake = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    found = adversarial.discriminator_loss(torch.full((1, 1, 2, 2), 0.5), fake, hole)
    judged = (softplus(1) + softplus(-2) + softplus(3) + softplus(-4)) / 4
    assert found.item() == pytest.approx(softplus(-0.5) + judged)


def test_the_hole_is_resized_to_the_patches_by_its_nearest_pixel() -> None:
    hole = torch.zeros(1, 1, 4, 4)
    hole[..., 1, 1] = 1  # no nearest pixel of any of 2 x 2 patches
    fake = torch.full((1, 1, 2, 2), 3.0)
    found = adversarial.discriminator_loss(torch.zeros(1, 1, 2, 2), fake, hole)
    assert found.item() == pytest.approx(softplus(0) + softplus(-3))


def test_r1_is_the_squared_length_of_the_gradient() -> None:
    image = torch.zeros(2, 3, 1, 1, requires_grad=True)
    weight = torch.tensor((1.0, 2.0, 3.0)).view(1, 3, 1, 1)
    assert adversarial.r1_penalty((image * weight).sum(1), image).item() == pytest.approx(14)
    squares = (image + 1).square().sum(1) / 2  # gradient 1 in each of three channels
    penalty = adversarial.r1_penalty(squares, image)
    penalty.backward()
    assert image.grad is not None  # and it can be trained on: d(x+1)^2/dx = 2, over a batch of two
    assert image.grad.flatten().tolist() == pytest.approx([1] * 6)


def test_feature_matching_is_the_mean_over_layers_of_mean_squares() -> None:
    fake = [torch.full((1, 2, 2, 2), 1.0), torch.full((1, 4, 1, 1), 3.0)]
    real = [torch.full((1, 2, 2, 2), 2.0), torch.full((1, 4, 1, 1), 1.0, requires_grad=True)]
    found = adversarial.feature_matching(fake, real)
    assert found.item() == pytest.approx((1 + 4) / 2)
    assert not found.requires_grad


def test_the_discriminator_is_the_published_one() -> None:
    net = Discriminator()
    assert sum(parameter.numel() for parameter in net.parameters()) == 6_962_369
    logits, features = net(torch.rand(1, 3, 256, 256))
    assert logits.shape == (1, 1, 19, 19)
    assert [tuple(f.shape[1:]) for f in features] == [
        (64, 129, 129), (128, 65, 65), (256, 33, 33), (512, 17, 17), (512, 18, 18),
    ]  # fmt: skip
    keys = set(net.state_dict())
    assert {"model0.0.weight", "model1.1.running_mean", "model4.0.bias", "model5.0.weight"} <= keys
    assert "model0.1.weight" not in keys
