"""Libraries that only some commands need, and that come with an extra of the distribution."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rigatino_wire.errors import Failure


@contextmanager
def needed(extra: str) -> Iterator[None]:
    """Imports within that fail become Failure package_missing, which names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise Failure("package_missing", package=error.name or "a package", extra=extra) from error
