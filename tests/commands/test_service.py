"""rigatino service: what is written, and what systemd and launchd are told."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rigatino import gimps, login_service
from rigatino.commands.service import command
from rigatino_wire.errors import Failure

RECORD = '#!/bin/sh\necho "$(basename "$0") $*" >> "$CALLS"\n{}\n'


class Machine:
    """A home folder, and stand-ins on the PATH that note how they are called."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home äöü"
        self.runtime = folder / "run"
        self.data = folder / "data"
        self.bin = folder / "bin"
        self.log = folder / "calls"
        for made in (self.home, self.bin):
            made.mkdir()
        self.runtime.mkdir(mode=0o700)

    def provide(self, name: str, script: str = "exit 0") -> None:
        (self.bin / name).write_text(RECORD.format(script))
        (self.bin / name).chmod(0o755)

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setenv("HOME", str(made.home))
    monkeypatch.setenv("PATH", f"{made.bin}:/usr/local/nothing")
    monkeypatch.setenv("CALLS", str(made.log))
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", str(made.runtime))
    monkeypatch.setenv("RIGATINO_DATA_DIR", str(made.data))
    monkeypatch.setattr(gimps, "FLATPAKS_OF_ALL", made.home / "none")
    for name in ("XDG_CONFIG_HOME", "GIMP3_DIRECTORY", "RIGATINO_DEVICE"):
        monkeypatch.setenv(name, "")
    for tool in ("sh", "basename"):
        (made.bin / tool).symlink_to(shutil.which(tool, path="/usr/bin:/bin") or "")
    return made


@pytest.fixture
def linux(machine: Machine) -> Machine:
    machine.provide("systemctl")
    return machine


