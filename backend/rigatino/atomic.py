"""Files that are written whole or not at all, and folders that one process alone writes to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rigatino_wire.errors import Failure


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A path to write to; it takes the target's place where the block ends well. Raises Failure file_unwritable."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(target)
    except OSError as error:
        raise Failure("file_unwritable", file=str(target), why=why(error)) from error
    finally:
        part.unlink(missing_ok=True)


def folder(path: Path) -> Path:
    """The folder, which is made where it is not there. Raises Failure file_unwritable."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure("file_unwritable", file=str(path), why=why(error)) from error
    return path


@contextmanager
def alone(lock: Path, otherwise: Failure) -> Iterator[None]:
    """No other process holds the lock meanwhile. Raises `otherwise` where one does, Failure file_unwritable."""
    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        raise otherwise from None
    except OSError as error:
        raise Failure("file_unwritable", file=str(lock.parent), why=why(error)) from error
    try:
        yield
    finally:
        held.release()


def why(error: Exception) -> str:
    """What the system says went wrong, without the names of our own part files."""
    return (error.strerror if isinstance(error, OSError) else str(error)) or "output error"
