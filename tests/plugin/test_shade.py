"""The preview's opacities, against the daemon's own."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rigatino import compose
from rigatino_gimp import shade

WIDTH, HEIGHT = 61, 47


def disc(soft: bool) -> NDArray[np.uint8]:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    distance = np.hypot(x - 25, y - 20)
    fade = np.clip((16 - distance) / 8, 0, 1) if soft else distance <= 12
    return np.asarray(fade * 255, np.uint8)


def previewed(selection: NDArray[np.uint8], grow: float, feather: float) -> NDArray[np.uint8]:
    opacity = shade.seam(selection.tobytes(), selection.shape[1], grow, feather)
    return np.frombuffer(opacity, np.uint8).reshape(selection.shape)


@pytest.mark.parametrize("grow", [0, 1, 4, 9])
@pytest.mark.parametrize("soft", [False, True])
def test_without_feather_it_is_the_daemons_hole(grow: int, soft: bool) -> None:
    selection = disc(soft)
    expected = compose.seam(selection.astype(np.float32) / 255, grow, 0)
    np.testing.assert_allclose(previewed(selection, grow, 0) / 255, expected, atol=1 / 255)


@pytest.mark.parametrize("feather", [1, 4, 12, 30])
def test_the_fade_follows_the_daemons(feather: float) -> None:
    selection = disc(soft=False)
    expected = compose.seam(selection.astype(np.float32) / 255, 3, feather)
    shown = previewed(selection, 3, feather) / 255
    assert np.abs(shown - expected).max() < 0.55  # a step of the fade, of which a narrow one has few
    assert np.abs(shown - expected).mean() < 0.08
    assert ((shown == 1) == (expected == 1)).mean() > 0.98


def test_it_is_nowhere_fainter_than_the_selection() -> None:
    selection = disc(soft=True)
    assert (previewed(selection, 0, 0) >= selection).all()


def test_what_reaches_the_edge_stays_within() -> None:
    selection = np.zeros((HEIGHT, WIDTH), np.uint8)
    selection[0, 0] = selection[-1, -1] = 255
    shown = previewed(selection, 5, 0)
    assert shown[0, 5] == shown[5, 0] == shown[-1, -6] == 255
    assert shown[0, 6] == shown[-6, 0] == shown[5, -1] == 0


def test_nothing_selected_shows_nothing() -> None:
    assert not previewed(np.zeros((HEIGHT, WIDTH), np.uint8), 9, 9).any()
