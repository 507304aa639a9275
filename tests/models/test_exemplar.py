"""Texture copied from the picture: what it must find, keep and survive."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rigatino_models import convert, registry
from rigatino_models.errors import ModelError
from rigatino_models.exemplar import patches, search, synthesis
from rigatino_models.exemplar.filters import FAINT, blur, strength, without_grid
from rigatino_models.exemplar.net import Exemplar
from rigatino_models.exemplar.search import Field
from rigatino_models.exemplar.synthesis import Settings, copy_texture
from rigatino_models.layers.resize import doubling, reduce_known


def stripes(height: int = 96, width: int = 120) -> Tensor:
    """Coloured diagonal stripes of eight pixels [1,3,H,W]."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    phase = ((x + y) // 4 % 2).float()
    return torch.stack((phase, 0.5 * phase + 0.2, 1 - phase))[None]


def gap(height: int = 96, width: int = 120) -> Tensor:
    hole = torch.zeros(1, 1, height, width)
    hole[..., 36:60, 44:80] = 1
    return hole


def wide_gap() -> Tensor:
    hole = torch.zeros(1, 1, 256, 256)
    hole[..., 60:190, 60:190] = 1
    return hole


def square() -> Tensor:
    """Targets [100,2]."""
    return torch.cartesian_prod(torch.arange(5, 15), torch.arange(5, 15))


def field_of(targets: Tensor, described: Tensor) -> Field:
    """Of a picture of 40 by 50 pixels, all of which may be copied."""
    return Field(targets, 1, torch.ones(40, 50, dtype=torch.bool), described)


def test_stripes_go_on_through_a_hole_that_a_flat_answer_covers() -> None:
    image, hole = stripes(), gap()
    flat = torch.full_like(image, 0.5)
    result = copy_texture(image * (1 - hole), hole, flat, Settings())
    inside = hole.expand_as(image) > 0
    wrong = (result - image).abs()[inside].mean()
    assert wrong < 0.1 * (flat - image).abs()[inside].mean()
    assert torch.equal(result[~inside], image[~inside])


def test_the_answer_decides_what_is_copied_where() -> None:
    """Left half fine dots, right half coarse ones; the answer in the hole is as dark as one of them."""
    y, x = torch.meshgrid(torch.arange(128), torch.arange(128), indexing="ij")
    dark, light = 0.3 * ((x + y) % 2).float(), 0.7 + 0.3 * ((x // 2 + y // 2) % 2).float()
    image = torch.where(x < 64, dark, light).expand(1, 3, -1, -1)
    hole = torch.zeros(1, 1, 128, 128)
    hole[..., 44:84, 44:84] = 1
    inside = hole.expand_as(image) > 0
    for shade in (0.15, 0.85):
        result = copy_texture(image, hole, torch.full_like(image, shade), Settings(guide=(3.0, 3.0)))
        centre = result[..., 60:68, 60:68]
        assert abs(float(centre.mean()) - shade) < 0.15
        assert result[inside].std() > 0.05


def half_smooth() -> tuple[Tensor, Tensor]:
    """Grey [1,3,128,160], from column 64 on full of noise with the same mean; a hole in the noise."""
    noise = torch.rand(1, 1, 128, 160, generator=torch.Generator().manual_seed(1)) - 0.5
    rough = (torch.arange(160) >= 64).float().expand(1, 1, 128, 160)
    hole = torch.zeros(1, 1, 128, 160)
    hole[..., 44:84, 90:130] = 1
    return (0.5 + 0.6 * noise * rough).expand(1, 3, -1, -1), hole


def test_a_smooth_answer_in_the_midst_of_texture_is_not_taken_for_what_is_smooth_elsewhere() -> None:
    image, hole = half_smooth()
    inside = hole.expand_as(image) > 0
    flat = torch.full_like(image, 0.5)
    without, with_it = (
        copy_texture(image, hole, flat, Settings(texture=texture))[inside].std() for texture in (0.0, 0.2)
    )
    assert with_it > 1.5 * without


def test_strength_is_that_of_what_is_known_and_spreads_into_the_hole() -> None:
    image, hole = half_smooth()
    found = strength(torch.where(hole > 0, 7.0, image), hole)
    assert torch.equal(found, strength(image * (1 - hole), hole))
    assert torch.allclose(found[..., :24], torch.tensor(FAINT).log(), atol=0.01)
    assert torch.allclose(found[..., 56:72, 100:120], found[..., 10:30, 100:120].mean(), atol=0.3)


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (40, 40), (7, 7)])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_any_size_and_any_hole(size: tuple[int, int], share: float) -> None:
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(2))
    hole = (torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(3)) < share).float()
    answer = torch.full_like(image, 0.5)
    result = copy_texture(image, hole, answer)
    assert result.isfinite().all()
    assert result.min() >= 0
    assert result.max() <= 1
    known = hole.expand_as(image) == 0
    assert torch.equal(result[known], image[known])


