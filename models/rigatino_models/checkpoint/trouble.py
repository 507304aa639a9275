"""What can be wrong with a file of weights, and the seam where it becomes an error that names the file."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from rigatino_models.errors import ModelError

LONGEST_NAME = 200


class Unreadable(Exception):
    """The file is damaged, or of a kind that is not supported; the text says why."""


class Unsafe(Exception):
    """The file asks for what no weights need; the text says what."""


class Misfit(Exception):
    """A key is missing, unknown, or its value is not what it should be."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(key, why)
        self.key, self.why = key, why


class UnknownFormat(Exception):
    """The file is of no kind that holds weights."""


DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, SafetensorError, EOFError, ValueError, NotImplementedError,
)  # fmt: skip


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a file is read into a ModelError that names the file."""
    file = shown(str(path))
    try:
        yield
    except Misfit as trouble:
        raise ModelError("weights_key", file=file, key=shown(trouble.key), why=trouble.why) from trouble
    except Unsafe as trouble:
        raise ModelError("weights_unsafe", file=file, why=str(trouble)) from trouble
    except UnknownFormat as trouble:
        raise ModelError("unknown_format", file=file) from trouble
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError("file_missing", file=file) from error
    except OSError as error:
        raise ModelError("weights_unreadable", file=file, why=error.strerror or "input error") from error
    except (MemoryError, RecursionError, OverflowError) as error:
        raise ModelError("weights_unreadable", file=file, why="it asks for too much memory") from error
    except (Unreadable, *DAMAGE) as error:
        why = str(error) if isinstance(error, Unreadable) else f"it is damaged ({shown(str(error))})"
        raise ModelError("weights_unreadable", file=file, why=why) from error


def shown(name: str) -> str:
    """A name from a file as a terminal may show it: no control characters, not endless."""
    clean = name if name.isprintable() else ascii(name)[1:-1]
    return clean if len(clean) <= LONGEST_NAME else clean[: LONGEST_NAME - 1] + "…"
