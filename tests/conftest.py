"""The tests read English, whatever language their desktop has; it must be said before anything of ours is imported."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

os.environ["LANGUAGE"] = "en"
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")  # a busy machine is no failure


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three pictures of noise."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(3):
        noise = np.random.default_rng(seed).integers(0, 255, (8, 10, 3), np.uint8)
        Image.fromarray(noise).resize((80, 64)).save(folder / f"{seed}.png")
    return folder
