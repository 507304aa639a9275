"""Killed workers, killed daemons, frozen ones, two starters at once: what clients hear, and what is left."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from daemon.house import PATIENCE, House, caller, request, slow_request, until
from rigatino_wire.client import Client
from rigatino_wire.endpoint import LONGEST_SOCKET_PATH, read_connection
from rigatino_wire.errors import Failure, Unreachable
from rigatino_wire.launch import ensure_daemon, stop_daemon
from rigatino_wire.messages import Cancel, Done, Failed, Fill, Filled, Progress, Stop


class Call(threading.Thread):
    """A fill by another thread: `result` is its reply or its failure, `ended` when it came."""

    def __init__(self, client: Client, wanted: Fill) -> None:
        super().__init__(daemon=True)
        self._client, self._wanted = client, wanted
        self.stages: list[str] = []
        self.ended = 0.0
        self.start()

    def run(self) -> None:
        try:
            self.result: Filled | Failure = self._client.fill(self._wanted, on_progress=self._note)
        except Failure as failure:
            self.result = failure
        self.ended = time.monotonic()

    def _note(self, progress: Progress) -> None:
        self.stages.append(progress.stage)

    def outcome(self) -> Filled | Failure:
        self.join(PATIENCE)
        assert not self.is_alive(), "the client waits for ever"
        return self.result

    def await_stage(self, stage: str) -> None:
        until(lambda: stage in self.stages or not self.is_alive())
        assert self.is_alive(), self.result


def code(outcome: Filled | Failure) -> str:
    assert isinstance(outcome, Failure), "a failure was expected"
    return outcome.code


@pytest.fixture(scope="module")
def survivor(data: Path) -> Iterator[House]:
    """A daemon that is to outlive what happens to its workers."""
    with closing(House(data)) as house:
        house.start()
        yield house


def test_a_killed_worker_costs_a_second_attempt(survivor: House) -> None:
    before = survivor.status().done
    call = Call(survivor.client(), slow_request(width=400, height=400))
    call.await_stage("filling")
    first = survivor.status().worker_pid
    os.kill(first, signal.SIGKILL)
    again = survivor.await_status(lambda report: report.worker_pid not in (0, first))
    assert isinstance(call.outcome(), Filled)
    report = survivor.status()
    assert (report.worker_pid, report.done, report.running) == (again.worker_pid, before + 1, 0)
    assert not psutil.pid_exists(first)


def test_a_worker_killed_twice_fails_the_fill_and_not_the_next(survivor: House) -> None:
    call = Call(survivor.client(), slow_request())
    call.await_stage("filling")
    os.kill(survivor.status().worker_pid, signal.SIGKILL)
    until(lambda: "filling" not in call.stages[-1:])
    until(lambda: "filling" in call.stages[-1:])
    os.kill(survivor.status().worker_pid, signal.SIGKILL)
    assert code(call.outcome()) == "worker_lost"
    assert isinstance(Call(survivor.client(), request()).outcome(), Filled)


def test_a_frozen_worker_is_replaced_after_a_cancel(survivor: House) -> None:
    with caller(survivor) as one:
        one.begin(slow_request(id="stuck"))
        frozen = survivor.status().worker_pid
        os.kill(frozen, signal.SIGSTOP)
        one.say(Cancel("c", "stuck"))
        assert one.refused("stuck") == "cancelled"
        one.say(request(id="next"))
        assert isinstance(one.hear_of("next", Filled, Failed), Filled)
    assert not psutil.pid_exists(frozen)


def test_a_frozen_daemon_is_silent_in_bounded_time(survivor: House) -> None:
    call = Call(survivor.client(silence=2.0), slow_request())
    call.await_stage("filling")
    connection = survivor.connection()
    assert connection is not None
    os.kill(connection.pid, signal.SIGSTOP)
    frozen = time.monotonic()
    assert code(call.outcome()) == "daemon_silent"
    assert call.ended - frozen < 5.0
    os.kill(connection.pid, signal.SIGCONT)
    assert isinstance(Call(survivor.client(), request()).outcome(), Filled)


def test_a_killed_daemon_is_told_at_once_and_swept_up_by_the_next(house: House) -> None:
    call = Call(house.start(), slow_request())
    call.await_stage("filling")
    old, worker = house.connection(), house.status().worker_pid
    assert old is not None
    os.kill(old.pid, signal.SIGKILL)
    killed = time.monotonic()
    assert code(call.outcome()) == "daemon_lost"
    assert call.ended - killed < 2.0
    until(lambda: not psutil.pid_exists(worker), 5.0)
    assert (house.runtime / "daemon.sock").exists(), "it had no time to sweep"
    answer = house.run("status")
    assert (answer.returncode, answer.stderr.strip()) == (1, str(Failure("daemon_absent")))

    client = house.start()
    assert client.connection.key != old.key
    assert client.status().pid != old.pid


def test_a_second_daemon_is_refused_with_a_sentence(house: House) -> None:
    pid = house.start().connection.pid
    second = house.run("serve")
    assert second.returncode == 1
    assert second.stderr.strip() == str(Failure("already_running", pid=str(pid)))
    assert house.status().pid == pid


@pytest.fixture
def command(house: House) -> list[str]:
    """How to start Rigatino when the starter's environment says nothing about Python's path."""
    script = house.runtime / "rigatino.sh"
    path = house.environment["PYTHONPATH"]
    script.write_text(f'#!/bin/sh\nexport PYTHONPATH="{path}"\nexec "{sys.executable}" -m rigatino "$@"\n')
    script.chmod(0o700)
    return [str(script)]


def test_two_starters_at_once_end_with_one_daemon(
    house: House, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RIGATINO_RUNTIME_DIR", "RIGATINO_DATA_DIR", "RIGATINO_DEVICE"):
        monkeypatch.setenv(name, house.environment[name])
    found: list[int] = []
    starters = [
        threading.Thread(target=lambda: found.append(ensure_daemon(command, house.runtime).status().pid))
        for _ in range(3)
    ]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(PATIENCE)
    assert len(found) == 3
    assert len(set(found)) == 1
    until(lambda: len([one for one in house.processes() if "serve" in one.cmdline()]) == 1)
    assert stop_daemon(house.runtime)
    assert not stop_daemon(house.runtime)


def test_an_idle_worker_ends_and_comes_back(house: House) -> None:
    house.start(RIGATINO_IDLE_MINUTES="0.01")
    house.client().fill(request())
    first = house.status().worker_pid
    gone = house.await_status(lambda report: report.worker_pid == 0)
    assert (gone.worker_memory, gone.resident, gone.device) == (0, (), "cpu")
    until(lambda: not psutil.pid_exists(first), 5.0)
    house.client().fill(request())
    assert house.status().done == 2


def test_stop_tells_who_waits_and_leaves_nothing(house: House) -> None:
    running = Call(house.start(), slow_request())
    running.await_stage("filling")
    waiting = Call(house.client(), request())
    house.await_status(lambda report: report.queued == 1)
    stopped = house.run("stop")
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert [code(call.outcome()) for call in (running, waiting)] == ["daemon_stopping"] * 2
    until(lambda: not house.processes(), 5.0)
    assert house.daemon is not None
    assert house.daemon.returncode == 0
    left = {path.name for path in house.runtime.iterdir()}
    assert left == {"daemon.lock", "daemon.log", "program.json", "stderr.txt"}
    again = house.run("stop")
    assert (again.returncode, again.stderr.strip()) == (1, str(Failure("daemon_absent")))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_stop_in_order(house: House, number: signal.Signals) -> None:
    pid = house.start().connection.pid
    os.kill(pid, number)
    until(lambda: house.daemon_ended, 10.0)
    assert house.daemon is not None
    assert house.daemon.returncode == 0
    assert house.connection() is None
    until(lambda: not house.processes(), 5.0)


def test_stop_message_is_answered(house: House) -> None:
    house.start()
    with caller(house) as one:
        one.say(Stop("s"))
        assert one.hear() == Done("s")
    until(lambda: house.daemon_ended, 10.0)


def test_a_folder_too_deep_for_a_socket_takes_the_loopback(data: Path, tmp_path: Path) -> None:
    runtime = tmp_path / ("d" * LONGEST_SOCKET_PATH)
    runtime.mkdir(mode=0o700)
    house = House(data, runtime)
    try:
        client = house.start()
        assert client.connection.endpoint.startswith("tcp://127.0.0.1:")
        assert client.status().endpoint == client.connection.endpoint
        assert isinstance(Call(client, request()).outcome(), Filled)
    finally:
        house.close()


def test_a_wrong_setting_is_a_sentence(house: House) -> None:
    house.environment["RIGATINO_IDLE_MINUTES"] = "soon"
    answer = house.run("serve")
    assert answer.returncode == 1
    assert "RIGATINO_IDLE_MINUTES" in answer.stderr


def test_a_worker_that_cannot_start_says_why(house: House) -> None:
    house.start(RIGATINO_DEVICE="abacus")
    outcome = Call(house.client(), request()).outcome()
    assert code(outcome) == "bad_setting"
    assert "abacus" in str(outcome)
    assert house.status().worker_pid == 0
    house.client().describe()


def test_status_of_nobody_is_a_sentence(house: House) -> None:
    for words in (["status"], ["status", "--json"], ["stop"]):
        answer = house.run(*words)
        assert (answer.returncode, answer.stdout) == (1, "")
        assert answer.stderr.strip() == str(Unreachable("daemon_absent"))
    assert read_connection(house.runtime) is None
