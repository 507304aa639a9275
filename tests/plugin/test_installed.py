"""How the plug-in learns what starts the daemon, and where its folder is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rigatino_gimp import installed
from rigatino_wire.errors import Failure


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("RIGATINO_COMMAND", raising=False)
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", "")
    monkeypatch.setenv("RIGATINO_DATA_DIR", "")
    file = tmp_path / "daemon.json"
    words = ["/my programs/python", "-m", "rigatino"]
    folders = {"runtime_dir": str(tmp_path / "run"), "data_dir": str(tmp_path / "data")}
    file.write_text(json.dumps({"command": words, **folders}))
    return file


def test_the_file_says_where_all_is(file: Path) -> None:
    assert installed.command(file) == ["/my programs/python", "-m", "rigatino"]
    assert installed.folder(file) == file.parent / "run"
    assert (file.parent / "run").stat().st_mode & 0o777 == 0o700
    assert os.environ["RIGATINO_DATA_DIR"] == str(file.parent / "data")


def test_the_environment_comes_first(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIGATINO_COMMAND", "'/other place/python' -m rigatino")
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", str(file.parent / "other"))
    assert installed.command(file) == ["/other place/python", "-m", "rigatino"]
    assert installed.folder(file) == file.parent / "other"


@pytest.mark.parametrize("text", [None, "", "[]", '{"command": 3}', '{"command": ["a"]}'])
def test_without_a_command_it_says_how_to_get_one(file: Path, text: str | None) -> None:
    file.unlink() if text is None else file.write_text(text)
    with pytest.raises(Failure, match="install-plugin"):
        installed.command(file)
