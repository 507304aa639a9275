"""One daemon per runtime folder: its lock, and what a daemon that was killed leaves there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from rigatino_wire.endpoint import CONNECTION_FILE, SOCKET
from rigatino_wire.errors import Failure

LOCK = "daemon.lock"
HOLDER = "daemon.pid"


@contextlib.contextmanager
def sole_daemon(runtime: Path) -> Iterator[None]:
    """Holds the folder's lock; the system lets go of it when the process ends, however it ends.

    Raises Failure already_running.
    """
    holder = runtime / HOLDER
    lock = FileLock(runtime / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise Failure("already_running", pid=_read(holder)) from None
    with lock:
        holder.write_text(str(os.getpid()), "ascii")
        try:
            yield
        finally:
            holder.unlink(missing_ok=True)
            lock.release()


def sweep(runtime: Path) -> None:
    """Removes socket, connection file and half-written ones; only the holder of the lock may."""
    for path in (runtime / CONNECTION_FILE, runtime / SOCKET, *runtime.glob(f".{CONNECTION_FILE}.*")):
        path.unlink(missing_ok=True)


def _read(holder: Path) -> str:
    try:
        return holder.read_text("ascii").strip() or "?"
    except (OSError, ValueError):
        return "?"