def test_with_nothing_to_copy_the_answer_stands() -> None:
    image, answer = torch.rand(1, 3, 48, 48), torch.rand(1, 3, 48, 48)
    assert torch.equal(copy_texture(image, torch.ones(1, 1, 48, 48), answer), answer)


def test_progress_rises_to_one_and_can_stop_the_work() -> None:
    told: list[float] = []
    copy_texture(stripes(), gap(), stripes(), on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 4

    def stop(part: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        copy_texture(stripes(), gap(), stripes(), on_progress=stop)


def test_a_large_picture_is_copied_along_and_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Levels that are not searched go on with the patches found below, and count in the progress."""
    monkeypatch.setattr(synthesis, "LARGEST", 64)
    image, hole, told = stripes(), gap(), list[float]()
    flat = torch.full_like(image, 0.5)
    result = copy_texture(image, hole, flat, Settings(), told.append)
    inside = hole.expand_as(image) > 0
    assert (result - image).abs()[inside].mean() < 0.2 * (flat - image).abs()[inside].mean()
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert max(after - before for before, after in pairwise(told)) < 0.5


def test_vectors_of_some_places_are_those_of_the_whole_picture() -> None:
    random = torch.Generator().manual_seed(6)
    features, filters = torch.rand(1, 6, 30, 40, generator=random), torch.rand(5, 6, 7, 7, generator=random)
    places = torch.tensor([[0, 39], [3, 20], [29, 12]])
    whole = patches.describe(features, filters)
    some = patches.describe_at(places, features, filters)
    assert torch.allclose(some, whole[places[:, 0] * 40 + places[:, 1]], atol=1e-4)


def test_comparisons_in_portions_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    random = torch.Generator().manual_seed(7)
    field = Field(torch.ones(50, 2).long(), 1, torch.ones(20, 20) > 0, torch.rand(400, 8, generator=random))
    wanted = torch.rand(50, 8, generator=random)
    found = []
    for comparisons in (2**24, 1000, 1):
        monkeypatch.setattr(search, "COMPARISONS", comparisons)
        field.look_everywhere(wanted)
        found.append(field.sources)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
    assert len(found[0]) == 50


def test_a_place_between_targets_asks_those_beside_it() -> None:
    """Targets on a grid of two pixels; a finer one may fall between them, or next to the last."""
    field = Field(torch.tensor([[4, 4], [4, 6]]), 2, torch.ones(12, 12) > 0, None)
    field.sources = torch.tensor([[1, 1], [9, 9]])
    finer = Field(torch.tensor([[8, 8], [11, 15], [13, 15]]), 1, torch.ones(24, 24) > 0, None)
    finer.start_from(field, torch.Generator().manual_seed(0))
    shifts = finer.sources - finer.targets
    assert shifts.tolist() == [[-6, -6], [10, 6], [10, 6]]


def test_a_search_finds_the_copy_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking everywhere is exact; asking around, by the distance alone, ends near it from a start that is wrong."""
    monkeypatch.setattr(search, "COHERENCE", 0.0)
    random = torch.Generator().manual_seed(4)
    described = torch.rand(40 * 50, 6, generator=random)
    targets = square()
    wanted = described[(targets[:, 0] + 20) * 50 + targets[:, 1] + 30]
    field = field_of(targets, described)
    field.look_everywhere(wanted)
    assert torch.equal(field.sources, targets + torch.tensor((20, 30)))
    assert field.distances.abs().max() < 1e-6
    field.sources = targets + torch.tensor((17, 28))
    for _ in range(3):
        field.ask_around(wanted, random)
    assert (field.sources == targets + torch.tensor((20, 30))).all(1).float().mean() > 0.9


def pieces(field: Field) -> float:
    """The part of neighbours beside each other that do not copy along."""
    shifts = torch.full((field.height, field.width, 2), -99)
    rows, columns = field.targets.unbind(1)
    shifts[rows, columns] = field.sources - field.targets
    block = shifts[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return float((block[:, 1:] != block[:, :-1]).any(-1).float().mean())


def test_pieces_stay_whole_where_sources_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern that repeats, but for noise, copied as one piece: chance is no reason to take it apart."""
    random = torch.Generator().manual_seed(4)
    pattern = torch.rand(5, 5, 6, generator=random).repeat(8, 10, 1).flatten(0, 1)
    described = pattern + 0.05 * torch.randn(40 * 50, 6, generator=random)
    targets = square()
    wanted = pattern[targets[:, 0] * 50 + targets[:, 1]] + 0.05 * torch.randn(100, 6, generator=random)
    found = []
    for price in (0.0, 2.0):
        monkeypatch.setattr(search, "COHERENCE", price)
        field = field_of(targets, described)
        field.sources = targets + torch.tensor((20, 30))
        for _ in range(4):
            field.ask_around(wanted, random)
        found.append(pieces(field))
    assert found[0] > 0.5
    assert found[1] < 0.2


def test_what_is_copied_often_is_left_for_what_is_as_similar(monkeypatch: pytest.MonkeyPatch) -> None:
    """All targets want the same, which is everywhere, and begin with one and the same source."""
    described, wanted = torch.zeros(40 * 50, 6), torch.full((100, 6), 0.1)
    monkeypatch.setattr(search, "COHERENCE", 0.0)
    used = []
    for price in (0.0, 0.5):
        monkeypatch.setattr(search, "CROWDING", price)
        field = field_of(square(), described)
        field.sources = torch.full_like(field.targets, 25)
        for _ in range(4):
            field.ask_around(wanted, torch.Generator().manual_seed(0))
        used.append(len(field.sources.unique(dim=0)))
    assert used[0] == 1
    assert used[1] > 30


def test_targets_that_are_moved_together_are_never_neighbours() -> None:
    field = field_of(square(), torch.rand(40 * 50, 6))
    turn = torch.zeros(40, 50, dtype=torch.bool)
    turn[field.targets[:, 0], field.targets[:, 1]] = field.turns
    block = turn[5:15, 5:15]
    assert (block[1:] != block[:-1]).all()
    assert (block[:, 1:] != block[:, :-1]).all()


def test_the_network_named_exemplar_takes_batches() -> None:
    net = registry.find("exemplar")
    module = convert.read(net.path, net.sha256).network()
    assert isinstance(module, Exemplar)
    image, hole = torch.cat((stripes(), stripes().flip(-1))), torch.cat((gap(), gap().flip(-1)))
    steps: list[tuple[int, int]] = []
    both = module(image, hole, lambda done, total: steps.append((done, total)))
    assert torch.equal(both[:1], module(image[:1], hole[:1]))
    assert steps[-1][0] == steps[-1][1]
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


@pytest.mark.parametrize(
    "config",
    [
        {"radius": 0}, {"radius": 1.5}, {"radius": True}, {"guide": [1.0]}, {"guide": 1.0}, {"blur": "x"},
        {"blur": [1.0]}, {"texture": float("nan")}, {"unknown": 1}, {"coarsest": 10**9},
        {"shares": [1.0, 1.0]}, {"shares": [1.0, 1.0, 2.0]}, {"rim": 2}, {"rim": "yes"},
    ],
)  # fmt: skip
def test_settings_out_of_bounds_are_refused(config: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "exemplar.safetensors"
    convert.save(convert.Weights("exemplar", config, {}, "test"), path)
    with pytest.raises(ModelError) as caught:
        convert.read(path)
    assert caught.value.code == "weights_key"


def test_doubling() -> None:
    assert doubling(512, 300, 128) == [(128, 75), (256, 150), (512, 300)]
    assert doubling(100, 100, 128) == [(100, 100)]
    assert doubling(33, 1, 0) == [(33, 1)]
    assert doubling(1000, 3, 64)[0] == (63, 1)


def test_reducing_keeps_the_hole_out_of_the_known() -> None:
    image = torch.full((1, 3, 64, 64), 0.25)
    hole = torch.zeros(1, 1, 64, 64)
    hole[..., 10, 7:40] = 1
    small, gone = reduce_known(torch.where(hole > 0, 1.0, image), 1 - hole, (16, 16))
    assert gone[0, 0, 2, 2:9].all()
    assert torch.allclose(small[(gone == 0).expand_as(small)], torch.tensor(0.25), atol=1e-6)


def test_blur_keeps_the_mean_of_a_flat_picture_and_spreads_a_point() -> None:
    flat = torch.full((1, 2, 20, 30), 0.3)
    assert torch.allclose(blur(flat, 2.0), flat, atol=1e-6)
    point = torch.zeros(1, 1, 31, 31)
    point[..., 15, 15] = 1
    spread = blur(point, 2.0)
    assert float(spread.sum()) == pytest.approx(1, abs=1e-5)
    assert float(spread[0, 0, 15, 15] / spread[0, 0, 15, 17]) == pytest.approx(2.718281828**0.5, rel=1e-3)


def test_a_wide_blur_is_as_wide_as_asked_for() -> None:
    point = torch.zeros(1, 1, 320, 256)
    point[..., 160, 128] = 1
    spread = blur(point, 20.0)[0, 0]
    way = (torch.arange(320) - 160).float()
    assert float(spread.sum()) == pytest.approx(1, abs=0.01)
    assert float((spread.sum(1) * way.square()).sum().sqrt()) == pytest.approx(20, rel=0.03)
    flat = torch.full((1, 2, 301, 77), 0.3)
    assert torch.allclose(blur(flat, 20.0), flat, atol=1e-6)


def test_answer_and_copy_share_the_result() -> None:
    image, hole = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(2)) * 0.2, gap(64, 64)
    answer = torch.full_like(image, 0.6)
    copy, half = (copy_texture(image, hole, answer, Settings(shares=(part,) * 3)) for part in (1.0, 0.5))
    there = hole.expand_as(image) > 0
    assert float((copy - answer)[there].abs().mean()) > 0.05
    assert torch.allclose(half[there], ((copy + answer) / 2)[there], atol=1e-5)
    assert torch.equal(half[~there], image[~there])


def test_shares_of_coarse_and_fine_are_apart() -> None:
    """Of a darker answer without detail its colour is kept, and of the copy its detail."""
    noise = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(8)) * 0.2
    image, hole = 0.6 + noise, wide_gap()
    answer = torch.full_like(image, 0.4)
    result = copy_texture(image, hole, answer, Settings(shares=(1.0, 0.5, 0.0)))
    deep = result[..., 100:150, 100:150]
    assert abs(float(deep.mean()) - 0.4) < 0.03
    assert float(deep.std()) > 0.7 * float(image.std())


def test_the_answer_stands_at_the_rim_alone() -> None:
    image, hole = stripes(256, 256), wide_gap()
    answer = torch.full_like(image, 0.5)
    result = copy_texture(image, hole, answer, Settings(rim=True))
    assert (result - answer)[..., 60, 80:170].std() < 0.2 * image.std()
    assert (result - answer)[..., 100:150, 100:150].std() > 0.8 * image.std()


def test_what_repeats_with_the_stride_is_taken_out_of_an_answer_and_nothing_else() -> None:
    hole = torch.zeros(1, 1, 192, 200)
    hole[..., 24:168, 30:170] = 1
    middle = (..., slice(72, 120), slice(76, 124))
    detail = 0.1 * torch.rand(1, 3, 192, 200, generator=torch.Generator().manual_seed(3))
    dots = torch.zeros(8, 8)
    dots[3, 5] = 0.2
    grid = dots.repeat(24, 25)
    cleaned = without_grid(0.4 + detail + grid, hole, 8)
    assert float((cleaned - 0.4 - detail)[middle].std()) < 0.15 * float(grid[72:120, 76:124].std())
    assert torch.equal((cleaned * (1 - hole)), (0.4 + detail + grid) * (1 - hole))
    assert torch.allclose(without_grid(0.4 + detail, hole, 8)[middle], (0.4 + detail)[middle], atol=0.02)
    assert torch.allclose(
        without_grid(stripes(192, 200), hole, 6)[middle], stripes(192, 200)[middle], atol=0.2
    )
