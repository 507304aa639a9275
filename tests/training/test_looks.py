"""Coarse to fine in training: the network goes on from its own answer at half the size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.errors import ModelError
from rigatino_models.inpainter import Inpainter
from rigatino_models.lama.net import TINY, Lama
from rigatino_models.surroundings import Surroundings
from rigatino_models.training import looks
from rigatino_models.training.loop import Trainer
from rigatino_models.training.recipe import find, read
from training.test_loop import RECIPE, photos


class Recorder(nn.Module):
    """Answers a colour that says how many looks there were."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[tuple[int, ...], float | None]] = []

    def forward(self, image: Tensor, hole: Tensor, on_step: None, coarse: Tensor | None) -> Tensor:
        inside = hole.expand_as(image) > 0
        self.seen.append((tuple(image.shape[-2:]), None if coarse is None else float(coarse[inside].mean())))
        return torch.full_like(image, 0.1 * len(self.seen))


def hole(side: int) -> Tensor:
    out = torch.zeros(1, 1, side, side)
    out[..., side // 4 : -side // 4, side // 4 : -side // 4] = 1
    return out


def test_each_look_begins_with_the_answer_of_the_one_before() -> None:
    net = Recorder()
    answer = looks.coarse_answer(net, torch.full((1, 3, 64, 64), 0.9), hole(64), 2)
    assert [size for size, _ in net.seen] == [(16, 16), (32, 32)]
    assert net.seen[0][1] is None
    assert net.seen[1][1] == pytest.approx(0.1, abs=0.1)
    assert answer is not None
    assert answer.shape == (1, 3, 64, 64)
    assert float(answer[..., 30:34, 30:34].mean()) == pytest.approx(0.2, abs=0.01)
    assert float(answer[..., :4, :4].mean()) == pytest.approx(0.9, abs=0.01)


def test_no_halving_is_no_answer() -> None:
    net = Recorder()
    assert looks.coarse_answer(net, torch.zeros(1, 3, 64, 64), hole(64), 0) is None
    assert not net.seen


def test_inference_looks_as_training_does() -> None:
    """The last look of an Inpainter begins with what training would have it begin with."""
    torch.manual_seed(0)
    net = Lama(TINY).eval()
    image, gap = torch.rand(1, 3, 64, 64), hole(64)
    with torch.no_grad():
        expected = net(image, gap, None, looks.coarse_answer(net, image, gap, 2))
    assert torch.allclose(Inpainter(net, 8, 16, coarsest=16).raw(image, gap), expected, atol=1e-6)
    assert not torch.allclose(Inpainter(net, 8, 16).raw(image, gap), expected, atol=1e-3)


@pytest.mark.parametrize(("corner", "mirrored"), [((0, 40), 8), ((26, 0), 8), ((26, 26), 0)])
def test_a_hole_near_the_edge_is_shown_away_from_it(corner: tuple[int, int], mirrored: int) -> None:
    torch.manual_seed(0)
    net = Lama(TINY).eval()
    image, gap = torch.rand(1, 3, 64, 72), torch.zeros(1, 1, 64, 72)
    gap[..., corner[0] : corner[0] + 12, corner[1] : corner[1] + 12] = 1
    around, holes = (F.pad(part, (mirrored,) * 4, mode="reflect") for part in (image, gap))
    expected = Inpainter(net, 8, 16, coarsest=16).raw(around, holes)
    expected = expected[..., mirrored : 64 + mirrored, mirrored : 72 + mirrored]
    assert torch.equal(Inpainter(net, 8, 16, coarsest=16, margin=8).raw(image, gap), expected)


def test_a_hole_all_along_an_edge_lies_between_known_pixels() -> None:
    """What is known is mirrored to its far side; the corners between two such holes are mirrored both ways."""
    torch.manual_seed(0)
    net = Lama(TINY).eval()
    image, gap = torch.arange(64.0).expand(1, 3, 40, 64).clone(), torch.zeros(1, 1, 40, 64)
    gap[..., 50:], gap[..., 30:, :] = 1, 1
    shown = Surroundings.of(gap, 4)
    around, far = shown.around(image), shown.around(gap)
    assert around.shape[-2:] == (4 + 40 + 16, 4 + 64 + 16)
    assert around[0, 0, 20].tolist() == [4.0, 3, 2, 1, *range(64), *range(49, 33, -1)]
    assert torch.equal(far[..., 4 + 40 :, 4 + 64 :], torch.zeros(1, 1, 16, 16))
    assert torch.equal(shown.within(around, 40, 64), image)
    expected = shown.within(Inpainter(net, 8, 16, coarsest=16).raw(around / 64, far), 40, 64)
    assert torch.equal(Inpainter(net, 8, 16, coarsest=16, margin=4).raw(image / 64, gap), expected)


@pytest.mark.parametrize("gap", [torch.ones(1, 1, 9, 7), torch.zeros(1, 1, 9, 7), torch.ones(1, 1, 1, 5)])
def test_surroundings_of_pictures_without_anything_known_or_to_fill(gap: Tensor) -> None:
    shown, picture = Surroundings.of(gap, 4), torch.arange(gap.numel()).view_as(gap)
    assert torch.equal(shown.within(shown.around(picture), *gap.shape[-2:]), picture)


def test_a_size_at_which_nothing_is_known_is_passed_over() -> None:
    """A grid of known pixels is lost when it is halved, so there is nothing to see there."""
    torch.manual_seed(0)
    net = Lama(TINY).eval()
    image, grid = torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64)
    grid[..., ::2, ::2] = 0
    steps: list[tuple[int, int]] = []
    looked = Inpainter(net, 8, 16, coarsest=16).raw(image, grid, lambda *step: steps.append(step))
    assert torch.equal(looked, Inpainter(net, 8, 16).raw(image, grid))
    assert steps[-1][0] == steps[-1][1]


