"""The worker process, spoken to as the daemon does; its service is one that fails in every way."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.house import PATIENCE, request
from rigatino import pipe
from rigatino import worker as room
from rigatino_wire.errors import Failure
from rigatino_wire.frames import pack, unpack
from rigatino_wire.messages import Filled

KEY = bytes(range(32))
PROGRAM = """
import sys, time, types
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Array, Filled

ERRORS = {
    "memory": MemoryError(),
    "cpu memory": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    "gpu memory": RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    "bug": ZeroDivisionError("division by zero"),
    "refusal": Failure("hole_empty"),
    "broken": RuntimeError("CUDA error: an illegal memory access was encountered"),
}

class Service:
    device, precision = "cpu", "fp32"

    def __init__(self, settings):
        if settings.device == "abacus":
            raise Failure("bad_setting", name="RIGATINO_DEVICE", value="abacus", expected="a device")
        if settings.device == "ruin":
            raise ImportError("torch is not there")

    def resident(self):
        return ["net"]

    def warm_up(self, progress):
        pass

    def answer(self, request, progress, show):
        print("a library says something on standard output", flush=True)
        progress("loading", 0.0)
        if request.network in ERRORS:
            raise ERRORS[request.network]
        while request.network == "endless":
            time.sleep(0.01)
            progress("filling", 0.5)
        while request.network == "deaf":
            pass
        fill = Array("u8", (1, 1, 1, 4), bytes(4))
        return Filled(request.id, request.offset, 1, "net", "", 1.0, "fp32", "cpu", fill)

module = types.ModuleType("rigatino.service")
module.Service = Service
sys.modules["rigatino.service"] = module
from rigatino.worker import main
main()
"""


class Process:
    """A worker and both ends of its pipes."""

    def __init__(self, device: str = "cpu") -> None:
        path = os.pathsep.join(filter(None, sys.path))
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONPATH": path, "RIGATINO_DEVICE": device},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdin
        assert self.process.stdout
        self._in, self._out = self.process.stdin, self.process.stdout
        self._records = pipe.records(self._out)  # type: ignore[arg-type]
        self.say("hello", {"key": KEY.hex(), "log": "/the/log"})

    def say(self, kind: str, facts: dict[str, Any], frames: Any = ()) -> None:
        pipe.write(self._in, kind, facts, frames)  # type: ignore[arg-type]

    def hear(self, *kinds: str) -> pipe.Record:
        """The next record of one of these kinds."""
        return next(record for record in self._records if record.kind in kinds)

    def fill(self, network: str, number: int) -> None:
        self.say("fill", {"job": number}, pack(request(8, 8, id="f", network=network), KEY))

    def end_of_input(self) -> None:
        self._in.close()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._in.close()
        self._out.close()


@pytest.fixture
def worker() -> Iterator[Process]:
    process = Process()
    try:
        assert process.hear("ready").facts == {"device": "cpu", "precision": "fp32"}
        yield process
    finally:
        process.close()


def test_answers_go_out_signed_whatever_is_printed(worker: Process) -> None:
    worker.fill("good", 7)
    assert worker.hear("progress").facts == {"job": 7, "stage": "loading", "fraction": 0.0}
    record = worker.hear("filled", "failed")
    assert record.facts == {"job": 7, "resident": ["net"]}
    reply = unpack(record.frames, KEY)
    assert isinstance(reply, Filled)
    assert reply.id == "f"


@pytest.mark.parametrize(
    ("network", "code"),
    [
        ("memory", "out_of_memory"),
        ("cpu memory", "out_of_memory"),
        ("gpu memory", "out_of_memory"),
        ("bug", "internal"),
        ("refusal", "hole_empty"),
    ],
)
def test_a_fill_that_fails_costs_only_itself(worker: Process, network: str, code: str) -> None:
    worker.fill(network, 1)
    failure = Failure.from_json(worker.hear("failed").facts["failure"])
    assert failure.code == code
    if code == "internal":
        assert failure.params == {"detail": "ZeroDivisionError: division by zero", "log": "/the/log"}
    worker.fill("good", 2)
    assert worker.hear("filled", "failed").facts["job"] == 2


def test_a_broken_device_ends_the_process(worker: Process) -> None:
    worker.fill("broken", 1)
    assert worker.process.wait(PATIENCE) != 0


def test_a_cancel_is_seen_while_the_network_computes(worker: Process) -> None:
    worker.fill("endless", 1)
    worker.hear("progress")
    worker.say("cancel", {"job": 1})
    assert worker.hear("failed").facts["failure"]["code"] == "cancelled"
    worker.fill("good", 2)
    assert worker.hear("filled", "failed").kind == "filled"


def test_a_cancel_of_an_earlier_attempt_is_none_of_the_next(worker: Process) -> None:
    worker.say("cancel", {"job": 1})
    worker.fill("good", 2)
    assert worker.hear("filled", "failed").kind == "filled"


@pytest.mark.parametrize("network", ["endless", "deaf"])
def test_the_end_of_the_daemon_is_the_end_of_the_worker(worker: Process, network: str) -> None:
    worker.fill(network, 1)
    worker.hear("progress")
    worker.end_of_input()
    assert worker.process.wait(PATIENCE) == 0


def test_ctrl_c_is_left_to_the_daemon(worker: Process) -> None:
    worker.process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    worker.fill("good", 1)
    assert worker.hear("filled", "failed").kind == "filled"


@pytest.mark.parametrize(("device", "code"), [("abacus", "bad_setting"), ("ruin", "internal")])
def test_a_worker_that_cannot_work_says_why(device: str, code: str) -> None:
    process = Process(device)
    try:
        assert process.hear("unfit", "ready").facts["failure"]["code"] == code
        assert process.process.wait(PATIENCE) == 0
    finally:
        process.close()


@pytest.mark.parametrize("gives_way", [True, False])
def test_a_lull_is_used_once_until_work_comes_and_its_failure_ends_nothing(
    gives_way: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(room, "LULL", 0.0)
    tasks: SimpleQueue[room.Task] = SimpleQueue()
    calls: list[str] = []

    class Unlucky:
        def warm_up(self, progress: Callable[[str, float], None]) -> None:
            progress("loading", 0.0)
            calls.append("warm up")
            tasks.put(room.Task(1, []))
            if gives_way:
                progress("filling", 0.5)
            raise RuntimeError("no such luck")

        def resident(self) -> list[str]:
            return ["net"]

    inbox: Any = SimpleNamespace(tasks=tasks)
    service: Any = Unlucky()
    out = io.BytesIO()
    desk = room.Desk(inbox, out, service)
    assert desk._next().number == 1
    monkeypatch.setattr(room, "release_freed_memory", lambda: tasks.put(room.Task(2, [])))
    monkeypatch.setattr(room, "REST", 0.0)
    assert desk._next().number == 2
    assert calls == ["warm up"]
    assert ("no such luck" in caplog.text) is not gives_way
    out.seek(0)
    assert [(record.kind, record.facts) for record in pipe.records(out)] == [("warm", {"resident": ["net"]})]
