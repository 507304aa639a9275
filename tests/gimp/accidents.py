"""What the batch script inside GIMP asks this side to do to the daemon, while GIMP waits for its fill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from types import TracebackType

from gimp.real import RealGimp
from rigatino_wire.client import Client
from rigatino_wire.endpoint import read_connection
from rigatino_wire.launch import stop_daemon
from rigatino_wire.messages import StatusReport

LIMIT = 60.0
OTHER_VERSION = """
import rigatino_wire
rigatino_wire.__version__ = "0.0.9"
from rigatino.cli import cli
cli(["serve"])
"""


class Accidents:
    """A thread that looks for requests in ask/. It prepares an accident, says done, then lets it happen."""

    def __init__(self, gimp: RealGimp) -> None:
        self._gimp = gimp
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._other: subprocess.Popen[bytes] | None = None
        self._known: dict[str, Callable[[], Callable[[], None]]] = {
            "kill-daemon": self._kill_daemon,
            "kill-one-worker": lambda: self._kill_workers(1),
            "kill-two-workers": lambda: self._kill_workers(2),
            "other-version": self._other_version,
        }

    def __enter__(self) -> Accidents:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join(LIMIT)
        if self._other is not None:
            self._other.kill()
            self._other.wait(LIMIT)

    def _serve(self) -> None:
        while not self._end.wait(0.02):
            for name, prepare in self._known.items():
                asked = self._gimp.share / "ask" / name
                if asked.exists():
                    asked.unlink()
                    happen = prepare()
                    asked.with_suffix(".done").touch()
                    happen()

    def _kill_daemon(self) -> Callable[[], None]:
        """The daemon dies while its worker is at work: held, so that the work cannot be done before."""
        status = self._hold_worker()

        def happen() -> None:
            self._working()
            for pid in (status.pid, status.worker_pid):
                os.kill(pid, signal.SIGKILL)

        return happen

    def _kill_workers(self, count: int) -> Callable[[], None]:
        """So many workers die under the same fill, one after the other."""
        self._hold_worker()

        def happen() -> None:
            dead: set[int] = {0}
            for _ in range(count):
                pid = self._working(but_not=dead).worker_pid
                os.kill(pid, signal.SIGKILL)
                dead.add(pid)

        return happen

    def _hold_worker(self) -> StatusReport:
        status = self._status()
        os.kill(status.worker_pid, signal.SIGSTOP)
        return status

    def _working(self, but_not: AbstractSet[int] = frozenset()) -> StatusReport:
        """The daemon's status as soon as a worker that is not among these works on a fill."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            status = self._status()
            if status.running and status.worker_pid not in but_not:
                return status
            time.sleep(0.05)
        raise TimeoutError("no worker works")

    def _status(self) -> StatusReport:
        connection = read_connection(self._gimp.runtime)
        assert connection is not None
        return Client(connection).status()

    def _other_version(self) -> Callable[[], None]:
        """Another version's daemon runs in place of this one's."""
        stop_daemon(self._gimp.runtime)
        environment = {**self._gimp.environment, "PYTHONPATH": os.pathsep.join(sys.path)}
        self._other = subprocess.Popen([sys.executable, "-c", OTHER_VERSION], env=environment)
        end = time.monotonic() + LIMIT
        while (connection := read_connection(self._gimp.runtime)) is None or connection.version != "0.0.9":
            if time.monotonic() > end:
                raise TimeoutError("the other version's daemon did not start")
            time.sleep(0.05)
        return lambda: None
