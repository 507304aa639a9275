"""How the plug-in learns what starts the daemon, and where its folder is."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

import rigatino_wire
from rigatino_gimp import installed
from rigatino_wire import launch
from rigatino_wire.endpoint import read_connection
from rigatino_wire.errors import Failure
from rigatino_wire.program import remember


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("RIGATINO_COMMAND", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # no other Rigatino is there
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", "")
    monkeypatch.setenv("RIGATINO_DATA_DIR", "")
    file = tmp_path / "daemon.json"
    words = ["/my programs/python", "-m", "rigatino"]
    folders = {"runtime_dir": str(tmp_path / "run"), "data_dir": str(tmp_path / "data")}
    file.write_text(json.dumps({"command": words, **folders}))
    return file


def test_the_file_says_where_all_is(file: Path) -> None:
    assert installed.commands(file.parent, file) == [["/my programs/python", "-m", "rigatino"]]
    assert installed.folder(file) == file.parent / "run"
    assert (file.parent / "run").stat().st_mode & 0o777 == 0o700
    assert os.environ["RIGATINO_DATA_DIR"] == str(file.parent / "data")


def test_the_environment_comes_first(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(file.parent, ["/noted"])
    monkeypatch.setenv("RIGATINO_COMMAND", "'/other place/python' -m rigatino")
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", str(file.parent / "other"))
    assert installed.commands(file.parent, file) == [["/other place/python", "-m", "rigatino"]]
    assert installed.folder(file) == file.parent / "other"


@pytest.mark.parametrize("words", ["'/not closed/python -m rigatino", "  "])
def test_a_command_that_cannot_be_is_told(file: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setenv("RIGATINO_COMMAND", words)
    with pytest.raises(Failure, match="RIGATINO_COMMAND"):
        installed.connect(file=file)


@pytest.mark.parametrize("text", [None, "", "[]", '{"command": 3}', '{"command": ["a"]}'])
def test_without_a_command_it_says_how_to_get_one(file: Path, text: str | None) -> None:
    file.unlink() if text is None else file.write_text(text)
    with pytest.raises(Failure, match="install-plugin"):
        installed.connect(file=file)


@pytest.mark.parametrize("text", [None, "{}"])
def test_a_program_that_was_seen_elsewhere_will_do(file: Path, text: str | None) -> None:
    remember(file.parent, ["/noted", "-m", "rigatino"])
    assert installed.commands(file.parent, file)[1:] == [["/noted", "-m", "rigatino"]]
    file.unlink() if text is None else file.write_text(text)
    assert installed.commands(file.parent, file) == [["/noted", "-m", "rigatino"]]


def test_the_daemon_is_started_though_the_program_has_moved(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file names an environment that is gone; the one that ran last is noted in the daemon's folder."""
    backend = str(Path(rigatino_wire.__file__).parents[1])
    monkeypatch.setattr(launch, "_children", [])
    runtime = installed.folder(file)
    lines = f"sys.path[:0] = {[backend, str(Path(__file__).parents[1])]}; import wire.tiny_daemon as tiny; tiny.main()"
    remember(runtime, [sys.executable, "-c", f"import sys; {lines}", "plain"])
    with installed.connect(file=file) as client:
        found = read_connection(runtime)
        assert found is not None
        assert client.status().pid == found.pid
    assert launch.stop_daemon(runtime)
