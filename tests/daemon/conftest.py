"""Daemons for the tests: one that the gentle share, and one each for the violent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch

from daemon.house import House
from rigatino import weights
from rigatino_models.lama.net import Lama, LamaConfig


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a network “slow”: random, of many short steps, ten seconds on a quiet core."""
    folder = tmp_path_factory.mktemp("data")
    torch.manual_seed(1)
    net = Lama(LamaConfig(widths=(16, 32), blocks=200, global_width=0))
    torch.save(net.state_dict(), folder / "slow.pt")
    weights.import_file(folder / "slow.pt", "slow", folder)
    return folder


@pytest.fixture(scope="session")
def open_house(data: Path) -> Iterator[House]:
    """A running daemon that the tests share and leave as it was."""
    with closing(House(data)) as house:
        house.start()
        yield house


@pytest.fixture
def house(data: Path) -> Iterator[House]:
    """Folders for a daemon that the test starts itself."""
    with closing(House(data)) as house:
        yield house
