"""A real daemon in folders of its own, what may be asked of it, and proof that nothing of it stays."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil
import zmq

from rigatino_wire.client import Client, new_id
from rigatino_wire.endpoint import Connection, read_connection
from rigatino_wire.frames import MAGIC, mac, pack, unpack
from rigatino_wire.messages import Array, Failed, Fill, Filled, Message, Progress, StatusReport

PATIENCE = 60.0  # seconds for what must happen, on a machine that does much else
T = TypeVar("T")


def until(what: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """The first true value of `what`."""
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return value


class House:
    """One runtime folder, one data folder, and the daemons and other programs that a test runs with them."""

    def __init__(self, data: Path, runtime: Path | None = None) -> None:
        self.runtime = runtime or Path(tempfile.mkdtemp(prefix="rd-"))
        self.environment = {
            **os.environ,
            "RIGATINO_RUNTIME_DIR": str(self.runtime),
            "RIGATINO_DATA_DIR": str(data),
            "RIGATINO_DEVICE": "cpu",
            "OMP_NUM_THREADS": "1",  # so that slow is slow everywhere, and other tests have a core too
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        self.daemon: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> Client:
        """Starts a daemon and waits until it can be asked."""
        self.environment.update(environment)
        with (self.runtime / "stderr.txt").open("wb") as stderr:
            self.daemon = subprocess.Popen(
                [sys.executable, "-m", "rigatino", "serve"], env=self.environment, stderr=stderr
            )
        threading.Thread(target=self.daemon.wait, daemon=True).start()  # no zombie is taken for a daemon
        pid = self.daemon.pid
        until(lambda: self.daemon_ended or ((found := self.connection()) and found.pid == pid))
        assert not self.daemon_ended, (self.runtime / "stderr.txt").read_text()
        return self.client()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs `rigatino WORDS` to its end."""
        command = [sys.executable, "-m", "rigatino", *words]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    @property
    def daemon_ended(self) -> bool:
        return self.daemon is not None and self.daemon.poll() is not None

    def connection(self) -> Connection | None:
        return read_connection(self.runtime)

    def client(self, silence: float = 30.0) -> Client:
        """A client; the machine may be busy, so that silence is told late."""
        connection = self.connection()
        assert connection is not None
        return Client(connection, silence)

    def status(self) -> StatusReport:
        return self.client().status()

    def await_status(self, wanted: Callable[[StatusReport], object]) -> StatusReport:
        """The first status that is as wanted."""

        def look() -> StatusReport | None:
            report = self.status()
            return report if wanted(report) else None

        return until(look)

    def log(self) -> str:
        return (self.runtime / "daemon.log").read_text("utf-8")

    def processes(self) -> list[psutil.Process]:
        """All that runs with this runtime folder."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            ours = process.environ().get("RIGATINO_RUNTIME_DIR") == str(self.runtime)
            return ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def close(self) -> None:
        """Ends the daemon in order; nothing of it may stay."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGCONT)
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                if "serve" in process.cmdline():
                    process.terminate()
        try:
            until(lambda: not self.processes(), 15.0)
        finally:
            for process in self.processes():
                with contextlib.suppress(psutil.Error):
                    process.kill()
            shutil.rmtree(self.runtime)


class Caller:
    """A DEALER of libzmq, for messages that the client would never send."""

    def __init__(self, house: House, waiting: int = 1000) -> None:
        connection = house.connection()
        assert connection is not None
        self.key = connection.key
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVHWM, waiting)
        self._socket.connect(connection.endpoint)

    def send(self, frames: Sequence[Any]) -> None:
        self._socket.send_multipart(frames)

    def say(self, message: Message) -> None:
        self.send(pack(message, self.key))

    def hear(self, seconds: float = PATIENCE) -> Message | None:
        """The next message, or None where none comes."""
        if not self._socket.poll(round(1000 * seconds)):
            return None
        return unpack(self._socket.recv_multipart(), self.key)

    def hear_of(self, name: str, *kinds: type[Message]) -> Message:
        """The next message of that id and one of these kinds."""

        def listen() -> Message | None:
            message = self.hear()
            assert message is not None, "there is no answer"
            return message if message.id == name and isinstance(message, kinds) else None

        return until(listen)

    def begin(self, job: Fill) -> None:
        """Sends a fill and waits until it is worked on."""

        def works() -> bool:
            told = self.hear_of(job.id, Progress, Failed, Filled)
            assert isinstance(told, Progress), told
            return told.stage == "filling"

        self.say(job)
        until(works)

    def refused(self, name: str) -> str:
        """The code of the failure that the request of that id ends with."""
        failed = self.hear_of(name, Failed, Filled)
        assert isinstance(failed, Failed), failed
        return failed.failure.code

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def caller(house: House, waiting: int = 1000) -> Iterator[Caller]:
    """A caller for the length of a test, for whom so many messages may wait."""
    made = Caller(house, waiting)
    try:
        yield made
    finally:
        made.close()


def signed(header: object, buffers: Sequence[bytes], key: bytes, magic: bytes = MAGIC) -> list[bytes]:
    """The frames of a message, true or not; a header that is bytes goes as it is."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    covered = [magic, text, *buffers]
    return [magic, mac(covered, key), *covered[1:]]


def request(width: int = 64, height: int = 64, **fields: Any) -> Fill:
    """A fill of a grey picture with a square hole in its middle."""
    hole = bytearray(width * height)
    for row in range(height // 3, max(height // 3 + 1, 2 * height // 3)):
        hole[row * width + width // 3 : row * width + max(width // 3 + 1, 2 * width // 3)] = b"\xff" * max(
            1, 2 * width // 3 - width // 3
        )
    image = Array("u8", (height, width, 4), b"\x80\x80\x80\xff" * (width * height))
    return Fill(**{"id": new_id(), "image": image, "hole": Array("u8", (height, width, 1), hole), **fields})


def slow_request(**fields: Any) -> Fill:
    """A fill that takes many short steps, and long in sum."""
    return request(**{"width": 1024, "height": 1024, "network": "slow", "precision": "fp32", **fields})
