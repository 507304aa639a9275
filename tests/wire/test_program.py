"""Where the program was last seen, and the ways to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rigatino_wire.program import elsewhere, remember, sandbox, starting


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return tmp_path / "home"


def program(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_what_ran_last_is_remembered(runtime: Path) -> None:
    assert elsewhere(runtime) == []
    remember(runtime, ["/old/python", "-m", "rigatino"])
    remember(runtime, ["/new ä/python", "-m", "rigatino"])
    assert elsewhere(runtime) == [["/new ä/python", "-m", "rigatino"]]
    assert [path.name for path in runtime.iterdir()] == ["program.json"]
    assert (runtime / "program.json").stat().st_mode & 0o777 == 0o600


def test_the_note_is_not_written_again_when_it_holds_already(runtime: Path) -> None:
    remember(runtime, ["/a"])
    before = (runtime / "program.json").stat().st_ino
    remember(runtime, ["/a"])
    assert (runtime / "program.json").stat().st_ino == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"command": "sh"}', '{"command": [1]}', '{"command": []}'])
def test_a_damaged_note_is_none(runtime: Path, text: str) -> None:
    (runtime / "program.json").write_text(text)
    (runtime / "program.json").chmod(0o600)
    assert elsewhere(runtime) == []


def test_a_note_that_others_may_write_is_none(runtime: Path) -> None:
    remember(runtime, ["/evil"])
    (runtime / "program.json").chmod(0o666)
    assert elsewhere(runtime) == []


def test_programs_are_found_on_the_path_and_where_users_have_theirs(
    runtime: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = program(home / ".local" / "bin" / "rigatino")
    assert elsewhere(runtime) == [[own]]
    on_the_path = program(home / "bin" / "rigatino")
    monkeypatch.setenv("PATH", str(home / "bin"))
    assert elsewhere(runtime) == [[on_the_path]]


def test_outside_a_sandbox_the_words_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNAP_NAME", raising=False)
    assert sandbox() == ""
    assert starting(["/python", "-m", "rigatino"], {"RIGATINO_DEVICE": "cpu"}) == [
        "/python", "-m", "rigatino", "serve",
    ]  # fmt: skip
