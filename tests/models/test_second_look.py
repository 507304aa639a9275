"""Detail for a smaller answer: at which sizes it is looked at, and what of a look may count."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from rigatino_models.second_look import look_again, only_detail, sizes
from rigatino_models.spec import Step


@pytest.mark.parametrize(
    ("scale", "found"),
    [
        (1.0, []),
        (0.8, []),
        (0.6, [(100, 160)]),
        (0.5, [(100, 160)]),
        (0.25, [(50, 80), (100, 160)]),
    ],
)
def test_a_look_at_each_doubling_up_to_the_full_size(scale: float, found: list[tuple[int, int]]) -> None:
    assert sizes(100, 160, scale) == found


def test_each_look_goes_on_from_the_one_before() -> None:
    seen: list[tuple[int, float]] = []

    def lighter(image: Tensor, hole: Tensor, coarse: Tensor, on_step: Step | None) -> Tensor:
        seen.append((image.shape[-1], float(coarse[0, 0, 30 * image.shape[-1] // 160, 20])))
        return coarse + 0.1

    image, hole = torch.full((1, 3, 100, 160), 0.9), torch.zeros(1, 1, 100, 160)
    hole[..., 10:90, 10:90] = 1
    result = look_again(lighter, image, hole, torch.full_like(image, 0.2), 0.25)
    assert [side for side, _ in seen] == [80, 160]
    assert [shade for _, shade in seen] == pytest.approx([0.2, 0.3], abs=0.01)
    assert torch.allclose(result[..., 30:70, 30:70], torch.tensor(0.4), atol=0.01)
    assert torch.equal(result[..., :10, :], image[..., :10, :])


def test_only_detail_leaves_what_the_smaller_answer_held() -> None:
    torch.manual_seed(0)
    answer = F.interpolate(0.3 + 0.4 * torch.rand(1, 3, 8, 8), (64, 64), mode="bicubic")
    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    grain = 0.1 * (2.0 * ((x + y) % 2) - 1)
    shifted = answer.flip(-1) + grain  # other colours, and grain
    result = only_detail(shifted, answer, 0.125)
    coarse = F.avg_pool2d(result - answer, 8)
    assert coarse.abs().mean() < 0.2 * F.avg_pool2d(shifted - answer, 8).abs().mean()
    # The grain is there.
    assert ((result - answer) * grain).mean() > 0.8 * grain.square().mean()
