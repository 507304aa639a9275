"""The one seam where the networks' errors become the program's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rigatino_models.errors import ModelError
from rigatino_wire.errors import Failure


@contextmanager
def translated() -> Iterator[None]:
    """Raise a ModelError from within as the Failure of the same code."""
    try:
        yield
    except ModelError as error:
        raise Failure(error.code, **error.params) from error