@pytest.fixture
def mac(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine.provide("launchctl")
    monkeypatch.setattr(sys, "platform", "darwin")
    return machine


def service(*words: str) -> Result:
    return CliRunner().invoke(command, words, catch_exceptions=False)


def unit(machine: Machine) -> Path:
    return machine.home / ".config" / "systemd" / "user" / "rigatino.service"


def test_systemd_is_told(linux: Machine) -> None:
    said = service("install")
    assert said.exit_code == 0
    assert str(unit(linux)) in said.output
    text = unit(linux).read_text()
    assert f'ExecStart="{sys.executable}" "-m" "rigatino" "serve"\n' in text
    assert f'Environment="RIGATINO_RUNTIME_DIR={linux.runtime}"\n' in text
    assert f'Environment="RIGATINO_DATA_DIR={linux.data}"\n' in text
    assert "RIGATINO_DEVICE" not in text
    assert login_service.is_ours()
    assert [path.name for path in unit(linux).parent.iterdir()] == ["rigatino.service"]
    assert linux.calls() == [
        "systemctl --user daemon-reload",
        "systemctl --user enable rigatino.service",
        "systemctl --user restart rigatino.service",
    ]


def test_it_is_replaced_and_removed(linux: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    service("install")
    monkeypatch.setenv("RIGATINO_DEVICE", "cpu")
    service("install")
    assert 'Environment="RIGATINO_DEVICE=cpu"\n' in unit(linux).read_text()
    linux.log.unlink()
    said = service("remove")
    assert said.output == f"Removed {unit(linux)}\n"
    assert not unit(linux).exists()
    assert linux.calls() == [
        "systemctl --user disable --now rigatino.service",
        "systemctl --user daemon-reload",
    ]
    assert service("remove").output.startswith("There is no service")


def test_a_gimp_from_snap_is_served_in_the_folder_that_it_sees(
    linux: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (linux.home / "snap/gimp/current/.config/GIMP/3.0").mkdir(parents=True)
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", "")
    service("install")
    seen = linux.home / "snap/gimp/common/rigatino"
    assert f'Environment="RIGATINO_RUNTIME_DIR={seen}"\n' in unit(linux).read_text()
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", str(linux.runtime))
    assert not login_service.is_ours()
    service("install")
    assert f'Environment="RIGATINO_RUNTIME_DIR={linux.runtime}"\n' in unit(linux).read_text()


def test_a_folder_named_from_here_is_meant_from_here(linux: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(linux.runtime)
    monkeypatch.setenv("RIGATINO_DATA_DIR", "data")
    service("install")
    assert f'Environment="RIGATINO_DATA_DIR={linux.runtime}/data"\n' in unit(linux).read_text()


def test_a_setting_that_cannot_be_is_not_written(linux: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIGATINO_IDLE_MINUTES", "soon")
    with pytest.raises(Failure, match="RIGATINO_IDLE_MINUTES"):
        service("install")
    assert not unit(linux).exists()
    assert not linux.calls()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")
@pytest.mark.parametrize("folder", ["plain", "per%cent and space", "dol$ar ${HOME}", "acc·ént"])
def test_systemd_reads_the_unit_as_it_was_meant(
    linux: Machine, tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd-analyze looks the program up, so that a misread path is an error."""
    runtime = tmp_path / f"run {folder}"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", str(runtime))
    python = tmp_path / folder / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(python))
    service("install")
    analyze = shutil.which("systemd-analyze", path="/usr/bin:/bin")
    done = subprocess.run(
        [str(analyze), "--user", "verify", str(unit(linux))],
        env={"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(linux.home), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "rigatino" in line]
    assert not ours


def test_a_systemd_that_refuses_is_quoted(machine: Machine) -> None:
    machine.provide("systemctl", 'case "$*" in *enable*) echo "Failed to connect to bus" >&2; exit 1;; esac')
    with pytest.raises(Failure) as caught:
        service("install")
    assert caught.value.code == "service_refused"
    assert "Failed to connect to bus" in caught.value.sentence
    assert unit(machine).exists()


def test_without_systemd_nothing_is_written(machine: Machine) -> None:
    for words in ("install", "remove"):
        with pytest.raises(Failure) as caught:
            service(words)
        assert caught.value.code == "service_unsupported"
    assert not list(machine.home.iterdir())


def test_a_folder_that_cannot_be_written_to(linux: Machine) -> None:
    (linux.home / ".config").write_text("in the way")
    with pytest.raises(Failure) as caught:
        service("install")
    assert caught.value.code == "file_unwritable"
    assert not linux.calls()


def test_launchd_is_told(mac: Machine) -> None:
    said = service("install")
    agent = mac.home / "Library" / "LaunchAgents" / "org.rigatino.daemon.plist"
    assert str(agent) in said.output
    facts = plistlib.loads(agent.read_bytes())
    assert facts["ProgramArguments"] == [sys.executable, "-m", "rigatino", "serve"]
    assert facts["EnvironmentVariables"] == {
        "RIGATINO_RUNTIME_DIR": str(mac.runtime),
        "RIGATINO_DATA_DIR": str(mac.data),
    }
    assert login_service.is_ours()
    assert facts["RunAtLoad"] is True
    assert facts["KeepAlive"] == {"SuccessfulExit": False}
    assert mac.calls() == [f"launchctl bootstrap gui/{os.getuid()} {agent}"]
    mac.log.unlink()
    service("install")
    service("remove")
    assert mac.calls() == [
        f"launchctl bootout gui/{os.getuid()} {agent}",
        f"launchctl bootstrap gui/{os.getuid()} {agent}",
        f"launchctl bootout gui/{os.getuid()} {agent}",
    ]
    assert not agent.exists()


def test_its_state_in_a_word(machine: Machine) -> None:
    assert login_service.state() == "absent"
    machine.provide("systemctl", '[ "$2" != is-active ] || echo failed')
    service("install")
    assert login_service.state() == "failed"


@pytest.mark.parametrize(
    "place", [".local/share/flatpak/app/org.gimp.GIMP", "snap/gimp/current/.config/GIMP/3.0"]
)
def test_a_gimp_in_a_sandbox_needs_it(machine: Machine, place: str) -> None:
    (machine.home / place).mkdir(parents=True)
    assert login_service.needed()
