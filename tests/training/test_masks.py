"""Holes: seeded, of the promised area, of the promised kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from rigatino_models.data import masks
from rigatino_models.data.masks import __main__ as contact
from rigatino_models.data.masks import lama
from rigatino_models.errors import ModelError

KINDS: dict[str, Callable[[np.random.Generator, int], masks.Hole]] = {
    **masks.MASKS,
    "medium": lambda rng, side: masks.strokes(rng, side, masks.MEDIUM),
    "blobs": masks.blobs,
    "silhouettes": masks.silhouettes,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_hole_is_a_function_of_its_seed(kind: str) -> None:
    first, again, other = (KINDS[kind](np.random.default_rng(seed), 96) for seed in (5, 5, 8))
    assert (first == again).all()
    assert (first != other).any() or kind == "pic-centre"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [32, 97])
def test_holes_are_zeros_and_ones_of_the_asked_size(kind: str, side: int) -> None:
    for seed in range(10):
        hole = KINDS[kind](np.random.default_rng(seed), side)
        assert hole.shape == (side, side)
        assert hole.dtype == np.uint8
        assert set(np.unique(hole)) <= {0, 1}


def test_mixed_holes_keep_to_their_area() -> None:
    shares = [masks.mixed(np.random.default_rng(seed), 96).mean() for seed in range(200)]
    assert min(shares) >= 0.03
    assert max(shares) <= 0.35


def test_narrow_strokes_are_narrower_than_wide_ones() -> None:
    def thickest(kind: str) -> float:
        holes = (masks.find(kind)(np.random.default_rng(seed), 128) for seed in range(30))
        return float(np.mean([ndimage.distance_transform_edt(hole).max() for hole in holes]))

    assert thickest("narrow") * 2 < thickest("wide")


def test_a_box_may_lie_over_the_border_and_is_still_a_box() -> None:
    touching = 0
    for seed in range(60):
        hole = masks.boxes(np.random.default_rng(seed), 64, count=(1, 1))
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        assert hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        touching += rows[0] == 0 or rows[-1] == 63
    assert touching > 5


@pytest.mark.parametrize("kind", masks.MASKS)
def test_registered_holes_are_never_empty_nor_all(kind: str) -> None:
    for side in (64, 96):
        shares = [masks.MASKS[kind](np.random.default_rng(seed), side).mean() for seed in range(15)]
        assert min(shares) > 0
        assert max(shares) < 1


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(ModelError) as caught:
        masks.mixture({"wide": 1, "nonesuch": 1})
    assert caught.value.params["value"] == "nonesuch"
    assert "lama-wide-512" in str(caught.value.params["expected"])


def test_a_mixture_draws_by_weight() -> None:
    make = masks.mixture({"lama-dumb": 3, "lama-superres": 1})
    holes = [make(np.random.default_rng(seed), 64) for seed in range(200)]
    grids = sum(bool(hole[:8].any() and hole[-8:].any()) for hole in holes)
    assert 30 < grids < 80


def test_lama_s_evaluation_holes_cover_at_most_half() -> None:
    for name in ("lama-narrow-256", "lama-medium-512", "lama-wide-512"):
        shares = [masks.find(name)(np.random.default_rng(seed), 128).mean() for seed in range(60)]
        assert max(shares) <= 0.5
    shares = [masks.find("lama-train-large")(np.random.default_rng(seed), 128).mean() for seed in range(60)]
    assert max(shares) > 0.5


def test_lama_s_settings_scale_with_the_picture() -> None:
    small, large = (
        np.mean([lama.WIDE_512(np.random.default_rng(seed), side).mean() for seed in range(60)])
        for side in (64, 512)
    )
    assert small == pytest.approx(large, rel=0.1)


def test_lama_s_strokes_are_as_wide_as_published() -> None:
    one = lama.Irregular(length=1, width=1, times=(1, 0), nominal=64)  # one chain; 10 long, 5 wide
    for seed in range(20):
        hole = one(np.random.default_rng(seed), 64)
        thickest = ndimage.distance_transform_edt(np.pad(hole, 1)).max()
        assert 2 <= thickest <= 4.5


def test_lama_s_boxes_keep_their_margin_and_sizes() -> None:
    make = lama.Boxes(margin=10, size=(30, 50), times=(1, 1))
    for seed in range(60):
        hole = make(np.random.default_rng(seed), 256)
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        assert 30 <= len(rows) < 50
        assert 30 <= len(columns) < 50
        assert min(rows[0], columns[0]) >= 10
        assert max(rows[-1], columns[-1]) < 246


def test_superres_leaves_a_grid() -> None:
    for seed in range(20):
        hole = lama.superres(np.random.default_rng(seed), 48)
        known = hole == 0
        rows, columns = known.any(1), known.any(0)
        assert (known == rows[:, None] & columns[None]).all()


def test_outpainting_leaves_the_middle_and_dumb_its_area() -> None:
    for seed in range(40):
        outer = lama.outpainting(np.random.default_rng(seed), 100)
        assert not outer[26:74, 26:74].any()
        assert outer[0].all() or outer[-1].all() or outer[:, 0].all() or outer[:, -1].all()
        assert 0.09 < lama.dumb(np.random.default_rng(seed), 100).mean() < 0.37


@pytest.mark.parametrize(("name", "low", "high"), [("h0", 0, 0.2), ("h2", 0.4, 0.6), ("h4", 0.8, 1.0)])
def test_comodgan_s_classes_keep_to_their_share(name: str, low: float, high: float) -> None:
    shares = [masks.find(f"comodgan-{name}")(np.random.default_rng(seed), 128).mean() for seed in range(20)]
    assert low < min(shares)
    assert max(shares) < high


def test_mat_s_small_holes_are_smaller_than_its_large_ones() -> None:
    small, large = (
        np.mean([masks.find(name)(np.random.default_rng(seed), 256).mean() for seed in range(60)])
        for name in ("mat-small", "mat-large")
    )
    assert small < 0.7 * large


def test_object_holes_are_whole_things() -> None:
    counts = []
    for seed in range(40):
        _, count = ndimage.label(masks.find("object")(np.random.default_rng(seed), 128))
        counts.append(count)
    assert np.mean(np.asarray(counts) == 1) > 0.9


def test_contact_sheets_show_every_generator(tmp_path: Path) -> None:
    contact.main(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"masks-{family}.jpg" for family in ("ours", "lama", "comodgan", "pic")
    }
    shown = [name for names in contact.families().values() for name in names]
    assert sorted(shown) == sorted(masks.MASKS)
