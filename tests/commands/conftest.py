from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rigatino_wire.launch import stop_daemon


@pytest.fixture
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A runtime and a data folder for this test alone; no daemon is left behind."""
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("RIGATINO_DATA_DIR", str(tmp_path / "data"))
    yield
    stop_daemon(runtime)
