"""The process that holds the networks: `python -m rigatino.worker`, started by the daemon, ends with it.

The main thread computes. Another reads what the daemon sends, so that a cancel is seen at the network's next
step and the daemon's end at once, whatever is being computed.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from rigatino import pipe
from rigatino.failures import is_full_memory
from rigatino.settings import Settings
from rigatino_models.memory import keep_freed_memory, release_freed_memory
from rigatino_wire.errors import Cancelled, Failure
from rigatino_wire.frames import pack, unpack
from rigatino_wire.messages import WORK, Buffer, Preview

if TYPE_CHECKING:
    from rigatino.service import Service

LULL = 0.2  # seconds without work until the first fill is prepared
REST = 5.0  # seconds without work until freed memory goes back
PAUSE = 0.05  # seconds between two reports of progress
MARKS_OF_A_BROKEN_DEVICE = ("CUDA error", "device-side assert", "CUDNN_STATUS", "CUBLAS_STATUS")

log = logging.getLogger("rigatino.worker")


class Task(NamedTuple):
    """One attempt at a fill."""

    number: int
    frames: list[Buffer]


class Inbox:
    """What the daemon sends, taken in by a thread of its own; the process ends when the daemon does."""

    def __init__(self, stream: BinaryIO) -> None:
        records = pipe.records(stream)
        hello = next(records).facts
        self.key = bytes.fromhex(hello["key"])
        self.log: str = hello["log"]
        self.tasks: SimpleQueue[Task] = SimpleQueue()
        self._called_off: set[int] = set()
        threading.Thread(target=self._read, args=(records,), daemon=True, name="inbox").start()

    def called_off(self, number: int) -> bool:
        """Whether the daemon wants this attempt to stop."""
        return number in self._called_off

    def _read(self, records: Iterator[pipe.Record]) -> None:
        try:
            for record in records:
                if record.kind == "fill":
                    self.tasks.put(Task(record.facts["job"], record.frames))
                elif record.kind == "cancel":
                    self._called_off.add(record.facts["job"])
                del record  # its pixels
        finally:
            os._exit(0)  # the main thread may be deep in a network


class Desk:
    """Takes one task after the other to the service and its answers to the daemon."""

    def __init__(self, inbox: Inbox, out: BinaryIO, service: Service) -> None:
        self._inbox = inbox
        self._out = out
        self._service = service
        self._cold = True

    def work(self) -> None:
        """Says that the worker is ready, then works for ever."""
        facts = {"device": self._service.device, "precision": self._service.precision}
        pipe.write(self._out, "ready", facts)
        while True:
            self._serve(self._next())

    def _next(self) -> Task:
        """The next task. Where none comes, the first one is prepared; later, memory that fills have freed goes back."""
        for patience, chore in ((LULL, self._warm_up), (REST, release_freed_memory)):
            try:
                return self._inbox.tasks.get(timeout=patience)
            except Empty:
                chore()
        return self._inbox.tasks.get()

    def _warm_up(self) -> None:
        if self._cold:
            self._cold = False
            try:
                self._service.warm_up(self._give_way)
            except Cancelled:
                pass
            except Exception:  # who needs what does not work is told then
                log.exception("nothing is prepared")
            pipe.write(self._out, "warm", {"resident": self._service.resident()})

    def _give_way(self, stage: str, fraction: float) -> None:
        """What has come is not to wait: what was loaded so far serves it too."""
        if not self._inbox.tasks.empty():
            raise Cancelled

    def _serve(self, task: Task) -> None:
        self._cold = False
        try:
            frames, failure = self._fill(task), None
        except Exception as error:
            frames, failure = [], _as_failure(error, self._inbox.log)
        facts: dict[str, Any] = {"job": task.number, "resident": self._service.resident()}
        if failure is None:
            pipe.write(self._out, "filled", facts, frames)
        else:
            pipe.write(self._out, "failed", {**facts, "failure": failure.to_json()})

    def _fill(self, task: Task) -> list[Buffer]:
        request = unpack(task.frames, self._inbox.key)
        task.frames.clear()
        assert isinstance(request, WORK)
        filled = self._service.answer(request, self._reporter(task.number), self._shower(task.number))
        return list(pack(filled, self._inbox.key))

    def _shower(self, number: int) -> Callable[[Preview], None]:
        def show(preview: Preview) -> None:
            pipe.write(self._out, "preview", {"job": number}, list(pack(preview, self._inbox.key)))

        return show

    def _reporter(self, number: int) -> Callable[[str, float], None]:
        told = ("", 0.0)

        def report(stage: str, fraction: float) -> None:
            nonlocal told
            if self._inbox.called_off(number):
                raise Cancelled
            now = time.monotonic()
            if stage != told[0] or now - told[1] >= PAUSE:
                told = (stage, now)
                pipe.write(self._out, "progress", {"job": number, "stage": stage, "fraction": fraction})

        return report


def main() -> None:
    """Runs the worker on this process's standard input and output, until the daemon ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the daemon too, which decides
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    keep_freed_memory()
    inbox, out = Inbox(_take_stdin()), _take_stdout()
    try:
        service = _service()
    except Exception as error:
        failure = _as_failure(error, inbox.log)
        pipe.write(out, "unfit", {"failure": failure.to_json()})
    else:
        Desk(inbox, out, service).work()


def _service() -> Service:
    from rigatino.service import Service  # torch: it takes seconds, and a broken one is to be told

    return Service(Settings.from_environment())


def _take_stdin() -> BinaryIO:
    """Standard input as a stream of the inbox's own: Python could not close one that another thread reads."""
    return os.fdopen(os.dup(sys.stdin.fileno()), "rb")


def _take_stdout() -> BinaryIO:
    """Standard output for records alone: what a library prints goes to the log."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return out


def _as_failure(error: Exception, log_file: str) -> Failure:
    """The failure to tell. Ends the process where the device is of no use: the daemon starts another."""
    if isinstance(error, Failure):
        return error
    log.exception("unforeseen")
    text = str(error)
    if is_full_memory(error):
        return Failure("out_of_memory")
    if any(mark in text for mark in MARKS_OF_A_BROKEN_DEVICE):
        os._exit(1)
    return Failure("internal", detail=f"{type(error).__name__}: {text}"[:500], log=log_file)


if __name__ == "__main__":
    main()
