"""Feature refinement on a small random network: what it must lower, keep and survive."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from model_support import picture
from torch import Tensor

from rigatino_models.lama.fast import FastLama, fast
from rigatino_models.lama.net import TINY, Lama, LamaConfig
from rigatino_models.lama.refine import Settings, difference, half, refined

PLAIN = LamaConfig(widths=(8, 16, 32, 64), blocks=2, global_width=48)


def net(config: LamaConfig) -> FastLama:
    torch.manual_seed(3)
    plain = Lama(config).eval()
    with torch.no_grad():
        for parameter in plain.model[-2].parameters():
            parameter.mul_(8)  # a network that corrects a guess begins by leaving it nearly alone
    made = fast(plain)
    assert isinstance(made, FastLama)
    return made


def scene() -> tuple[Tensor, Tensor, Tensor]:
    """A picture, a hole in its middle, and an answer for it: the picture somewhat blurred."""
    image, _ = picture(64, 80)
    hole = torch.zeros(1, 1, 64, 80)
    hole[..., 16:48, 20:60] = 1
    answer = F.interpolate(half(image), (64, 80), mode="bilinear")
    return image, hole, answer


@pytest.mark.parametrize("config", [TINY, PLAIN], ids=["corrects a guess", "as published"])
def test_the_answer_agrees_better_with_the_smaller_one_and_the_picture(config: LamaConfig) -> None:
    image, hole, answer = scene()
    lama, wrong = net(config), difference(image, hole, answer, 2)
    with torch.inference_mode():
        before = wrong(lama(image, hole, None, answer))
        after = wrong(refined(lama, image, hole, answer, settings=Settings(updates=15, rate=0.1, margin=2)))
    assert after < 0.98 * before


def test_it_is_repeatable_and_leaves_the_weights_alone() -> None:
    lama = net(TINY)
    weights = [value.clone() for value in lama.state_dict().values()]
    first, second = (refined(lama, *scene(), settings=Settings(updates=3)) for _ in range(2))
    assert torch.equal(first, second)
    assert not first.requires_grad
    assert all(torch.equal(a, b) for a, b in zip(weights, lama.state_dict().values(), strict=True))
    assert all(value.grad is None for value in lama.parameters())


@pytest.mark.parametrize("covered", [0.0, 1.0])
def test_all_or_nothing_known_gives_finite_answers(covered: float) -> None:
    image, hole, answer = scene()
    raw = refined(net(TINY), image, torch.full_like(hole, covered), answer, settings=Settings(updates=2))
    assert raw.isfinite().all()


def test_bf16_too() -> None:
    made = fast(Lama(TINY).eval(), torch.bfloat16)
    assert isinstance(made, FastLama)
    assert refined(made, *scene(), settings=Settings(updates=2)).dtype == torch.float32


def test_progress_can_stop_it() -> None:
    told: list[int] = []

    def stop(done: int, total: int) -> None:
        told.append(done)
        if done == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        refined(net(TINY), *scene(), on_step=stop)
    assert told == [1, 2]
