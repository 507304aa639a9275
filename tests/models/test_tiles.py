"""Looks through windows: they cover, they fade into each other, they take what lies in the hole alone."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rigatino_models.spec import Step
from rigatino_models.tiles import fading, look_in_tiles, spans, windows


@given(st.integers(1, 3000), st.integers(16, 512), st.integers(1, 7))
def test_spans_cover_and_overlap(length: int, side: int, overlap: int) -> None:
    found = spans(length, side, overlap)
    assert found[0][0] == 0
    assert found[-1][1] == length
    assert all(end - start == min(side, length) for start, end in found)
    assert all(before[1] - after[0] >= overlap for before, after in pairwise(found))


def hole(height: int = 90, width: int = 150) -> Tensor:
    found = torch.zeros(1, 1, height, width)
    found[..., 20:60, 30:120] = 1
    return found


def as_it_is(picture: Tensor, hole: Tensor, answer: Tensor, step: Step | None) -> Tensor:
    if step is not None:
        step(1, 1)
    return answer


def test_what_every_window_agrees_on_comes_out() -> None:
    image, answer = torch.rand(1, 3, 90, 150), torch.rand(1, 3, 90, 150)
    result = look_in_tiles(as_it_is, image, hole(), answer, 48, 16)
    assert torch.allclose(result, torch.where(hole() > 0, answer, image), atol=1e-6)


def test_windows_that_disagree_show_no_seam() -> None:
    """Each answers with a shade of its own; from one pixel to the next nothing jumps."""
    shade = iter(torch.linspace(0, 1, 100))

    def flat(picture: Tensor, hole: Tensor, answer: Tensor, step: Step | None) -> Tensor:
        return torch.full_like(answer, float(next(shade)))

    image = torch.zeros(1, 3, 90, 150)
    result = look_in_tiles(flat, image, torch.ones(1, 1, 90, 150), image, 48, 16)
    assert result.max() > 0.1
    for dim in (-1, -2):
        assert result.diff(dim=dim).abs().max() < 0.15 * result.max()


def test_weights_of_all_windows_are_nowhere_nothing() -> None:
    total = torch.zeros(90, 150)
    for window in windows(90, 150, 48, 16):
        window.of(total).add_(fading(window, 90, 150, 16))
    assert total.min() > 0.4


def test_only_windows_with_hole_are_looked_at_and_progress_counts_them() -> None:
    told: list[tuple[int, int]] = []
    image = torch.zeros(1, 3, 90, 150)
    gap = torch.zeros(1, 1, 90, 150)
    gap[..., 2:5, 3:6] = 1
    look_in_tiles(as_it_is, image, gap, image, 48, 16, lambda done, total: told.append((done, total)))
    assert told == [(1, 1)]


def test_progress_can_stop_the_looks() -> None:
    def stop(done: int, total: int) -> None:
        raise InterruptedError

    image = torch.zeros(1, 3, 90, 150)
    with pytest.raises(InterruptedError):
        look_in_tiles(as_it_is, image, hole(), image, 48, 16, stop)
