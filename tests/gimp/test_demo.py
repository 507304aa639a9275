"""`rigatino demo` where GIMP is installed: the XCF holds the fill as a layer of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from rigatino.cli import cli
from rigatino_wire.launch import stop_daemon


def test_the_demo_writes_an_xcf(gimp_command: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("RIGATINO_GIMP", f"3={gimp_command}")
    monkeypatch.setenv("RIGATINO_GIMP_SHARE", str(tmp_path))
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", str(runtime))
    try:
        done = CliRunner().invoke(cli, ["demo", "--out", str(tmp_path / "demo")], catch_exceptions=False)
    finally:
        stop_daemon(runtime)
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in (tmp_path / "demo").iterdir()) == [
        "after.png", "before.png", "gimp.xcf", "hole.png",
    ]  # fmt: skip
    written = (tmp_path / "demo" / "gimp.xcf").read_bytes()
    assert written.startswith(b"gimp xcf")
    assert b"Fill (lama-small)" in written
    assert b"rigatino-fill" in written
