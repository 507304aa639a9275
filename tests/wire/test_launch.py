"""Starting, finding, replacing and stopping a daemon: real processes."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from rigatino_wire import __version__, launch, program
from rigatino_wire.client import Client
from rigatino_wire.endpoint import Connection, read_connection, write_connection
from rigatino_wire.errors import Failure, Unreachable
from rigatino_wire.launch import ensure_daemon, stop_daemon
from wire.peers import until

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(os.name == "nt", reason="the tiny daemon locks with fcntl"),
]


ROOT = Path(__file__).parents[2]
ROOTS = [str(ROOT / "backend"), str(ROOT / "tests")]
TINY = f"import sys; sys.path[:0] = {ROOTS}; import wire.tiny_daemon as tiny; tiny.main()"


def command(*traits: str) -> list[str]:
    return [sys.executable, "-c", TINY, ",".join(traits) or "plain"]


def found(runtime: Path) -> Connection:
    connection = read_connection(runtime)
    assert connection is not None
    return connection


def alive(pid: int) -> bool:
    for child in launch._children:
        child.poll()
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(autouse=True)
def no_daemon_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(launch, "_children", [])
    yield
    for child in launch._children:
        child.kill()
        child.wait(20)


@pytest.fixture(params=["ipc", "tcp"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RIGATINO_TRANSPORT", request.param)
    return str(request.param)


@pytest.mark.usefixtures("transport")
def test_started_found_stopped(runtime: Path) -> None:
    waits: list[int] = []
    with ensure_daemon(command(), runtime, on_wait=lambda: waits.append(1)) as client:
        report = client.status()
    assert waits
    assert report.pid == found(runtime).pid
    with ensure_daemon(["/no/such/command"], runtime) as client:
        assert client.status().pid == report.pid
    assert stop_daemon(runtime)
    assert not alive(report.pid)
    assert read_connection(runtime) is None
    assert not stop_daemon(runtime)


def test_the_daemon_is_detached(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "LD_LIBRARY_PATH", "PYTHONHOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("KEPT", "yes")
    ensure_daemon(command("tells"), runtime)
    environment, session, pid, folder = ast.literal_eval((runtime / "environment").read_text())
    assert not {"PYTHONPATH", "LD_LIBRARY_PATH", "PYTHONHOME"} & set(environment)
    assert environment["KEPT"] == "yes"
    assert environment["RIGATINO_RUNTIME_DIR"] == str(runtime)
    assert session == pid != os.getsid(0)
    assert folder == str(runtime)
    assert stop_daemon(runtime)


STARTER = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from rigatino_wire.launch import ensure_daemon
print(ensure_daemon(sys.argv[3:], Path(sys.argv[2])).status().pid)
"""


