"""The worker process as the daemon sees it: what it is sent, what it says, and its end.

Three threads do what may block: one writes to the process, one reads from it, one carries its stderr to the
log. What comes in is handed to `report`, which must be quick and thread-safe.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO, NamedTuple

from rigatino import pipe
from rigatino_wire.messages import Buffer

GOODBYE = 5.0  # seconds until a worker that was told to end is made to
LONGEST_LINE = 2000  # characters of one line of the log

log = logging.getLogger("rigatino.worker")


class Event(NamedTuple):
    """Something a worker said, or (None) that it has ended."""

    worker: Worker
    record: pipe.Record | None


Report = Callable[[Event], None]


class _Letter(NamedTuple):
    kind: str
    facts: dict[str, Any]
    frames: Iterable[Buffer]


class Worker:
    """A process that holds the networks. It starts at once; `ready` is set by whoever handles its reports."""

    def __init__(self, key: bytes, log_file: Path, now: float, report: Report) -> None:
        self.started = now
        self.ready = False
        self.resident: tuple[str, ...] = ()
        self._letters: SimpleQueue[_Letter | None] = SimpleQueue()
        self._report = report
        self._process = _start()
        tasks = (self._write, self._read, self._carry_log)
        self._threads = [threading.Thread(target=task, daemon=True) for task in tasks]
        for thread in self._threads:
            thread.start()
        self.send("hello", {"key": key.hex(), "log": str(log_file)})

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        return self._process.returncode

    def send(self, kind: str, facts: dict[str, Any], frames: Iterable[Buffer] = ()) -> None:
        """Hands a record to the writing thread."""
        self._letters.put(_Letter(kind, facts, frames))

    def close(self) -> None:
        """Tells the process to end; it is made to after 5 s."""
        self._letters.put(None)

    def kill(self) -> None:
        """Ends the process now."""
        self._process.kill()

    def join(self, seconds: float) -> None:
        """Waits for the end of process and threads, and makes the process end after so many seconds."""
        self._await_end(seconds)
        for thread in self._threads:
            thread.join(seconds)

    def memory(self) -> int:
        """Bytes of memory that the process holds, 0 where the system does not tell."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text("ascii").split()[1])
        except (OSError, ValueError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def _await_end(self, seconds: float) -> None:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()

    def _write(self) -> None:
        stream = _open(self._process.stdin)
        with contextlib.suppress(OSError, ValueError):  # it is gone; the reading thread says so
            while self._write_one(stream):
                pass
        with contextlib.suppress(OSError):
            stream.close()
        self._await_end(GOODBYE)

    def _write_one(self, stream: BinaryIO) -> bool:
        """Writes the next letter, and keeps none of its pixels for the wait after it; False at the end."""
        letter = self._letters.get()
        if letter is not None:
            pipe.write(stream, *letter)
        return letter is not None

    def _read(self) -> None:
        try:
            for record in pipe.records(_open(self._process.stdout)):
                self._report(Event(self, record))
                del record
        except (ValueError, KeyError, TypeError) as error:
            log.warning("%d says what cannot be understood: %s", self.pid, error)
        self._await_end(GOODBYE)
        self._letters.put(None)
        self._report(Event(self, None))

    def _carry_log(self) -> None:
        stream = _open(self._process.stderr)
        while line := stream.readline(LONGEST_LINE):
            if text := line.decode("utf-8", "replace").rstrip():
                log.info("%d: %s", self.pid, text)


def _start() -> subprocess.Popen[bytes]:
    """The process finds its modules where this one does; -P keeps the current folder's out."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "rigatino.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )


def _open(stream: Any) -> BinaryIO:
    opened: BinaryIO = stream
    return opened
