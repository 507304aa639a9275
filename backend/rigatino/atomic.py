"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


def why(error: Exception) -> str:
    """What the system says went wrong, without the names of our own part files."""
    return (error.strerror if isinstance(error, OSError) else str(error)) or "output error"