def test_pictures_that_are_looked_at_alike_may_share_a_batch() -> None:
    """Not those of which only one has a hole near the edge, or a size at which nothing is known."""
    torch.manual_seed(0)
    inpainter = Inpainter(Lama(TINY).eval(), 8, 16, coarsest=16, margin=4)
    image, gaps = torch.rand(1, 3, 64, 64), torch.zeros(5, 1, 64, 64)
    gaps[:2, :, 30:36, 28:40] = 1
    gaps[1, :, 20:30, 28:31] = 1
    gaps[2, :, 2:6, 28:40] = 1
    gaps[3, :, 63:], gaps[3, :, :, 63:] = 1, 1
    gaps[4] = 1 - F.pad(torch.ones(1, 1), (0, 1, 0, 1)).repeat(32, 32)
    alone = [inpainter.raw(image, gap[None]) for gap in gaps]
    manners = [inpainter.manner(gap[None]) for gap in gaps]
    assert manners[0] == manners[1] != manners[2]
    assert Surroundings.of(gaps[3:4], 4) == Surroundings.of(gaps[4:], 4)
    assert manners[3] != manners[4]
    together = inpainter.raw(image.expand(2, -1, -1, -1), gaps[:2])
    assert torch.allclose(together, torch.cat(alone[:2]), atol=1e-5)
    assert inpainter.manner(torch.ones(1, 1, 64, 64)) not in manners


def test_shares() -> None:
    drawn = [looks.halvings((0.2, 0.0, 0.8), seed) for seed in range(400)]
    assert drawn == [looks.halvings((0.2, 0.0, 0.8), seed) for seed in range(400)]
    assert set(drawn) == {0, 2}
    assert 0.72 < drawn.count(2) / 400 < 0.88


def test_a_resumed_run_with_looks_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    recipe = replace(
        RECIPE,
        network=TINY,
        looks=(0.5, 0.5),
        optimiser=replace(RECIPE.optimiser, samples=48, precise_norm=2),
    )
    whole = Trainer(recipe, photos(), tmp_path / "whole")
    whole.run()
    Trainer(recipe, photos(), tmp_path / "parts").run(stop_at=3)
    rest = Trainer(recipe, photos(), tmp_path / "parts", resume=True)
    rest.run()
    for mine, theirs in ((whole.method.net, rest.method.net), (whole.averaged(), rest.averaged())):
        for key, value in mine.state_dict().items():
            assert torch.equal(value, theirs.state_dict()[key]), key


@pytest.mark.parametrize(
    "changes",
    [
        ["looks=[]"],
        ["looks=[-1.0]"],
        ["looks=[0.0]"],
        ["looks=[0.5, 0.5]", "network.prefill=false"],
        ["data.side=48"],
    ],
)
def test_looks_that_cannot_be_are_refused(changes: list[str]) -> None:
    with pytest.raises(ModelError) as caught:
        read(find("lama-small"), changes)
    assert caught.value.params["name"] == "looks"
