"""The networks that judge: LP-sq10, LPIPS, Inception, with weights made for the case."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from rigatino_models.errors import ModelError
from rigatino_models.losses.squeezenet import FIRES, Fire, PerceptualLoss
from rigatino_models.metrics import perceptual
from rigatino_models.metrics.inception import Inception, resized
from rigatino_models.metrics.lpips import ALEX, Lpips

HEADS = (0.1, 0.2, 0.3, 0.4, 0.5)


@pytest.fixture
def squeezenet(tmp_path: Path) -> Path:
    """Random weights in torchvision's layout."""
    torch.manual_seed(0)
    layers: dict[str, nn.Module] = {"0": nn.Conv2d(3, 96, 7, stride=2)}
    layers |= {str(i): Fire(*shape) for i, shape in FIRES.items()}
    file = tmp_path / "squeezenet.safetensors"
    save_file({f"features.{k}": v for k, v in nn.ModuleDict(layers).state_dict().items()}, file)
    return file


def test_lp_sq10_is_the_unweighted_distance_of_unit_length_features(squeezenet: Path) -> None:
    one, other = torch.rand(2, 1, 3, 96, 96)
    judge = perceptual.LpSq10(squeezenet)
    found = judge.distance(judge.features(one), judge.features(other))
    assert found == pytest.approx(PerceptualLoss(squeezenet, (1,) * 8)(one, other).item(), rel=1e-5)
    assert found > 0
    assert judge.distance(judge.features(one), judge.features(one)) == 0


def test_pictures_are_reduced_by_area() -> None:
    picture = np.zeros((512, 512, 3), np.uint8)
    picture[::2] = 255
    small = perceptual.reduced(picture)
    assert small.shape == (1, 3, 256, 256)
    assert small.min() == small.max() == 0.5
    assert perceptual.reduced(picture[:512, :384]).shape == (1, 3, 341, 256)
    assert perceptual.reduced(picture[:200, :300]).shape == (1, 3, 200, 300)


def test_the_window_holds_most_of_the_hole() -> None:
    hole = np.zeros((100, 140), np.uint8)
    hole[5:15, 5:15] = 1
    hole[60:90, 100:130] = 1
    top, left = perceptual.fullest_window(hole, 40)
    assert hole[top : top + 40, left : left + 40].sum() == 900
    assert perceptual.fullest_window(hole, 512) == (0, 0)


def test_the_view_around_a_hole_is_not_scaled() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    hole = np.zeros((300, 400), np.uint8)
    hole[290:, 390:] = 1
    view = perceptual.around(picture, hole)
    top, left = perceptual.fullest_window(hole, 256)
    assert (view == perceptual.to_tensor(picture[top : top + 256, left : left + 256])).all()
    assert (top, left) == (44, 144)


def alexnet(file: Path) -> Path:
    """AlexNet of which two channels count: what is bright, and what is dark. Later layers hand both on."""
    state: dict[str, torch.Tensor] = {}
    for part, (layers, head) in enumerate(zip(ALEX, HEADS, strict=True)):
        for index, (inputs, outputs, kernel, *_) in layers.items():
            weight = torch.zeros(outputs, inputs, kernel, kernel)
            middle = kernel // 2
            weight[0, 0, middle, middle] = 1
            weight[1, 0 if index == 0 else 1, middle, middle] = -1 if index == 0 else 1
            state[f"net.slice{part + 1}.{index}.weight"] = weight
            state[f"net.slice{part + 1}.{index}.bias"] = torch.zeros(outputs)
            state[f"lin{part}.model.1.weight"] = torch.full((1, outputs, 1, 1), head)
    torch.save(state, file)
    return file


def test_lpips_sums_the_layers_weighted_squared_differences(tmp_path: Path) -> None:
    judge = Lpips(alexnet(tmp_path / "alex.pth"))
    white, black = torch.ones(1, 3, 64, 64), torch.zeros(1, 3, 64, 64)
    # In each layer two unit vectors at right angles: a squared difference of 2.
    found = judge.distance(judge.features(white), judge.features(black))
    assert found == pytest.approx(2 * sum(HEADS), rel=1e-5)
    assert judge.distance(judge.features(white), judge.features(white * 0.9)) == pytest.approx(0, abs=1e-6)


def test_lpips_names_what_a_file_lacks(tmp_path: Path) -> None:
    state = torch.load(alexnet(tmp_path / "alex.pth"))
    del state["lin3.model.1.weight"]
    torch.save(state, tmp_path / "alex.pth")
    with pytest.raises(ModelError, match=r"lin3\.model\.1\.weight") as caught:
        Lpips(tmp_path / "alex.pth")
    assert caught.value.code == "weights_key"


def test_inception_is_the_one_of_fid() -> None:
    net = Inception()
    # Of torchvision's Inception-v3 without its auxiliary head; 2,049,000 are the classifier's.
    assert sum(p.numel() for p in net.parameters()) == 23_834_568 - 2_049_000
    picture = np.random.default_rng(0).integers(0, 256, (80, 64, 3), dtype=np.uint8)
    assert net.features(picture).shape == (2048,)


def test_inception_names_what_a_file_lacks(tmp_path: Path) -> None:
    save_file({"fc.bias": torch.zeros(1008)}, tmp_path / "some.safetensors")
    with pytest.raises(ModelError, match="Conv2d_1a_3x3"):
        Inception(tmp_path / "some.safetensors")


def test_pictures_are_resized_as_tensorflow_1_did() -> None:
    row = torch.tensor([0.0, 1, 2, 3]).view(1, 1, 1, 4).expand(1, 1, 4, 4)
    assert resized(row, 2)[0, 0, 0].tolist() == [0, 2]
    assert resized(row[..., :2, :2], 4)[0, 0, 0].tolist() == [0, 0.5, 1, 1]
    assert torch.equal(resized(row.mT, 2), resized(row, 2).mT)
