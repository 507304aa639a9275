"""What the batch script inside GIMP asks this side to do to the daemon, while GIMP waits for its fill."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from pathlib import Path
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
        self._known: dict[str, Callable[[], Callable[[], None]]] = {
            "kill-daemon": self._kill_daemon,
            "kill-plug-in": self._kill_plug_in,
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

    def _serve(self) -> None:
        while not self._end.wait(0.02):
            for name, prepare in self._known.items():
                asked = self._gimp.share / "ask" / name
                if asked.exists():
                    asked.unlink()
                    self._cause(asked, prepare)

    def _cause(self, asked: Path, prepare: Callable[[], Callable[[], None]]) -> None:
        """Prepares and lets happen; where that fails, GIMP is told, and not left waiting."""
        try:
            happen = prepare()
            asked.with_suffix(".done").touch()
            happen()
        except Exception:
            asked.with_suffix(".failed").write_text(traceback.format_exc())
            self._signal_worker(signal.SIGCONT)

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

    def _kill_plug_in(self) -> Callable[[], None]:
        """What GIMP does when its Cancel is clicked; then the daemon has to drop the work."""
        self._hold_worker()

        def happen() -> None:
            self._working()
            os.kill(self._plug_in(), signal.SIGKILL)
            self._signal_worker(signal.SIGCONT)
            killed = time.monotonic()
            while self._status().running:
                if time.monotonic() > killed + LIMIT:
                    raise TimeoutError("the daemon works on for a client that is gone")
                time.sleep(0.05)
            (self._gimp.share / "out" / "dropped").touch()

        return happen

    def _plug_in(self) -> int:
        """The process that GIMP runs the procedure in."""
        entry = str(self._gimp.share / "profile" / "plug-ins")
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if entry in (folder / "cmdline").read_bytes().decode("utf-8", "replace"):
                    return int(folder.name)
        raise ProcessLookupError("no plug-in runs")

    def _hold_worker(self) -> StatusReport:
        """Stops the worker's process, so that whatever it is given next lasts until something happens."""
        self._signal_worker(signal.SIGSTOP)
        return self._status()

    def _signal_worker(self, number: signal.Signals) -> None:
        os.kill(self._status().worker_pid, number)

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
        other = subprocess.Popen([sys.executable, "-c", OTHER_VERSION], env=environment)
        end = time.monotonic() + LIMIT
        while (connection := read_connection(self._gimp.runtime)) is None or connection.version != "0.0.9":
            if time.monotonic() > end:
                raise TimeoutError("the other version's daemon did not start")
            time.sleep(0.05)

        def happen() -> None:
            try:
                other.wait(LIMIT)  # it is this process's child, and would not vanish when it ends
            finally:
                other.kill()

        return happen
