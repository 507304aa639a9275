"""The one seam where the networks' errors, and torch's of full memory, become the program's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rigatino_models.errors import ModelError
from rigatino_wire.errors import Failure

MARKS_OF_FULL_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")


@contextmanager
def translated() -> Iterator[None]:
    """Raise a ModelError from within as the Failure of the same code, and full memory as out_of_memory."""
    try:
        yield
    except ModelError as error:
        raise Failure(error.code, **error.params) from error
    except (MemoryError, RuntimeError) as error:
        if is_full_memory(error):
            raise Failure("out_of_memory") from error
        raise


def is_full_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out; torch says so in a RuntimeError's text."""
    return isinstance(error, MemoryError) or any(mark in str(error) for mark in MARKS_OF_FULL_MEMORY)