def start_elsewhere(runtime: Path, *traits: str) -> subprocess.Popen[str]:
    backend = str(Path(launch.__file__).parents[1])
    words = [sys.executable, "-c", STARTER, backend, str(runtime), *command(*traits)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_the_daemon_outlives_its_starter(runtime: Path) -> None:
    with start_elsewhere(runtime) as starter:
        output, _ = starter.communicate(timeout=60)
    assert alive(int(output))
    assert Client(found(runtime)).status().pid == int(output)
    assert stop_daemon(runtime)
    assert not alive(int(output))


def test_three_starters_at_once_end_with_one_daemon(runtime: Path) -> None:
    starters = [start_elsewhere(runtime, "slow") for _ in range(3)]
    pids = [starter.communicate(timeout=90)[0].strip() for starter in starters]
    assert [starter.returncode for starter in starters] == [0, 0, 0]
    assert len(set(pids)) == 1
    assert stop_daemon(runtime)


def test_a_file_left_behind_is_no_daemon(runtime: Path) -> None:
    ensure_daemon(command(), runtime)
    old = found(runtime)
    os.kill(old.pid, signal.SIGKILL)
    until(lambda: not alive(old.pid))
    assert found(runtime) == old
    assert not stop_daemon(runtime)
    assert ensure_daemon(command(), runtime).status().pid != old.pid
    assert stop_daemon(runtime)


def test_a_daemon_that_is_just_ending_is_waited_for(runtime: Path) -> None:
    """Its file is gone while it still holds the lock."""
    with ensure_daemon(command("lingers"), runtime) as client:
        ending = client.status().pid
        client.stop()
    until(lambda: read_connection(runtime) is None)
    assert alive(ending)
    assert ensure_daemon(command(), runtime).status().pid != ending
    assert stop_daemon(runtime)


def test_an_old_file_at_the_address_of_a_daemon_that_is_just_starting(runtime: Path) -> None:
    """It listens already, its file is still the dead one's: it is not taken for that one and replaced."""
    dead = subprocess.Popen(["true"])
    dead.wait()
    write_connection(runtime, Connection(f"ipc://{runtime}/daemon.sock", bytes(32), dead.pid, "0.0.1", 99))
    with start_elsewhere(runtime, "late") as starter:
        until((runtime / "daemon.sock").exists)
        pid = ensure_daemon(command("late"), runtime).status().pid
        output, _ = starter.communicate(timeout=60)
    assert int(output) == pid
    assert stop_daemon(runtime)


def test_a_stranger_at_the_address_of_a_dead_daemon(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another ROUTER has taken the port: it drops what it cannot read, and is neither used nor harmed."""
    monkeypatch.setenv("RIGATINO_TRANSPORT", "tcp")
    elsewhere = runtime / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    ensure_daemon(command(), elsewhere)
    stranger = found(elsewhere)
    dead = subprocess.Popen(["true"])
    dead.wait()
    write_connection(runtime, Connection(stranger.endpoint, bytes(32), dead.pid, __version__, 1))
    ensure_daemon(command(), runtime)
    assert found(runtime).endpoint != stranger.endpoint
    assert stop_daemon(runtime)


@pytest.mark.parametrize("trait", ["old", "foreign"])
def test_another_version_is_replaced(runtime: Path, trait: str) -> None:
    with subprocess.Popen(
        [*command(trait), "serve"], env={**os.environ, "RIGATINO_RUNTIME_DIR": str(runtime)}
    ) as old:
        until(lambda: read_connection(runtime) is not None)
        reaper = threading.Thread(target=old.wait)
        reaper.start()
        with ensure_daemon(command(), runtime) as client:
            assert client.status().pid != old.pid
        reaper.join(20)
    assert found(runtime).version == __version__
    assert stop_daemon(runtime)


@pytest.mark.parametrize(
    ("trait", "code", "remedy"),
    [
        ("old", "program_older", "Upgrade Rigatino"),
        ("new", "plug_in_older", "install-plugin"),
        ("foreign", "plug_in_older", "install-plugin"),
    ],
)
def test_a_program_of_another_version_is_told_at_once(
    runtime: Path, trait: str, code: str, remedy: str
) -> None:
    """An old plug-in beside an upgraded program: starting it again would bring the same one."""
    with pytest.raises(Unreachable) as caught:
        ensure_daemon(command(trait), runtime, wait=30)
    assert caught.value.code == code
    assert __version__ in caught.value.sentence
    assert found(runtime).version in caught.value.sentence
    assert remedy in caught.value.hint
    assert stop_daemon(runtime)


def test_a_daemon_that_does_not_listen_is_ended_by_force(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STOP_WAIT", "PROBE"):
        monkeypatch.setattr(launch, name, 1.0)
    monkeypatch.setattr(launch, "Client", partial(Client, silence=1.0))
    ensure_daemon(command("stubborn"), runtime)
    pid = found(runtime).pid
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(Unreachable) as caught:
        ensure_daemon(command(), runtime)
    assert caught.value.code == "daemon_silent"
    assert stop_daemon(runtime)
    assert not alive(pid)


def test_a_daemon_that_breaks_at_the_start_is_quoted(runtime: Path) -> None:
    with pytest.raises(Unreachable) as caught:
        ensure_daemon(command("crash"), runtime)
    assert caught.value.code == "daemon_start_failed"
    assert "no disk" in str(caught.value)
    assert str(runtime / "start.log") in str(caught.value)


def test_python_that_breaks_at_the_start_is_quoted(runtime: Path) -> None:
    with pytest.raises(Unreachable, match="no_such_module"):
        ensure_daemon([sys.executable, "-m", "no_such_module"], runtime)


def test_a_command_that_is_not_there(runtime: Path) -> None:
    with pytest.raises(Unreachable) as caught:
        ensure_daemon(["/no/such/command"], runtime)
    assert caught.value.code == "command_failed"
    assert caught.value.params["command"] == "/no/such/command"


@pytest.mark.parametrize("gone", [["/no/such/command"], [sys.executable, "-m", "no_such_module"]])
def test_a_program_that_is_gone_is_looked_for_elsewhere(runtime: Path, gone: list[str]) -> None:
    others = [["/nor/this"], command()]
    assert ensure_daemon(gone, runtime, others=others).status().pid == found(runtime).pid
    assert stop_daemon(runtime)


def test_a_program_that_is_nowhere_is_told_by_its_first_place(runtime: Path) -> None:
    with pytest.raises(Unreachable) as caught:
        ensure_daemon(["/no/such/command"], runtime, others=[["/nor/this"]])
    assert caught.value.params["command"] == "/no/such/command"


def test_a_program_that_breaks_is_not_replaced_by_another(runtime: Path) -> None:
    with pytest.raises(Unreachable) as caught:
        ensure_daemon(command("crash"), runtime, others=[command()])
    assert caught.value.code == "daemon_start_failed"


@pytest.fixture
def flatpak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What shows a Flatpak from within; the path of its helper, which a test writes."""
    (tmp_path / "info").touch()
    monkeypatch.setattr(program, "FLATPAK", tmp_path / "info")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path / "flatpak-spawn"


def helper(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


# As the real one: what follows --host, less its own options, with these variables and no others of the sandbox.
ALLOWED = """[ "$1" = --host ] || exit 9; shift
unset RIGATINO_RUNTIME_DIR RIGATINO_TRANSPORT
while case $1 in --env=*) ;; *) false;; esac; do export "${1#--env=}"; shift; done
"$@"; exit $?"""


def test_a_flatpak_that_is_allowed_out_starts_the_daemon_there(runtime: Path, flatpak: Path) -> None:
    helper(flatpak, ALLOWED)
    assert ensure_daemon(command(), runtime).status().pid == found(runtime).pid
    assert stop_daemon(runtime)


def test_versions_that_differ_are_told_through_a_sandbox_too(runtime: Path, flatpak: Path) -> None:
    helper(flatpak, ALLOWED)
    with pytest.raises(Unreachable) as caught:
        ensure_daemon(command("new"), runtime, wait=30)
    assert caught.value.code == "plug_in_older"
    assert stop_daemon(runtime)


def test_a_flatpak_that_must_not_start_one_says_what_the_user_can_do(
    runtime: Path, flatpak: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper(flatpak, "echo 'Portal call failed: org.freedesktop.DBus.Error.ServiceUnknown' >&2; exit 1")
    with pytest.raises(Unreachable) as caught:
        ensure_daemon(command(), runtime)
    assert caught.value.code == "daemon_outside"
    assert f"RIGATINO_RUNTIME_DIR={runtime} rigatino service install" in caught.value.hint
    monkeypatch.setattr(program, "usual_runtime_path", lambda: runtime)
    with pytest.raises(Unreachable, match="“rigatino service install”"):
        ensure_daemon(command(), runtime)


def test_a_snap_uses_the_daemon_that_runs(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with start_elsewhere(runtime) as starter:
        starter.communicate(timeout=60)
    monkeypatch.setenv("SNAP_NAME", "gimp")
    assert ensure_daemon(["/no/such/command"], runtime).status().pid == found(runtime).pid
    assert stop_daemon(runtime)
    with pytest.raises(Unreachable, match="Snap"):
        ensure_daemon(["/no/such/command"], runtime)


def test_a_daemon_that_never_gets_ready(runtime: Path) -> None:
    with pytest.raises(Unreachable) as caught:
        ensure_daemon(command("mute"), runtime, wait=2.0)
    assert caught.value.code == "daemon_start_slow"


def test_the_wait_can_be_broken_off(runtime: Path) -> None:
    class Enough(Exception):
        pass

    def enough() -> None:
        raise Enough

    with pytest.raises(Enough):
        ensure_daemon(command("mute"), runtime, on_wait=enough)


def test_a_corrupt_connection_file_is_told(runtime: Path) -> None:
    path = runtime / "connection.json"
    path.write_text("{")
    path.chmod(0o600)
    for call in (lambda: ensure_daemon(command(), runtime), lambda: stop_daemon(runtime)):
        with pytest.raises(Failure) as caught:
            call()
        assert caught.value.code == "connection_corrupt"
